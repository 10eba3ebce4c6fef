"""Requests asked again: the same text but for numbers and letter case, or one that means the same in other words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from stillwatch.signals.wording.templates import masked

Ints = NDArray[np.int64]

ALIKE = 0.93
"""Cosine from which two requests of one cell count as the same."""
_LARGEST_CELL = 4000


def find_repeats(texts: Sequence[str], vectors: NDArray[np.float32], cells: Sequence[Ints]) -> Ints:
    """Number the groups of requests that ask the same, (n,): equal numbers, one request.

    ``vectors`` (n, d) are unit vectors of the texts and each of ``cells`` (n,) a coarse codebook: texts that share a
    cell of any of them are compared, since what one codebook cuts apart another keeps together. Groups are connected
    components, so a chain of small changes is one group. n = 0: empty.
    """
    if not len(texts):
        return np.zeros(0, dtype=np.int64)
    first: dict[str, int] = {}
    rows = np.array([first.setdefault(masked(text), i) for i, text in enumerate(texts)], dtype=np.int64)
    different = np.unique(rows)
    pairs = [np.stack([rows, np.arange(len(rows))]), *(_alike(vectors, different, cell) for cell in cells)]
    left, right = np.concatenate(pairs, axis=1)
    graph = coo_matrix((np.ones(len(left), dtype=np.int8), (left, right)), shape=(len(rows), len(rows)))
    number: Ints = connected_components(graph, directed=False)[1].astype(np.int64)
    return number


def _alike(vectors: NDArray[np.float32], chosen: Ints, cell: Ints) -> Ints:
    """Pairs of the ``chosen`` rows that share a cell and are nearly the same, (2, pairs)."""
    order = chosen[np.argsort(cell[chosen], kind="stable")]
    ends = np.flatnonzero(np.diff(cell[order])) + 1
    found = []
    for members in np.split(order, ends):
        for start in range(0, len(members), _LARGEST_CELL):
            part = members[start : start + _LARGEST_CELL]
            a, b = np.nonzero(vectors[part] @ vectors[part].T >= ALIKE)
            found.append(np.stack([part[a], part[b]])[:, a < b])
    return np.concatenate(found, axis=1)
