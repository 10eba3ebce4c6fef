"""A text as passages: the instruction stands at one end, the payload swamps a vector of the whole.

A text is cut at sentence ends and line breaks; a *passage* is one to three neighbouring pieces. Only the first
and last characters are read, so that a megabyte costs what a page costs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stillwatch.signals import embedding

HEAD, TAIL = 1200, 900  # characters read
_PIECES_AT_AN_END = 7
_LONGEST_PIECE = 300
_SHORTEST_ALONE = 4  # tokens: a piece such as "Question:" says nothing by itself
SPAN = 3
# Sentence ends followed by space, ideographic ones, and line breaks. One character class each: linear time.
_CUT = re.compile(r"(?<=[.!?;])\s+|(?<=[。！？；])|\n+")


def pieces(text: str) -> list[str]:
    """Sentences and lines of a text in order; of a long one those of its beginning and end (empty text: none)."""
    if len(text) <= HEAD + TAIL:
        cut = _sentences(text)
        if len(cut) <= 2 * _PIECES_AT_AN_END:
            return cut
        return cut[:_PIECES_AT_AN_END] + cut[-_PIECES_AT_AN_END:]
    return _sentences(text[:HEAD])[:_PIECES_AT_AN_END] + _sentences(text[-TAIL:])[-_PIECES_AT_AN_END:]


def _sentences(text: str) -> list[str]:
    return [piece[:_LONGEST_PIECE] for piece in _CUT.split(text) if piece and not piece.isspace()]


@dataclass(frozen=True, slots=True)
class Passages:
    """Passages of n texts, as runs of pieces; m passages over k pieces.

    ``pieces`` the different pieces; ``which`` int64 [k], the piece that stands at each place, text by text; ``count``
    int64 [n], places of each text. ``sums`` float32 [pieces, 256] and ``tokens`` int64 [pieces] are those of
    `embedding.token_sums`. Of a passage: ``owner`` its text, ``begin`` its first place, ``length`` in places,
    ``first`` and ``last`` its distance from the beginning and from the end of the text; int64 [m], by text.
    """

    pieces: list[str]
    which: npt.NDArray[np.int64]
    count: npt.NDArray[np.int64]
    sums: npt.NDArray[np.float32]
    tokens: npt.NDArray[np.int64]
    owner: npt.NDArray[np.int64]
    begin: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]


def passages(texts: Sequence[str]) -> Passages:
    """All passages of one to three neighbouring pieces of each text (n = 0 or empty texts: no passages)."""
    cut = [pieces(text) for text in texts]
    places: dict[str, int] = {}
    which = np.array([places.setdefault(piece, len(places)) for row in cut for piece in row], dtype=np.int64)
    different = list(places)
    sums, tokens = embedding.token_sums(different)
    count = np.array([len(row) for row in cut], dtype=np.int64)
    owner = np.repeat(np.arange(len(texts), dtype=np.int64), count)
    place = np.arange(len(which), dtype=np.int64) - (np.cumsum(count) - count)[owner]
    size = tokens[which]
    begins = [_runs(size, owner, count, length) for length in range(1, SPAN + 1)]
    begin = np.concatenate(begins)
    length = np.repeat(np.arange(1, SPAN + 1, dtype=np.int64), [len(b) for b in begins])
    order = np.lexsort((length, begin))
    begin, length = begin[order], length[order]
    return Passages(
        pieces=different,
        which=which,
        count=count,
        sums=sums,
        tokens=tokens,
        owner=owner[begin],
        begin=begin,
        length=length,
        first=place[begin],
        last=count[owner[begin]] - place[begin] - length,
    )


def _runs(
    size: npt.NDArray[np.int64], owner: npt.NDArray[np.int64], count: npt.NDArray[np.int64], length: int
) -> npt.NDArray[np.int64]:
    """Where the runs of ``length`` places begin that stay within one text and say enough."""
    n = len(owner) - length + 1
    if n <= 0:
        return np.zeros(0, dtype=np.int64)
    total = size[:n].copy()
    for k in range(1, length):
        total += size[k : n + k]
    keep = owner[:n] == owner[length - 1 :]
    # A text of one short piece keeps it: there is nothing else to judge it by.
    keep &= (total >= _SHORTEST_ALONE) | (count[owner[:n]] == length)
    return np.flatnonzero(keep)
