"""False discovery rates: from p-values or posteriors of many hypotheses to the set one may claim."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

_ROUNDING = 1e-12  # sums of n floats: a set exactly at the level must not fall to the last bit


class Discoveries(NamedTuple):
    """Outcome of a multiple test.

    Attributes:
        rejected: (m,) True where the null is rejected at the level asked for.
        q_values: (m,) smallest level at which the hypothesis would be rejected, in [0, 1].
    """

    rejected: NDArray[np.bool_]
    q_values: NDArray[np.float64]


def step_up(p_values: NDArray[np.float64], level: float, n_hypotheses: int | None, penalty: float = 1.0) -> Discoveries:
    """The step-up rule behind BH, BY and e-BH: largest k with ``penalty * n * p_(k) / k <= level``.

    Args:
        p_values: (m,) non-negative; may exceed 1 (inverse e-values).
        level: in (0, 1).
        n_hypotheses: number looked at, at least m; ``None``: m.
        penalty: factor on the p-values.

    Returns:
        Mask and q-values; both empty for m = 0.

    Raises:
        ValueError: ``level`` outside (0, 1) or ``n_hypotheses`` < m.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    m = p_values.size
    n = m if n_hypotheses is None else n_hypotheses
    if n < m:
        raise ValueError(f"n_hypotheses is {n}, but {m} were given")
    if m == 0:
        return Discoveries(np.zeros(0, dtype=np.bool_), np.zeros(0))
    order = np.argsort(p_values, kind="stable")
    raw = penalty * n * p_values[order] / np.arange(1, m + 1)
    q = np.empty(m)
    q[order] = np.minimum(np.minimum.accumulate(raw[::-1])[::-1], 1.0)
    return Discoveries(q <= level * (1 + _ROUNDING), q)


def benjamini_hochberg(p_values: ArrayLike, level: float, n_hypotheses: int | None = None) -> Discoveries:
    """Benjamini & Hochberg 1995: FDR at most ``level`` for independent or positively dependent p-values.

    Args:
        p_values: (m,) in [0, 1].
        level: in (0, 1).
        n_hypotheses: number of hypotheses looked at, if more than m; default m.

    Returns:
        Mask and q-values (adjusted p-values); empty for m = 0; for one hypothesis q = p.

    Raises:
        ValueError: a p-value outside [0, 1] or NaN, ``level`` outside (0, 1), ``n_hypotheses`` < m.
    """
    return step_up(_checked_p(p_values), level, n_hypotheses)


def benjamini_yekutieli(p_values: ArrayLike, level: float, n_hypotheses: int | None = None) -> Discoveries:
    """Benjamini & Yekutieli 2001: as `benjamini_hochberg`, but under any dependence, for a factor of about ln m.

    Arguments, result and errors are those of `benjamini_hochberg`.
    """
    p = _checked_p(p_values)
    n = max(p.size if n_hypotheses is None else n_hypotheses, 1)
    return step_up(p, level, n_hypotheses, penalty=float(np.sum(1.0 / np.arange(1, n + 1))))


def expected_false(posteriors: ArrayLike) -> float:
    """Expected number of false members of a set: the sum of ``1 - posterior``.

    Args:
        posteriors: (n,) probability of each member that it belongs; calibrated, or the sum means nothing.

    Returns:
        The expectation, 0 for an empty set.

    Raises:
        ValueError: a posterior outside [0, 1] or NaN.
    """
    return float(np.sum(1.0 - _checked_p(posteriors)))


def posterior_q_values(posteriors: ArrayLike) -> NDArray[np.float64]:
    """Bayesian q-values: expected share of false members among all that are at least as sure.

    Newton, Noueiry, Sarkar & Ahlquist 2004 ("direct posterior probability approach"). Ties get one value,
    so the result does not depend on the order of the members.

    Args:
        posteriors: (n,) in [0, 1].

    Returns:
        (n,) in [0, 1], never increasing in the posterior; empty for n = 0; ``1 - posterior`` for n = 1.

    Raises:
        ValueError: a posterior outside [0, 1] or NaN.
    """
    false = 1.0 - _checked_p(posteriors)
    levels, inverse, counts = np.unique(false, return_inverse=True, return_counts=True)
    if levels.size == 0:
        return np.zeros(0)
    share = np.cumsum(levels * counts) / np.cumsum(counts)
    return np.asarray(np.maximum.accumulate(share)[inverse], dtype=np.float64)


def select_at_fdr(posteriors: ArrayLike, level: float) -> NDArray[np.bool_]:
    """Largest set of surest members whose expected share of false ones is at most ``level``.

    Members with one posterior are taken or left together, so that the set does not depend on their order.

    Args:
        posteriors: (n,) in [0, 1].
        level: in [0, 1].

    Returns:
        (n,) mask; all False where even the surest exceed the level; empty for n = 0.

    Raises:
        ValueError: ``level`` or a posterior outside [0, 1] or NaN.
    """
    if not 0 <= level <= 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    return posterior_q_values(posteriors) <= level + _ROUNDING


def _checked_p(p_values: ArrayLike) -> NDArray[np.float64]:
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not bool(np.all((p >= 0) & (p <= 1))):
        raise ValueError("probabilities must be a one-dimensional array of numbers in [0, 1]")
    return p
