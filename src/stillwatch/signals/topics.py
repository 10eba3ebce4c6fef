"""Topics learnt from the log itself: a codebook of its own requests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Codebook:
    """Centres of topics; without a model (nothing was there to learn from) there is one topic."""

    model: MiniBatchKMeans | None

    def topics(self, vectors: NDArray[np.float32]) -> Ints:
        """Topic of each request, (n,): the nearest centre. ``vectors`` (n, d) unit embeddings; n = 0: empty."""
        if self.model is None or not len(vectors):
            return np.zeros(len(vectors), dtype=np.int64)
        topics: Ints = self.model.predict(vectors).astype(np.int64)
        return topics


def learn_codebook(vectors: NDArray[np.float32], fitted: Ints, size: int, *, seed: int) -> Codebook:
    """Learn ``size`` centres by mini-batch k-means (Sculley 2010).

    ``vectors`` (n, d) unit embeddings; ``fitted`` the rows that the centres are learnt from. Fewer different rows than
    ``size`` give a smaller codebook; none gives one of a single topic.
    """
    if not len(fitted):
        return Codebook(None)
    known = vectors[fitted]
    size = min(size, len(np.unique(known[:, :8], axis=0)))
    drawn = min(
        len(known), max(4 * size, 1000)
    )  # first centres are drawn from so many: all of them would cost more than the fit
    return Codebook(
        MiniBatchKMeans(
            size, batch_size=4096, n_init=1, init_size=drawn, max_iter=10, compute_labels=False, random_state=seed
        ).fit(known)
    )
