"""Topics learnt from the log itself: a codebook of its own requests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans

Ints = NDArray[np.int64]


def codebook(vectors: NDArray[np.float32], fitted: Ints, size: int, *, seed: int) -> Ints:
    """Topic of each request, (n,): the nearest of ``size`` centres (mini-batch k-means; Sculley 2010).

    ``vectors`` (n, d) unit embeddings; ``fitted`` the rows that the centres are learnt from. Fewer different rows than
    ``size`` give a smaller codebook; n = 0 gives none.
    """
    if not len(fitted):
        return np.zeros(len(vectors), dtype=np.int64)
    known = vectors[fitted]
    size = min(size, len(np.unique(known[:, :8], axis=0)))
    drawn = min(
        len(known), max(4 * size, 1000)
    )  # first centres are drawn from so many: all of them would cost more than the fit
    model = MiniBatchKMeans(
        size, batch_size=4096, n_init=1, init_size=drawn, max_iter=10, compute_labels=False, random_state=seed
    ).fit(known)
    topics: Ints = model.predict(vectors).astype(np.int64)
    return topics
