"""Attributes and events of spans: dotted names, which may stand for objects in one another and for lists of these."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

__all__ = [
    "CONTENTS",
    "KEPT_WHOLE",
    "LISTED_KEY",
    "OBJECTS_LISTED",
    "BySet",
    "Event",
    "Listed",
    "Lists",
    "Names",
    "first",
    "first_has",
    "flat",
    "flat_columns",
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
_KEPT_WHOLE = tuple(KEPT_WHOLE)
LISTED_KEY = "\0"
CONTENTS = "message.contents" + LISTED_KEY
OBJECTS_LISTED = 100_000
SETS_KEPT, KEYS_KEPT, KEY_KEPT = 1_000, 100, 200
SCALARS = frozenset({str, int, float, bool})

Lists = Mapping[str, list[dict[str, Any]]]


class Listed(list[dict[str, Any]]):
    """The objects of a list that `flat` left in one piece, each flat itself."""

    __slots__ = ()


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


class BySet(dict[tuple[str, ...], Any]):
    """What was made of the names of some attributes: spans of one application tell the same ones again and again."""

    def __init__(self, make: Callable[[tuple[str, ...]], Any]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, keys: tuple[str, ...]) -> Any:
        made = self._make(keys)
        if len(keys) <= KEYS_KEPT and (not keys or max(map(len, keys)) <= KEY_KEPT):  # strangers choose names
            if len(self) >= SETS_KEPT:
                self.clear()
            self[keys] = made
        return made


class Names:
    """Which attributes may tell which columns: of each column their names, the best first; each name of one column."""

    def __init__(self, columns: Mapping[str, Sequence[str]]) -> None:
        self._of = {name: (column, rank) for column, names in columns.items() for rank, name in enumerate(names)}
        self._by_set = BySet(self._among)

    def firsts(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """`first` for all columns at once: those of which an attribute tells something, and what."""
        found: dict[str, Any] = {}
        for column, name, others in self._by_set[tuple(values)]:
            value = values[name]
            if value is None or value == "":
                value = first(values, *others)
                if value is None:
                    continue
            found[column] = value
        return found

    def among(self, keys: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Of some attributes those that may tell each column, the best first."""
        return {column: (name, *others) for column, name, others in self._among(tuple(keys))}

    def _among(self, keys: tuple[str, ...]) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        ranked: dict[str, list[tuple[int, str]]] = {}
        for name in self._of.keys() & set(keys):
            column, rank = self._of[name]
            ranked.setdefault(column, []).append((rank, name))
        names = {column: [name for _, name in sorted(found)] for column, found in ranked.items()}
        return tuple((column, first, tuple(others)) for column, (first, *others) in names.items())


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
            _flatten(found, name, value, 1, lists, False)
    return found


def flat_columns(row: Mapping[str, Any], names: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """`flat` with lists, of a data frame's columns: of some of them their own names and the attributes'.

    "Not a number" is a null there.
    """
    found: dict[str, Any] = {}
    for column, name in names:
        value = row[column]
        if type(value) is str or type(value) is int:
            found[name] = value
        elif value is not None:
            _flatten(found, name, value, 1, True, True)
    return found


def _flatten(found: dict[str, Any], name: str, value: Any, depth: int, lists: bool, frame: bool) -> None:
    kind = type(value)
    if kind is dict and depth < MAX_NESTING:
        for key, inner in value.items():
            _flatten(found, f"{name}.{key}" if name else key, inner, depth + 1, lists, frame)
    elif kind is list and depth < MAX_NESTING and dict in map(type, value):
        listed = _listed(value, depth, frame) if lists and name in KEPT_WHOLE else None
        if listed is not None and found.setdefault(name + LISTED_KEY, listed) is listed:
            return
        for index, inner in enumerate(value):
            _flatten(found, f"{name}.{index}", inner, depth + 1, lists, frame)
    elif value is not None and (value == value or not frame):
        if value == [] and name.endswith(_KEPT_WHOLE):
            return  # no messages, as a data frame's column of them tells it too
        found[name] = value


def _listed(values: list[Any], depth: int, frame: bool) -> Listed | None:
    """The objects of a list at some ``depth``, each flat; None where others are among them, or nothing in them."""
    found = Listed()
    for value in values if len(values) <= OBJECTS_LISTED and depth + 1 < MAX_NESTING else (None,):
        if type(value) is not dict or "" in value:
            return None
        for inner in value.values():
            if type(inner) is not str:
                break
        else:
            found.append(value)
            continue
        told: dict[str, Any] = {}
        for name, inner in value.items():
            if type(inner) is str:
                told[name] = inner
            elif inner is not None:
                _flatten(told, name, inner, depth + 2, True, frame)
        found.append(told)
    return found if any(found) else None


def numbered(values: Mapping[str, Any]) -> Lists:
    """The lists among attributes: of ``a.0.b``, ``a.0.c`` and ``a.1.b`` under ``a`` the objects in their order."""
    spread_out, in_one = _PLACES[tuple(values)]
    lists: dict[str, list[dict[str, Any]]] = {}
    for name, objects in spread_out:
        lists[name] = [{rest: values[key] for rest, key in told} for told in objects]
    for name, key in in_one:
        listed = values[key]
        if type(listed) is Listed:
            if name in lists:
                return numbered(spread(values))
            lists[name] = listed if all(listed) else list(filter(None, listed))
    return lists


_Objects = tuple[tuple[tuple[str, str], ...], ...]
_Places = tuple[tuple[tuple[str, _Objects], ...], tuple[tuple[str, str], ...]]


def _places(keys: tuple[str, ...]) -> _Places:
    """Where attributes belong: of each list the objects, of each of these the names and keys; and the lists in one."""
    found: dict[str, dict[int, dict[str, str]]] = {}
    for key in keys:
        told = LISTED.match(key)
        if told is not None:
            found.setdefault(told[1], {}).setdefault(int(told[2]), {})[told[3] or ""] = key
    spread_out = tuple(
        (name, tuple(tuple(objects[number].items()) for number in sorted(objects))) for name, objects in found.items()
    )
    return spread_out, tuple((name, name + LISTED_KEY) for name in KEPT_WHOLE if name + LISTED_KEY in keys)


_PLACES = BySet(_places)


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
