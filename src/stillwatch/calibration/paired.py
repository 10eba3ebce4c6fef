"""Two models on the same units: the p-value of no difference, and which of two figures is farther from zero."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from stillwatch.calibration.intervals import Interval

_GRIDS = (1, 2, 3, 4, 6, 12, 20, 60, 420, 2520)  # steps into which means of up to ten scores fall
_STEPS = 200_000  # of the sum; more take long and change nothing
_LOST = 1e-300  # more than all chances together that are too small for a float


def sign_flip_p_value(differences: ArrayLike) -> float:
    """Two-sided p-value of "it makes no difference which model is which", exact for every n.

    Were the models alike, each unit's difference would as soon have had the other sign, independently of the others:
    the p-value is the share of all 2^n choices of signs whose sum is at least as far from 0 (Fisher 1935), counted in
    full and not drawn. For differences of -1, 0 and 1 it is the exact test of McNemar 1947. Differences that lie on no
    grid of 1/2520 or coarser are rounded to one first, which leaves the test exact: any statistic will do that
    changes its sign with each difference.

    Where models are unlike, but of one mean, it is valid for -1, 0 and 1, and for other scores as n grows (Romano
    1990).

    Args:
        differences: (n,) finite; one for each unit, model against model.

    Returns:
        The p-value in (0, 1]; the same when all signs change, and in any order. 1 for n = 0 and n = 1.

    Raises:
        ValueError: not one-dimensional, or not finite.
    """
    chances, observed = _sums_of_signs(differences)
    sums = 2 * np.arange(chances.size) - (chances.size - 1)
    return min(1.0, float(chances[np.abs(sums) >= abs(observed)].sum()))


def sign_flip_upper_p_value(differences: ArrayLike) -> float:
    """One-sided p-value of "each sign was thrown by a fair coin", against differences that are too often positive.

    The share of all 2^n choices of signs whose sum is at least the one observed, counted in full (Fisher 1935); exact
    for every n and any sizes that do not depend on the coins. Differences that lie on no grid of 1/2520 or coarser are
    rounded to one first, as in `sign_flip_p_value`.

    Args:
        differences: (n,) finite; each the size that a unit counts, with the sign that its coin gave.

    Returns:
        The p-value in (0, 1], never below 1e-300: what floating point lost in the tail is added. 1 for n = 0 and where
        all are 0; for n = 1 it is 1/2 or 1.

    Raises:
        ValueError: not one-dimensional, or not finite.
    """
    chances, observed = _sums_of_signs(differences)
    sums = 2 * np.arange(chances.size) - (chances.size - 1)
    return min(1.0, float(chances[sums >= observed].sum()) + _LOST)


def _sums_of_signs(differences: ArrayLike) -> tuple[NDArray[np.float64], int]:
    """The chance of each sum that signs can give, from the least up in steps of two, and the sum observed."""
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 1 or not bool(np.isfinite(d).all()):
        raise ValueError("differences must be a one-dimensional array of finite numbers")
    signed = _on_a_grid(d)
    sizes, counts = np.unique(np.abs(signed[signed != 0]), return_counts=True)
    if not sizes.size:
        return np.ones(1), 0
    common = int(np.gcd.reduce(sizes))
    chances = np.ones(1)
    for size, count in zip((sizes // common).tolist(), counts.tolist(), strict=True):
        flips = np.exp(
            special.gammaln(count + 1)
            - special.gammaln(np.arange(count + 1) + 1)
            - special.gammaln(np.arange(count, -1, -1) + 1)
            - count * math.log(2)
        )
        wider = np.zeros(chances.size + size * count)
        for k in range(count + 1):
            wider[k * size : k * size + chances.size] += flips[k] * chances
        chances = wider
    return chances, int(signed.sum()) // common


def distance_from_zero(difference: Interval, total: Interval) -> Interval:
    """Interval of ``|a| - |b|`` from those of ``a - b`` and of ``a + b``: whose figure is farther from zero.

    As ``|a| - |b| = max(min(a - b, a + b), min(-a - b, b - a))``, its least and greatest value over both intervals are
    read off their ends. The two intervals need not hold together: where the signs of a and b are known only one of them
    decides, and where they are not, only means that are wrong in both at once put the result wrong. By simulation
    it covers at no less than the level of the two (``bench/audit_intervals.py``).

    Args:
        difference: of ``a - b``, at some level.
        total: of ``a + b`` over the same units, at the same level.

    Returns:
        Estimate and ends. Exchanging a and b changes all signs; changing the signs of both changes nothing.
    """

    back = Interval(-difference.value, -difference.high, -difference.low)
    d, s = difference, total
    value = max(min(d.value, s.value), min(-s.value, -d.value))
    return Interval(value, -_farthest(back, s), _farthest(d, s))


def _farthest(d: Interval, s: Interval) -> float:
    return max(min(d.high, s.high), min(-s.low, -d.low))


def _on_a_grid(d: NDArray[np.float64]) -> NDArray[np.int64]:
    reach = float(np.abs(d).max()) * d.size if d.size else 0.0
    fitting = [float(grid) for grid in _GRIDS if grid * reach <= _STEPS] or [_STEPS / reach]
    exact = [grid for grid in fitting if bool(np.all(np.abs(d * grid - np.rint(d * grid)) < 1e-6))]
    steps: NDArray[np.int64] = np.rint(np.abs(d) * (exact or fitting[-1:])[0]).astype(np.int64)
    return np.where(d < 0, -steps, steps)
