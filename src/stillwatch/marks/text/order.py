"""Order of a list's items, as the key has it, in lists whose order says nothing.

Only bulleted lists are touched, of three to twelve items on a line each, where no word of an item, of the line before
or of what follows speaks of order, no item has a number, and the list is not sorted already. Steps that are numbered
are never moved: that their order does not matter cannot be known from their text.
"""

from __future__ import annotations

import functools
import re
from typing import ClassVar, NamedTuple

from stillwatch.marks.text.base import Coin, Edit, MarkInfo, Sighting
from stillwatch.marks.text.guard import Protected, has_code, is_english, is_sensitive
from stillwatch.marks.text.tables import read_table
from stillwatch.registry import Info

__all__ = ["MARK", "Order"]

_UNIT = "list"
_LEAST_ITEMS, _MOST_ITEMS = 3, 12
_LONGEST_ITEM = 400
_ITEM = re.compile(r"([-*•]) (\S.*)\Z")
_BOLD = re.compile(r"\*\*([^*]{1,80})\*\*|__([^_]{1,80})__")
_HEAD_WORDS = 3


class _List(NamedTuple):
    start: int
    end: int
    lines: tuple[str, ...]
    heads: tuple[str, ...]


class Order:
    """Puts the items of a list into the key's order."""

    info: ClassVar[MarkInfo] = MarkInfo(
        info=Info(
            name="order",
            summary="The items of a bulleted list in the key's order, where their order says nothing.",
            reference="order of parts of an answer as a carrier: 'Trace rewriting', arXiv 2602.15143, its idea only",
            version="1",
            example="- Rice - Beans - Corn -> - Corn - Rice - Beans",
        ),
        cost="A list stands in another order; what a writer meant to stress by its place is lost.",
        default=True,
    )

    def plan(self, answer: str, coin: Coin) -> tuple[Edit, ...]:
        """See `TextMark.plan`."""
        edits = []
        for found in _lists(answer):
            ranked = sorted(zip(found.heads, found.lines, strict=True), key=lambda item: coin.key.rank(item[0]))
            new = "\n".join(line for _, line in ranked)
            if new != answer[found.start : found.end]:
                edits.append(Edit(found.start, found.end, new, _UNIT))
        return tuple(edits)

    def seen(self, answer: str) -> tuple[Sighting, ...]:
        """See `TextMark.seen`."""
        return tuple(Sighting(_UNIT, items=found.heads) for found in _lists(answer))


MARK = Order()


def _lists(answer: str) -> list[_List]:
    """The lists whose items may change places."""
    if has_code(answer) or is_sensitive(answer) or not is_english(answer):
        return []
    protected, found = Protected(answer), []
    lines = answer.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    first = 0
    while first < len(lines):
        last = first
        while last < len(lines) and _ITEM.match(lines[last]):
            last += 1
        if last - first >= _LEAST_ITEMS and _is_free(lines, first, last):
            block = tuple(lines[first:last])
            heads = tuple(_head(line) for line in block)
            start, end = starts[first], starts[last] - 1
            plain = [line[2:].lower() for line in block]
            if len(set(heads)) == len(heads) and plain != sorted(plain) and not protected.touches(start, end):
                found.append(_List(start, end, block, heads))
        first = max(last, first + 1)
    return found


def _is_free(lines: list[str], first: int, last: int) -> bool:
    """Whether nothing in or around the lines speaks of their order."""
    items = [line[2:] for line in lines[first:last]]
    if len(items) > _MOST_ITEMS or any(len(item) > _LONGEST_ITEM for item in items):
        return False
    if last < len(lines) and lines[last][:1] in (" ", "\t"):  # the last item goes on
        return False
    if len({line[0] for line in lines[first:last]}) > 1 or len({_ending(item) for item in items}) > 1:
        return False
    if any(re.search(r"\d|:\s*\Z", item) for item in items):  # ":": fields of a form
        return False
    if any(_holds("ordered").search(item) or _holds("referring").search(item) for item in items):
        return False
    before = next((line for line in reversed(lines[:first]) if line.strip()), "")
    after = " ".join(lines[last : last + 4])
    return not (_holds("ordered").search(before) or _holds("pointing").search(after))


def _ending(item: str) -> str:
    """How an item ends: in a list that is one sentence (";", ", and") the ends differ, or would be wrong elsewhere."""
    end = item.rstrip()[-1:]
    return end if end in ".;,:!?" else ""


def _head(line: str) -> str:
    """What an item is known by wherever it is written anew: its bold part, or its first words."""
    bold = _BOLD.match(line[2:])
    text = (bold.group(1) or bold.group(2)) if bold else line[2:]
    return " ".join(re.findall(r"[^\W_]+", text.lower())[:_HEAD_WORDS])


@functools.cache
def _holds(words: str) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(read_table("guards")[words]) + r")\b", re.IGNORECASE)
