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

HEAD, TAIL = 1500, 1100  # characters read
_PIECES_AT_AN_END = 9
_LONGEST_PIECE = 400
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
    """Passages of n texts. ``vectors`` unit vectors, float32 [m, 256], text by text.

    ``owner`` int64 [m], the text of a passage; ``first`` and ``last`` int64 [m], its pieces counted from the
    beginning and from the end (0 is the outermost); ``whole`` float32 [n, 256], unit vectors of the texts;
    ``tokens`` int64 [n]. ``pieces`` the cut texts one after the other; ``begin`` and ``length`` int64 [m], the
    pieces of a passage; ``count`` int64 [n], pieces of each text.
    """

    vectors: npt.NDArray[np.float32]
    owner: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    whole: npt.NDArray[np.float32]
    tokens: npt.NDArray[np.int64]
    pieces: list[str]
    begin: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    count: npt.NDArray[np.int64]


def passages(texts: Sequence[str]) -> Passages:
    """All passages of one to three neighbouring pieces of each text (n = 0 or empty texts: no passages)."""
    cut = [pieces(text) for text in texts]
    flat = [piece for row in cut for piece in row]
    sums, tokens = embedding.token_sums(flat)
    count = np.array([len(row) for row in cut], dtype=np.int64)
    owner = np.repeat(np.arange(len(texts), dtype=np.int64), count)
    place = np.arange(len(flat), dtype=np.int64) - (np.cumsum(count) - count)[owner]
    spans = [_span(sums, tokens, owner, length, count) for length in range(1, SPAN + 1)]
    at = np.concatenate([start for start, _, _ in spans])
    lengths = np.concatenate([np.full(len(start), k + 1, dtype=np.int64) for k, (start, _, _) in enumerate(spans)])
    vectors = np.concatenate([vector for _, vector, _ in spans])
    order = np.lexsort((lengths, at))
    at, lengths, vectors = at[order], lengths[order], vectors[order]
    first = place[at]
    whole = np.zeros((len(texts), embedding.DIMENSIONS), dtype=np.float32)
    total = np.zeros(len(texts), dtype=np.int64)
    np.add.at(whole, owner, sums)
    np.add.at(total, owner, tokens)
    return Passages(
        vectors=embedding.normalise(vectors),
        owner=owner[at],
        first=first,
        last=count[owner[at]] - first - lengths,
        whole=embedding.normalise(whole),
        tokens=total,
        pieces=flat,
        begin=at,
        length=lengths,
        count=count,
    )


_Spans = tuple[npt.NDArray[np.int64], npt.NDArray[np.float32], npt.NDArray[np.int64]]


def _span(
    sums: npt.NDArray[np.float32],
    tokens: npt.NDArray[np.int64],
    owner: npt.NDArray[np.int64],
    length: int,
    count: npt.NDArray[np.int64],
) -> _Spans:
    """Starts, sums and tokens of the runs of ``length`` pieces that stay within one text and say enough."""
    n = len(owner) - length + 1
    if n <= 0:
        return np.zeros(0, np.int64), np.zeros((0, embedding.DIMENSIONS), np.float32), np.zeros(0, np.int64)
    vector = sums[:n].copy()
    size = tokens[:n].copy()
    for k in range(1, length):
        vector += sums[k : n + k]
        size += tokens[k : n + k]
    keep = owner[:n] == owner[length - 1 :]
    # A text of one short piece keeps it: there is nothing else to judge it by.
    keep &= (size >= _SHORTEST_ALONE) | (count[owner[:n]] == length)
    start = np.flatnonzero(keep)
    return start, vector[start], size[start]
