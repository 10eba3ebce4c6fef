"""The error of a judge, measured on labelled answers, taken out of what it says, and its uncertainty carried along.

Two ways. Where the labelled answers are others than those judged, the judge's sensitivity and specificity, the same
for all models, undo its error (Rogan & Gladen 1978). Where they are a random part of the answers judged, nothing need
be alike between models (prediction-powered inference, Angelopoulos et al. 2023).

Intervals of parts are put together by square-and-add (Newcombe 1998; Zou & Donner 2008, "MOVER"; for ratios Donner &
Zou 2012): each side of the whole from the sides of the parts, which keeps their skewness, and the room that a rate with
no error seen still has. The delta method has neither and covers too seldom with few labels or good judges.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from stillwatch.calibration.bounded_means import counted, score_interval
from stillwatch.calibration.intervals import Interval

_FEW = 8  # fewer units of one kind are put with others: an interval of their own would be all there is
_TUNED = 20  # with fewer labelled units, how much to trust the judge cannot be learnt

Floats = NDArray[np.float64]


class JudgeRates(NamedTuple):
    """How often a judge is right.

    Attributes:
        sensitivity: mean of its scores where the label is 1.
        specificity: one less the mean of its scores where the label is 0.
        labelled: how many labels there are of 1 and of 0.
    """

    sensitivity: Interval
    specificity: Interval
    labelled: tuple[int, int]

    def lift(self) -> Interval:
        """Sensitivity + specificity - 1 (Youden 1950): 1 for a perfect judge, 0 for one that says nothing."""
        se, sp = self.sensitivity, self.specificity
        value = se.value + sp.value - 1
        if math.isnan(value):
            return Interval(math.nan, -1.0, 1.0)
        below = math.hypot(se.value - se.low, sp.value - sp.low)
        above = math.hypot(se.high - se.value, sp.high - sp.value)
        return Interval(value, max(-1.0, value - below), min(1.0, value + above))


def judge_rates(labels: ArrayLike, judged: ArrayLike, level: float = 0.95) -> JudgeRates:
    """Sensitivity and specificity with their intervals (`score_interval`).

    Args:
        labels: (n,) of 0 and 1: what is true of answers that are independent of one another.
        judged: (n,) in [0, 1]: what the judge says of them.
        level: coverage of each interval.

    Returns:
        Rates; NaN in [0, 1] where no answer has the label.

    Raises:
        ValueError: lengths differ, a label that is neither 0 nor 1, a score outside [0, 1].
    """
    y, x = np.asarray(labels, dtype=np.float64), np.asarray(judged, dtype=np.float64)
    if y.ndim != 1 or y.shape != x.shape or not bool(np.all((y == 0) | (y == 1))):
        raise ValueError("labels must be 0 or 1, and as many as there are scores of the judge")
    se = score_interval(counted(x[y == 1], 0.0, 1.0), level)
    sp = score_interval(counted(1 - x[y == 0], 0.0, 1.0), level)
    return JudgeRates(se, sp, (int(np.count_nonzero(y == 1)), int(np.count_nonzero(y == 0))))


def corrected_mean(judged: Interval, rates: JudgeRates) -> Interval:
    """The mean that would be seen without the judge's error: ``(judged + sp - 1) / (se + sp - 1)`` (Rogan & Gladen).

    A mean m belongs to the interval where ``judged - m se - (1 - m) (1 - sp)`` may be 0 (as in Fieller 1954, by
    square-and-add of three independent parts).

    Args:
        judged: mean of the judge's scores, in [0, 1], at some level.
        rates: of the judge, from other answers, at the same level.

    Returns:
        Estimate and ends in [0, 1]. NaN in [0, 1] where there is nothing to tell: no score, no label of a kind,
        a judge that is no better than chance, or scores that no mean could have given at these rates.
    """
    nothing = Interval(math.nan, 0.0, 1.0)
    se, sp, lift = *rates[:2], rates.lift()
    if math.isnan(judged.value) or not lift.low > 0:
        return nothing
    f = Interval(1 - sp.value, 1 - sp.high, 1 - sp.low)

    def gap(m: float) -> float:
        return judged.value - m * se.value - (1 - m) * f.value

    def least(m: float) -> float:
        parts = (judged.value - judged.low, m * (se.high - se.value), (1 - m) * (f.high - f.value))
        return gap(m) - math.hypot(*parts)

    def most(m: float) -> float:
        parts = (judged.high - judged.value, m * (se.value - se.low), (1 - m) * (f.value - f.low))
        return gap(m) + math.hypot(*parts)

    if least(1.0) > 0 or most(0.0) < 0:
        return nothing
    low = 0.0 if least(0.0) <= 0 else float(optimize.brentq(least, 0.0, 1.0))
    high = 1.0 if most(1.0) >= 0 else float(optimize.brentq(most, 0.0, 1.0))
    value = min(max((judged.value - f.value) / lift.value, low), high)
    return Interval(value, low, high)


def corrected_difference(judged: Interval, rates: JudgeRates, bound: float = 1.0) -> Interval:
    """A difference of means without the judge's error, which both models share: ``judged / (se + sp - 1)``.

    What the judge takes for 1 by mistake falls out; what is left is the ratio of two independent parts (Donner & Zou
    2012), the second known from the labelled answers. So the judge's error widens a difference in proportion to it.

    Args:
        judged: difference of means of the judge's scores.
        rates: of the judge, from other answers, at the same level; the same for both models.
        bound: the greatest difference there is.

    Returns:
        Estimate and ends in [-bound, bound]; exchanging the models changes all signs. NaN between the bounds where
        there is nothing to tell (see `corrected_mean`).
    """
    lift = rates.lift()
    back = Interval(-judged.value, -judged.high, -judged.low)
    if math.isnan(judged.value) or not lift.low > 0:
        return Interval(math.nan, -bound, bound)
    low, high = -_ratio_end(back, lift, bound), _ratio_end(judged, lift, bound)
    if math.isnan(low) or math.isnan(high):
        return Interval(math.nan, -bound, bound)
    value = max(-bound, min(bound, judged.value / lift.value))
    return Interval(value, min(low, value), max(high, value))


def _ratio_end(judged: Interval, lift: Interval, bound: float) -> float:
    """Greatest difference in the interval; NaN where none is."""

    def most(d: float) -> float:
        less = d * (lift.value - lift.low) if d >= 0 else d * (lift.high - lift.value)
        return judged.value - d * lift.value + math.hypot(judged.high - judged.value, less)

    if most(bound) >= 0:
        return bound
    if most(-bound) < 0:
        return math.nan
    return float(optimize.brentq(most, -bound, bound))


class Powered(NamedTuple):
    """Outcome of `prediction_powered`.

    Attributes:
        interval: estimate and ends; NaN between the bounds where a column has no label.
        trust: (k,) weight given to the judge in each column (PPI++): 0 where its scores say nothing, 1 at most.
        labelled: (k,) labelled units of each column.
    """

    interval: Interval
    trust: tuple[float, ...]
    labelled: tuple[int, ...]


def prediction_powered(judged: ArrayLike, labels: ArrayLike, signs: ArrayLike, level: float = 0.95) -> Powered:
    """Interval of ``sum_k sign_k * mean of column k``, from a judge's scores of all units and labels of some.

    Each column (one model, or one side of the pairs for one model) is ``trust * mean(scores without label) +
    mean(label - trust * score)``, whatever the judge's errors in it (Angelopoulos, Bates, Fannjiang, Jordan & Zrnic
    2023); ``trust`` makes the variance least (Angelopoulos, Duchi & Zrnic 2023, PPI++), 1 while too few labels
    are there to learn it. Units are independent, columns of a unit need not be: each unit's share in the whole is one
    number, units with labels in the same columns are one stratum, and strata are added as in the module's docstring.

    Args:
        judged: (n, k) in [0, 1].
        labels: (n, k) in [0, 1]; NaN where there is none. Which units are labelled must have been drawn by lot. Of
            a unit with several answers of which some have a label: its score and the mean error of those, which
            may lie in [-1, 2].
        signs: (k,) of 1 and -1.
        level: coverage.

    Returns:
        The estimate clipped to what is possible. No label in a column (or n = 0): NaN between the bounds. One
        label: almost all between them.

    Raises:
        ValueError: shapes differ, a score or label outside [0, 1], a sign that is neither 1 nor -1.
    """
    x, y, s = (np.asarray(a, dtype=np.float64) for a in (judged, labels, signs))
    if x.ndim != 2 or x.shape != y.shape or s.shape != x.shape[1:] or not bool(np.all(np.abs(s) == 1)):
        raise ValueError("need as many labels (NaN for none) as scores, one column a sign, and signs of 1 and -1")
    has = ~np.isnan(y)
    if not bool(np.all((x >= 0) & (x <= 1))) or not bool(np.all((y[has] >= -1) & (y[has] <= 2))):
        raise ValueError("scores must lie in [0, 1], labels too")
    least, most = 0.0 - float(np.count_nonzero(s < 0)), float(np.count_nonzero(s > 0))
    n = has.sum(axis=0)
    if not x.size or not bool(n.all()):
        return Powered(Interval(math.nan, least, most), (0.0,) * s.size, tuple(int(v) for v in n))
    trust = np.array([_trust(x[:, k], y[:, k]) for k in range(s.size)])
    rest = np.maximum(len(x) - n, 1)
    shares = np.where(has, (np.nan_to_num(y) - trust * x) / n, trust * x / rest) * s
    whole = bool(np.all((y[has] >= 0) & (y[has] <= 1)))
    labelled = np.stack([-trust / n, 1 / n] if whole else [-1 / n, (2 - trust) / n], axis=-1)
    reach = np.where(has[:, :, None], labelled, np.stack([0 * trust, trust / rest], axis=-1))
    reach = np.sort(reach * s[:, None], axis=-1)
    total = _strata_sum(shares, reach, has, level)
    value = min(max(total.value, least), most)
    return Powered(
        Interval(value, min(value, max(total.low, least)), max(value, min(total.high, most))),
        tuple(trust.tolist()),
        tuple(int(v) for v in n),
    )


def _trust(x: Floats, y: Floats) -> float:
    has = ~np.isnan(y)
    n, rest = int(has.sum()), int((~has).sum())
    if not rest:
        return 0.0
    if n < _TUNED:
        return 1.0
    spread = math.fsum((x - math.fsum(x) / x.size) ** 2) / x.size
    if spread < 1e-12:
        return 0.0
    xs, ys = x[has] - math.fsum(x[has]) / n, y[has] - math.fsum(y[has]) / n
    together = math.fsum(xs * ys) / (n - 1)
    return min(1.0, max(0.0, together / spread / (1 + n / rest)))


def _strata_sum(shares: Floats, reach: Floats, has: NDArray[np.bool_], level: float) -> Interval:
    """Interval of the sum of all shares. All sums are exact, so that no order of units or columns changes a bit."""
    kinds = has @ (1 << np.arange(has.shape[1]))
    names, counts = np.unique(kinds, return_counts=True)
    small = [k for k, c in zip(names.tolist(), counts.tolist(), strict=True) if k and c < _FEW]
    stratum = np.where(np.isin(kinds, small), -1, kinds)
    below, above = [0.0], [0.0]
    for name in np.unique(stratum):
        inside = stratum == name
        m = int(inside.sum())
        kind_reach = np.unique(reach[inside], axis=0)  # of a unit's share, at the least and at the most
        low = round(min(math.fsum(ends[:, 0]) for ends in kind_reach) * m, 12)
        high = round(max(math.fsum(ends[:, 1]) for ends in kind_reach) * m, 12)
        if high - low < 1e-11:
            continue
        each = np.round([math.fsum(row) * m for row in shares[inside]], 12)
        mean = score_interval(counted(np.clip(each, low, high), low, high), level)
        below.append(mean.value - mean.low)
        above.append(mean.high - mean.value)
    value = math.fsum(shares.ravel())
    return Interval(value, value - math.hypot(*sorted(below)), value + math.hypot(*sorted(above)))


def p_value_by_inversion(interval_at: Callable[[float], Interval]) -> float:
    """Two-sided p-value of "the estimate is of nothing but 0": one less the level at which the interval reaches 0.

    As good as the intervals are.

    Args:
        interval_at: the interval at a level; wider at higher levels.

    Returns:
        In [1e-12, 1]; 1 where there is no estimate.
    """
    low, high = 0.0, -float(special.ndtri(0.5e-12))
    while high - low > 1e-4:
        middle = (low + high) / 2
        ends = interval_at(1 - 2 * float(special.ndtr(-middle)))
        low, high = (middle, high) if ends.low > 0 or ends.high < 0 else (low, middle)
    return min(1.0, 2 * float(special.ndtr(-low)))
