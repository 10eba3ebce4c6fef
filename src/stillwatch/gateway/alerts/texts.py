"""Values of an alert as printable text, before each channel escapes them for its own format."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

import msgspec

__all__ = ["fact_lines", "printable"]

HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
MOST_FACTS, LONGEST_VALUE = 30, 200


def printable(value: object, longest: int = LONGEST_VALUE) -> str:
    """``value`` on one line of at most ``longest`` characters; controls, marks of writing direction and invisible
    characters become blanks."""
    if isinstance(value, float):
        text = f"{value:.6g}"
    elif isinstance(value, str):
        text = value[: longest + 1]
    elif isinstance(value, bool | int | None):
        text = str(value)
    else:
        text = msgspec.json.encode(value).decode()
    kept = "".join(" " if unicodedata.category(c) in HIDDEN else c for c in text[: longest + 1])
    return kept if len(kept) <= longest else kept[: longest - 1] + "…"


def fact_lines(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values of at most 30 facts, ``_`` in a name a blank."""
    return [(name.replace("_", " "), printable(value)) for name, value in list(facts.items())[:MOST_FACTS]]
