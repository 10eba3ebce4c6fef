"""Runs of words or characters as sparse rows: which a text has, weighed by how rare they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

__all__ = ["rarity_weighted_cosine"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_BITS = 20
"""Runs fall into 2**20 columns; two that share one are taken for the same, in all texts alike."""
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # odd, so that multiplying by it mixes all bits upward
_CHUNK = 4096


def rarity_weighted_cosine(answers: Sequence[Ints], candidates: Sequence[Ints], pairs: Ints, sizes: range) -> Floats:
    """(m,) cosine of the runs of ``sizes`` symbols in each pair of texts, each run once a text.

    Weights are the natural log of all candidates over those that have the run (inverse document frequency; Spärck
    Jones 1972). 0 where a text is shorter than the shortest run.
    """
    of_candidates, of_answers = _runs(candidates, sizes), _runs(answers, sizes)
    having = np.bincount(of_candidates.indices, minlength=1 << _BITS)
    left, right = (
        _unit(runs, np.log((len(candidates) + 1) / (having[runs.indices] + 1))) for runs in (of_answers, of_candidates)
    )
    cosine = np.zeros(len(pairs))
    for start in range(0, len(pairs), _CHUNK):
        a, c = pairs[start : start + _CHUNK].T
        cosine[start : start + _CHUNK] = np.asarray(left[a].multiply(right[c]).sum(axis=1)).ravel()
    return cosine


def _runs(texts: Sequence[Ints], sizes: range) -> csr_matrix:
    """(texts, 2**20): 1 where a text has a run."""
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    symbols = np.concatenate([*texts, np.zeros(0, dtype=np.int64)]).astype(np.uint64)
    row = np.repeat(np.arange(len(texts)), lengths)
    left = np.cumsum(lengths)[row] - np.arange(len(row))  # symbols to the end of the text
    rows, columns = [], []
    hashed = np.zeros(len(symbols), dtype=np.uint64)
    for size in range(1, sizes.stop):
        ahead = np.zeros(len(symbols), dtype=np.uint64)
        ahead[: max(len(symbols) - size + 1, 0)] = symbols[size - 1 :]
        hashed = (hashed ^ (ahead + np.uint64(size))) * _SPREAD
        hashed ^= hashed >> np.uint64(29)
        if size in sizes:
            whole = left >= size
            rows.append(row[whole])
            columns.append(((hashed[whole] * _SPREAD) >> np.uint64(64 - _BITS)).astype(np.int64))
    place = (np.concatenate(rows), np.concatenate(columns))
    runs = csr_matrix((np.ones(len(place[0])), place), shape=(len(texts), 1 << _BITS))
    runs.sum_duplicates()
    runs.data[:] = 1.0
    return runs


def _unit(runs: csr_matrix, weights: Floats) -> csr_matrix:
    weighted = runs.copy()
    weighted.data = weights
    norms = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    weighted.data = weighted.data / np.repeat(np.where(norms > 0, norms, 1.0), np.diff(weighted.indptr))
    return weighted
