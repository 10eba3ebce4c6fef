"""Appeals as they are kept."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from stillwatch.errors import InputError, UsageError
from stillwatch.gateway.appeals.record import KEPT, Appeals

NOON = dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC)
ONE, TWO = "AAAAAAAAA2", "BBBBBBBBB3"


def test_files_are_for_the_gateways_user_and_hold_no_ticket(tmp_path: Path) -> None:
    appeals = Appeals(tmp_path / "appeals")
    ticket = appeals.open(ONE, "a", "C1", "words", now=NOON)
    assert (tmp_path / "appeals").stat().st_mode & 0o777 == 0o700
    assert ticket not in (tmp_path / "appeals" / f"{ONE}.json").read_text()
    assert appeals.followed(ONE, ticket) == appeals.get(ONE)
    assert appeals.followed(ONE, "") is None
    assert appeals.followed("../../etc/x", ticket) is None


def test_words_are_forgotten_thirty_days_after_the_decision_and_the_decision_stays(tmp_path: Path) -> None:
    appeals = Appeals(tmp_path / "appeals")
    for reference in (ONE, TWO):
        appeals.open(reference, "a", "C1", "words", "me@example.org", now=NOON)
    appeals.decide(ONE, "upheld", by="Ada", why="a class", answer="Sorry.", now=NOON)
    assert appeals.forget(NOON + KEPT - dt.timedelta(seconds=1)) == 0
    assert appeals.forget(NOON + KEPT) == 1
    assert appeals.forget(NOON + KEPT) == 0
    old = appeals.get(ONE)
    assert old is not None
    assert (old.statement, old.contact, old.status, old.why) == ("", "", "upheld", "a class")
    waiting = appeals.get(TWO)
    assert waiting is not None
    assert waiting.statement == "words"  # nobody decided: nothing is forgotten


def test_open_ones_are_first_and_are_decided_once(tmp_path: Path) -> None:
    appeals = Appeals(tmp_path / "appeals")
    appeals.open(ONE, "a", "C1", "one", now=NOON)
    appeals.open(TWO, "b", "C1", "two", now=NOON + dt.timedelta(hours=1))
    appeals.decide(ONE, "rejected", by="Ada", why="x", answer="y", now=NOON)
    assert [appeal.reference for appeal in appeals.all()] == [TWO, ONE]
    with pytest.raises(UsageError):
        appeals.decide(ONE, "upheld", by="Ada", why="x", answer="y", now=NOON)
    with pytest.raises(UsageError):
        appeals.decide("CCCCCCCCC4", "upheld", by="Ada", why="x", answer="y", now=NOON)
    appeals.open(ONE, "a", "C1", "again", now=NOON)
    heard = appeals.get(ONE)
    assert heard is not None
    assert (heard.again, heard.status) == (1, "open")


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    appeals = Appeals(tmp_path / "appeals")
    (tmp_path / "appeals" / f"{ONE}.json").write_text("{")
    with pytest.raises(InputError, match=ONE):
        appeals.all()
