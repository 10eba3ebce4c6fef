"""What would the gateway have spared? The second week of a world, replayed through it as it learns.

python -m bench gateway_replay                  # in this process: the same gate and learner, no HTTP
python -m bench.gateway_replay [WORLD] --http   # through LiteLLM's own proxy (`make producers`)

The first week is scanned; its claims are loaded, and the policy ``balanced`` is in force with every ``share`` at 1 (it
ships reaching a tenth of the accounts at first) and with bounds of a quarter (a tenth of all accounts of ``dev-mixed``
belong to campaigns: under the bounds that it ships with the gateway stands down, as it should until somebody looks).
Then the second week passes in the order of time, under a clock of the replay's own. The learner follows the journal
every ten minutes of that clock and scans everything so far each midnight (``--scan-hours``; 0: never again). With
``--share`` below 1 the requests of campaigns and that share of all other accounts go over HTTP, the rest through a
second gate in this process that shares state and journal with the proxy's. ``--per-day`` puts another number in place
of the policy's budgets, a tenth of it at once. Nobody reacts: who is refused neither comes again nor changes his ways.
The truth is read when all is over.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.detection import scan
from bench.tables import OUT, SHARED, Table, publish, say
from stillwatch.exchange import EXCHANGE, in_order
from stillwatch.gateway.decision import Decision, Observed
from stillwatch.gateway.doors.calls import Call, Caller, request_of
from stillwatch.gateway.gate import Gate, open_gate
from stillwatch.gateway.learning.learner import Learner, load_run
from stillwatch.sources.log import open_log

DAY = 86_400 * 1_000_000
HOUR = DAY // 24
STEP = 600 * 1_000_000
"""How often the learner looks at the journal: ten minutes (beside a gateway: every few seconds)."""
FIRST_DAYS = 7
SLOWS = frozenset({"slow_down", "hold_for_review", "suspend"})
POLICY = Path(__file__).resolve().parents[1] / "src/stillwatch/gateway/policies/balanced.toml"
WORLDS = ("dev-mixed", "dev-clean")
KEPT_BACK = 9025
"""Seed of a simulated world that nothing was chosen on."""


class VirtualClock:
    """The replay's time. It is given to the gate when it is opened; no caller of a gateway can do that."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now(self) -> int:
        return self.at


@dataclass(frozen=True)
class Outcome:
    """What became of one exchange. ``limited``: a budget (or worse) stood over its account; ``stopped``: refused."""

    limited: bool
    stopped: bool
    waited: bool
    touched: bool
    suspended: bool


@dataclass(frozen=True)
class Replayed:
    """A world and where its replay lies; ``second`` is the second week (schema `EXCHANGE`)."""

    name: str
    world: Path
    folder: Path
    second: pa.Table
    cut: int
    scan_hours: float = 24.0
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def policy(self) -> Path:
        return self.folder / "policy.toml"

    @property
    def customers(self) -> Path:
        return self.world / "accounts.parquet"


def prepared(world: Path, folder: Path, scan_hours: float = 24.0, per_day: int = 0) -> Replayed:
    """The first week as a log, its scan, the policy, and a state that holds its claims."""
    exchanges = in_order(open_log([world / "exchanges.parquet"]).read())
    times = exchanges["started_at"].cast(pa.int64())
    cut = pc.min(times).as_py() // DAY * DAY + FIRST_DAYS * DAY
    early = pc.less(times, cut)
    shutil.rmtree(folder / "state", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    first, run = folder / "first.parquet", folder / "first-run"
    pq.write_table(exchanges.filter(early), first)
    if not (run / "report.json").exists():
        say(f"{world.name}: scanning the first week")
        scan(world, run, "--accounts", str(world / "accounts.parquet"), log=first)
    learning = f'\n[learning]\nkeep_text_hours = 700\nscan_hours = {scan_hours}\nlogs = ["{first}"]\n'
    text = re.sub(r"^share = .*$", "share = 1.0", POLICY.read_text(), flags=re.M)
    text = re.sub(r"^(requests|accounts)_touched = .*$", r"\1_touched = 0.25", text, flags=re.M)
    if per_day:
        budget = f"per_day = {per_day}, burst = {max(per_day // 10, 1)}"
        text = re.sub(r"per_day = \d+, burst = \d+", budget, text)
    (folder / "policy.toml").write_text(text + learning)
    replayed = Replayed(world.name, world, folder, exchanges.filter(pc.invert(early)), cut, scan_hours)
    load_run(replayed.state, run, cut, customers=replayed.customers)
    return replayed


def steps(replayed: Replayed) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """The second week in steps of the learner: the end of each, and its exchanges with times in microseconds."""
    table = replayed.second.set_column(
        EXCHANGE.get_field_index("started_at"), "started_at", replayed.second["started_at"].cast(pa.int64())
    )
    until, rows = replayed.cut + STEP, []
    for batch in table.to_batches(max_chunksize=4096):
        for row in batch.to_pylist():
            while row["started_at"] >= until:
                yield until, rows
                until, rows = until + STEP, []
            rows.append(row)
    yield until, rows


def outcome(decision: Decision, gate: Gate) -> Outcome:
    """What a decision was, and what stands over its account."""
    standing = {a.response for a in gate.state.actions(decision.account_id) if not a.dry and a.until > decision.at}
    refused = decision.refuse is not None
    return Outcome(
        bool(standing & SLOWS) and not gate.state.stood_down,
        refused,
        decision.wait > 0,
        decision.touches,
        refused and "suspend" in decision.reasons,
    )


def observed(row: dict[str, Any], decision: Decision) -> Observed:
    """The exchange as it would have been: one that is refused has no answer."""
    if decision.refuse is not None:
        none = dict.fromkeys(("response", "reasoning", "input_tokens", "output_tokens", "reasoning_tokens"))
        row = row | none | {"status": decision.refuse.status, "latency_ms": 0}
    return Observed(row=row, decision=decision)


def in_process(replayed: Replayed) -> None:
    """The second week through the gate and the learner, without HTTP."""
    clock = VirtualClock(replayed.cut)
    gate = open_gate(replayed.state, replayed.policy, clock=clock)
    learner = Learner(replayed.state, replayed.policy, customers=replayed.customers)
    learner.turn(replayed.cut)
    gate.refresh()
    say(f"{replayed.name}: {gate.figures()}")
    try:
        for until, rows in steps(replayed):
            for row in rows:
                passed(row, gate, clock, replayed)
            clock.at = until
            learned(learner, until, gate.refresh, replayed)
    finally:
        learner.close()
        gate.close()
    say(f"{replayed.name}: {dict(gate.errors)}, stood down: {gate.state.stood_down}")


def passed(row: dict[str, Any], gate: Gate, clock: VirtualClock, replayed: Replayed) -> None:
    """One exchange through a gate of this process."""
    clock.at = row["started_at"]
    body = {"model": row["model"], "max_tokens": row["max_tokens"]}
    told = {name: row[name] or "" for name in ("api_key_id", "client_ip", "user_agent", "ja4")}
    asked = request_of(
        Call("openai_chat", "chat", body), Caller(row["account_id"], **told), row["exchange_id"], clock.at
    )
    decision = gate.decide(asked)
    replayed.outcomes[row["exchange_id"]] = outcome(decision, gate)
    gate.observed(observed(row, decision))


def scanned(replayed: Replayed, until: int) -> None:
    """The scan that the learner would make, where it would put it; but not at its low priority: others wait for us."""
    place = replayed.state / "runs" / dt.datetime.fromtimestamp(until / 1e6, dt.UTC).strftime("%Y-%m-%dT%H%M%S")
    place.parent.mkdir(exist_ok=True)
    logs = [str(replayed.folder / "first.parquet"), str(replayed.state / "journal")]
    options = ["--accounts", str(replayed.customers), "--salt", str(replayed.state / "learning" / "salt"), "--quiet"]
    command = [sys.executable, "-m", "stillwatch", "scan", *logs, "--out", str(place), *options]
    if subprocess.run(command, check=False).returncode == 2:
        raise SystemExit(f"{replayed.name}: the scan could not run")


def learned(learner: Learner, until: int, refresh: Callable[[], None], replayed: Replayed) -> None:
    """The learner's turn, and the gate's."""
    started = time.monotonic()
    if replayed.scan_hours and until - learner.notes.at >= replayed.scan_hours * HOUR:
        scanned(replayed, until)
    learner.turn(until)
    refresh()
    if until % DAY == 0:
        day = dt.datetime.fromtimestamp(until / 1e6, dt.UTC).date()
        took = time.monotonic() - started
        say(f"{replayed.name}: {day}, scanned in {took:.0f} s, {learner.suspected} suspected between scans so far")


def figures(replayed: Replayed, way: str) -> list[dict[str, Any]]:
    """What was limited of what each campaign would have taken, and whom of the innocent that met."""
    truth = replayed.world / "truth"
    told = pl.DataFrame(
        {
            "exchange_id": list(replayed.outcomes),
            **{
                name: [getattr(one, name) for one in replayed.outcomes.values()]
                for name in ("limited", "stopped", "waited", "touched", "suspended")
            },
        }
    )
    account = pl.from_arrow(replayed.second.select(["exchange_id", "account_id"]))
    rows = (
        told.join(account, on="exchange_id")  # type: ignore[arg-type]
        .join(pl.read_parquet(truth / "exchanges.parquet"), on="exchange_id")
        .join(pl.read_parquet(truth / "accounts.parquet"), on="account_id")
    )
    base = {"world": replayed.name, "way": way, "exchanges": rows.height}
    innocent = rows.filter(pl.col("campaign").is_null()).group_by("account_id").agg(
        pl.col("limited").any(), (pl.col("stopped") | pl.col("waited")).any().alias("slowed"), pl.col("touched").any(),
        pl.col("suspended").any(),
    )  # fmt: skip
    counts = {name: int(innocent[name].sum()) for name in ("limited", "slowed", "touched", "suspended")}
    found = [
        base
        | {"who": "innocent accounts", "of": innocent.height, "limited": counts["limited"], "slowed": counts["slowed"]}
        | {"touched": counts["touched"], "suspended": counts["suspended"]}
        | {"share limited": counts["limited"] / max(innocent.height, 1)}
    ]
    taken = rows.filter(pl.col("campaign").is_not_null() & pl.col("harvested"))
    for (campaign,), some in sorted(taken.group_by("campaign")):
        with_gate = some.height - int(some["stopped"].sum())
        found.append(
            base
            | {"who": campaign, "of": some.height, "limited": int(some["limited"].sum())}
            | {"slowed": int((some["stopped"] | some["waited"]).sum()), "touched": int(some["touched"].sum())}
            | {"share limited": float(some["limited"].mean() or 0)}  # type: ignore[arg-type]
            | {"taken without": some.height, "taken with": with_gate, "share stopped": 1 - with_gate / some.height}
        )
    return found


def worlds(names: list[str]) -> list[Path]:
    """The worlds to replay: those that are there, and a simulated one."""
    found = [SHARED / "worlds" / name for name in names]
    kept = [world for world in found if (world / "exchanges.parquet").exists()]
    for world in set(found) - set(kept):
        say(f"skipped {world.name}: {world} is not there")
    return kept


def simulated() -> Path:
    """The world that was kept back, one of its campaigns with replacement accounts."""
    world = OUT / "gateway" / f"simulated-{KEPT_BACK}"
    if not (world / "exchanges.parquet").exists():
        presets = [part for preset in ("blatant", "grader", "quiet", "rotating") for part in ("--campaign", preset)]
        command = [sys.executable, "-m", "stillwatch", "simulate", "--out", str(world), "--seed", str(KEPT_BACK)]
        subprocess.run([*command, *presets], check=True, stdout=subprocess.DEVNULL)
    return world


NOTE = (
    "`limited`: exchanges (of innocents: accounts) that a campaign's budget or worse stood over; `slowed`: refused or"
    " made to wait; `stopped`: refused. Nobody reacts to a refusal."
)


def main(arguments: list[str] | None = None) -> None:
    """Replay the worlds named, or all, in process or through LiteLLM's proxy."""
    parser = argparse.ArgumentParser(prog="bench.gateway_replay")
    parser.add_argument("worlds", nargs="*", default=list(WORLDS))
    parser.add_argument("--http", action="store_true")
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--scan-hours", type=float, default=24.0)
    parser.add_argument("--per-day", type=int, default=0)
    asked = parser.parse_args(arguments)
    places = [simulated()] if asked.worlds == ["simulated"] else worlds(asked.worlds)
    rows, name = [], f"gateway_replay{'_http' if asked.http else ''}"
    for world in places:
        folder = OUT / "gateway" / f"{world.name}-{'http' if asked.http else 'fast'}"
        replayed = prepared(world, folder, asked.scan_hours, asked.per_day)
        started = time.monotonic()
        if asked.http:
            from bench.gateway_replay_http import through_litellm  # noqa: PLC0415  # needs another Python's packages

            through_litellm(replayed, asked.share)
        else:
            in_process(replayed)
        say(f"{world.name}: {time.monotonic() - started:.0f} s")
        way = "LiteLLM" if asked.http else "in process"
        budget = f"{asked.per_day} a day" if asked.per_day else "as shipped"
        rows += figures(replayed, f"{way}, scans every {asked.scan_hours:g} h, budgets {budget}")
        publish(Table(name, "The second week through the gateway", rows, NOTE))


if __name__ == "__main__":
    main()
