"""Choice among phrasings of one meaning: "for example" or "for instance", as the key prefers.

The pairs are a table (``tables/1/phrases.toml``). Which member of a pair a language model writes is its habit, and a
student takes over its teacher's; what a student cannot know is which members a key prefers.
"""

from __future__ import annotations

import functools
import itertools
import re
from typing import ClassVar, NamedTuple

from stillwatch.marks.text.base import Coin, Edit, MarkInfo, Sighting, Variant, preferred
from stillwatch.marks.text.guard import Protected, is_english
from stillwatch.marks.text.tables import read_table
from stillwatch.registry import Info

__all__ = ["MARK", "Pair", "Phrases", "pairs"]

_ENDS_SENTENCE = re.compile(r"(?:^|[.!?:]['\")\]*_]*\s+|\n\s*(?:[-*•]|\d+[.)])?\s*|\*\*)\Z")
_WORD_BEFORE = re.compile(r"([^\W\d_]+)\s+\Z")
_WORD_AFTER = re.compile(r"\s*('s\b|,|\.|[^\W\d_]+(?:['’][^\W\d_]+)?)")
_VOWELS = "aeiou"


class Pair(NamedTuple):
    """Two phrasings, and where they may be exchanged (see the table)."""

    a: str
    b: str
    before: frozenset[str]
    not_before: frozenset[str]
    not_after: frozenset[str]
    initial: str

    @property
    def unit(self) -> str:
        """Its name."""
        return f"{self.a}|{self.b}"


class _Place(NamedTuple):
    start: int
    end: int
    pair: Pair
    variant: Variant


@functools.cache
def pairs() -> tuple[Pair, ...]:
    """All pairs of the table."""
    return tuple(
        Pair(
            row["a"],
            row["b"],
            frozenset(row.get("before", ())),
            frozenset(row.get("not_before", ())),
            frozenset(row.get("not_after", ())),
            row.get("initial", ""),
        )
        for row in read_table("phrases")["pairs"]
    )


class Phrases:
    """Exchanges phrasings where the sentence lets both stand."""

    info: ClassVar[MarkInfo] = MarkInfo(
        info=Info(
            name="phrases",
            summary="Of two phrasings with one meaning, the one that the key prefers.",
            reference="choice among equivalent phrasings: Topkara et al. 2006, 'The hiding virtues of ambiguity'",
            version="1",
            example="for example -> for instance",
        ),
        cost="A word here and there is another with the same meaning; no fact, number, name or code changes.",
        default=True,
    )

    def plan(self, answer: str, coin: Coin) -> tuple[Edit, ...]:
        """See `TextMark.plan`."""
        edits = []
        for place in _places(answer):
            wanted = preferred(coin, place.pair.unit, (place.pair.a, place.pair.b))
            if place.variant != coin.key.prefers(place.pair.unit):
                new = _like(answer[place.start : place.end], wanted)
                edits.append(Edit(place.start, place.end, new, place.pair.unit))
        return tuple(edits)

    def seen(self, answer: str) -> tuple[Sighting, ...]:
        """See `TextMark.seen`."""
        return tuple(Sighting(place.pair.unit, place.variant) for place in _places(answer))


MARK = Phrases()


def _places(answer: str) -> list[_Place]:
    """Where either member of a pair stands and the other could."""
    if not is_english(answer):
        return []
    protected, found = Protected(answer), []
    matches = list(_pattern().finditer(answer))
    # Side by side, one exchange would change what the other's neighbours are: then the second pass would find more.
    gaps = [answer[m.end() : n.start()] for m, n in itertools.pairwise(matches)]
    alone = [bool(left.strip()) and bool(right.strip()) for left, right in itertools.pairwise([".", *gaps, "."])]
    for match in itertools.compress(matches, alone):
        said = match.group()
        pair, variant = _known()[_plain(said)]
        if _like(said, _plain(said)) != said.replace("’", "'") or protected.touches(match.start(), match.end()):
            continue
        if _may_stand(answer, match.start(), match.end(), pair):
            found.append(_Place(match.start(), match.end(), pair, variant))
    return found


def _may_stand(answer: str, start: int, end: int, pair: Pair) -> bool:
    before, after = answer[max(0, start - 60) : start], answer[end : end + 60]
    if answer[start - 1 : start] in ("-", "'", "’", "/", "_") or after[:1] in ("-", "/", "_", "’"):
        return False
    follows = _WORD_AFTER.match(after)
    next_word = follows.group(1).lower() if follows else ""
    stands = _WORD_BEFORE.search(before)
    last_word = stands.group(1).lower() if stands else ""
    if pair.before and next_word not in pair.before:
        return False
    if next_word in pair.not_before or last_word in pair.not_after:
        return False
    if last_word in ("a", "an") and (pair.a[0] in _VOWELS) != (pair.b[0] in _VOWELS):
        return False
    is_initial = _ENDS_SENTENCE.search(before) is not None
    return is_initial is {"only": True, "never": False}.get(pair.initial, is_initial)


def _like(said: str, wanted: str) -> str:
    """``wanted`` with a capital where ``said`` has one at its beginning."""
    return wanted[0].upper() + wanted[1:] if said[:1].isupper() else wanted


def _plain(said: str) -> str:
    return said.lower().replace("’", "'")


@functools.cache
def _known() -> dict[str, tuple[Pair, Variant]]:
    known: dict[str, tuple[Pair, Variant]] = {}
    for pair in pairs():
        known[pair.a], known[pair.b] = (pair, "a"), (pair, "b")
    return known


@functools.cache
def _pattern() -> re.Pattern[str]:
    longest_first = sorted(_known(), key=lambda said: (-len(said), said))
    either = "|".join(re.escape(said).replace("'", "['’]") for said in longest_first)
    return re.compile(rf"\b(?:{either})\b", re.IGNORECASE)
