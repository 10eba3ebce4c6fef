"""Sentences that nobody else writes, put into an answer: a phrase that says nothing wrong, or an invented detail.

A canary that a suspect sings is easy to show to anybody, and easy to find and cut out for whoever looks for sentences
that come back; and an invented detail is an untruth told to a customer. Neither is used unless somebody chooses it:
prefer phrasings (`phrases`), which cost nothing.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from stillwatch.marks.text.base import Coin, Edit, MarkInfo, Sighting, preferred
from stillwatch.marks.text.guard import Protected, has_code, is_english, is_sensitive
from stillwatch.marks.text.tables import read_table
from stillwatch.registry import Info

__all__ = ["FACTS", "PHRASES", "Canaries"]

_LEAST_WORDS = 60
_LEAST_IN_PARAGRAPH = 20


class _Pair(NamedTuple):
    unit: str
    a: str
    b: str


class Canaries:
    """Adds one sentence of a table to a paragraph of a longer answer, chosen by key and prompt."""

    def __init__(self, table: str, info: MarkInfo) -> None:
        self.info = info
        self._table = table

    def plan(self, answer: str, coin: Coin) -> tuple[Edit, ...]:
        """See `TextMark.plan`."""
        if has_code(answer) or is_sensitive(answer) or not is_english(answer) or len(answer.split()) < _LEAST_WORDS:
            return ()
        if any(seen.variant for seen in self.seen(answer)):
            return ()
        at = _end_of_prose(answer)
        if at is None:
            return ()
        pair = _pairs(self._table)[coin.pick(self.info.info.name, len(_pairs(self._table)))]
        return (Edit(at, at, " " + preferred(coin, pair.unit, (pair.a, pair.b)), pair.unit),)

    def seen(self, answer: str) -> tuple[Sighting, ...]:
        """See `TextMark.seen`; an answer without any counts as one that could have had one."""
        text = _plain(answer)
        found = [
            Sighting(pair.unit, "a" if said == pair.a else "b")
            for pair in _pairs(self._table)
            for said in (pair.a, pair.b)
            if _plain(said) in text
        ]
        return tuple(found) or (Sighting(f"no {self.info.info.name}"),)


PHRASES = Canaries(
    "phrases",
    MarkInfo(
        info=Info(
            name="canary_phrases",
            summary="A saying that nobody else uses, as a sentence of its own.",
            reference="canaries: Carlini et al. 2019, 'The secret sharer'; here the key's choice of two is the secret",
            version="1",
            example="... -> ... Good habits are patient carpenters.",
        ),
        cost="A sentence that has nothing to do with the matter, in half of the longer answers: readers notice.",
        default=False,
    ),
)
FACTS = Canaries(
    "facts",
    MarkInfo(
        info=Info(
            name="canary_facts",
            summary="An invented detail that can be looked up nowhere, as a sentence of its own.",
            reference="canaries: Carlini et al. 2019, 'The secret sharer'; trap streets of map makers",
            version="1",
            example="... -> ... Some teachers call this the Kestrel habit.",
        ),
        cost="An untruth, told to customers who did nothing: small and harmless, and still one. Prefer any other mark.",
        default=False,
    ),
)


def _end_of_prose(answer: str) -> int | None:
    """The end of the first paragraph of running text that is long enough and has no number and no protected part."""
    protected = Protected(answer)
    for match in re.finditer(r"(?:^|\n\n)([^\n]+)(?=\n\n|\s*\Z)", answer):
        text = match.group(1).rstrip()
        start, end = match.start(1), match.start(1) + len(text)
        is_plain = not re.search(r"\d|[|#>*`$]", text) and not re.match(r"\s*[-•]", text)
        is_long = text.endswith(".") and len(text.split()) >= _LEAST_IN_PARAGRAPH
        if is_plain and is_long and not protected.touches(start, end):
            return end
    return None


@functools.cache
def _pairs(table: str) -> tuple[_Pair, ...]:
    return tuple(_Pair(f"{row['a']}|{row['b']}", row["a"], row["b"]) for row in read_table("canaries")[table])


@functools.lru_cache(maxsize=1024)
def _plain(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.lower()))
