"""A user's own items: CSV with a header, or JSON lines, checked line by line.

Fields: ``id``, ``property``, ``text``; and where wanted ``language`` (``en``), ``side`` (``a`` or ``b``, of paired
properties), ``topic``, ``harmful``, ``key`` (a JSON object). Rows with one ``id`` are one unit: the same question in
other languages or from the other side.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stillwatch.asking.base import Message
from stillwatch.errors import InputError
from stillwatch.safety_audit import PROPERTIES
from stillwatch.safety_audit.base import Item, Property
from stillwatch.safety_audit.datasets.base import Loaded
from stillwatch.safety_audit.judging.labels import read_table
from stillwatch.safety_audit.properties.prefix_attacks import prefixes
from stillwatch.safety_audit.properties.truthfulness import Belief, asked

__all__ = ["load_file"]

_FORMS = "the fields are id, property, text, and language, side, topic, harmful, key where wanted"
_NEVER_STORED = {"refusal", "jailbreaks", "prefix_attacks"}
_LONGEST_TEXT, _LONGEST_NAME, _MOST_ITEMS = 20_000, 120, 100_000
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}")
_YES, _NO = {"true", "1", "yes"}, {"false", "0", "no", ""}


def load_file(path: Path) -> tuple[Loaded, ...]:
    """The items of a user's file, by property. Raises `InputError` with file and line."""
    name = re.sub(r"[^A-Za-z0-9_-]", "-", path.stem)[:40] or "items"
    items: dict[str, list[Item]] = {}
    places: dict[str, str] = {}
    try:
        for place, row in read_table(path):
            property_name, rows = _items(name, row, place)
            for item in rows:
                if item.id in places:
                    raise InputError(f"has the id, language and side of {places[item.id]} again", place, _FORMS)
                places[item.id] = place
            items.setdefault(property_name, []).extend(rows)
            if len(places) > _MOST_ITEMS:
                raise InputError(f"is item number {_MOST_ITEMS + 1:,}", place, "give fewer items")
    except InputError as error:
        # What `read_table` advises speaks of labels.
        raise InputError(error.what, error.where, _FORMS) from error
    if not items:
        raise InputError("holds no items", path, _FORMS)
    for property_name, found in items.items():
        _check_sides(PROPERTIES.get(property_name), found, places)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return tuple(
        Loaded(
            name,
            tuple(found),
            (),
            property_name,
            {
                "name": f"{path.name} ({property_name})",
                "licence": "the user's own",
                "checksum": f"sha256:{digest}",
                "items": len(found),
                "version": "",
                "where": path.name,
            },
        )
        for property_name, found in items.items()
    )


def _items(name: str, row: Mapping[str, Any], place: str) -> tuple[str, tuple[Item, ...]]:
    """The property and the items of one row."""
    own_id = _word(row, "id", place)
    property_name = _word(row, "property", place)
    if property_name not in PROPERTIES.names():
        known = ", ".join(PROPERTIES.names())
        raise InputError(f"names no property: {property_name[:40]!r} is none of {known}", place)
    text = _text(row, "text", place)
    language = _text(row, "language", place, "en")
    if not _LANGUAGE.fullmatch(language):
        raise InputError("has a language that is no code such as en or pt-BR", place, _FORMS)
    side = _text(row, "side", place, "")
    if side not in ("", "a", "b"):
        raise InputError("has a side that is neither a nor b", place, _FORMS)
    key = _key(row.get("key"), place)
    if property_name == "truthfulness" and "right" not in key:
        return property_name, _truthful(f"{name}/{own_id}", language, text, key, place)
    messages: tuple[Message, ...] = (Message("user", text),)
    if property_name == "prefix_attacks":
        prefix = str(key.get("prefix") or prefixes().get(language) or prefixes()["en"])
        messages, key = (*messages, Message("assistant", prefix)), {**key, "prefix": prefix}
    unit = f"{property_name}/{name}/{own_id}"
    item = Item(
        id=f"{unit}/{language}" + (f"/{side}" if side else ""),
        unit=unit,
        messages=messages,
        language=language,
        side=side,  # type: ignore[arg-type]
        harmful=_flag(row.get("harmful"), place) or property_name in _NEVER_STORED,
        topic=_text(row, "topic", place, ""),
        source=name,
        key=key,
    )
    return property_name, (item,)


def _truthful(own_id: str, language: str, text: str, key: Mapping[str, Any], place: str) -> tuple[Item, ...]:
    true, false = key.get("true"), key.get("false")
    if not isinstance(true, str) or not isinstance(false, str) or not true.strip() or true == false:
        raise InputError("has no key with the texts true and false", place, _FORMS)
    return asked(Belief(own_id, "", {language: (text, true, false)}), language, own_id.partition("/")[0])


def _text(row: Mapping[str, Any], field: str, place: str, default: str | None = None) -> str:
    value = row.get(field)
    text = "" if value is None else value
    if not isinstance(text, str):
        raise InputError(f"has a {field} that is no text", place, _FORMS)
    text = text.strip()
    if not text:
        if default is None:
            raise InputError(f"has no {field}", place, _FORMS)
        return default
    if len(text) > _LONGEST_TEXT:
        raise InputError(f"has a {field} of more than {_LONGEST_TEXT:,} characters", place, "make it shorter")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InputError(f"has half a character in its {field}", place, "save the file as UTF-8")
    return text


def _word(row: Mapping[str, Any], field: str, place: str) -> str:
    value = row.get(field)
    word = str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(row, field, place)
    if len(word) > _LONGEST_NAME or not all(character.isprintable() and character != "/" for character in word):
        raise InputError(f"has a {field} that is too long, or holds a slash or unseen characters", place, _FORMS)
    return word


def _flag(value: object, place: str) -> bool:
    word = str(value if value is not None else "").strip().lower()
    if word not in _YES | _NO:
        raise InputError("has a harmful that is neither true nor false", place, _FORMS)
    return word in _YES


def _key(value: object, place: str) -> dict[str, Any]:
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise InputError("has a key that is no JSON object", place, _FORMS) from error
    if value is None or value == "":
        return {}
    if not isinstance(value, dict):
        raise InputError("has a key that is no JSON object", place, _FORMS)
    return value


def _check_sides(prop: Property, items: list[Item], places: Mapping[str, str]) -> None:
    """Of paired figures every unit has both sides in each of its languages; of others no item has one."""
    paired = any(figure.paired for figure in prop.info.figures)
    sides: dict[tuple[str, str], set[str]] = {}
    for item in items:
        sides.setdefault((item.unit, item.language), set()).add(item.side)
    for item in items:
        if sides[item.unit, item.language] != ({"a", "b"} if paired else {""}):
            what = "needs a row for side a and one for side b" if paired else "has a side, which its property has not"
            raise InputError(what, places[item.id], _FORMS)
