"""People's judgements: read strictly, heeded by every scan, counted against the detector."""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from stillwatch.campaigns import wording
from stillwatch.campaigns.heeding import heed, judged
from stillwatch.campaigns.judgements import Judgement, note, read_judgements
from stillwatch.errors import InputError
from stillwatch.exchange import in_order
from tests.campaigns import made_cases
from tests.campaigns.made_cases import group

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


def judgement(account: str, verdict: str = "cleared", **more: object) -> Judgement:
    return Judgement(account_id=account, verdict=verdict, at=NOON, by="Ada", why="a class", **more)  # type: ignore[arg-type]


def test_the_latest_judgement_about_an_account_counts(tmp_path: Path) -> None:
    path = tmp_path / "judgements.jsonl"
    note(path, judgement("b"))
    note(path, judgement("a"))
    later = Judgement(
        account_id="b", verdict="confirmed", at=NOON + dt.timedelta(hours=1), by="Bo", why="admitted", innocent=0.02
    )
    note(path, later)
    assert read_judgements(path) == (judgement("a"), later)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"account_id": "a"}',
        json.dumps({"account_id": "a", "verdict": "guilty", "at": "2026-11-20T12:00:00Z", "by": "x", "why": "y"}),
        json.dumps({"account_id": "a", "verdict": "cleared", "at": "2026-11-20T12:00:00", "by": "x", "why": "y"}),
        json.dumps({"account_id": "a", "verdict": "cleared", "at": "2026-11-20T12:00:00Z", "by": " ", "why": "y"}),
        json.dumps(
            {"account_id": "a", "verdict": "cleared", "at": "2026-11-20T12:00:00Z", "by": "x", "why": "y",
             "innocent": 1.5}
        ),
        "\x00\udcff",
    ],
)  # fmt: skip
def test_a_line_that_is_no_judgement_is_named_and_nothing_is_passed_over(tmp_path: Path, line: str) -> None:
    path = tmp_path / "judgements.jsonl"
    note(path, judgement("a"))
    with path.open("ab") as file:
        file.write(line.encode("utf-8", "surrogateescape") + b"\n")
    with pytest.raises(InputError, match=r"judgements\.jsonl:2: ") as raised:
        read_judgements(path)
    assert "\n" not in str(raised.value)


def test_no_file_is_an_error_and_an_empty_one_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_judgements(tmp_path / "absent")
    (tmp_path / "empty").touch()
    assert read_judgements(tmp_path / "empty") == ()


def _write_many(path: Path, name: str) -> None:
    for number in range(50):
        note(path, judgement(f"{name}{number}"))


def test_two_processes_may_note_at_once(tmp_path: Path) -> None:
    path = tmp_path / "judgements.jsonl"
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write_many, args=(path, name)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(read_judgements(path)) == 100


def test_a_cleared_account_is_in_no_group_and_nothing_was_taken_by_it() -> None:
    exchanges = in_order(made_cases.log())
    names = made_cases.ACCOUNTS
    found = made_cases.findings(exchanges, (group(list(range(9))),))
    heeded, again = heed(
        found, exchanges, [judgement(names[3]), judgement("never seen"), judgement(names[4], "confirmed")]
    )
    assert again == 1
    (left,) = heeded.groups
    assert left.accounts.tolist() == [0, 1, 2, 4, 5, 6, 7, 8]
    assert left.verdict == "campaign"
    assert all(len(bars) == 8 for bars in left.evidence.values())
    assert left.expected_innocent == pytest.approx(float((1 - left.posterior).sum()))
    own = np.array([name == names[3] for name in exchanges.column("account_id").to_pylist()])
    assert heeded.taken[own].sum() == 0
    assert np.array_equal(heeded.taken[~own], found.taken[~own])


def test_a_group_that_judgements_made_small_accuses_nobody() -> None:
    exchanges = in_order(made_cases.log())
    found = made_cases.findings(exchanges, (group(list(range(8))), group([8], "review")))
    heeded, again = heed(found, exchanges, [judgement(made_cases.ACCOUNTS[n]) for n in (0, 8)])
    assert again == 2
    assert [g.verdict for g in heeded.groups] == ["review"]


def test_without_judgements_nothing_changes() -> None:
    exchanges = in_order(made_cases.log())
    found = made_cases.findings(exchanges, (group([0, 1, 2]),))
    assert heed(found, exchanges, ()) == (found, 0)
    assert heed(found, exchanges, [judgement(made_cases.ACCOUNTS[0], "confirmed")])[0] is found


def test_the_record_counts_what_was_stated_beside_what_was_found() -> None:
    record = judged([judgement("a", innocent=0.1), judgement("b", "confirmed", innocent=0.02), judgement("c")], 1)
    assert (record.accounts, record.cleared, record.kept_out) == (3, 2, 1)
    assert record.low < 2 / 3 < record.high
    assert record.stated_accounts == 2
    assert record.stated_innocent == pytest.approx(0.12)
    said = wording.record(record)
    assert "People judged 3 accounts and cleared 2" in said
    assert "0.12 innocent were expected" in said
    nothing = judged((), 0)
    assert (nothing.share, nothing.low, nothing.high) == (0.0, 0.0, 1.0)
