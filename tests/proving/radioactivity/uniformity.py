"""Whether p-values are what they say, from a few hundred of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

LEVELS = (0.01, 0.05, 0.1, 0.25, 0.5)


def never_too_small(p_values: ArrayLike) -> bool:
    """No level is undercut more often than it says, but for three and a half standard errors."""
    p = np.asarray(p_values)
    return all(np.mean(p <= a) <= a + 3.5 * np.sqrt(a * (1 - a) / p.size) for a in LEVELS)


def uniform(p_values: ArrayLike) -> bool:
    """No less often either."""
    p = np.asarray(p_values)
    return never_too_small(p) and all(np.mean(p <= a) >= a - 3.5 * np.sqrt(a * (1 - a) / p.size) for a in LEVELS)
