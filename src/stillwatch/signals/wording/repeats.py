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


def find_repeats(texts: Sequence[str], vectors: NDArray[np.float32], cell: Ints) -> Ints:
    """Number the groups of requests that ask the same, (n,): equal numbers, one request.

    ``vectors`` (n, d) are unit vectors of the texts and ``cell`` (n,) a coarse codebook: only texts of one cell are
    compared. Groups are connected components, so a chain of small changes is one group. n = 0: empty.
    """
    first: dict[str, int] = {}
    rows = [first.setdefault(masked(text), i) for i, text in enumerate(texts)]
    left, right = list(rows), list(range(len(rows)))
    different = np.array(sorted(first.values()), dtype=np.int64)
    order = different[np.argsort(cell[different], kind="stable")]
    ends = np.flatnonzero(np.diff(cell[order])) + 1
    for members in np.split(order, ends):
        for start in range(0, len(members), _LARGEST_CELL):
            part = members[start : start + _LARGEST_CELL]
            near = vectors[part] @ vectors[part].T
            a, b = np.nonzero(np.triu(near >= ALIKE, 1))
            left += part[a].tolist()
            right += part[b].tolist()
    if not rows:
        return np.zeros(0, dtype=np.int64)
    graph = coo_matrix((np.ones(len(left), dtype=np.int8), (left, right)), shape=(len(rows), len(rows)))
    number: Ints = connected_components(graph, directed=False)[1].astype(np.int64)
    return number
