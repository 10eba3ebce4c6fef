"""Intervals of the mean of few bounded scores: mostly 0 and 1, or differences of such, sometimes anything between.

Chosen by simulation (``bench/audit_intervals.py``) among Student's t, adjusted Wald (Agresti & Min 2005; Bonett & Price
2012), square-and-add (Newcombe 1998, method 10) and the score intervals of Wilson 1927 and Tango 1998. The first
three cover too seldom where one model never fails or the scores are alike; the score intervals hold at 95 % but not at
the 99.9 % of simultaneous intervals, where the skewness of rare events counts. All of these are for 0 and 1 only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from stillwatch.calibration.intervals import Interval

_ALIKE = 1e-6  # scores as near as this (of the range) are one: rounding, not what was judged
_NEAR = 1e-3  # z-values below this are 0 to any use; their correction would be noise divided by noise


class Scores(NamedTuple):
    """Bounded scores, sorted and counted: what an interval needs to know of them.

    Attributes:
        values: distinct scores, ascending.
        shares: their weights; sum 1.
        n: number of scores; with unequal weights, how many equal ones say as much (Kish 1965).
        mean: weighted mean, summed exactly, so that order and sign of the scores make no difference to it.
        low: the least score possible.
        high: the greatest.
    """

    values: tuple[float, ...]
    shares: tuple[float, ...]
    n: float
    mean: float
    low: float
    high: float

    def negated(self) -> Scores:
        """The scores with the other sign: sides or models exchanged."""
        return Scores(
            tuple(-v for v in reversed(self.values)), self.shares[::-1], self.n, -self.mean, -self.high, -self.low
        )

    def of_size(self, n: float) -> Scores:
        """The same scores as if n had been seen."""
        return self._replace(n=n)


def counted(scores: ArrayLike, low: float, high: float, weights: ArrayLike | None = None) -> Scores:
    """Scores as `score_interval` takes them.

    Args:
        scores: (n,) in [low, high].
        low: the least score possible; below ``high``.
        high: the greatest.
        weights: (n,) positive; default all alike.

    Raises:
        ValueError: a score outside the bounds or NaN, weights of another length or not positive, bounds out of order.
    """
    x = np.asarray(scores, dtype=np.float64)
    w = np.ones(x.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    if not low < high:
        raise ValueError(f"the least score possible must be below the greatest, not {low} and {high}")
    if x.ndim != 1 or not bool(np.all((x >= low) & (x <= high))):
        raise ValueError(f"scores must be a one-dimensional array of numbers in [{low}, {high}]")
    if w.shape != x.shape or not bool(np.all((w > 0) & np.isfinite(w))):
        raise ValueError("weights must be positive, and as many as scores")
    if not x.size:
        return Scores((), (), 0.0, math.nan, low, high)
    near = _ALIKE * (high - low)
    x = np.where(x - low <= near, low, np.where(high - x <= near, high, x))
    order = np.lexsort((w, x))
    x, w, whole = x[order] + 0.0, w[order], math.fsum(w)
    ends = [0, *(np.flatnonzero(np.diff(x) > near) + 1).tolist(), x.size]
    alike = [slice(a, b) for a, b in pairwise(ends)]
    sums = [math.fsum(w[a]) for a in alike]
    values = [
        float(x[a][0]) if x[a][0] == x[a][-1] else math.fsum(w[a] * x[a]) / v for a, v in zip(alike, sums, strict=True)
    ]
    mean = min(max(math.fsum(w * x) / whole, values[0]), values[-1]) + 0.0
    return Scores(tuple(values), tuple(v / whole for v in sums), whole**2 / math.fsum(w * w), mean, low, high)


def score_interval(scores: Scores, level: float = 0.95) -> Interval:
    """Interval of the mean that independent bounded scores are drawn with; covers about at ``level`` (mid-p).

    A mean belongs to the interval where it does not make the mean seen too unlikely: each tail is
    ``(1 - level) / 2``. The tail is that of the distribution which, of all with that mean, makes the scores seen
    likeliest (Owen 1988, empirical likelihood; it may put weight on the bounds, though neither was seen), by
    saddlepoint (Lugannani & Rice 1980). For 0 and 1 that is the mid-p interval (Lancaster 1961); for -1, 0 and 1 the
    approximate unconditional interval of paired rates (Tang, Tang & Chan 2005) with mid-p, whose constrained estimates
    are Tango's. Rare scores and equal ones need no case of their own: n zeros of a rate give ``[0, 1 - (1 - level) **
    (1 / n)]``.

    Exchanging the signs exchanges the ends exactly, and the order of the scores makes no difference.

    Args:
        scores: see `counted`.
        level: coverage, in (0, 1).

    Returns:
        Mean and ends within the bounds. For n = 0 NaN between the bounds; for n = 1 almost all between them.

    Raises:
        ValueError: ``level`` outside (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    if not scores.n:
        return Interval(math.nan, scores.low, scores.high)
    z = -float(special.ndtri((1 - level) / 2))
    return Interval(scores.mean, 0.0 - _upper_end(scores.negated(), z), _upper_end(scores, z))


def score_p_value(scores: Scores, mean: float = 0.0) -> float:
    """Two-sided p-value of ``mean`` being the mean that the scores are drawn with: where `score_interval` reaches it.

    Of the mean alone, whatever else the scores are like: where they are skew, that is more than `sign_flip_p_value`
    can say of few of them, which is exact for models that are alike in everything.

    Args:
        scores: see `counted`.
        mean: between their bounds.

    Returns:
        In [0, 1]; the same for the negated scores and mean. 1 for n = 0, and where the mean is that seen.

    Raises:
        ValueError: ``mean`` not between the bounds.
    """
    if not scores.low < mean < scores.high:
        raise ValueError(f"the mean must lie between the bounds {scores.low} and {scores.high}, not at {mean}")
    if scores.mean > mean:
        scores, mean = scores.negated(), -mean
    if not scores.mean < mean - 1e-9 * (scores.high - scores.low):
        return 1.0
    away = [scores.high - v for v in scores.values]
    z = _signed_root(away, scores.shares, scores.n, scores.high - scores.mean, scores.high - mean)
    return min(1.0, 2 * float(special.ndtr(z)))


@lru_cache(maxsize=65536)  # rounds of an audit ask again about figures that did not change
def _upper_end(scores: Scores, z: float) -> float:
    # All in distances from the greatest score, so that means close to it lose no digits; sums over so few numbers
    # are faster in plain Python than as arrays.
    seen = scores.high - scores.mean
    if seen <= 0:
        return scores.high
    away = [scores.high - v for v in scores.values]

    def excess(gap: float) -> float:
        return _signed_root(away, scores.shares, scores.n, seen, gap) + z

    spread = math.sqrt(sum(s * (x - seen) ** 2 for s, x in zip(scores.shares, away, strict=True)))
    nearest = seen - (min(1e-4 * spread / math.sqrt(scores.n), seen / 2) if spread else 1e-9 * seen)
    farthest = seen * 1e-12
    if excess(farthest) > 0:
        return scores.high
    return scores.high - float(optimize.brentq(excess, farthest, nearest, xtol=1e-14, rtol=1e-9))


def _signed_root(away: list[float], shares: Sequence[float], n: float, seen: float, gap: float) -> float:
    """The tail of means as far away as ``seen``, were ``gap`` (less) the true one, as a standard normal deviate."""
    support, chances = _likeliest(away, shares, gap)
    if seen >= support[0]:  # all at one value: half the chance of that, exactly
        return float(special.ndtri_exp(n * math.log(chances[0]) - math.log(2)))
    more = [x - seen for x in support]
    most = more[0]

    def slope(t: float) -> float:
        return sum(c * x * math.exp(t * (x - most)) for c, x in zip(chances, more, strict=True))

    far = 1.0 / (support[0] - support[-1])
    while slope(far) < 0:
        far *= 2
    t = float(optimize.brentq(slope, 0.0, far, xtol=1e-14, rtol=1e-10))
    tilted = [c * math.exp(t * (x - most)) for c, x in zip(chances, more, strict=True)]
    mass = sum(tilted)
    root = -math.sqrt(max(-2 * n * (math.log(mass) + t * most), 0.0))
    if root > -_NEAR:
        return root
    steps = _spacing(support)
    tilt = t if not steps else 2 * math.tanh(t * steps / 2) / steps  # half of the chance of what was seen, as in mid-p
    spread = tilt * math.sqrt(n * sum(w * x * x for w, x in zip(tilted, more, strict=True)) / mass)
    return root + math.log(spread / -root) / root


def _spacing(support: list[float]) -> float:
    """The distance of neighbours, where the scores lie on a grid; 0 where they do not."""
    gaps = [x - y for x, y in pairwise(support)]
    least = min(gaps)
    return least if all(abs(g / least - round(g / least)) < 1e-6 * g / least for g in gaps) else 0.0


def _likeliest(away: list[float], shares: Sequence[float], gap: float) -> tuple[list[float], list[float]]:
    """Distances and chances of the distribution of mean ``gap``, less than that seen, that makes the scores likeliest.

    Distances descend. The greatest score itself (distance 0) may have a chance though it was not seen.
    """
    less = [x - gap for x in away]

    def balance(pull: float) -> float:
        return sum(s * x / (1 + pull * x) for s, x in zip(shares, less, strict=True))

    most = 1 / gap
    if away[-1] <= 0 or balance(most) < 0:
        end = most if away[-1] > 0 else most * (1 - 1e-13)  # where the greatest was seen there is a pole
        pull = float(optimize.brentq(balance, 0.0, end, xtol=1e-14, rtol=1e-12))
        return away, [s / (1 + pull * x) for s, x in zip(shares, less, strict=True)]
    chances = [s * gap / x for s, x in zip(shares, away, strict=True)]
    return [*away, 0.0], [*chances, max(1 - sum(chances), 0.0)]
