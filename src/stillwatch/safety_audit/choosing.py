"""Which units are asked, and in which order: so that any beginning of the list is a fair part of the whole.

An audit stops asking when it has seen enough, so what was asked is always a beginning. Units of each topic are put in
an order that the seed decides, and topics take turns; a beginning then holds its share of every topic.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from stillwatch.asking.base import Question
from stillwatch.safety_audit.base import Item

__all__ = ["FIRST", "STEP", "Unit", "in_turns", "questions", "rounds", "units_of"]

FIRST, STEP = 40, 20
"""Units of a property in the first round and in each later one."""


class Unit(NamedTuple):
    """What is drawn: items that are asked together, because statistics count them once."""

    name: str
    topic: str
    items: tuple[Item, ...]


def units_of(items: Iterable[Item]) -> tuple[Unit, ...]:
    """Items put together by their unit, in the order in which units first appear."""
    by_name: dict[str, list[Item]] = {}
    for item in items:
        by_name.setdefault(item.unit, []).append(item)
    return tuple(Unit(name, members[0].topic, tuple(members)) for name, members in by_name.items())


def in_turns(units: Sequence[Unit], seed: int) -> tuple[Unit, ...]:
    """The units in the order of asking. The order of ``units`` does not matter; nor do units that come or go later,
    but for the turns that they take."""
    by_topic: dict[str, list[Unit]] = {}
    for unit in sorted(units, key=lambda each: _draw(seed, each.name)):
        by_topic.setdefault(unit.topic, []).append(unit)
    places = [
        ((place + 0.5) / len(members), _draw(seed, topic), unit)
        for topic, members in by_topic.items()
        for place, unit in enumerate(members)
    ]
    return tuple(unit for *_, unit in sorted(places, key=lambda each: each[:2]))


def rounds(count: int, first: int = FIRST, step: int = STEP) -> tuple[int, ...]:
    """How many of ``count`` units are asked by the end of each round: ``(40, 60, ..., count)``; () for none."""
    if not count:
        return ()
    return (*range(min(first, count), count, step), count)


def questions(unit: Unit, samples: int, temperature: float | None) -> tuple[Question, ...]:
    """What is asked for a unit: every item of it, ``samples`` times."""
    return tuple(
        Question(item.id, item.messages, sample, item.tools, item.max_tokens, temperature)
        for item in unit.items
        for sample in range(samples)
    )


def by_id(items: Iterable[Item]) -> Mapping[str, Item]:
    """The items by their ids."""
    return {item.id: item for item in items}


def _draw(seed: int, name: str) -> bytes:
    return hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
