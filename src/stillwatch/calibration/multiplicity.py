"""Many comparisons at once: intervals that all hold together, and p-values for as many."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def simultaneous_level(level: float, number: int) -> float:
    """The level of each of ``number`` intervals so that all of them cover together at ``level`` (Bonferroni).

    Whatever their dependence. Šidák 1967 would need normal estimates and shorten the intervals by less than 0.5 %; the
    greatest of three contrasts (Tukey 1953) by less than 2 %.

    Args:
        level: of all together, in (0, 1).
        number: intervals that were planned beforehand, shown or not; at least 1.

    Raises:
        ValueError: ``level`` outside (0, 1) or ``number`` below 1.
    """
    if not 0 < level < 1 or number < 1:
        raise ValueError(f"need a level between 0 and 1 and at least one interval, not {level} and {number}")
    return 1 - (1 - level) / number


def holm(p_values: ArrayLike, number: int | None = None) -> NDArray[np.float64]:
    """Adjusted p-values: rejecting all below a level makes no error at all but at that rate (Holm 1979).

    Args:
        p_values: (m,) in [0, 1]; any dependence.
        number: hypotheses that were planned, if more than m: the others count as not rejected.

    Returns:
        (m,) in [0, 1], none smaller than its p-value; ties stay ties. Empty for m = 0, unchanged for one alone.

    Raises:
        ValueError: a p-value outside [0, 1] or NaN, ``number`` below m.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not bool(np.all((p >= 0) & (p <= 1))):
        raise ValueError("p-values must be a one-dimensional array of numbers in [0, 1]")
    n = p.size if number is None else number
    if n < p.size:
        raise ValueError(f"number is {n}, but {p.size} p-values were given")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(p.size)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * (n - np.arange(p.size))), 1.0)
    return adjusted
