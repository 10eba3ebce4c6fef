"""The split is settled before the suspect is asked, and a report can show it."""

from __future__ import annotations

import pytest

from stillwatch.proving.twins.base import Pair
from stillwatch.proving.twins.splitting import (
    about,
    chooses,
    coin,
    commitment,
    departure,
    digest_of,
    fresh_key,
    in_order,
)

KEY = bytes(range(32))
PAIRS = [
    Pair(prompt_id="a", prompt="p", taken="r\ud800", twins=("s",)),
    Pair(prompt_id="b", prompt="q", taken="t", twins=("u",)),
]


def test_a_key_halves_units_and_another_halves_them_otherwise() -> None:
    names = [f"unit{i}" for i in range(2000)]
    one, other = ([chooses(key, name) for name in names] for key in (KEY, fresh_key()))
    assert 900 < sum(one) < 1100
    assert 850 < sum(a != b for a, b in zip(one, other, strict=True)) < 1150
    assert {coin(KEY, name, 3) for name in names} == {0, 1, 2}
    assert sorted(in_order(KEY, names)) == list(range(2000))
    assert in_order(KEY, names[::-1]) == [1999 - i for i in in_order(KEY, names)]


def test_what_was_settled_binds_to_the_pairs_and_the_key_and_does_not_tell_the_key() -> None:
    head = about(PAIRS, KEY)
    assert departure(head, PAIRS, KEY) == ""
    assert KEY.hex() not in str(head)
    assert commitment(KEY) in str(head)
    assert "not those that were settled" in departure(head, PAIRS[::-1], KEY)
    assert "key of the split" in departure(head, PAIRS, bytes(32))


@pytest.mark.parametrize("head", [None, {}, {"twins": "yes"}])
def test_answers_that_were_not_sealed_for_it_show_nothing(head: dict[str, object] | None) -> None:
    assert "nothing shows" in departure(head, PAIRS, KEY)


def test_the_digest_changes_with_every_part_of_a_pair() -> None:
    whole = {
        digest_of([Pair(prompt_id=i, prompt=p, taken=r, twins=t, control=c)])
        for i, p, r, t, c in [
            ("a", "p", "r", ("s",), False),
            ("b", "p", "r", ("s",), False),
            ("a", "q", "r", ("s",), False),
            ("a", "p", None, ("r", "s"), False),
            ("a", "p", "r", ("s", ""), False),
            ("a", "p", "r", ("s",), True),
        ]
    }
    assert len(whole) == 6
