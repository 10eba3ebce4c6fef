"""Conformal p-values: how unusual a score is among scores known to be innocent, whatever their shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def conformal_p_values(scores_null: ArrayLike, scores: ArrayLike) -> NDArray[np.float64]:
    """One-sided conformal p-value of each score: ``(1 + #{null >= score}) / (1 + n)``.

    Vovk, Gammerman & Shafer 2005. Valid where a score of an innocent is exchangeable with the null's;
    the scorer must not have been fitted on either. P-values that share one null are positively dependent,
    so Benjamini-Hochberg still controls the FDR (Bates, Candès, Lei, Romano & Sesia 2023).

    Args:
        scores_null: (n,) scores of innocents (large is suspicious).
        scores: (m,) scores to be judged.

    Returns:
        (m,) p-values in [1/(n+1), 1]; all 1 for n = 0; empty for m = 0.

    Raises:
        ValueError: a score is NaN, or an array is not one-dimensional.
    """
    null = np.asarray(scores_null, dtype=np.float64)
    judged = np.asarray(scores, dtype=np.float64)
    if null.ndim != 1 or judged.ndim != 1:
        raise ValueError("scores must be one-dimensional")
    if bool(np.isnan(null).any()) or bool(np.isnan(judged).any()):
        raise ValueError("a score is NaN")
    below = np.searchsorted(np.sort(null), judged, side="left")
    return np.asarray((1.0 + null.size - below) / (1.0 + null.size), dtype=np.float64)
