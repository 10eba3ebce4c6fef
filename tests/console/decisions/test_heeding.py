"""What a scan makes of decisions: cleared stays cleared, parted stays parted, joined is one; nobody is accused more."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from stillwatch.campaigns.decided import Decided, Link
from stillwatch.campaigns.heeding import BAR, heed, heed_decided
from stillwatch.campaigns.judgements import Judgement
from stillwatch.console.decisions.scanning import decided_in
from stillwatch.errors import InputError
from stillwatch.exchange import in_order
from stillwatch.linkage.findings import Group
from tests.campaigns import made_cases
from tests.campaigns.made_cases import group
from tests.console.decisions.made import approve, decide, faced, opened, undo

NAMES = made_cases.ACCOUNTS
BEFORE, AFTER = made_cases.START - dt.timedelta(days=1), made_cases.START + dt.timedelta(days=30)
LOG = in_order(made_cases.log())


def names(*numbers: int) -> frozenset[str]:
    return frozenset(NAMES[number] for number in numbers)


def members(found: Group) -> tuple[str, list[int]]:
    return found.verdict, found.accounts.tolist()


def heeded(groups: tuple[Group, ...], *links: Link, firm: float = 0.0, **more: object) -> list[tuple[str, list[int]]]:
    decided = Decided(links=links, **more)  # type: ignore[arg-type]
    found = heed_decided(made_cases.findings(LOG, groups), LOG, (), decided, firm).findings
    return sorted(members(one) for one in found.groups)


def test_nothing_decided_changes_nothing() -> None:
    found = made_cases.findings(LOG, (group([0, 1, 2]), group([3, 4], "review")))
    result = heed_decided(found, LOG, (), Decided())
    assert result.told == ()
    assert result.findings.groups == heed(found, LOG, ())[0].groups
    assert result.findings.taken is found.taken


def test_joined_groups_are_one_with_the_weaker_error_rate() -> None:
    one = group([0, 2, 4, 6, 8], q_value=0.01, p_value=0.001, e_value=900.0, rivals={"class": 9.0, "company": 2.0})
    two = group([1, 3, 5], q_value=0.04, p_value=0.002, e_value=40.0, rivals={"class": 5.0})
    decided = Decided(links=(Link("together", (names(*range(9)),)),))
    result = heed_decided(made_cases.findings(LOG, (one, two)), LOG, (), decided, 0.0)
    (joined,) = result.findings.groups
    assert members(joined) == ("campaign", [0, 1, 2, 3, 4, 5, 6, 8])
    assert (joined.q_value, joined.p_value, joined.e_value) == (0.04, 0.002, 40.0)
    assert joined.rivals == {"class": 5.0, "company": 2.0}
    assert joined.expected_innocent == pytest.approx(one.expected_innocent + two.expected_innocent)
    assert joined.evidence["content"].tolist() == [1, 1, 2, 2, 3, 3, 4, 5]
    assert "2 are one" in result.told[0]


def test_joining_makes_nobody_more_accused() -> None:
    link = Link("together", (names(*range(9)),))
    assert heeded((group([0, 1, 2, 3]), group([4, 5, 6], "review"), group([7, 8], "review")), link) == [
        ("campaign", [0, 1, 2, 3]),
        ("review", [4, 5, 6, 7, 8]),
    ]


def test_a_group_that_only_brushes_what_was_decided_is_left_alone() -> None:
    link = Link("together", (names(0, 1, 2, 3, 4, 5),))
    groups = (group([0, 1, 2]), group([3, 6, 7, 8, 9, 10, 11]))
    assert heeded(groups, link) == sorted(members(one) for one in groups)


def test_accounts_that_left_the_log_do_not_keep_a_campaign_from_being_known() -> None:
    gone = frozenset(f"gone {number}" for number in range(100))
    link = Link("together", (names(0, 1, 2, 6) | gone,))
    assert heeded((group([0, 1, 2, 3, 4]), group([5, 6])), link) == [("campaign", [0, 1, 2, 3, 4, 5, 6])]


def test_parted_groups_stay_parted_and_a_part_must_stand_by_itself() -> None:
    link = Link("apart", (names(0, 1, 2, 3, 4, 5, 6, 7), names(8, 9)))
    whole = (group(list(range(11))),)
    assert heeded(whole, link) == [
        ("campaign", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("review", [8, 9]),  # fewer than eight accuse nobody
        ("review", [10]),  # nobody decided where it belongs
    ]
    assert {verdict for verdict, _ in heeded(whole, link, firm=99.0)} == {"review"}  # not firm enough alone
    assert heeded((group(list(range(8))),), link) == [("campaign", list(range(8)))]  # one side only


def test_the_later_of_two_decisions_is_applied_to_what_the_earlier_left() -> None:
    together, apart = Link("together", (names(*range(12)),)), Link("apart", (names(*range(8)), names(8, 9, 10, 11)))
    groups = (group([0, 1, 2, 3, 4, 5, 6, 7, 8]), group([9, 10, 11]))
    parted = [("campaign", [0, 1, 2, 3, 4, 5, 6, 7]), ("review", [8, 9, 10, 11])]
    assert heeded(groups, together, apart) == parted
    one = heeded(groups, apart, together)
    assert one == [("campaign", [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11]), ("review", [8])]


def test_who_is_on_hold_is_accused_of_nothing() -> None:
    assert heeded((group(list(range(10))),), held=names(9)) == [("campaign", list(range(9))), ("review", [9])]
    assert heeded((group(list(range(8))),), held=names(0)) == [("review", [0]), ("review", [1, 2, 3, 4, 5, 6, 7])]
    assert heeded((group([0, 1], "review"),), held=names(0)) == [("review", [0, 1])]


def cleared(name: str, innocent: float | None, at: dt.datetime) -> Judgement:
    return Judgement(account_id=name, verdict="cleared", at=at, by="Ada", why="a class", innocent=innocent)


@pytest.mark.parametrize(
    ("innocent", "at", "final", "shown"),
    [
        (0.5, BEFORE, False, True),  # much surer now, by what it did since
        (0.5, AFTER, False, False),  # nothing since
        (0.1, BEFORE, False, False),  # not twenty times surer
        (None, BEFORE, False, False),  # nothing had been stated
        (0.5, BEFORE, True, False),  # an appeal was upheld
    ],
)
def test_a_cleared_account_comes_back_only_with_new_evidence_and_only_before_a_person(
    innocent: float | None, at: dt.datetime, final: bool, shown: bool
) -> None:
    judgement = cleared(NAMES[9], innocent, at)
    decided = Decided((judgement,), final=names(9) if final else frozenset())
    found = made_cases.findings(LOG, (group(list(range(10)), posterior=0.97),))
    result = heed_decided(found, LOG, (), decided, 0.0)
    verdicts = {number: one.verdict for one in result.findings.groups for number in one.accounts.tolist()}
    assert verdicts.get(9) == ("review" if shown else None)
    assert all(verdicts[number] == "campaign" for number in range(9))
    assert result.again == 1
    own = np.array([name == NAMES[9] for name in LOG.column("account_id").to_pylist()])
    assert (result.findings.taken[own].sum() > 0) == shown
    assert np.log(0.5 / 0.5) - np.log(0.03 / 0.97) > BAR  # what the first row rests on


def test_what_an_appeal_cleared_no_evidence_brings_back() -> None:
    found = made_cases.findings(LOG, (group(list(range(10))),))
    upheld = cleared(NAMES[9], 0.5, BEFORE)
    result = heed_decided(found, LOG, (upheld,), Decided((upheld,)), 0.0)
    assert 9 not in {number for one in result.findings.groups for number in one.accounts.tolist()}


def test_the_later_word_about_an_account_counts_whoever_kept_it() -> None:
    found = made_cases.findings(LOG, (group(list(range(10))),))
    confirmed = Judgement(account_id=NAMES[9], verdict="confirmed", at=AFTER, by="Bo", why="x")
    result = heed_decided(found, LOG, (cleared(NAMES[9], 0.5, BEFORE),), Decided((confirmed,)), 0.0)
    assert result.judgements == (confirmed,)
    assert [members(one) for one in result.findings.groups] == [("campaign", list(range(10)))]


def test_what_people_decided_is_read_from_their_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no decisions"):
        decided_in(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
    decisions = opened(tmp_path)
    decide(decisions, "confirm", [faced("a"), faced("b"), faced("x", part=1, campaign_id="C2"), faced("y", part=1)])
    decide(decisions, "dismiss", ["c"], why="a class")
    decide(decisions, "hold", ["d"])
    undo(decisions, decide(decisions, "merge", [faced("a"), faced("x", part=1)]))
    decide(decisions, "split", [faced("a"), faced("b", part=1)])
    approve(decisions, decide(decisions, "suspend", ["e"]))
    decided = decided_in(tmp_path)
    assert {one.account_id: one.verdict for one in decided.judgements} == {
        "a": "confirmed", "b": "confirmed", "x": "confirmed", "y": "confirmed", "c": "cleared",
    }  # fmt: skip
    assert decided.held == {"d"}
    assert decided.final == frozenset()
    assert [(link.kind, link.parts) for link in decided.links] == [
        ("together", (frozenset({"a", "b"}),)),
        ("together", (frozenset({"x", "y"}),)),
        ("apart", (frozenset({"a"}), frozenset({"b"}))),
    ]
    assert decided.last == decisions.last_hash
