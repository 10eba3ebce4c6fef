"""Small talk at either end of a request ("hey", "thanks", "quick one:"), learnt from the log and taken off.

A beginning is small talk if requests say the same with and without it, whoever writes them. No list of phrases:
what is optional shows in the log, in any language, and where nothing is asked twice nothing is taken off.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LONGEST = 5
"""Words of the longest small talk."""
_LONGEST_CHARACTERS = 25
_FEWEST = 8  # requests that must stand with and without it
_SHORTEST_REQUEST = 2  # words that must be left
_LONGEST_REQUEST = 400  # words; longer ones are hardly asked twice


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
    read = [text for text in dict.fromkeys(texts) if text.count(" ") < _LONGEST_REQUEST]
    return SmallTalk(_optional(read, head=True), _optional(read, head=False))


def _optional(texts: Sequence[str], *, head: bool) -> frozenset[tuple[str, ...]]:
    ends_of: dict[int, set[str]] = defaultdict(set)
    for text in texts:
        for end, rest in _cuts(text, head=head):
            ends_of[hash(rest)].add(end)
    counts: Counter[str] = Counter()
    for ends in ends_of.values():
        if len(ends) > 1:
            counts.update(end for end in ends if end and _is_short(end))
    return frozenset(tuple(end[:-1].split(" ")) for end, count in counts.items() if count >= _FEWEST)


def _cuts(text: str, *, head: bool) -> Iterator[tuple[str, str]]:
    """What may be small talk at one end, with a space after it, and what is left; nothing taken off first."""
    yield "", text
    words = text.count(" ") + 1
    place = -1 if head else len(text)
    for _ in range(min(LONGEST, words - _SHORTEST_REQUEST)):
        if head:
            place = text.index(" ", place + 1)
            yield text[: place + 1], text[place + 1 :]
        else:
            place = text.rindex(" ", 0, place)
            yield text[place + 1 :] + " ", text[:place]


def _is_short(end: str) -> bool:
    return len(end) <= _LONGEST_CHARACTERS + 1 and "\n" not in end
