"""Tests that may be looked at whenever one likes: wealth won by betting against a null, and the p-value that it gives.

A bet multiplies its stake by a factor whose mean, given all that was seen before, is at most 1 under the null. Stakes
spread over several bets at once do so too, and so their wealth exceeds 1/p at any time, ever, with probability at most
p (Ville 1939). Hence ``1 / (most wealth so far)`` is a p-value at whatever moment one stops, and also where the number
of values depends on the values.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

__all__ = ["Wealth", "bounded_log_factors", "geometric_stakes"]

_MAX_LOG = 700.0  # exp() of more overflows; less wealth is still valid
_BLOCK = 1 << 22  # numbers at once


class Wealth:
    """The wealth of several bets that began with equal shares of 1, as values come in.

    Nothing is known before the first value: log-wealth 0, p-value 1.
    """

    def __init__(self, bets: int) -> None:
        if bets < 1:
            raise ValueError(f"there must be at least one bet, not {bets}")
        self._each = np.zeros(bets)
        self.log_e = 0.0
        """Natural logarithm of the wealth now: an e-value at any moment that was chosen without looking ahead."""
        self.most = 0.0
        """The greatest ``log_e`` so far."""
        self.n = 0
        """Values seen."""

    def add(self, log_factors: ArrayLike) -> None:
        """Play the next values.

        Args:
            log_factors: (bets, n) logarithms of the factors by which each bet multiplies its stake at each value, in
                order; minus infinity ruins a bet.

        Raises:
            ValueError: of another shape, or NaN.
        """
        factors = np.asarray(log_factors, dtype=np.float64)
        if factors.ndim != 2 or factors.shape[0] != self._each.size or bool(np.isnan(factors).any()):
            raise ValueError(f"factors of shape {factors.shape}: need ({self._each.size}, n) numbers")
        for start in range(0, factors.shape[1], step := max(_BLOCK // self._each.size, 1)):
            paths = self._each[:, np.newaxis] + np.cumsum(factors[:, start : start + step], axis=1)
            wealth = special.logsumexp(paths, axis=0) - np.log(self._each.size)
            self._each, self.log_e = paths[:, -1].copy(), float(wealth[-1])
            self.most = max(self.most, float(wealth.max()))
        self.n += factors.shape[1]

    @property
    def p_value(self) -> float:
        """In (0, 1]: holds at every moment at once, so one may stop when it is small enough."""
        return float(np.exp(-min(self.most, _MAX_LOG)))


def geometric_stakes(least: float, greatest: float, number: int) -> NDArray[np.float64]:
    """``number`` sizes of bets, each the same multiple of the one before.

    A size off by a factor f from the best one wins the power ``1 - (f - 1)**2`` of what that wins; spreading costs a
    factor of at most ``number``.
    """
    if not 0 < least < greatest or number < 2:
        raise ValueError(f"need 0 < least < greatest and two sizes or more, not {least}, {greatest}, {number}")
    return np.geomspace(least, greatest, number)


def bounded_log_factors(values: ArrayLike, mean: float, shares: ArrayLike) -> NDArray[np.float64]:
    """Factors of bets that values in [0, 1] are above ``mean``, whatever else they are like.

    A bet that stakes the share c gains ``1 + c (x - mean) / mean`` (Waudby-Smith & Ramdas 2024, "Estimating means of
    bounded random variables by betting"). Its mean is at most 1 where that of each value, given those before, is at
    most ``mean``.

    Args:
        values: (n,) in [0, 1], in the order in which they came.
        mean: the greatest mean that the null allows, in (0, 1).
        shares: (bets,) in (0, 1).

    Returns:
        (bets, n) logarithms, for `Wealth.add`.

    Raises:
        ValueError: anything outside its bounds.
    """
    x, c = np.asarray(values, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    if x.ndim != 1 or not bool(np.all((x >= 0) & (x <= 1))):
        raise ValueError("values must be a one-dimensional array of numbers in [0, 1]")
    if not 0 < mean < 1 or c.ndim != 1 or not bool(np.all((c > 0) & (c < 1))):
        raise ValueError(f"the mean and the shares staked must lie between 0 and 1, not {mean} and {c.tolist()}")
    return np.asarray(np.log1p(np.multiply.outer(c, (x - mean) / mean)))
