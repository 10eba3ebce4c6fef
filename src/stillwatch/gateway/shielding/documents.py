"""JSON of a model's answer, read so that nothing can hide in it, and written again.

A key that stands twice is read by some clients as the first and by others as the last: such a document never passes as
the bytes that it was.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

__all__ = ["Unreadable", "read", "write"]

_DECODE = msgspec.json.Decoder().decode
_ENCODE = msgspec.json.Encoder().encode
_DEEPEST = 200
# Only a document with one of these can hold reasoning under a name that a plain decoder does not show.
_SUSPECT = (b"reason", b"think", b"thought", b'"cot"', b"\\u00")


class Unreadable(ValueError):
    """No JSON, or deeper than anybody would send."""


def read(data: bytes, *, careful: bool = False) -> tuple[Any, bool]:
    """The document, and whether its bytes may pass as they are (no key stands twice). Raises `Unreadable`.

    ``careful`` looks for such keys everywhere (requests: their callers may be hostile), else only where a name of
    reasoning stands anywhere (answers: the model's server is not)."""
    value: Any
    try:
        value = _DECODE(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        value = _lenient(data)[0]
    if _deeper(value, _DEEPEST):
        raise Unreadable("nested too deeply")
    folded = data.lower()
    if not careful and not any(mark in folded for mark in _SUSPECT):
        return value, True
    plain, doubled = _lenient(data)
    return (plain, False) if doubled else (value, True)


def _lenient(data: bytes) -> tuple[Any, bool]:
    """As the standard library reads it (half of a surrogate pair, NaN, integers of any length), and whether a key
    stood twice. Of those that did, each but the last is left out."""
    doubled = False

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal doubled
        value = dict(found)
        doubled = doubled or len(value) != len(found)
        return value

    try:
        return json.loads(data, object_pairs_hook=pairs), doubled
    except (ValueError, RecursionError) as error:
        raise Unreadable("no JSON") from error


def _deeper(value: Any, levels: int) -> bool:
    if type(value) is dict:
        return levels == 0 or any(_deeper(part, levels - 1) for part in value.values())
    if type(value) is list:
        return levels == 0 or any(_deeper(part, levels - 1) for part in value)
    return False


def write(value: Any) -> bytes:
    """The document in UTF-8, keys in the order that they had."""
    try:
        return _ENCODE(value)
    except (msgspec.EncodeError, UnicodeError, OverflowError, RecursionError):
        return json.dumps(value, separators=(",", ":")).encode()
