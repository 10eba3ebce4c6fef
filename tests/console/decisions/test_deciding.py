"""What a decision is: kept with who, when and why, applied as it was shown, and undone with a reason."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from stillwatch.console.decisions import ChangedMeanwhile, Decisions, NotAllowed, NotWhatWasShown, Person
from stillwatch.console.page import Role
from stillwatch.errors import UsageError
from tests.console.decisions.made import ADA, BO, CY, EVE, NOON, RUN, Clock, approve, decide, faced, opened, undo


def test_who_when_and_why_are_kept_and_read_again(tmp_path: Path) -> None:
    decisions = opened(tmp_path / "d")
    entry = decide(decisions, "dismiss", ["a", "b"], why="  a class of thirty ", explanation="class")
    assert (entry.by, entry.why, entry.role, entry.explanation) == ("Ada", "a class of thirty", "analyst", "class")
    assert entry.at > int(NOON.timestamp() * 1e6)
    again = opened(tmp_path / "d")
    assert again.entries == decisions.entries
    assert again.standing("a").state == "dismissed"
    assert again.standing("c").state == "open"
    assert [(line.id, undone) for line, undone in again.history(["a"])] == [("D1", None)]
    assert (tmp_path / "d" / "decisions.jsonl").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("name", "why"), [(" ", "x"), ("Ada", " \n"), ("Ada", "x" * 4001)])
def test_a_decision_has_a_name_and_a_reason(tmp_path: Path, name: str, why: str) -> None:
    decisions = opened(tmp_path)
    with pytest.raises(UsageError, match="reason"):
        decide(decisions, "hold", ["a"], Person(name, "analyst"), why)
    assert decisions.entries == ()


def test_a_viewer_decides_nothing_and_roles_of_the_console_are_known(tmp_path: Path) -> None:
    decisions = opened(tmp_path)
    for person in (EVE, Person("Eve", Role.VIEWER), Person("Eve", Role.ANYONE), Person("Eve", "owner")):
        with pytest.raises(NotAllowed, match="analyst"):
            decide(decisions, "confirm", ["a"], person)
    entry = decide(decisions, "confirm", ["a"], Person("Ada", Role.ANALYST))
    assert entry.role == "analyst"
    with pytest.raises(NotAllowed):
        undo(decisions, entry, EVE)
    with pytest.raises(NotAllowed):
        decisions.note([faced("a")], EVE, "hello", run=RUN)


def test_the_second_analyst_is_told_who_changed_it_and_nothing_is_overwritten(tmp_path: Path) -> None:
    first, second = opened(tmp_path), opened(tmp_path)
    seen = second.preview("confirm", [faced("a"), faced("b")], run=RUN)
    decide(first, "dismiss", ["b"], BO)
    with pytest.raises(ChangedMeanwhile, match=r"changed by Bo at 2026-11-28 12:0.* UTC; look again") as raised:
        second.decide(seen, ADA, "same card", digest=seen.digest, version=seen.version)
    assert raised.value.entry.kind == "dismiss"
    assert second.standing("a").state == "open"
    assert second.standing("b").state == "dismissed"
    assert [entry.kind for entry in second.since(["a", "b"], seen.version)] == ["dismiss"]
    decide(second, "confirm", ["a"])  # another account's decision is in nobody's way


def test_what_is_applied_is_what_was_shown(tmp_path: Path) -> None:
    decisions = opened(tmp_path)
    shown = decisions.preview("dismiss", [faced("a"), faced("b")], run=RUN)
    for other in (
        decisions.preview("dismiss", [faced("a"), faced("b"), faced("c")], run=RUN),
        decisions.preview("dismiss", [faced("a"), faced("b", innocent=0.02)], run=RUN),
        decisions.preview("hold", [faced("a"), faced("b")], run=RUN),
        decisions.preview("dismiss", [faced("a"), faced("b")], run="scan:2"),
        decisions.preview("dismiss", [faced("a"), faced("b")], run=RUN, under_appeal={"a"}),
    ):
        with pytest.raises(NotWhatWasShown):
            decisions.decide(other, ADA, "x", digest=shown.digest, version=0)
    assert decisions.entries == ()
    same = decisions.preview("dismiss", [faced("b"), faced("a")], run=RUN)
    entry = decisions.decide(same, ADA, "x", digest=shown.digest, version=0)
    assert entry.accounts == ("a", "b")
    assert entry.preview == shown.digest


def test_a_preview_says_exactly_whom_it_reaches(tmp_path: Path) -> None:
    decisions = opened(tmp_path)
    decide(decisions, "dismiss", ["d"])
    chosen = [faced("c", "review", None, q_value=0.4), faced("a"), faced("b", innocent=0.03), faced("d")]
    preview = decisions.preview("confirm", chosen, run=RUN, under_appeal={"b", "z"}, exempt={"a": "our own tests"})
    assert preview.accounts == ("a", "b", "c", "d")
    assert (preview.accused, preview.under_review, preview.clear, preview.unmeasured) == (3, 1, 0, 1)
    assert preview.expected_innocent == pytest.approx(0.05)
    assert preview.worst_q == pytest.approx(0.4)
    assert preview.under_appeal == ("b",)
    assert preview.exempt == (("a", "our own tests"),)
    assert preview.states == (("dismissed", 1), ("open", 3))
    assert len(preview.warnings) == 3
    assert preview.version == 1


@pytest.mark.parametrize(
    ("kind", "accounts", "said"),
    [
        ("confirm", [], "no account"),
        ("confirm", [faced("a"), faced("a", part=1)], "twice"),
        ("split", [faced("a"), faced("b")], "two parts"),
        ("merge", [faced("a")], "two parts"),
        ("approve", [faced("a")], "not decided about accounts"),
    ],
)
def test_a_decision_that_says_nothing_is_refused(
    tmp_path: Path, kind: object, accounts: list[object], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        decide(opened(tmp_path), kind, accounts)  # type: ignore[arg-type]


def test_undoing_brings_back_what_stood_before(tmp_path: Path) -> None:
    decisions = opened(tmp_path)
    decide(decisions, "hold", ["a", "b"])
    dismissed = decide(decisions, "dismiss", ["a"], BO)
    undone = undo(decisions, dismissed, ADA, "he was not who he said")
    assert decisions.standing("a").state == "held"
    assert (undone.by, undone.why, undone.about) == ("Ada", "he was not who he said", dismissed.line)
    assert decisions.history(["a"])[1] == (dismissed, undone)
    with pytest.raises(UsageError, match="was undone by Ada"):
        undo(decisions, dismissed)
    with pytest.raises(UsageError, match="decide again"):
        undo(decisions, undone)
    with pytest.raises(UsageError, match="no decision"):
        decisions.undo(99, ADA, "x", version=99)


def test_a_suspension_is_in_force_only_when_a_second_person_confirms(tmp_path: Path) -> None:
    decisions = opened(tmp_path)
    proposal = decide(decisions, "suspend", ["a", "b"], BO)
    (waiting,) = decisions.suspensions("proposed")
    assert waiting.proposed == proposal
    for person in (BO, Person(" bo ", "admin"), Person("ＢＯ", "approver")):  # two sessions, other spellings
        with pytest.raises(NotAllowed, match="second person"):
            approve(decisions, proposal, person)
    with pytest.raises(NotAllowed, match="approver"):
        approve(decisions, proposal, ADA)
    approval = approve(decisions, proposal, CY)
    assert decisions.standing("a").suspension is not None
    assert [one.state(decisions.now) for one in decisions.suspensions()] == ["in force"]
    undo(decisions, approval, ADA, "the university wrote")  # at once, by one person
    assert decisions.standing("a").suspension is None
    assert [one.state(decisions.now) for one in decisions.suspensions()] == ["undone"]
    for line in (proposal, approval):
        with pytest.raises(UsageError, match="was undone"):
            undo(decisions, line)
    with pytest.raises(UsageError, match="is undone"):
        approve(decisions, proposal, CY)


def test_a_role_that_was_lowered_meanwhile_counts(tmp_path: Path) -> None:
    roles = {"Ada": "analyst", "Bo": "approver"}
    decisions = opened(tmp_path, roles=roles.get)
    proposal = decide(decisions, "suspend", ["a"])
    roles["Bo"] = "analyst"
    with pytest.raises(NotAllowed, match="approver"):  # his session still says approver
        approve(decisions, proposal, BO)
    roles["Bo"] = "approver"
    del roles["Ada"]
    with pytest.raises(NotAllowed, match="Ada is no analyst any more"):
        approve(decisions, proposal, BO)
    assert decisions.suspensions("in force") == ()


def test_a_proposal_that_nobody_confirms_expires(tmp_path: Path) -> None:
    clock = Clock()
    decisions = opened(tmp_path, clock=clock, proposal=dt.timedelta(hours=2))
    proposal = decide(decisions, "suspend", ["a"])
    clock.now += dt.timedelta(hours=2)
    assert decisions.standing("a").suspension is None
    with pytest.raises(UsageError, match="expired at 2026-11-28 14:00 UTC"):
        approve(decisions, proposal)
    decide(decisions, "suspend", ["a"])  # proposed anew


def test_a_clock_put_back_revives_no_proposal(tmp_path: Path) -> None:
    clock = Clock()
    decisions = opened(tmp_path, clock=clock, proposal=dt.timedelta(hours=2))
    proposal = decide(decisions, "suspend", ["a"])
    clock.now += dt.timedelta(hours=3)
    decide(decisions, "hold", ["z"])
    clock.now = NOON
    with pytest.raises(UsageError, match="expired"):
        approve(decisions, proposal)


@pytest.mark.parametrize("kind", ["dismiss", "hold"])
def test_what_ended_a_suspension_ended_it_for_good(tmp_path: Path, kind: str) -> None:
    decisions = opened(tmp_path)
    approve(decisions, decide(decisions, "suspend", ["a", "b"]))
    ending = decide(decisions, kind, ["a"], BO)
    assert decisions.standing("a").suspension is None
    assert decisions.standing("b").suspension is not None
    undo(decisions, ending)
    assert decisions.standing("a").suspension is None
    assert decisions.standing("a").state == "open"


def test_a_proposal_whose_accounts_changed_is_looked_at_again(tmp_path: Path) -> None:
    decisions = opened(tmp_path)
    proposal = decide(decisions, "suspend", ["a", "b"])
    seen = decisions.version(["a", "b"])
    decide(decisions, "dismiss", ["b"], CY)
    with pytest.raises(ChangedMeanwhile, match="changed by Cy"):
        decisions.approve(proposal.line, BO, "x", version=seen)
    approve(decisions, proposal)
    assert decisions.standing("a").suspension is not None
    assert decisions.standing("b").suspension is None


def test_nobody_is_suspended_who_is_not_accused_cleared_or_on_hold(tmp_path: Path) -> None:
    decisions = opened(tmp_path)
    decide(decisions, "dismiss", ["b"])
    decide(decisions, "hold", ["c"])
    decide(decisions, "suspend", ["d"])
    for account, said in (
        (faced("a", "review", None), "not accused"),
        (faced("b"), "dismissed"),
        (faced("c"), "on hold"),
        (faced("d"), "proposed"),
    ):
        with pytest.raises(UsageError, match=said):
            decide(decisions, "suspend", [faced("x"), account])


def test_notes_contradict_nobody_and_are_seen(tmp_path: Path) -> None:
    decisions = opened(tmp_path)
    seen = decisions.preview("confirm", [faced("a")], run=RUN)
    note = decisions.note([faced("a")], BO, "their dean called", run=RUN)
    decisions.note([faced("a")], ADA, "half \udcff a character", run=RUN)
    with pytest.raises(ChangedMeanwhile):
        decisions.decide(seen, ADA, "x", digest=seen.digest, version=seen.version)
    assert decisions.history(["a"])[-1][0] == note
    assert decisions.standing("a").state == "open"


def test_many_accounts_are_one_decision(tmp_path: Path) -> None:
    decisions = opened(tmp_path)
    names = [f"account {number}" for number in range(25_000)]
    entry = decide(decisions, "confirm", names)
    assert len(entry.faced) == 25_000
    assert opened(tmp_path).standing(names[-1]).state == "confirmed"


def test_what_nobody_wrote_is_no_folder_of_decisions(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        decide(opened(tmp_path), "confirm", [])
    Decisions(tmp_path)  # opening again what is empty
