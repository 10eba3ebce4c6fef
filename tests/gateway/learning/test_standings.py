"""A scan's results become claims that say how sure they are."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from stillwatch.campaigns.report import Campaign, Report
from stillwatch.errors import InputError
from stillwatch.gateway.learning.identity import carried_ids
from stillwatch.gateway.learning.standings import subjects_of_report, subjects_of_run
from tests.campaigns.made_reports import ordinary


def _written(report: Report, folder: Path) -> Path:
    folder.mkdir()
    (folder / "report.json").write_bytes(msgspec.json.encode(report))
    return folder


def _unconfirmed(report: Report, campaign_id: str) -> Report:
    """The same report, but that group failed its test."""

    def judged(campaign: Campaign) -> Campaign:
        failed = campaign.campaign_id == campaign_id
        return msgspec.structs.replace(campaign, verdict="review", p_value=0.4) if failed else campaign

    accounts = tuple(
        msgspec.structs.replace(a, verdict="review") if a.campaign_id == campaign_id else a for a in report.accounts
    )
    return msgspec.structs.replace(report, campaigns=tuple(map(judged, report.campaigns)), accounts=accounts)


def test_every_account_that_a_scan_names_has_a_claim_and_nobody_else(tmp_path: Path) -> None:
    report = ordinary()
    subjects = subjects_of_run(_written(report, tmp_path / "run"))
    named = {a.account_id: a for a in report.accounts if a.verdict != "clear" and a.campaign_id}
    assert named
    assert {s.account_id for s in subjects} == set(named)
    for subject in subjects:
        assert subject.level == named[subject.account_id].verdict
        assert subject.campaign_id == named[subject.account_id].campaign_id
        assert subject.ruled_out
        assert subject.run.startswith("scan:")


def test_a_claim_is_never_surer_than_the_account_or_its_campaign() -> None:
    report = ordinary()
    q_values = {c.campaign_id: c.q_value for c in report.campaigns}
    posterior = {a.account_id: a.posterior for a in report.accounts}
    for subject in subjects_of_report(report, "scan:x"):
        assert subject.innocent >= 1 - posterior[subject.account_id]
        assert subject.innocent >= min(q_values[subject.campaign_id], 1)


def test_where_a_group_failed_its_test_innocence_was_never_measured() -> None:
    report = ordinary()
    accused = next(c.campaign_id for c in report.campaigns if c.verdict == "campaign")
    claims = [s for s in subjects_of_report(_unconfirmed(report, accused), "scan:x") if s.campaign_id == accused]
    assert claims
    assert {(s.level, s.innocent) for s in claims} == {("review", 1.0)}


def test_the_same_run_has_the_same_id(tmp_path: Path) -> None:
    first = subjects_of_run(_written(ordinary(), tmp_path / "a"))
    second = subjects_of_run(_written(ordinary(), tmp_path / "b"))
    assert first == second


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[" * 100_000, b"\xff"])
def test_a_folder_that_is_no_run_is_named_in_one_line(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "report.json").write_bytes(content)
    with pytest.raises(InputError, match=r"report\.json: .*; "):
        subjects_of_run(tmp_path)


def test_a_campaign_that_replaces_its_accounts_keeps_its_id() -> None:
    before = {"C1": {"a", "b", "c"}, "C2": {"p", "q"}}
    now = {"C1": {"p", "q", "r", "s"}, "C2": {"b", "c", "d", "e", "f"}, "C3": {"x", "y"}}
    assert carried_ids(before, now) == {"C1": "C2", "C2": "C1", "C3": "C3"}


def test_of_a_campaign_in_two_the_larger_part_goes_on() -> None:
    names = carried_ids({"C7": set("abcdef")}, {"C1": set("ab"), "C2": set("cdef")})
    assert names["C2"] == "C7"
    assert names["C1"] != "C7"


def test_strangers_never_inherit_an_id_that_was_ever_given() -> None:
    assert carried_ids({"C1": {"a", "b"}}, {"C1": {"x", "y"}}, used=["C2"]) == {"C1": "C3"}
    assert carried_ids({}, {"C1": {"a"}}, used=["C1", "C9"]) == {"C1": "C10"}
    assert carried_ids({}, {"C1": {"a"}}) == {"C1": "C1"}
    assert carried_ids({"C1": {"a"}}, {}) == {}
