"""What others' Sigma rules say of AS numbers, JA4s and addresses, as far as one value alone is what a rule looks for.

Most rules join several fields: then one value of them is no indicator, and to take it for one would touch people whom
the rule's author never meant. So only alternatives are read: names joined by "or", selections of one field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from stillwatch.sharing.formats.values import address_value, asn_value, ja4_value

__all__ = ["NotAlone", "indicator_of", "values_of"]

TOKEN = re.compile(r"[^\s()]+|[()]")
LONGEST_CONDITION = 4096
MOST_CONDITIONS = 20
MOST_SELECTIONS = 500
PLAIN = ("or", "(", ")")
ONE_OF = ("1", "any")
EXACT = {(), ("cidr",)}
"""What may stand behind a field's name, for its values to be what the field is."""


class NotAlone(ValueError):
    """The rule looks for several things together, or for what is only like a value."""


def values_of(detection: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """(field, value) of everything that by itself fulfils the rule. Raises `NotAlone`, or ValueError: no detection."""
    condition = detection.get("condition")
    conditions = condition if isinstance(condition, list) else [condition]
    if len(conditions) > MOST_CONDITIONS or len(detection) > MOST_SELECTIONS:
        raise ValueError("its detection has too many parts")
    names = {name for text in conditions for name in _named(text, detection)}
    for name in sorted(names):
        selection = detection[name]
        for item in selection if isinstance(selection, list) else [selection]:
            if not isinstance(item, dict):
                raise NotAlone("it looks for words anywhere")
            if len(item) != 1:
                raise NotAlone("it joins several fields")
            ((field, values),) = item.items()
            called, *modifiers = str(field).split("|")
            if tuple(modifiers) not in EXACT:
                raise NotAlone("it looks for what is like a value")
            for value in values if isinstance(values, list) else [values]:
                yield called, value


def _named(condition: object, detection: dict[str, Any]) -> Iterator[str]:
    """The selections that a condition of alternatives names."""
    if not isinstance(condition, str) or len(condition) > LONGEST_CONDITION:
        raise ValueError("its condition is no text")
    selections = [name for name in detection if name not in ("condition", "timeframe")]
    tokens = [token for token in TOKEN.findall(condition) if token.lower() not in PLAIN]
    while tokens:
        first = tokens.pop(0)
        if first.lower() in ONE_OF and len(tokens) > 1 and tokens[0].lower() == "of":
            yield from _matching(tokens[1], selections)
            del tokens[:2]
        elif first in selections:
            yield first
        else:
            raise NotAlone("its condition joins or excludes selections")


def _matching(pattern: str, selections: list[str]) -> list[str]:
    """``them``, a name, or the beginning of one and a star."""
    if pattern.lower() == "them":
        return [name for name in selections if not name.startswith("_")]
    start, star, rest = pattern.partition("*")
    if rest:
        raise NotAlone("its condition names selections in a way that is not read")
    found = [name for name in selections if (name.startswith(start) if star else name == start)]
    if not found:
        raise NotAlone("its condition names no selection")
    return found


def indicator_of(field: str, value: object) -> tuple[str, str] | None:
    """The kind and value, by what the field is called; None for one that means nothing here. Raises ValueError."""
    if not isinstance(value, str):
        return None
    parts = [part for part in re.split("[^a-z0-9]+", field.lower()[:200]) if part] or [""]
    last = parts[-1]
    if last.endswith("asn") or parts[-2:] == ["as", "number"]:
        return "asn", asn_value(value)
    if last.endswith("ja4"):
        return "ja4", ja4_value(value)
    if last.endswith(("ip", "ipv4", "ipv6", "addr", "address")):
        return address_value(value)
    return None
