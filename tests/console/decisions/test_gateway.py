"""Decisions reach the gateway: two people suspend, one takes it back at once, late is told and never lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from stillwatch.campaigns.judgements import read_judgements
from stillwatch.console.decisions import Decisions, Entry, Faced, NotAllowed, Person
from stillwatch.console.decisions.hand import Hand
from stillwatch.console.decisions.hearing import Hearing
from stillwatch.errors import StorageError, UsageError
from stillwatch.gateway.gate import Gate, open_gate
from stillwatch.gateway.ledger import read_ledger, verify
from stillwatch.gateway.policy_file import read_policy
from stillwatch.gateway.stores.base import change
from tests.console.decisions.made import ADA, BO, CY, RUN, approve, decide, faced, undo
from tests.responses.standing import request, subject

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
[[exempt]]
name = "our own tests"
why = "we run them"
accounts = ["a3"]
responses = ["suspend"]
"""
DEE = Person("Dee", "approver")


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """A gateway with claims about three accounts of a campaign."""
    (tmp_path / "policy.toml").write_text(POLICY)
    opened = open_gate(tmp_path / "state", tmp_path / "policy.toml")
    now = opened.now()
    names = ("a1", "a2", "a3")
    opened.put([change(subject(name, level="campaign", innocent=0.004, since=now)) for name in names])
    for _ in range(2):
        opened.refresh()
    yield opened
    opened.close()


@pytest.fixture
def decisions(tmp_path: Path) -> Decisions:
    return Decisions(tmp_path / "decisions")


@pytest.fixture
def hand(gate: Gate) -> Hand:
    return Hand(gate.folder)


def standing(gate: Gate, account: str) -> set[str]:
    for _ in range(2):
        gate.refresh()
    return {action.response for action in gate.state.actions(account)}


def told(hand: Hand, decisions: Decisions) -> None:
    assert hand.tell(decisions) == ""
    with decisions.reading() as derived:
        assert derived.untold() == []


def suspended(gate: Gate, hand: Hand, decisions: Decisions, *accounts: str) -> Entry:
    approval = approve(decisions, decide(decisions, "suspend", accounts))
    told(hand, decisions)
    return approval


def test_only_what_two_people_decided_suspends(gate: Gate, hand: Hand, decisions: Decisions) -> None:
    decide(decisions, "confirm", ["a1", "a2"])
    proposal = decide(decisions, "suspend", ["a1"])
    told(hand, decisions)
    assert standing(gate, "a1") == {"slow_down"}  # what one analyst says suspends nobody
    approve(decisions, proposal)
    told(hand, decisions)
    assert standing(gate, "a1") == {"slow_down", "suspend"}
    assert standing(gate, "a2") == {"slow_down"}
    decision = gate.decide(request("a1", at=gate.now()))
    assert decision.refuse is not None
    who = {entry.by for entry in read_ledger(gate.folder / "ledger") if entry.kind == "confirmed"}
    assert who == {"Ada", "Bo"}


def test_undoing_a_suspension_is_immediate_and_it_can_be_decided_anew(
    gate: Gate, hand: Hand, decisions: Decisions
) -> None:
    approval = suspended(gate, hand, decisions, "a1", "a2")
    assert standing(gate, "a1") == {"slow_down", "suspend"}
    undo(decisions, approval, ADA)
    told(hand, decisions)
    gate.refresh()
    assert "suspend" not in {action.response for action in gate.state.actions("a1")}
    assert standing(gate, "a2") == {"slow_down"}  # the scan's claim is there still
    suspended(gate, hand, decisions, "a1")
    assert "suspend" in standing(gate, "a1")


def test_dismissed_accounts_are_cleared_there_and_an_undo_withdraws_it(
    gate: Gate, hand: Hand, decisions: Decisions
) -> None:
    suspended(gate, hand, decisions, "a1")
    dismissed = decide(decisions, "dismiss", [faced("a1", innocent=0.25)], BO, "the university wrote")
    told(hand, decisions)
    assert standing(gate, "a1") == set()
    assert not gate.decide(request("a1", at=gate.now())).touches
    (judgement,) = read_judgements(gate.folder / "judgements.jsonl")
    assert (judgement.account_id, judgement.by, judgement.innocent) == ("a1", "Bo", 0.25)
    undo(decisions, dismissed)
    told(hand, decisions)
    assert read_judgements(gate.folder / "judgements.jsonl") == ()
    gate.refresh()
    assert gate.state.cleared("a1") is None
    gate.put([change(subject("a1", level="campaign", innocent=0.004, since=gate.now()))])  # the next scan
    assert standing(gate, "a1") == {"slow_down"}


def test_on_hold_nothing_is_done_and_it_is_no_judgement(gate: Gate, hand: Hand, decisions: Decisions) -> None:
    held = decide(decisions, "hold", ["a1"])
    told(hand, decisions)
    assert standing(gate, "a1") == set()
    assert not (gate.folder / "judgements.jsonl").exists()
    dismissed = decide(decisions, "dismiss", ["a1"])
    undo(decisions, dismissed)
    told(hand, decisions)  # on hold again, and no longer cleared
    gate.refresh()
    cleared = gate.state.cleared("a1")
    assert cleared is not None
    assert cleared.why == "on hold"
    assert hand.judgements() == ()
    undo(decisions, held)
    told(hand, decisions)
    gate.put([change(subject("a1", level="campaign", innocent=0.004, since=gate.now()))])
    assert standing(gate, "a1") == {"slow_down"}


def test_whom_others_cleared_an_undo_here_does_not_accuse(gate: Gate, hand: Hand, decisions: Decisions) -> None:
    with hand.desk() as desk:
        desk.clear("a1", by="Zoe", why="on the telephone", now=dt.datetime.now(dt.UTC))
    undo(decisions, decide(decisions, "hold", ["a1"]))
    told(hand, decisions)
    gate.refresh()
    assert gate.state.cleared("a1") is not None


def test_a_gateway_that_cannot_be_reached_is_told_later_in_order(
    gate: Gate, hand: Hand, decisions: Decisions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*arguments: object, **more: object) -> None:
        raise StorageError("cannot be reached", "redis://nowhere")

    dismissed = decide(decisions, "dismiss", ["a1"])
    with monkeypatch.context() as patched:
        patched.setattr("stillwatch.gateway.appeals.hearing.open_store", away)
        assert "D1" in hand.tell(decisions)
        undo(decisions, dismissed)
        decide(decisions, "dismiss", ["a2"])
        assert "cannot be reached" in hand.tell(decisions)
    again = Decisions(decisions.folder)  # another process, later
    told(hand, again)
    assert standing(gate, "a1") != set() or gate.state.cleared("a1") is None
    assert standing(gate, "a2") == set()
    assert [entry.about for entry in again.entries if entry.kind == "told"] == [1, 2, 3]
    gate.ledger.flush()
    assert not verify(gate.folder / "ledger").problems


def test_telling_twice_changes_nothing(gate: Gate, hand: Hand, decisions: Decisions) -> None:
    approval = suspended(gate, hand, decisions, "a1")
    with decisions.reading() as derived:
        del derived.told[approval.line]  # killed after the gateway knew, before the chain said so
    told(hand, decisions)
    assert standing(gate, "a1") == {"slow_down", "suspend"}


def test_a_suspension_that_was_undone_before_the_gateway_knew_never_acts(
    gate: Gate, hand: Hand, decisions: Decisions
) -> None:
    undo(decisions, approve(decisions, decide(decisions, "suspend", ["a1"])))
    told(hand, decisions)
    assert standing(gate, "a1") == {"slow_down"}
    assert not [entry for entry in read_ledger(gate.folder / "ledger") if entry.kind == "confirmed"]


def test_who_is_exempt_is_known_beforehand(gate: Gate, hand: Hand, tmp_path: Path) -> None:
    policy = read_policy(tmp_path / "policy.toml")
    now = dt.datetime.now(dt.UTC)
    assert hand.exempt(policy, ["a1", "a3", "unknown"], now) == {"a3": "our own tests"}


def appealed(gate: Gate, hand: Hand, account: str = "a1") -> str:
    gate.refresh()
    decision = gate.decide(request(account, at=gate.now()))
    with hand.desk() as desk:
        whose = desk.touched(decision.reference)
        assert whose is not None
        now = dt.datetime.now(dt.UTC)
        desk.appeals.open(decision.reference, *whose[:2], "We are a class.", innocent=whose.innocent, now=now)
    return decision.reference


def heard(hearing: Hearing, reference: str, how: str, person: Person, account: str = "a1", **more: str) -> str:
    decide_it = hearing.uphold if how == "uphold" else hearing.reject
    case = hearing.case(reference)
    said = {"why": "looked", "answer": "We looked again.", **more}
    stated = Faced(account, verdict="campaign", innocent=0.004)
    return decide_it(
        reference, person, said["why"], said["answer"], stated=stated, run=RUN, version=case.version
    ).status


def test_an_upheld_appeal_undoes_everything_teaches_the_scan_and_counts(
    gate: Gate, hand: Hand, decisions: Decisions
) -> None:
    suspended(gate, hand, decisions, "a1")
    assert "suspend" in standing(gate, "a1")
    reference, hearing = appealed(gate, hand), Hearing(decisions, hand)
    case = hearing.case(reference)
    assert case.suspended
    assert case.accusers == ("Ada", "Bo")
    for person in (ADA, BO):
        with pytest.raises(NotAllowed, match="somebody else"):
            heard(hearing, reference, "uphold", person)
    assert heard(hearing, reference, "uphold", CY) == "upheld"
    assert standing(gate, "a1") == set()
    assert decisions.standing("a1").state == "dismissed"
    assert decisions.standing("a1").suspension is None
    record = decisions.calibration(hand.judgements())
    assert (record.overall.judged, record.overall.cleared) == (1, 1)
    assert [rate.name for rate in record.by_way] == ["appeal"]
    assert hearing.case(reference).appeal.status == "upheld"
    with pytest.raises(UsageError, match="was upheld by Cy"):
        heard(hearing, reference, "reject", DEE)
    told(hand, decisions)
    entry = decisions.standing("a1").by
    assert entry is not None
    with pytest.raises(NotAllowed, match="approver"):
        undo(decisions, entry, ADA)
    undo(decisions, entry, DEE)
    told(hand, decisions)
    assert read_judgements(gate.folder / "judgements.jsonl") == ()


def test_leaving_a_suspension_takes_two_and_one_without_a_part_in_it(
    gate: Gate, hand: Hand, decisions: Decisions
) -> None:
    suspended(gate, hand, decisions, "a1")
    assert "suspend" in standing(gate, "a1")
    reference, hearing = appealed(gate, hand), Hearing(decisions, hand)
    with pytest.raises(UsageError, match="plain words"):
        heard(hearing, reference, "reject", CY, answer=" ")
    assert heard(hearing, reference, "reject", BO) == "open"
    assert heard(hearing, reference, "reject", BO) == "open"  # twice himself is not two
    assert heard(hearing, reference, "reject", ADA) == "open"  # nor are the two who suspended
    assert heard(hearing, reference, "reject", Person("Fay", "analyst")) == "rejected"
    appeal = hearing.case(reference).appeal
    assert (appeal.status, appeal.by) == ("rejected", "Fay")
    assert "Bo: looked" in appeal.why
    assert "suspend" in standing(gate, "a1")
    rejection = next(entry for entry in decisions.entries if entry.kind == "reject")
    with pytest.raises(UsageError, match="told to the person"):
        undo(decisions, rejection)


def test_without_a_suspension_one_who_did_not_accuse_is_enough(gate: Gate, hand: Hand, decisions: Decisions) -> None:
    decide(decisions, "confirm", ["a1"], BO)
    for _ in range(5):
        gate.decide(request("a1", at=gate.now()))
    reference, hearing = appealed(gate, hand), Hearing(decisions, hand)
    case = hearing.case(reference)
    assert (case.suspended, case.accused_by("bo"), case.accused_by("Cy")) == (False, True, False)
    assert heard(hearing, reference, "reject", BO) == "open"
    assert heard(hearing, reference, "reject", ADA) == "rejected"
    assert hearing.case(reference).appeal.by == "Ada"


def test_killed_in_the_middle_of_a_hearing_it_is_ended_by_hearing_again(
    gate: Gate, hand: Hand, decisions: Decisions, monkeypatch: pytest.MonkeyPatch
) -> None:
    suspended(gate, hand, decisions, "a1")
    assert "suspend" in standing(gate, "a1")
    reference, hearing = appealed(gate, hand), Hearing(decisions, hand)

    def killed(*arguments: object, **more: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("stillwatch.gateway.appeals.hearing.Desk.uphold", killed)
        with pytest.raises(KeyboardInterrupt):
            heard(hearing, reference, "uphold", CY)
    assert hearing.case(reference).appeal.status == "open"
    assert heard(hearing, reference, "uphold", CY) == "upheld"
    assert sum(entry.kind == "dismiss" for entry in decisions.entries) == 1
    assert standing(gate, "a1") == set()


def test_a_folder_that_is_no_gateways_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no gateway"):
        Hand(tmp_path / "nothing")
