"""Attributes and events of spans: dotted names, which may stand for objects in one another and for lists of these."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

__all__ = [
    "CONTENTS",
    "KEPT_WHOLE",
    "LISTED_KEY",
    "OBJECTS_LISTED",
    "Event",
    "Listed",
    "Lists",
    "Names",
    "first",
    "first_has",
    "firsts",
    "flat",
    "names_of",
    "numbered",
    "spread",
]

MAX_NESTING = 32
# The lists that conventions spread over attributes: ``llm.prompts.0.prompt.text``.
LISTED = re.compile(
    r"(llm\.(?:prompts|choices|input_messages|output_messages|tools|request\.functions)"
    r"|gen_ai\.(?:prompt|completion|request\.functions)|message\.contents)\.([0-9]{1,6})(?:\.(.*))?\Z",
    re.DOTALL,
)
# Those that nearly every call has, which `flat` may leave in one piece; and what stands behind their name then.
KEPT_WHOLE = frozenset({"llm.input_messages", "llm.output_messages", "message.contents"})
LISTED_KEY = "\0"
CONTENTS = "message.contents" + LISTED_KEY
OBJECTS_LISTED = 100_000
KEYS_KEPT, KEY_KEPT = 100, 200
SCALARS = frozenset({str, int, float, bool})

Lists = Mapping[str, list[dict[str, Any]]]
Names = Mapping[str, tuple[str, int]]


class Listed(list[dict[str, Any]]):
    """The objects of a list that `flat` left in one piece, each flat itself."""


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


def flat(values: Mapping[str, Any], prefix: str = "", *, lists: bool = False) -> dict[str, Any]:
    """Nested attributes by dotted keys, below ``prefix``; objects in a list are counted from 0. Nulls are left out.

    With ``lists``, messages and their contents stay `Listed`, under their name with `LISTED_KEY`: `numbered` finds the
    same in them as in many attributes, sooner.
    """
    if not prefix and SCALARS.issuperset(map(type, values.values())):
        return dict(values)
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}.{key}" if prefix else key
        if type(value) is str or type(value) is Listed:
            found[name] = value
        elif value is not None:
            _flatten(found, name, value, 1, lists)
    return found


def _flatten(found: dict[str, Any], name: str, value: Any, depth: int, lists: bool) -> None:
    kind = type(value)
    if kind is dict and depth < MAX_NESTING:
        for key, inner in value.items():
            _flatten(found, f"{name}.{key}" if name else key, inner, depth + 1, lists)
    elif kind is list and depth < MAX_NESTING and dict in map(type, value):
        listed = _listed(value, depth) if lists and name in KEPT_WHOLE else None
        if listed is not None and found.setdefault(name + LISTED_KEY, listed) is listed:
            return
        for index, inner in enumerate(value):
            _flatten(found, f"{name}.{index}", inner, depth + 1, lists)
    elif value is not None:
        found[name] = value


def _listed(values: list[Any], depth: int) -> Listed | None:
    """The objects of a list at some ``depth``, each flat; None where others are among them, or nothing in them."""
    found = Listed()
    for value in values if len(values) <= OBJECTS_LISTED and depth + 1 < MAX_NESTING else (None,):
        if type(value) is not dict or "" in value:
            return None
        if set(map(type, value.values())) == {str}:
            found.append(value)
            continue
        told: dict[str, Any] = {}
        for name, inner in value.items():
            if type(inner) is str:
                told[name] = inner
            elif inner is not None:
                _flatten(told, name, inner, depth + 2, True)
        found.append(told)
    return found if any(found) else None


def numbered(values: Mapping[str, Any]) -> Lists:
    """The lists among attributes: of ``a.0.b``, ``a.0.c`` and ``a.1.b`` under ``a`` the objects in their order."""
    keys = tuple(values)
    known = len(keys) <= KEYS_KEPT and (not keys or max(map(len, keys)) <= KEY_KEPT)
    lists: dict[str, list[dict[str, Any]]] = {
        name: [{rest: values[key] for rest, key in told} for told in objects]
        for name, objects in (_places(keys) if known else _places.__wrapped__(keys))
    }
    for name in KEPT_WHOLE:
        listed = values.get(name + LISTED_KEY)
        if type(listed) is Listed:
            if name in lists:
                return numbered(spread(values))
            lists[name] = list(filter(None, listed))
    return lists


_Objects = tuple[tuple[tuple[str, str], ...], ...]


@functools.lru_cache(maxsize=1_000)
def _places(keys: tuple[str, ...]) -> tuple[tuple[str, _Objects], ...]:
    """Where the attributes that spans tell belong: of each list the objects, of each of these the names and the keys.

    Spans of one application tell the same attributes again and again.
    """
    found: dict[str, dict[int, dict[str, str]]] = {}
    for key in keys:
        told = LISTED.match(key)
        if told is not None:
            found.setdefault(told[1], {}).setdefault(int(told[2]), {})[told[3] or ""] = key
    return tuple(
        (name, tuple(tuple(objects[number].items()) for number in sorted(objects))) for name, objects in found.items()
    )


def first_has(values: Mapping[str, Any], name: str, rest: str) -> bool:
    """Whether the first object of a list among attributes has one attribute."""
    listed = values.get(name + LISTED_KEY)
    return (type(listed) is Listed and rest in listed[0]) or f"{name}.0.{rest}" in values


def spread(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same attributes, none of them `Listed`: where a list is told in both ways."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if type(value) is Listed:
            for number, told in enumerate(value):
                name = f"{key.removesuffix(LISTED_KEY)}.{number}"
                found |= {f"{name}.{rest}": inner for rest, inner in spread(told).items()}
        else:
            found[key] = value
    return found
