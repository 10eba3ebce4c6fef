"""Small talk at either end of a request ("hey", "thanks", "quick one:"), learnt from the log and taken off.

A beginning is small talk if requests say the same with and without it, whoever writes them. No list of phrases:
what is optional shows in the log, in any language, and where nothing is asked twice nothing is taken off.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

LONGEST = 5
"""Words of the longest small talk."""
_LONGEST_CHARACTERS = 25
_FEWEST = 8  # requests that must stand with and without it
_SHORTEST_REQUEST = 2  # words that must be left
_READ = 400  # words of a request that are read


@dataclass(frozen=True)
class SmallTalk:
    """Beginnings and endings that requests do without."""

    heads: frozenset[tuple[str, ...]]
    tails: frozenset[tuple[str, ...]]

    def strip(self, text: str) -> str:
        """The text without small talk (taken off twice at most at either end); its spaces are kept."""
        words = text.split(" ")
        for _ in range(2):
            words = self._shorter(words, self.heads, head=True)
            words = self._shorter(words, self.tails, head=False)
        return " ".join(words)

    @staticmethod
    def _shorter(words: list[str], known: frozenset[tuple[str, ...]], *, head: bool) -> list[str]:
        for k in range(min(LONGEST, len(words) - _SHORTEST_REQUEST), 0, -1):
            if tuple(words[:k] if head else words[-k:]) in known:
                return words[k:] if head else words[:-k]
        return words


def learn_small_talk(texts: Sequence[str]) -> SmallTalk:
    """Learn what is optional at either end of ``texts``. No text, or one: nothing is."""
    words = [text.split(" ")[:_READ] for text in texts]
    return SmallTalk(_optional(words, head=True), _optional(words, head=False))


def _optional(texts: Sequence[list[str]], *, head: bool) -> frozenset[tuple[str, ...]]:
    ends_of: dict[int, set[tuple[str, ...]]] = defaultdict(set)
    for words in texts:
        for k in range(min(LONGEST, len(words) - _SHORTEST_REQUEST) + 1):
            rest = tuple(words[k:] if head else words[: len(words) - k])
            ends_of[hash(rest)].add(tuple(words[:k] if head else words[len(words) - k :]))
    counts: Counter[tuple[str, ...]] = Counter()
    for ends in ends_of.values():
        if len(ends) > 1:
            counts.update(end for end in ends if end and _is_short(end))
    return frozenset(end for end, count in counts.items() if count >= _FEWEST)


def _is_short(end: tuple[str, ...]) -> bool:
    joined = " ".join(end)
    return len(joined) <= _LONGEST_CHARACTERS and "\n" not in joined
