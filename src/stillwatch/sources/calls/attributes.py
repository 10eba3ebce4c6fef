"""Attributes and events of spans: dotted names, which may stand for objects in one another and for lists of these."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

__all__ = ["Event", "Lists", "Names", "first", "firsts", "flat", "names_of", "numbered"]

MAX_NESTING = 32
# The lists that conventions spread over attributes: ``llm.prompts.0.prompt.text``.
LISTED = re.compile(
    r"(llm\.(?:prompts|choices|input_messages|output_messages|tools|request\.functions)"
    r"|gen_ai\.(?:prompt|completion|request\.functions)|message\.contents)\.([0-9]{1,6})(?:\.(.*))?\Z",
    re.DOTALL,
)
KEY_KEPT = 200

Lists = Mapping[str, list[dict[str, Any]]]
Names = Mapping[str, tuple[str, int]]


class Event(NamedTuple):
    """Something that was told of a call beside its attributes: its name, and its attributes and body in one."""

    name: str
    values: Mapping[str, Any]


def first(values: Mapping[str, Any], *names: str) -> Any:
    """The first of some attributes that is told: neither missing, nor null, nor the empty text."""
    for name in names:
        value = values.get(name)
        if value is not None and value != "":
            return value
    return None


def names_of(columns: Mapping[str, Sequence[str]]) -> Names:
    """What `firsts` looks for: of each column the attributes that may tell it, the best first; each of one column."""
    return {name: (column, rank) for column, names in columns.items() for rank, name in enumerate(names)}


def firsts(values: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """`first` for many columns at once: those of which an attribute tells something, and what."""
    found: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    for name in names.keys() & values.keys():  # few of all names that there are
        value = values[name]
        if value is not None and value != "":
            column, rank = names[name]
            if column not in ranks or rank < ranks[column]:
                found[column], ranks[column] = value, rank
    return found


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested attributes by dotted keys, below ``prefix``; objects in a list are counted from 0. Nulls are left out."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}.{key}" if prefix else key
        if type(value) is str:
            found[name] = value
        else:
            _flatten(found, name, value, 1)
    return found


def _flatten(found: dict[str, Any], name: str, value: Any, depth: int) -> None:
    kind = type(value)
    if kind is dict and depth < MAX_NESTING:
        for key, inner in value.items():
            _flatten(found, f"{name}.{key}" if name else key, inner, depth + 1)
    elif kind is list and depth < MAX_NESTING and any(type(item) is dict for item in value):
        for index, inner in enumerate(value):
            _flatten(found, f"{name}.{index}", inner, depth + 1)
    elif value is not None:
        found[name] = value


def numbered(values: Mapping[str, Any]) -> Lists:
    """The lists among attributes: of ``a.0.b``, ``a.0.c`` and ``a.1.b`` under ``a`` the objects in their order."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for key, value in values.items():
        place = _place(key) if len(key) <= KEY_KEPT else _place.__wrapped__(key)
        if place is not None:
            name, number, rest = place
            found.setdefault(name, {}).setdefault(number, {})[rest] = value
    return {name: [objects[number] for number in sorted(objects)] for name, objects in found.items()}


@functools.lru_cache(maxsize=10_000)
def _place(key: str) -> tuple[str, int, str] | None:
    """Where an attribute belongs: the list's name, the place in it, the attribute of what stands there."""
    told = LISTED.match(key)
    return None if told is None else (told[1], int(told[2]), told[3] or "")
