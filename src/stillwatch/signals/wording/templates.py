"""Shared wordings: an instruction at one end of a request, used by several accounts and filled with many things.

Found anywhere near either end: one to three lines or sentences, nested (the longest that is shared by many wins).
A "wording" with nothing to fill in is an assignment, and is not one here. What fills a wording is judged apart.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

_CUT = re.compile(r"(?<=[.!?:;。！？；])\s+|\n+")  # one character class each: linear time
_DIGITS = re.compile(r"\d+")
_READ = 1500  # characters at each end
_LONGEST = 700
_TOLD_APART = 240  # characters by which fillings are told apart
_FEWEST_WORDS, _FEWEST_CHARACTERS, _SHORTEST_FILLING = 3, 12, 12
ACCOUNTS, FILLINGS = 3, 6
"""A wording is used by at least so many accounts and filled with at least so many different things."""


@dataclass(frozen=True)
class Wordings:
    """``number`` (texts,): the wording of each text, 0 for none; ``filling``: the text without its wording;
    ``example``: the words of each wording (0: empty)."""

    number: Ints
    filling: list[str]
    example: list[str]


def masked(text: str) -> str:
    """The text in lower case with every number the same: two copies of one exercise look alike."""
    return _DIGITS.sub("0", text.lower())


def candidates(text: str) -> list[tuple[str, str, str]]:
    """(end, words, rest) for one to three pieces at each end of a text."""
    read = text if len(text) <= 2 * _READ else f"{text[:_READ]}\n{text[-_READ:]}"
    spans, start = [], 0
    for cut in _CUT.finditer(read):
        spans.append((start, cut.start()))
        start = cut.end()
    spans.append((start, len(read)))
    spans = [(a, b) for a, b in spans if b > a]
    found = []
    for k in (3, 2, 1):
        if len(spans) > k:
            end, begin = spans[k - 1][1], spans[len(spans) - k][0]
            found.append(("head", read[:end].strip(), read[end:].strip()))
            found.append(("tail", read[begin:].strip(), read[:begin].strip()))
    return [found_one for found_one in found if _could_be(found_one[1], found_one[2])]


def _could_be(words: str, rest: str) -> bool:
    spaced = len(words.split()) >= _FEWEST_WORDS
    dense = not words.isascii() and len(words) >= _FEWEST_CHARACTERS  # scripts that write no spaces
    return (spaced or dense) and len(words) <= _LONGEST and len(rest) >= _SHORTEST_FILLING


def find_wordings(texts: Sequence[str], account: Ints) -> Wordings:
    """Find the shared wordings of ``texts`` (n,), each written by ``account`` (n,). n = 0: nothing."""
    users: dict[tuple[str, int], set[int]] = defaultdict(set)
    fillings: dict[tuple[str, int], set[int]] = defaultdict(set)
    cut = [[((end, hash(masked(words))), words, rest) for end, words, rest in candidates(text)] for text in texts]
    for parts, who in zip(cut, account.tolist(), strict=True):
        for key, _, rest in parts:
            users[key].add(who)
            fillings[key].add(hash(masked(rest[:_TOLD_APART])))
    numbers: dict[tuple[str, int], int] = {}
    number = np.zeros(len(cut), dtype=np.int64)
    filling, example = list(texts), [""]
    for i, parts in enumerate(cut):
        shared = [p for p in parts if len(users[p[0]]) >= ACCOUNTS and len(fillings[p[0]]) >= FILLINGS]
        if shared:
            key, words, rest = max(shared, key=lambda p: len(p[1]) * np.log(len(users[p[0]])))
            number[i] = numbers.setdefault(key, len(example))
            if number[i] == len(example):
                example.append(words)
            filling[i] = rest
    return Wordings(number, filling, example)
