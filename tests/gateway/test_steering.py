"""A person's hand on a gateway at work: the switch, what stands, and taking it back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from stillwatch.cli import main
from stillwatch.gateway.gate import Gate, open_gate
from stillwatch.gateway.ledger import read_ledger, verify
from stillwatch.gateway.stores.base import change
from stillwatch.gateway.stores.opening import open_store
from tests.responses.standing import request, subject

POLICY = """version = 1
name = "p"
mode = "act"
[[measures]]
response = "hold_for_review"
[[measures]]
response = "shield_reasoning"
[bounds]
least = 1000000
"""
SIGNED = ("--by", "Ada", "--why", "a test")


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """A gateway that holds two accounts of one campaign, one of another."""
    (tmp_path / "p.toml").write_text(POLICY)
    opened = open_gate(tmp_path / "state", tmp_path / "p.toml")
    store = open_store(tmp_path / "state", None)
    now = opened.now()
    for who, campaign in (("a1", "C1"), ("a2", "C1"), ("a3", "C2")):
        store.put([change(subject(who, campaign, level="campaign", since=now))])
    store.close()
    opened.refresh()
    opened.refresh()
    yield opened
    opened.close()


def held(gate: Gate, account: str = "a1") -> bool:
    gate.refresh()
    return gate.decide(request(account, at=gate.now())).refuse is not None


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["gate", *arguments])
    return int(str(ended.value.code))


def test_off_touches_nobody_and_on_acts_again(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    state = str(gate.folder)
    assert held(gate)
    assert run("status", "--state", state) == 0
    assert "Claims: 3 campaign; 2 campaigns." in capsys.readouterr().out
    assert run("off", "--state", state, *SIGNED) == 0
    assert not held(gate)
    assert run("status", "--state", state) == 1
    assert "Switched off (Ada: a test)" in capsys.readouterr().out
    assert run("on", "--state", state, *SIGNED) == 0
    assert held(gate)
    assert run("status", "--state", state, "--json") == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (found["off"], found["actions"]) == (False, {"hold_for_review": 3, "shield_reasoning": 3})


def test_the_switch_works_where_the_store_does_not(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("off", "--state", str(gate.folder), "--store", "redis://127.0.0.1:1/0", *SIGNED) == 2
    assert "only in this folder" in capsys.readouterr().err
    assert not held(gate)
    assert run("on", "--state", str(gate.folder), *SIGNED) == 0
    assert held(gate)


def test_a_gateway_that_stood_down_acts_again_when_a_person_says_so(tmp_path: Path, gate: Gate) -> None:
    (tmp_path / "p.toml").write_text(POLICY.replace("1000000", "5\nrequests_touched = 0.5"))
    gate.refresh()
    told = [gate.decide(request("a1", at=gate.now())) for _ in range(8)]
    assert told[0].touches
    assert not told[-1].touches
    assert told[-1].dry
    state = str(gate.folder)
    gate.refresh()
    assert run("status", "--state", state) == 1
    assert run("on", "--state", state, *SIGNED) == 0
    assert held(gate)
    assert run("status", "--state", state) == 0


def test_what_a_person_takes_back_stays_so(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    state = str(gate.folder)
    assert all(held(gate, account) for account in ("a1", "a2", "a3"))
    assert run("undo", "C1", "--state", state, *SIGNED) == 0
    assert capsys.readouterr().out == "Undone: 4 actions against 2 accounts.\n"
    gate.refresh()
    assert [held(gate, account) for account in ("a1", "a2", "a3")] == [False, False, True]
    hold = next(a.id for a in gate.state.actions("a3") if a.response == "hold_for_review")
    assert run("undo", hold, "--state", state, *SIGNED) == 0
    assert not held(gate, "a3")
    assert [a.response for a in gate.state.actions("a3")] == ["shield_reasoning"]
    assert run("undo", "a3", "--state", state, *SIGNED) == 0
    assert run("undo", "a3", "--state", state, *SIGNED) == 2
    assert "no action stands under this name" in capsys.readouterr().err


def test_who_did_it_lies_in_the_ledger(gate: Gate) -> None:
    state = str(gate.folder)
    run("off", "--state", state, *SIGNED)
    run("on", "--state", state, *SIGNED)
    run("undo", "a1", "--state", state, *SIGNED)
    gate.close()
    said = [(entry.kind, entry.what) for entry in read_ledger(gate.folder / "ledger") if entry.by == "Ada"]
    assert [kind for kind, _ in said] == ["switch", "switch", "undone", "undone"]
    assert said[0][1] == "off on"
    assert verify(gate.folder / "ledger").problems == ()


def test_a_decision_has_a_name_and_a_reason(gate: Gate, tmp_path: Path) -> None:
    state = str(gate.folder)
    for command in (["off"], ["on"], ["undo", "a1"]):
        assert run(*command, "--state", state, "--by", " ", "--why", "x") == 2
        assert run(*command, "--state", str(tmp_path / "none"), *SIGNED) == 2
    assert held(gate)
