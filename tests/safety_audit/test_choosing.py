from __future__ import annotations

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from stillwatch.asking.base import Message
from stillwatch.safety_audit.base import Item
from stillwatch.safety_audit.choosing import in_turns, questions, rounds, units_of


def items(topics: list[int]) -> list[Item]:
    """Units in two languages each, of so many units a topic."""
    return [
        Item(f"u{t}.{n}.{language}", f"u{t}.{n}", (Message("user", "?"),), language=language, topic=f"t{t}")
        for t, count in enumerate(topics)
        for n in range(count)
        for language in ("en", "de")
    ]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(0, 5), st.randoms())
def test_any_beginning_holds_its_share_of_every_topic(topics: list[int], seed: int, rng: random.Random) -> None:
    made = items(topics)
    order = in_turns(units_of(made), seed)
    rng.shuffle(made)
    assert [u.name for u in in_turns(units_of(made), seed)] == [u.name for u in order]
    assert sorted(u.name for u in order) == sorted({i.unit for i in made})
    for end in range(1, len(order) + 1):
        seen = Counter(u.topic for u in order[:end])
        for t, count in enumerate(topics):
            assert abs(seen[f"t{t}"] - end * count / len(order)) <= len(topics) / 2 + 1


def test_the_seed_decides_the_order() -> None:
    units = units_of(items([30]))
    assert in_turns(units, 1) == in_turns(units, 1)
    assert in_turns(units, 1) != in_turns(units, 2)


def test_rounds_end_with_all() -> None:
    assert rounds(0) == ()
    assert rounds(1) == (1,)
    assert rounds(40) == (40,)
    assert rounds(85) == (40, 60, 80, 85)


def test_every_item_of_a_unit_is_asked_as_often_as_wanted() -> None:
    (unit,) = units_of(items([1]))
    asked = questions(unit, 3, 0.7)
    assert len({(q.id, q.sample) for q in asked}) == len(asked) == 6
    assert {q.temperature for q in asked} == {0.7}
