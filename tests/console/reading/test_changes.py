"""Two runs are compared by who is in their campaigns; what they call them says nothing."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from stillwatch.campaigns.report import Account, Campaign, Verdict
from stillwatch.console.reading import open_run
from stillwatch.console.reading.changes import Changes
from stillwatch.errors import InputError
from tests.campaigns import made_reports
from tests.console.reading.made_runs import written

Groups = dict[str, tuple[Verdict, str]]
"""A group's verdict and its accounts, one letter each."""


def run_of(groups: Groups, out: Path, others: str = "") -> Path:
    campaigns: list[Campaign] = []
    accounts: list[Account] = []
    rng = random.Random(1)
    for name, (verdict, members) in groups.items():
        campaign, _ = made_reports.campaign(
            name, len(members), 1, verdict=verdict, members=tuple(members), artefacts=(), taken=10.0 * len(members)
        )
        campaigns.append(campaign)
        accounts += [made_reports.account(member, name, verdict, rng) for member in members]
    accounts += [made_reports.account(name, None, "clear", rng) for name in others]
    return written(made_reports.report(campaigns, accounts), out)


def compared(before: Groups, now: Groups, tmp_path: Path, others: str = "") -> Changes:
    run = open_run(run_of(now, tmp_path / "now", others), before=run_of(before, tmp_path / "before"))
    assert run.changes is not None
    return run.changes


def told(changes: Changes) -> list[tuple[str, str, str]]:
    return [(change.kind, change.now, change.before) for change in changes.campaigns]


def test_a_campaign_is_followed_by_its_accounts_when_ids_change_places(tmp_path: Path) -> None:
    before: Groups = {"C1": ("campaign", "abcdef"), "C2": ("campaign", "uvwxyz")}
    now: Groups = {"C1": ("campaign", "uvwxyzst"), "C2": ("campaign", "abcde")}
    changes = compared(before, now, tmp_path)
    assert told(changes) == [("grown", "C1", "C2"), ("shrunk", "C2", "C1")]
    assert (changes.campaigns[0].accounts_before, changes.campaigns[0].accounts_now, changes.campaigns[0].shared) == (
        6,
        8,
        6,
    )


def test_new_ended_and_unchanged_campaigns_are_told_apart(tmp_path: Path) -> None:
    before: Groups = {"C1": ("campaign", "abcd"), "C2": ("campaign", "wxyz")}
    now: Groups = {"C1": ("campaign", "mnopq"), "C2": ("campaign", "abcd")}
    assert told(compared(before, now, tmp_path)) == [("new", "C1", ""), ("ended", "", "C2"), ("same", "C2", "C1")]


def test_a_group_under_review_that_is_accused_now_is_no_new_one(tmp_path: Path) -> None:
    before: Groups = {"C1": ("review", "abcd"), "C2": ("campaign", "wxyz")}
    now: Groups = {"C1": ("campaign", "abcde"), "C2": ("review", "wxyz"), "C3": ("review", "mnop")}
    assert told(compared(before, now, tmp_path)) == [("accused", "C1", "C1"), ("doubted", "C2", "C2")]


def test_accounts_accused_cleared_and_gone_are_counted(tmp_path: Path) -> None:
    changes = compared({"C1": ("campaign", "abcdef")}, {"C1": ("campaign", "abcxy")}, tmp_path, others="d")
    assert (changes.accused, changes.cleared, changes.gone) == (2, 1, 2)
    assert (changes.taken_before, changes.taken_now) == (60.0, 50.0)


def test_the_first_campaign_of_all_and_the_last_are_told(tmp_path: Path) -> None:
    assert told(compared({}, {"C1": ("campaign", "abcd")}, tmp_path / "a")) == [("new", "C1", "")]
    assert told(compared({"C1": ("campaign", "abcd")}, {}, tmp_path / "b", others="abcd")) == [("ended", "", "C1")]


def test_a_gateways_nightly_run_is_compared_with_that_of_the_night_before(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for night, members in (("20261126", "abcd"), ("20261127", "abcdef"), ("20261128", "abcdefgh")):
        run_of({"C1": ("campaign", members)}, runs / night)
    (runs / ".20261127x.staging-0011aabb").mkdir()
    (runs / ".20261127x.staging-0011aabb" / "manifest.json").write_text("{}")
    changes = open_run(runs / "20261128").changes
    assert changes is not None
    assert changes.campaigns[0].accounts_before == 6
    assert open_run(runs / "20261126").changes is None


def test_a_run_before_that_is_none_is_one_line(tmp_path: Path) -> None:
    now = run_of({"C1": ("campaign", "abcd")}, tmp_path / "now")
    with pytest.raises(InputError, match="is no run of Stillwatch"):
        open_run(now, before=tmp_path)
