"""Where marks keep away: code, quotations, numbers' neighbours, and answers in which a changed word could do harm.

What is refused is refused by the question and the answer as it was before any mark, never by a coin.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_right

from stillwatch.marks.text.tables import read_table

__all__ = ["Protected", "has_code", "is_english", "is_exact", "is_sensitive"]

_LONGEST = 200_000
_LEAST_WORDS = 12
_LEAST_COMMON = 0.2
_INDENTED = re.compile(r"^(?: {4}|\t)(?![ \t]*(?:[-*•]|\d+[.)])[ \t])[ \t]*\S", re.MULTILINE)

# What is not prose of the answer's own. Every part is bounded or ends at its line, so that no text takes long.
_PROTECTED = re.compile(
    r"""
      ^[ ]{0,3}(?P<fence>`{3,}|~{3,})[^\n]*\n(?:(?!^[ ]{0,3}(?P=fence)).*\n?)*(?:^[ ]{0,3}(?P=fence)[^\n]*)?
    | ^(?:[ ]{4,}|\t).*$                    # indented: code, or part of a nested list
    | ^[ ]{0,3}>.*$                         # a quotation
    | ^[ ]{0,3}[#]{1,6}[ ].*$               # a heading
    | ^.*\|.*$                              # a table
    | ^[ ]*[{}\[\]<].*$                     # JSON, XML
    | `[^`\n]{1,400}`
    | \$\$[^$]{1,2000}\$\$ | \$[^$\n]{1,400}\$ | \\\([^\n]{1,400}?\\\) | \\\[[^\]]{1,2000}?\\\]
    | "[^"\n]{1,400}" | “[^”\n]{1,400}” | «[^»\n]{1,400}» | ‘[^’\n]{1,400}’
    | (?:https?://|www\.)\S{1,2000} | (?<![\w.+-])[\w.+-]{1,64}@[\w.-]{1,255} | \]\([^)\n]{1,2000}\) | <[^>\n]{1,400}>
    """,
    re.MULTILINE | re.VERBOSE,
)


class Protected:
    """The stretches of an answer that no mark may touch."""

    def __init__(self, answer: str) -> None:
        spans = [(0, len(answer))] if len(answer) > _LONGEST else _joined(answer)
        self._starts = [start for start, _ in spans]
        self._ends = [end for _, end in spans]

    def touches(self, start: int, end: int) -> bool:
        """Whether characters ``start`` to ``end`` lie within one of them in part."""
        place = bisect_right(self._starts, max(start, end - 1)) - 1
        return place >= 0 and self._ends[place] > start


@functools.lru_cache(maxsize=16)  # the marks ask one after another
def is_english(text: str) -> bool:
    """Whether a text of twelve words or more is English, by the share of its commonest words; the tables are."""
    words = re.findall(r"[^\W\d_]+", text[:_LONGEST].lower())
    common = _words("english")
    return len(words) >= _LEAST_WORDS and sum(word in common for word in words) >= _LEAST_COMMON * len(words)


@functools.lru_cache(maxsize=16)  # the marks ask one after another
def is_sensitive(text: str) -> bool:
    """Whether a text is about health, law, money or danger."""
    return _beginnings("sensitive").search(text[:_LONGEST]) is not None


def is_exact(prompt: str) -> bool:
    """Whether a question asks for wording or a form of its own."""
    return _beginnings("exact").search(prompt[:_LONGEST]) is not None


@functools.lru_cache(maxsize=16)  # the marks ask one after another
def has_code(answer: str) -> bool:
    """Whether an answer holds code."""
    return "```" in answer or "~~~" in answer or _INDENTED.search(answer) is not None


def _joined(answer: str) -> list[tuple[int, int]]:
    return [match.span() for match in _PROTECTED.finditer(answer)]


@functools.cache
def _words(name: str) -> frozenset[str]:
    return frozenset(read_table("guards")[name])


@functools.cache
def _beginnings(name: str) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(map(re.escape, read_table("guards")[name])) + ")", re.IGNORECASE)
