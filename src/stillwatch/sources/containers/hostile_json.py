"""JSON in which a caller's own values stand that a strict decoder refuses: read all the same, so that nobody hides so.

Gateways write down what a caller sent: half of a surrogate pair (``\\ud800``), ``NaN``, ``1e400``, a list a thousand
deep, and, where the logger does not look at bytes (Lua's cjson in Kong, nginx), bytes of a header that are no UTF-8.
A strict decoder would lose the whole line for it, with all that the gateway itself wrote there. Here halves stay in the
texts, broken bytes become such halves, and the last step (`stillwatch.sources.records.rows`) makes U+FFFD of each and
counts; numbers too large are infinite; what lies deeper than any conversation is null.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import msgspec

__all__ = ["lenient", "shallow", "written"]

DEPTH = 300
DIGITS = 400
TOKEN = re.compile(r'"(?:[^"\\]++|\\(?:.|\Z))*+(?:"|\Z)|[\[{]++|[\]}]++', re.DOTALL)


def lenient(data: bytes | str, error: BaseException) -> Any:
    """The value of JSON that a strict decoder refused with ``error``; raises that where it is no JSON even so."""
    text = data if isinstance(data, str) else data.decode("utf-8", "surrogateescape")
    try:
        return json.loads(shallow(text) if isinstance(error, RecursionError) else text, parse_int=_whole)
    except RecursionError:
        if isinstance(error, RecursionError):
            raise error from None
        return lenient(text, RecursionError())
    except ValueError:
        raise error from None


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= DIGITS else math.copysign(math.inf, -1 if digits[0] == "-" else 1)


def shallow(text: str) -> str:
    """JSON with null in place of every list and object that lies more than 300 deep."""
    pieces: list[str] = []
    depth, kept, cut = 0, 0, False
    for token in TOKEN.finditer(text):
        sign, count = text[token.start()], token.end() - token.start()
        if sign in "[{":
            if depth <= DEPTH < depth + count:
                pieces += [text[kept : token.start() + DEPTH - depth], "null"]
                cut = True
            depth += count
        elif sign in "]}":
            if cut and depth - count <= DEPTH:
                kept, cut = token.start() + depth - DEPTH, False
            depth -= count
    return "".join((*pieces, "" if cut else text[kept:]))


def written(value: Any, *, sort: bool = False) -> bytes:
    """A decoded value as JSON again, whatever a strict encoder would say of what `lenient` read; ``sort`` its keys."""
    try:
        return msgspec.json.encode(value, order="sorted" if sort else None)
    except (TypeError, ValueError, RecursionError, OverflowError):
        return json.dumps(value, default=str, sort_keys=sort).encode("ascii")
