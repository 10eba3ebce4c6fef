"""What a peer's word is worth is earned case by case, bounded, and kept whole."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import InputError
from stillwatch.sharing.peers import (
    MOST,
    Ledger,
    Sighting,
    judge,
    note,
    read_ledger,
    record_of,
    write_ledger,
)

DAY = dt.date(2026, 11, 1)
PEER = str(UUID(int=7, version=4))


def sighting(number: int, peer: str = PEER) -> Sighting:
    return Sighting(
        bulletin=str(UUID(int=number, version=4)),
        peer=peer,
        name="Example AI",
        first_day=DAY,
        accounts=60,
        p_value=0.001,
    )


def judged(right: list[str], wrong: int) -> Ledger:
    """A ledger with one sighting for each case that was right, by name, and so many that were wrong."""
    ledger = note(Ledger(), tuple(sighting(i) for i in range(len(right) + wrong)))
    for i, case in enumerate(right):
        ledger = judge(ledger, str(UUID(int=i, version=4)), case=case, on=DAY)
    for i in range(wrong):
        ledger = judge(ledger, str(UUID(int=len(right) + i, version=4)), case=None, on=DAY)
    return ledger


def test_a_peer_that_nobody_has_seen_to_be_right_moves_nothing() -> None:
    assert record_of(Ledger(), PEER).weight == 0
    assert record_of(note(Ledger(), (sighting(1),)), PEER).weight == 0


def test_a_peer_that_was_right_has_earned_a_word_and_one_that_was_wrong_as_often_has_not() -> None:
    assert record_of(judged(["a", "b", "c"], 0), PEER).weight == pytest.approx(math.log(4))
    assert record_of(judged(["a", "b", "c"], 3), PEER).weight == 0
    assert record_of(judged(["a"], 5), PEER).weight == 0, "a wrong peer's word does not speak for the accused either"


def test_repeating_one_case_earns_nothing_more() -> None:
    once, often = record_of(judged(["a"], 0), PEER), record_of(judged(["a"] * 50, 0), PEER)
    assert often.weight == once.weight
    assert often.right == 1


@given(st.lists(st.sampled_from([f"case {i}" for i in range(40)]), max_size=40), st.integers(0, 20))
def test_no_record_earns_more_than_the_bound_and_a_wrong_one_never_adds(cases: list[str], wrong: int) -> None:
    ledger = judged(cases, wrong)
    weight = record_of(ledger, PEER).weight
    assert 0 <= weight <= MOST
    assert record_of(judged(cases, wrong + 1), PEER).weight <= weight


def test_what_one_peer_earned_is_not_another_peers() -> None:
    other = str(UUID(int=8, version=4))
    ledger = note(judged(["a", "b"], 0), (sighting(99, other),))
    assert record_of(ledger, other).weight == 0


def test_a_bulletin_seen_again_stays_judged() -> None:
    ledger = judged(["a"], 0)
    assert note(ledger, (sighting(0),)) == ledger


def test_a_judgement_can_be_taken_back() -> None:
    ledger = judge(judged(["a"], 0), str(UUID(int=0, version=4)), case=None, on=DAY)
    record = record_of(ledger, PEER)
    assert (record.right, record.wrong) == (0, 1)


def test_a_bulletin_that_was_never_sighted_cannot_be_judged() -> None:
    with pytest.raises(InputError, match="never sighted"):
        judge(Ledger(), str(UUID(int=5, version=4)), case="a", on=DAY)


@pytest.mark.parametrize("case", ["", "\x1b[31mred", "a" * 65, "=cmd", "a\nb"])
def test_a_case_has_a_plain_name(case: str) -> None:
    with pytest.raises(InputError, match="no name of a case"):
        judge(note(Ledger(), (sighting(1),)), str(UUID(int=1, version=4)), case=case, on=DAY)


def test_the_ledger_is_kept_as_it_was(tmp_path: Path) -> None:
    ledger = judged(["a", "b"], 1)
    write_ledger(tmp_path / "ledger.json", ledger)
    assert read_ledger(tmp_path / "ledger.json") == ledger
    assert read_ledger(tmp_path / "none.json") == Ledger()


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"version":9}', b"\xff\xfe", b'{"version":1,"sightings":[{}]}', b"[" * 100_000]
)
def test_a_file_that_is_no_ledger_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ledger.json").write_bytes(content)
    with pytest.raises(InputError, match="is no ledger"):
        read_ledger(tmp_path / "ledger.json")
    assert (tmp_path / "ledger.json").read_bytes() == content


def test_a_ledger_cannot_carry_a_made_up_name(tmp_path: Path) -> None:
    told = msgspec.to_builtins(note(Ledger(), (sighting(1),)))
    told["sightings"][0]["name"] = "\x1b]0;evil\x07"
    (tmp_path / "ledger.json").write_bytes(msgspec.json.encode(told))
    with pytest.raises(InputError):
        read_ledger(tmp_path / "ledger.json")
