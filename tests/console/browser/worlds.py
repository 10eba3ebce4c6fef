"""What the browser is shown: a gateway's folder with a scan of a simulated log, people, a drill and an appeal."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from pathlib import Path
from typing import NamedTuple

import msgspec

from stillwatch.campaigns.report import Report
from stillwatch.console.decisions import Decisions, Person
from stillwatch.console.page import Role
from stillwatch.console.pages.choosing import faced_rows
from stillwatch.console.reading import open_run
from stillwatch.console.security.desk import Desk as People
from stillwatch.gateway.appeals.hearing import Desk
from stillwatch.gateway.gate import open_gate
from stillwatch.gateway.stores.base import change
from stillwatch.pipeline import scan
from stillwatch.progress import Silent
from stillwatch.settings import Settings
from stillwatch.simulation.operators.campaign import parse_campaign
from stillwatch.simulation.world import simulate
from stillwatch.sources.customers import read_customers
from stillwatch.sources.log import open_log
from stillwatch.storage.run import new_run
from tests.console.decisions.made import decide
from tests.console.reading.made_runs import written
from tests.console.served import PASSWORD
from tests.drill import made_reports as made_drills
from tests.responses.standing import request, subject

PEOPLE = {
    "vera": Role.VIEWER,
    "ada": Role.ANALYST,
    "bo": Role.APPROVER,
    "cy": Role.APPROVER,
    "root": Role.ADMIN,
}
"""Who may come in, each with `PASSWORD`."""
POLICY = """
version = 1
name = "test"
mode = "act"
[[measures]]
response = "slow_down"
levels = ["campaign", "confirmed"]
parameters = {per_day = 86400, burst = 2}
[[measures]]
response = "suspend"
levels = ["confirmed"]
"""


class World(NamedTuple):
    """Where all of it lies: the gateway's folder, the drill's, and the log that was scanned."""

    state: Path
    drill: Path
    log: Path
    customers: Path

    @property
    def run(self) -> Path:
        """The newest run."""
        return max((self.state / "runs").iterdir())

    @property
    def report(self) -> Report:
        return msgspec.json.decode((self.run / "report.json").read_bytes(), type=Report)

    def members(self, campaign: str = "C1") -> tuple[str, ...]:
        """The accounts of a campaign, those that took the most first: the order of the pages."""
        held = [a for a in self.report.accounts if a.campaign_id == campaign]
        return tuple(a.account_id for a in sorted(held, key=lambda a: (-a.taken, a.account_id)))

    def copy(self, folder: Path) -> World:
        """The same elsewhere, to be written into."""
        shutil.copytree(self.state, folder / "gateway")
        return self._replace(state=folder / "gateway")

    @property
    def arguments(self) -> tuple[str | Path, ...]:
        """What ``stillwatch console`` is told of it."""
        return "--state", self.state, "--drill", self.drill


def made_world(folder: Path) -> World:
    """A log with two campaigns of 40 and 24 accounts, scanned; the run of the night before knew part of the first.

    Where ``STILLWATCH_WORLD`` names a folder with another log and its accounts, that is scanned instead; it must hold
    two campaigns.
    """
    given = os.environ.get("STILLWATCH_WORLD")
    source = folder if given is None else Path(given)
    world = World(folder / "gateway", folder / "drill", source / "exchanges.parquet", source / "accounts.parquet")
    if given is None:
        groups = [parse_campaign("blatant:accounts=40"), parse_campaign("blatant:accounts=24,name=other")]
        simulate(accounts=240, days=8.0, campaigns=groups, seed=17, load=0.6).write(folder)
    (world.state / "runs").mkdir(parents=True)
    scanned([world.log], world.customers, world.state / "runs" / "2", folder / "salt")
    _night_before(world)
    world.drill.mkdir()
    (world.drill / "drill.json").write_bytes(msgspec.json.encode(made_drills.full()))
    _gateway(world)
    let_in(world.state / "console")
    _decided(world)
    return world


def scanned(log: list[Path], customers: Path | None, out: Path, salt: Path) -> Path:
    """A scan of ``log`` with its text, as the folder ``out``."""
    with new_run(out) as run:
        scan(
            log=open_log(log),
            customers=None if customers is None else read_customers(customers),
            out=run,
            settings=Settings(with_text=True, salt=salt),
            progress=Silent(),
        )
    return out


def let_in(folder: Path) -> None:
    """All of `PEOPLE` into a folder of people."""
    desk = People(folder)
    for name, role in PEOPLE.items():
        desk.people.accept(desk.people.invite(role, "the tests"), name, PASSWORD)
    desk.close()


def _night_before(world: World) -> None:
    report = world.report
    (first, *_) = report.campaigns
    kept = set(first.members[:25])
    accounts = tuple(
        a if a.account_id in kept else msgspec.structs.replace(a, verdict="clear", campaign_id=None)
        for a in report.accounts
    )
    smaller = msgspec.structs.replace(first, accounts=25, members=first.members[:25])
    written(msgspec.structs.replace(report, campaigns=(smaller,), accounts=accounts), world.state / "runs" / "1")


def _decided(world: World) -> None:
    """Somebody cleared two accounts of the second campaign, confirmed five, and would suspend one."""
    run, decisions = open_run(world.run), Decisions(world.state / "console" / "decisions")
    ada = Person("ada", "analyst")
    group = run.group("C2")
    assert group is not None
    faced = list(faced_rows(run, group.rows))
    decide(decisions, "dismiss", faced[:2], ada, "Their dean wrote: a class.", explanation="class")
    decide(decisions, "confirm", faced[2:7], ada, "One card, one script.")
    decide(decisions, "suspend", faced[7:8], ada, "It goes on.")


def _gateway(world: World) -> None:
    """A gateway that slows down the first campaign's accounts; the last of them appeals."""
    (world.state / "policy.toml").write_text(POLICY)
    gate = open_gate(world.state, world.state / "policy.toml")
    now, members = gate.now(), world.members()
    gate.put([change(subject(name, level="campaign", innocent=0.004, since=now)) for name in members])
    for _ in range(2):
        gate.refresh()
    for _ in range(20):  # until it is slowed down, and so told a reference
        decision = gate.decide(request(members[-1], at=gate.now()))
        if decision.reference:
            break
    desk = Desk(world.state)
    whose = desk.touched(decision.reference)
    assert whose is not None
    said = "We are a class of thirty. <script>window.__hit=1</script>"
    desk.appeals.open(decision.reference, *whose[:2], said, innocent=0.004, now=dt.datetime.now(dt.UTC))
    desk.close()
    gate.close()
