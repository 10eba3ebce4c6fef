"""The process beside the doors: what a scan finds and what passes become claims that gateways act on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stillwatch.campaigns.report import Report
from stillwatch.cli import main
from stillwatch.console.decisions import Decisions
from stillwatch.errors import InputError, UsageError
from stillwatch.gateway.decision import Decision, Observed
from stillwatch.gateway.gate import Gate, open_gate
from stillwatch.gateway.journal import Journal, tidy
from stillwatch.gateway.learning.following import Following
from stillwatch.gateway.learning.learner import Learner, load_run
from stillwatch.gateway.state import Cleared
from stillwatch.gateway.stores.base import change
from stillwatch.gateway.stores.opening import open_store
from stillwatch.responses.base import Subject
from stillwatch.simulation.operators.campaign import parse_campaign
from stillwatch.simulation.world import simulate
from stillwatch.storage.tables import write_table
from tests.campaigns.made_reports import campaign, empty, report
from tests.console.decisions.made import decide
from tests.gateway.learning.traffic import customers_of, people, pool

HOUR = 3600 * 1_000_000
NOW = 500_000 * HOUR
DAY = 24 * HOUR
MEMBERS = [f"pool-{i}" for i in range(30)]
POLICY = """
version = 1
name = "test"
mode = "act"

[[measures]]
response = "reduce_detail"
levels = ["suspected", "campaign"]

[[measures]]
response = "suspend"
levels = ["confirmed"]

[learning]
keep_text_hours = 48
scan_hours = 0
"""


class HandClock:
    """The test's own time."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> int:
        return self.time


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(POLICY)
    return path


@pytest.fixture
def gate(tmp_path: Path, policy: Path) -> Iterator[Gate]:
    gate = open_gate(tmp_path / "state", policy, clock=HandClock())
    yield gate
    gate.close()


def run_of(names: list[str], folder: Path, campaign_id: str = "C1") -> Path:
    """A finished scan that accuses ``names``."""
    made, accounts = campaign(campaign_id, len(names), seed=3)
    made = msgspec.structs.replace(made, members=tuple(names), verdict="campaign", q_value=1e-9)
    accounts = [
        msgspec.structs.replace(a, account_id=n, campaign_id=campaign_id, verdict="campaign", posterior=0.995)
        for a, n in zip(accounts, names, strict=False)
    ]
    return written(report([made], accounts), folder)


def written(made: Report, folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "report.json").write_bytes(msgspec.json.encode(made))
    return folder


def passes(gate: Gate, rows: list[dict[str, Any]]) -> None:
    """Exchanges that a door tells of."""
    for row in sorted(rows, key=lambda r: (r["started_at"], r["exchange_id"])):
        decision = Decision(request_id=row["exchange_id"], account_id=row["account_id"], at=gate.now())
        gate.observed(Observed(row=row, decision=decision))


def claims(folder: Path) -> dict[str, Subject]:
    store = open_store(folder, None)
    try:
        found = [
            msgspec.json.decode(c.body, type=Subject) for c in store.since(0).changes if c.kind == "claim" and c.body
        ]
    finally:
        store.close()
    return {claim.account_id: claim for claim in found}


def call(arguments: list[str]) -> object:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code


def put(folder: Path, value: msgspec.Struct) -> None:
    store = open_store(folder, None)
    store.put([change(value)])
    store.close()


def test_replacement_accounts_are_suspected_as_they_pass_and_treated_mildly(
    tmp_path: Path, policy: Path, gate: Gate
) -> None:
    state = tmp_path / "state"
    run = run_of(MEMBERS, tmp_path / "run")
    table = tmp_path / "accounts.parquet"
    write_table(customers_of([*MEMBERS, "fresh-0"], cards=dict.fromkeys((*MEMBERS[:9], "fresh-0"), "shared")), table)
    passes(gate, people(640, sessions=5) + pool(MEMBERS))
    load_run(state, run, NOW, customers=table)
    learner = Learner(state, policy, customers=table)
    learner.turn(NOW)
    assert set(claims(state)) == set(MEMBERS), "nobody who is in nothing"
    passes(gate, people(40, seed=4, first=5000) + pool([f"fresh-{i}" for i in range(6)], sessions=4, seed=6))
    learner.turn(NOW + 1)
    suspects = {name: claim for name, claim in claims(state).items() if claim.level == "suspected"}
    assert len(suspects) >= 5
    assert all(name.startswith("fresh-") for name in suspects)
    assert {claim.campaign_id for claim in suspects.values()} == {"C1"}
    gate.refresh()
    for name in suspects:
        assert [action.response for action in gate.state.actions(name)] == ["reduce_detail"]
    put(state, Cleared(account_id="fresh-1", why="a colleague knows them", at=NOW + 2))
    gate.refresh()
    learner.learn(NOW + 3)
    assert "fresh-1" not in {a.account_id for a in gate.state.all_actions()}
    assert "fresh-1" not in claims(state)
    learner.close()


def test_a_new_scan_replaces_what_machines_claimed_and_nothing_that_a_person_said(tmp_path: Path, policy: Path) -> None:
    state = tmp_path / "state"
    load_run(state, run_of(MEMBERS, tmp_path / "first"), NOW)
    confirmed = msgspec.structs.replace(claims(state)["pool-0"], level="confirmed", since=NOW + 1)
    put(state, confirmed)
    put(state, Cleared(account_id="pool-1", why="an error", at=NOW + 1))
    put(state, msgspec.structs.replace(claims(state)["pool-5"], account_id="someone", level="suspected"))
    again = [*MEMBERS[1:20], "new-1", "new-2"]
    loaded = load_run(state, run_of(again, tmp_path / "second", "C9"), NOW + DAY)
    now = claims(state)
    assert now["pool-0"] == confirmed
    assert "pool-1" not in now, "nothing is claimed of whom a person cleared"
    assert "someone" not in now, "a suspicion that the scan does not share ends"
    assert "pool-25" not in now
    assert now["new-1"].since == NOW + DAY
    assert now["pool-2"].since == NOW, "a claim keeps the time when it was first made"
    assert {claim.campaign_id for claim in now.values()} == {"C1"}, "the campaign goes on under its id"
    assert loaded.cleared == 1


def test_a_scan_that_finds_nothing_lets_everybody_go(tmp_path: Path) -> None:
    state = tmp_path / "state"
    load_run(state, run_of(MEMBERS, tmp_path / "first"), NOW)
    load_run(state, written(empty(), tmp_path / "second"), NOW + DAY)
    assert claims(state) == {}


def test_the_command_line_loads_a_run_and_looks_once(
    tmp_path: Path, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, state = run_of(MEMBERS, tmp_path / "run"), tmp_path / "state"
    assert call(["gate", "load", "--run", str(run), "--state", str(state)]) == 1
    assert "30 accounts accused" in capsys.readouterr().out
    assert call(["gate", "learn", "--state", str(state), "--policy", str(policy), "--once"]) == 0
    assert "Nobody is suspected" in capsys.readouterr().out
    assert call(["gate", "load", "--run", str(tmp_path), "--state", str(state)]) == 2
    said = capsys.readouterr().err
    assert "report.json" in said
    assert len(said.strip().splitlines()) == 1


def test_a_journal_is_followed_line_by_line_and_nothing_is_read_twice(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", keep_text=True)
    following = Following(tmp_path / "journal", tmp_path / "spool")

    def new() -> list[str]:
        return [name for batch in following.batches() for name in batch.column("exchange_id").to_pylist()]

    rows = people(3, sessions=2)
    assert new() == []
    journal.write(rows[0], NOW)
    assert new() == [rows[0]["exchange_id"]]
    assert new() == []
    journal.write(rows[1], NOW)
    journal.write(rows[2], NOW + HOUR)
    torn = next((tmp_path / "journal").glob("*.jsonl"))
    with torn.open("ab") as file:
        file.write(b'{"exchange_id": "half')
    assert sorted(new()) == sorted(r["exchange_id"] for r in rows[1:3])
    with torn.open("ab") as file:
        file.write(b"\nnot json\n\x00\xff\n")
    assert new() == []
    tidy(tmp_path / "journal", NOW + 100 * HOUR, text_hours=1, days=30)
    assert new() == [], "a file that is shorter than before is no news"
    assert following.backlog == 0
    assert not (tmp_path / "spool").exists()
    journal.write(rows[3], NOW + 200 * HOUR)
    following.skip()
    assert new() == []


def test_a_second_learner_is_told_of_the_first(tmp_path: Path, policy: Path) -> None:
    first = Learner(tmp_path / "state", policy)
    with pytest.raises(UsageError, match="another learner works here"):
        Learner(tmp_path / "state", policy)
    first.close()
    Learner(tmp_path / "state", policy).close()


def test_a_broken_note_is_told_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "learning"
    folder.mkdir(parents=True)
    (folder / "notes.json").write_bytes(b"{")
    with pytest.raises(InputError, match=r"notes\.json: cannot be read"):
        load_run(tmp_path / "state", run_of(MEMBERS, tmp_path / "run"), NOW)


def test_a_learner_may_start_before_any_gateway(tmp_path: Path, policy: Path) -> None:
    state = tmp_path / "state"
    load_run(state, run_of(MEMBERS, tmp_path / "run"), NOW)
    learner = Learner(state, policy)
    learner.turn(NOW)
    learner.close()
    assert set(claims(state)) == set(MEMBERS)
    assert not (state / "journal").exists()


@pytest.mark.slow
def test_what_passed_is_scanned_anew_and_its_claims_stand(tmp_path: Path, gate: Gate) -> None:
    state = tmp_path / "state"
    policy = tmp_path / "nightly.toml"
    policy.write_text(POLICY.replace("scan_hours = 0", "scan_hours = 24"))
    learner = Learner(state, policy)
    learner.turn(NOW)
    assert learner.notes.at == NOW, "an empty journal is no error"
    world = simulate(accounts=260, days=14.0, campaigns=[parse_campaign("blatant:accounts=40")], seed=77, load=0.6)
    passes(gate, world.exchanges.to_dicts())
    learner.turn(NOW + DAY - 1)
    assert not list((state / "runs").glob("*/report.json"))
    truth = dict(world.account_truth.select("account_id", "campaign").iter_rows())
    dismissed = min(name for name, campaign in truth.items() if campaign is not None)
    decide(Decisions(state / "console" / "decisions"), "dismiss", [dismissed])
    learner.turn(NOW + DAY)
    runs = list((state / "runs").glob("*/report.json"))
    assert len(runs) == 1
    found = msgspec.json.decode(runs[0].read_bytes(), type=Report)
    accused = {a.account_id for a in found.accounts if a.verdict == "campaign"}
    assert {name for name, claim in claims(state).items() if claim.level == "campaign"} == accused
    assert sum(truth[name] is not None for name in accused) >= 30
    assert dismissed not in accused
    assert [a.account_id for a in found.accounts if a.cleared is not msgspec.UNSET] == [dismissed]
    assert found.input.exchanges == world.exchanges.height
    learner.close()
