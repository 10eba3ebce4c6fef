"""Intervals: for rates (also with no event at all) and for sums over units that are not independent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special, stats

_SHIFTS = 65  # nodes over the shared log-odds error; more change the interval by less than 1e-3 of it


class Interval(NamedTuple):
    """An estimate and the two ends of its interval."""

    value: float
    low: float
    high: float


def clopper_pearson(events: int, trials: int, level: float = 0.95) -> Interval:
    """Exact binomial interval of a rate (Clopper & Pearson 1934): covers at least at ``level``.

    No event in n trials gives ``high = 1 - ((1 - level) / 2) ** (1 / n)``, about 3.7/n at 95 %.

    Args:
        events: number of events, 0 to ``trials``.
        trials: number of *independent* trials.
        level: coverage, in (0, 1).

    Returns:
        The rate and its interval. For no trial: rate NaN, interval [0, 1].

    Raises:
        ValueError: ``events`` not in [0, trials] or ``level`` outside (0, 1).
    """
    _check_rate(events, trials, level)
    if trials == 0:
        return Interval(float("nan"), 0.0, 1.0)
    tail = (1 - level) / 2
    low = 0.0 if events == 0 else float(stats.beta.ppf(tail, events, trials - events + 1))
    high = 1.0 if events == trials else float(stats.beta.ppf(1 - tail, events + 1, trials - events))
    return Interval(events / trials, low, high)


def wilson(events: int, trials: int, level: float = 0.95) -> Interval:
    """Score interval of a rate (Wilson 1927): shorter than the exact one, covers about at ``level`` on average.

    Arguments, errors and the case of no trial are those of `clopper_pearson`.
    """
    _check_rate(events, trials, level)
    if trials == 0:
        return Interval(float("nan"), 0.0, 1.0)
    z = float(stats.norm.ppf((1 + level) / 2))
    rate = events / trials
    centre = (rate + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * float(np.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials**2)))
    low = 0.0 if events == 0 else max(0.0, centre - half)
    high = 1.0 if events == trials else min(1.0, centre + half)
    return Interval(rate, low, high)


def rate_sequence(events: int, trials: int, level: float = 0.95) -> Interval:
    """Interval of a rate that covers at ``level`` at every look at once, so that one may stop when one has seen enough.

    The rates p at which a Beta(1, 1) prior has not become ``1 / (1 - level)`` times as unlikely by the events (the
    ratio of prior to posterior is a martingale: Waudby-Smith & Ramdas 2020). Wider than `clopper_pearson`, which covers
    at one look that was settled beforehand. Earlier outcomes may decide whether a trial is made, never what it shows.

    Arguments, errors and the case of no trial are those of `clopper_pearson`.
    """
    _check_rate(events, trials, level)
    if trials == 0:
        return Interval(float("nan"), 0.0, 1.0)
    edge = ((1 - level) / (trials + 1)) ** (1 / trials)  # where all trials, or none, had the event
    if events in (0, trials):
        return Interval(events / trials, 0.0 if events == 0 else edge, 1.0 if events else 1 - edge)

    def excess(p: float) -> float:
        return float(stats.beta.logpdf(p, events + 1, trials - events + 1) - np.log(1 - level))

    rate, tiny = events / trials, 1e-12
    return Interval(rate, float(optimize.brentq(excess, tiny, rate)), float(optimize.brentq(excess, rate, 1 - tiny)))


def bounded_mean(values: ArrayLike, level: float = 0.95) -> Interval:
    """Interval of the mean of independent values in [0, 1], whatever their distribution: covers at least at ``level``.

    The means that Chernoff's bound on the relative entropy does not rule out (Hoeffding 1963, theorem 1). For values of
    0 and 1 it is a little wider than `clopper_pearson`, and the same where all are 0; for values that are mostly near 0
    it is far shorter than taking each for a 1.

    Args:
        values: (n,) in [0, 1].
        level: coverage, in (0, 1).

    Returns:
        Mean and interval; for n = 0 NaN between 0 and 1.

    Raises:
        ValueError: a value is outside [0, 1] or NaN, ``level`` outside (0, 1).
    """
    v = np.asarray(values, dtype=np.float64)
    _check_level(level)
    if v.ndim != 1 or not bool(np.all((v >= 0) & (v <= 1))):
        raise ValueError("values must be a one-dimensional array of numbers in [0, 1]")
    if not v.size:
        return Interval(float("nan"), 0.0, 1.0)
    mean, bar = float(v.mean()), float(np.log(2 / (1 - level)) / v.size)

    def excess(p: float) -> float:
        return float(special.rel_entr(mean, p) + special.rel_entr(1 - mean, 1 - p)) - bar

    low = 0.0 if mean == 0 or excess(1e-300) < 0 else float(optimize.brentq(excess, 1e-300, mean))
    high = 1.0 if mean == 1 else float(optimize.brentq(excess, mean, 1 - 1e-15))
    return Interval(mean, low, high)


def sum_interval(
    probabilities: ArrayLike,
    clusters: ArrayLike | Sequence[ArrayLike],
    *,
    level: float = 0.95,
    correlation: float | Sequence[float] = 0.5,
    extra_sd: float = 0.0,
) -> Interval:
    """Interval of how many of n events happened, given the probability of each: "how much was taken".

    Independent events would give a Poisson-binomial count. Exchanges of one session, and sessions of one
    account, are not independent: events of one cluster correlate by ``correlation``, as in a
    beta-binomial (Skellam 1948), which widens the count's variance to
    ``sum s_i^2 (1 - sum_l rho_l) + sum_l rho_l sum_c (sum_{i in c} s_i)^2``, ``s_i^2 = p_i (1 - p_i)``.
    On top, ``extra_sd`` is an error that all probabilities share (a model that is too bold here): a
    normal shift of their log-odds, integrated over. Given the shift, the count is taken as a scaled beta
    with the right mean and variance. Probabilities of exactly 0 and 1 are taken as certain. Ends are
    rounded outward to whole numbers.

    Args:
        probabilities: (n,) in [0, 1].
        clusters: (n,) integer cluster of each event, or several such arrays, one a level (session, account).
        level: coverage, in (0, 1).
        correlation: of two events of one cluster, one number a level; together at most 1. Events in one
            cluster at two levels correlate by the sum.
        extra_sd: standard deviation (nats of log-odds) of the error shared by all events.

    Returns:
        Sum of the probabilities and its interval within [0, n]; (0, 0, 0) for n = 0. For n = 1 the interval
        is [0, 1] unless the probability is within ``(1 - level) / 2`` of either end.

    Raises:
        ValueError: lengths differ, a probability outside [0, 1] or NaN, ``level`` outside (0, 1),
            correlations negative or above 1 in sum, ``extra_sd`` negative.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    levels = _cluster_levels(clusters, p.size)
    rho = np.atleast_1d(np.asarray(correlation, dtype=np.float64))
    if rho.size == 1 and len(levels) > 1:
        rho = np.full(len(levels), float(rho[0]) / len(levels))
    _check_sum(p, rho, len(levels), level, extra_sd)
    if p.size == 0:
        return Interval(0.0, 0.0, 0.0)
    value, certain, open_ = float(p.sum()), int(np.count_nonzero(p == 1)), (p > 0) & (p < 1)
    n_open = int(np.count_nonzero(open_))
    if n_open == 0:
        return Interval(value, value, value)
    means, variances = _moments_by_shift(p[open_], [c[open_] for c in levels], rho, extra_sd)
    tail = (1 - level) / 2
    low = certain + np.floor(_mixture_quantile(tail, means, variances, n_open))
    high = certain + np.ceil(_mixture_quantile(1 - tail, means, variances, n_open))
    return Interval(value, min(float(low), value), max(float(high), value))


def cluster_bootstrap_interval(
    values: ArrayLike,
    clusters: ArrayLike,
    *,
    statistic: Literal["mean", "sum"] = "mean",
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Bootstrap interval of a mean or a sum of values that come in clusters: whole clusters are redrawn.

    Percentile interval, widened for few clusters as Hesterberg 2015 ("expanded percentile"); with fewer
    than about 15 clusters it still covers too seldom. Clusters are redrawn in the order of their numbers,
    so the order of the values does not matter.

    Args:
        values: (n,) numbers.
        clusters: (n,) integer cluster of each value.
        statistic: "mean" over all values, or their "sum".
        level: coverage, in (0, 1).
        n_resamples: number of redraws.
        seed: of the redraws.

    Returns:
        Statistic and interval. No value: mean NaN (sum 0) between minus and plus infinity; one cluster: the
        value between infinities too, for one cluster does not show how clusters differ.

    Raises:
        ValueError: lengths differ, a value is NaN, ``level`` outside (0, 1), ``n_resamples`` below 1.
    """
    v = np.asarray(values, dtype=np.float64)
    _check_level(level)
    if v.ndim != 1 or bool(np.isnan(v).any()) or n_resamples < 1:
        raise ValueError("values must be one-dimensional numbers, and n_resamples at least 1")
    (inverse,) = _cluster_levels(clusters, v.size)
    n_clusters = int(inverse.max()) + 1 if v.size else 0
    sums = np.bincount(inverse, weights=v, minlength=n_clusters)
    counts = np.bincount(inverse, minlength=n_clusters)
    whole = float(sums.sum())
    value = whole if statistic == "sum" else (whole / v.size if v.size else float("nan"))
    if n_clusters < 2:
        return Interval(value, -np.inf, np.inf)
    rng = np.random.default_rng(seed)
    draws = np.empty(n_resamples)
    for i in range(n_resamples):
        times = np.bincount(rng.integers(0, n_clusters, n_clusters), minlength=n_clusters)
        drawn = float(times @ sums)
        draws[i] = drawn if statistic == "sum" else drawn / float(times @ counts)
    spread = np.sqrt(n_clusters / (n_clusters - 1)) * stats.t.ppf((1 - level) / 2, n_clusters - 1)
    tail = float(stats.norm.cdf(spread))
    return Interval(value, float(np.quantile(draws, tail)), float(np.quantile(draws, 1 - tail)))


def _moments_by_shift(
    p: NDArray[np.float64], levels: list[NDArray[np.int64]], rho: NDArray[np.float64], extra_sd: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance of the count for each of equally likely shifts of all log-odds."""
    shifts = np.zeros(1) if extra_sd == 0 else extra_sd * stats.norm.ppf((np.arange(_SHIFTS) + 0.5) / _SHIFTS)
    log_odds = special.logit(p)
    means, variances = np.empty(shifts.size), np.empty(shifts.size)
    for i, shift in enumerate(shifts):
        shifted = special.expit(log_odds + shift)
        sd = np.sqrt(shifted * (1 - shifted))
        shared = [float(np.sum(np.bincount(c, weights=sd) ** 2)) for c in levels]
        means[i] = shifted.sum()
        variances[i] = float(sd @ sd) * (1 - float(rho.sum())) + float(rho @ np.asarray(shared))
    return means, variances


def _mixture_quantile(probability: float, means: NDArray[np.float64], variances: NDArray[np.float64], n: int) -> float:
    """Quantile of the equal mixture of beta counts on [0, n] with these means and variances."""
    # A count's variance cannot exceed mean * (n - mean); just below it the beta is two points, as it should be.
    share = np.clip(means / n, 1e-12, 1 - 1e-12)
    scaled = np.clip(variances / n**2, 1e-18, share * (1 - share) * 0.999)
    weight = share * (1 - share) / scaled - 1
    a, b = share * weight, (1 - share) * weight

    def excess(x: float) -> float:
        return float(np.mean(special.betainc(a, b, x))) - probability

    if excess(0.0) >= 0:
        return 0.0
    if excess(1.0) <= 0:
        return float(n)
    return n * float(optimize.brentq(excess, 0.0, 1.0, xtol=1e-12))


def _cluster_levels(clusters: ArrayLike | Sequence[ArrayLike], n: int) -> list[NDArray[np.int64]]:
    array = np.atleast_2d(np.asarray(clusters, dtype=np.int64))
    if array.ndim != 2 or array.shape[1] != n:
        raise ValueError(f"clusters of shape {array.shape} for {n} values: one cluster a value is needed")
    return [np.unique(row, return_inverse=True)[1].astype(np.int64) for row in array]


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")


def _check_rate(events: int, trials: int, level: float) -> None:
    _check_level(level)
    if not 0 <= events <= trials:
        raise ValueError(f"{events} events in {trials} trials: need 0 <= events <= trials")


def _check_sum(p: NDArray[np.float64], rho: NDArray[np.float64], n_levels: int, level: float, extra_sd: float) -> None:
    _check_level(level)
    if p.ndim != 1 or not bool(np.all((p >= 0) & (p <= 1))):
        raise ValueError("probabilities must be a one-dimensional array of numbers in [0, 1]")
    if rho.size != n_levels or not bool(np.all(rho >= 0)) or rho.sum() > 1 + 1e-12:
        raise ValueError("correlations must be non-negative, one a level of clusters, and at most 1 together")
    if not extra_sd >= 0:
        raise ValueError(f"extra_sd must be 0 or more, not {extra_sd}")
