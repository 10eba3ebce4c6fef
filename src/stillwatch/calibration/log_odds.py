"""From raw scores to log-odds one may add up, and measures of whether stated probabilities hold."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from stillwatch.calibration.intervals import clopper_pearson

_NOTHING: NDArray[np.float64] = np.zeros(0)


class LogOddsCalibrator:
    """A non-decreasing map from a score to log-odds (nats): straight lines between knots, flat outside.

    ``slope_intercept`` is used instead of knots where the map is one straight line (Platt).
    """

    def __init__(
        self,
        knots: NDArray[np.float64] = _NOTHING,
        log_odds: NDArray[np.float64] = _NOTHING,
        slope_intercept: tuple[float, float] | None = None,
    ) -> None:
        self._knots, self._log_odds, self._line = knots, log_odds, slope_intercept

    def log_odds(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Log-odds (nats) of each score; same shape."""
        s = np.asarray(scores, dtype=np.float64)
        if self._line is not None:
            return np.asarray(self._line[0] * s + self._line[1], dtype=np.float64)
        return np.asarray(np.interp(s, self._knots, self._log_odds), dtype=np.float64)


class Calibrated(NamedTuple):
    """Outcome of `calibrate_log_odds`.

    Attributes:
        log_odds: (n,) log-odds of each score by a map that never saw the score's own group.
        calibrator: the map fitted on all of them, for new scores.
    """

    log_odds: NDArray[np.float64]
    calibrator: LogOddsCalibrator


class ReliabilityRow(NamedTuple):
    """Units whose stated probability lies in [low, high): what was stated and what happened, with a 95 % interval."""

    low: float
    high: float
    n: int
    stated: float
    happened: float
    happened_low: float
    happened_high: float


def calibrate_log_odds(
    scores: ArrayLike,
    labels: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    method: Literal["platt", "isotonic"] = "platt",
    n_folds: int = 5,
    seed: int = 0,
) -> Calibrated:
    """Map scores to log-odds of the label, each by a map that was fitted without its group.

    "platt": logistic regression with Platt's smoothed targets (Platt 1999), never decreasing.
    "isotonic": pool-adjacent-violators (Zadrozny & Elkan 2002); each block's rate is smoothed to
    ``(events + 1/2) / (n + 1)``, so that no log-odds is infinite.

    Args:
        scores: (n,) finite numbers; large is more likely.
        labels: (n,) True where it happened.
        groups: (n,) integers; units of one group (a planted world, a campaign) stay in one fold. Default:
            each unit its own.
        method: the map.
        n_folds: number of folds, at least 2; fewer are used where there are fewer groups.
        seed: of the deal of groups to folds.

    Returns:
        Out-of-fold log-odds and the map of all. With no label of one class (n = 0 included) the map is flat
        at ``log((events + 1) / (non-events + 1))``; with one group there is nothing held out, and the
        out-of-fold log-odds are all 0 (nothing known).

    Raises:
        ValueError: lengths differ, a score is not finite, ``n_folds`` < 2, ``method`` unknown.
    """
    s, y = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.bool_)
    g = np.arange(s.size) if groups is None else np.asarray(groups, dtype=np.int64)
    if s.ndim != 1 or s.shape != y.shape or s.shape != g.shape:
        raise ValueError(f"scores {s.shape}, labels {y.shape} and groups {g.shape} must be of one length")
    if not bool(np.isfinite(s).all()):
        raise ValueError("a score is not a finite number")
    if n_folds < 2 or method not in ("platt", "isotonic"):
        raise ValueError(f"need n_folds >= 2 and method 'platt' or 'isotonic', not {n_folds} and {method!r}")
    fit = _fit_platt if method == "platt" else _fit_isotonic
    names, group_of = np.unique(g, return_inverse=True)
    held_out = np.zeros(s.size)
    if names.size >= 2:
        dealt = np.random.default_rng(seed).permutation(names.size) % min(n_folds, names.size)
        fold = dealt[group_of]
        for k in range(int(dealt.max()) + 1):
            held_out[fold == k] = fit(s[fold != k], y[fold != k]).log_odds(s[fold == k])
    return Calibrated(held_out, fit(s, y))


def shift_prior(log_odds: ArrayLike, trained: float, real: float) -> NDArray[np.float64]:
    """Move log-odds learnt where a share ``trained`` was guilty to where a share ``real`` is (Saerens et al. 2002).

    Raises:
        ValueError: a share outside (0, 1).
    """
    if not (0 < trained < 1 and 0 < real < 1):
        raise ValueError(f"shares must lie between 0 and 1, not {trained} and {real}")
    return np.asarray(log_odds, dtype=np.float64) + float(special.logit(real) - special.logit(trained))


def brier_score(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Mean squared error of stated probabilities (Brier 1950): 0 is perfect, 1/4 is a coin; NaN for n = 0.

    Raises:
        ValueError: lengths differ or a probability outside [0, 1].
    """
    p, y = _checked(probabilities, labels)
    return float(np.mean((p - y) ** 2)) if p.size else float("nan")


def expected_calibration_error(probabilities: ArrayLike, labels: ArrayLike, bins: int = 10) -> float:
    """Mean distance between stated and happened over bins of equal width (Naeini et al. 2015); NaN for n = 0.

    With few units a bin the error of chance alone is counted too: read it beside `reliability_table`.

    Raises:
        ValueError: lengths differ, a probability outside [0, 1], ``bins`` below 1.
    """
    rows = reliability_table(probabilities, labels, bins)
    total = sum(row.n for row in rows)
    return sum(row.n * abs(row.stated - row.happened) for row in rows) / total if total else float("nan")


def reliability_table(probabilities: ArrayLike, labels: ArrayLike, bins: int = 10) -> list[ReliabilityRow]:
    """Stated against happened, in bins of equal width that hold anything, with exact 95 % intervals.

    Args:
        probabilities: (n,) in [0, 1].
        labels: (n,) True where it happened; the intervals take them as independent.
        bins: number of bins over [0, 1].

    Returns:
        One row for each bin that is not empty, in order; none for n = 0.

    Raises:
        ValueError: lengths differ, a probability outside [0, 1], ``bins`` below 1.
    """
    p, y = _checked(probabilities, labels)
    if bins < 1:
        raise ValueError(f"bins must be 1 or more, not {bins}")
    which = np.minimum((p * bins).astype(np.int64), bins - 1)
    rows = []
    for b in np.unique(which):
        inside = which == b
        n, events = int(inside.sum()), int(y[inside].sum())
        rate = clopper_pearson(events, n)
        rows.append(ReliabilityRow(b / bins, (b + 1) / bins, n, float(p[inside].mean()), *rate))
    return rows


def _flat(y: NDArray[np.bool_]) -> LogOddsCalibrator:
    events = int(y.sum())
    return LogOddsCalibrator(slope_intercept=(0.0, float(np.log((events + 1) / (y.size - events + 1)))))


def _fit_platt(s: NDArray[np.float64], y: NDArray[np.bool_]) -> LogOddsCalibrator:
    events = int(y.sum())
    if events in (0, y.size) or np.ptp(s) == 0:
        return _flat(y)
    target = np.where(y, (events + 1) / (events + 2), 1 / (y.size - events + 2))
    centre, scale = float(s.mean()), float(s.std())
    z = (s - centre) / scale

    def loss(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        f = w[0] * z + w[1]
        error = special.expit(f) - target
        return float(np.sum(np.logaddexp(0, f) - target * f)), np.array([error @ z, error.sum()])

    start = np.array([0.0, np.log((events + 1) / (y.size - events + 1))])
    w = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None), (None, None)]).x
    return LogOddsCalibrator(slope_intercept=(float(w[0] / scale), float(w[1] - w[0] * centre / scale)))


def _fit_isotonic(s: NDArray[np.float64], y: NDArray[np.bool_]) -> LogOddsCalibrator:
    events = int(y.sum())
    if events in (0, y.size) or np.ptp(s) == 0:
        return _flat(y)
    # Equal scores must share one value: regress their mean, weighted, rather than an order among ties.
    knots, inverse, counts = np.unique(s, return_inverse=True, return_counts=True)
    hits = np.bincount(inverse, weights=y.astype(np.float64))
    blocks = optimize.isotonic_regression(hits / counts, weights=counts).blocks[:-1]
    block_n = np.add.reduceat(counts, blocks)
    block_hits = np.add.reduceat(hits, blocks)
    smoothed = np.maximum.accumulate(special.logit((block_hits + 0.5) / (block_n + 1)))
    return LogOddsCalibrator(knots, np.repeat(smoothed, np.diff(np.append(blocks, knots.size))))


def _checked(probabilities: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    p, y = np.asarray(probabilities, dtype=np.float64), np.asarray(labels, dtype=np.bool_).astype(np.float64)
    if p.ndim != 1 or p.shape != y.shape or not bool(np.all((p >= 0) & (p <= 1))):
        raise ValueError("need as many labels as probabilities, and probabilities in [0, 1]")
    return p, y
