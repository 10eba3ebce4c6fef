"""E-values: non-negative evidence whose mean under the null is at most 1, so that it may be combined.

An e-value of 20 is a bet at fair odds that multiplied its stake by 20. Averages of e-values are e-values
whatever their dependence; products are where they are independent.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stillwatch.calibration.false_discovery import Discoveries, step_up

_MAX_LOG_E = 700.0  # exp() of more overflows; a smaller e-value is still an e-value


def p_to_e(p_values: ArrayLike, kappa: float | None = 0.5) -> NDArray[np.float64]:
    """Turn p-values into e-values (Vovk & Wang 2021, "E-values: calibration, combination", §2).

    ``kappa`` in (0, 1) gives ``kappa * p ** (kappa - 1)``; ``None`` its mean over all ``kappa``,
    ``(1 - p + p ln p) / (p (ln p)^2)``, which needs no choice and is never far from the best one.

    Args:
        p_values: p-values in [0, 1], any shape.
        kappa: the calibrator's parameter; smaller bets on smaller p-values.

    Returns:
        The e-values, same shape. p = 0 gives the largest float e-value (about 1e304), not infinity.

    Raises:
        ValueError: a p-value outside [0, 1] (or NaN), or ``kappa`` outside (0, 1).
    """
    p = np.asarray(p_values, dtype=np.float64)
    if not bool(np.all((p >= 0) & (p <= 1))):
        raise ValueError("p-values must lie in [0, 1]")
    if kappa is not None and not 0 < kappa < 1:
        raise ValueError(f"kappa must lie between 0 and 1, not {kappa}")
    largest = float(np.exp(_MAX_LOG_E))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if kappa is not None:
            e = kappa * p ** (kappa - 1.0)
        else:
            log_p = np.log(p)
            e = (1 - p + p * log_p) / (p * log_p**2)
            # Near p = 1 the quotient cancels; its series is 1/2 + (1 - p)/6 + ...
            e = np.where(1 - p < 1e-4, 0.5 + (1 - p) / 6, e)
    return np.asarray(np.where(p == 0, largest, np.minimum(e, largest)), dtype=np.float64)


def average_e(e_values: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Weighted mean of e-values of one hypothesis: an e-value under any dependence (Vovk & Wang 2021, §3).

    Args:
        e_values: (n,) e-values.
        weights: (n,) non-negative, fixed before the data were seen; default equal.

    Returns:
        The mean; 1 (no evidence) for n = 0, the value itself for n = 1.

    Raises:
        ValueError: an e-value is negative or NaN; weights are negative, of another length or all 0.
    """
    e = _checked(e_values)
    if e.size == 0:
        return 1.0
    w = np.ones_like(e) if weights is None else np.asarray(weights, dtype=np.float64)
    if w.shape != e.shape or not bool(np.all(w >= 0)) or w.sum() <= 0:
        raise ValueError("weights must be non-negative, as many as e-values, and not all 0")
    return float(np.sum(e * (w / w.sum())))


def product_e(e_values: ArrayLike) -> float:
    """Product of *independent* e-values of one hypothesis (or of e-values each valid given those before).

    Args:
        e_values: (n,) e-values.

    Returns:
        The product, at most about 1e304; 1 for n = 0; 0 where any is 0.

    Raises:
        ValueError: an e-value is negative or NaN.
    """
    e = _checked(e_values)
    if bool(np.any(e == 0)):
        return 0.0
    return float(np.exp(min(float(np.sum(np.log(e))), _MAX_LOG_E)))


def likelihood_ratio_e(log_alternative: ArrayLike, log_nulls: ArrayLike) -> float:
    """E-value of held-out data: likelihood of the alternative over that of the best null model.

    The alternative must have been fitted on *other* data than these units. Against several null models
    the best one on these units counts, so the e-value is valid whichever of them is true ("universal
    inference", Wasserman, Ramdas & Balakrishnan 2020). A null model with parameters must be fitted to
    these very units (which can only lower the e-value), or be fixed beforehand.

    Args:
        log_alternative: (n,) log-likelihood (nats) of each held-out unit under the alternative.
        log_nulls: (n,) or (k, n) the same under each of k null models.

    Returns:
        ``exp(sum(log_alternative) - max_k sum(log_nulls[k]))``, at most about 1e304; 1 for n = 0.

    Raises:
        ValueError: shapes do not agree, there is no null model, or a value is NaN.
    """
    alternative = np.asarray(log_alternative, dtype=np.float64)
    nulls = np.atleast_2d(np.asarray(log_nulls, dtype=np.float64))
    if alternative.ndim != 1 or nulls.shape[0] == 0 or nulls.shape[1:] != alternative.shape:
        raise ValueError(f"shapes {alternative.shape} (alternative) and {nulls.shape} (nulls): need (n,) and (k, n)")
    if bool(np.isnan(alternative).any()) or bool(np.isnan(nulls).any()):
        raise ValueError("a log-likelihood is NaN")
    best = float(nulls.sum(axis=1).max())
    if best == -np.inf:
        raise ValueError("no null model can have made these data: give the nulls a floor of probability")
    return float(np.exp(min(float(alternative.sum()) - best, _MAX_LOG_E)))


def e_bh(e_values: ArrayLike, level: float, n_hypotheses: int | None = None) -> Discoveries:
    """The e-BH procedure: false discovery rate at most ``level`` under *any* dependence.

    Rejects the k largest e-values for the largest k with ``e_(k) >= n / (k * level)`` (Wang & Ramdas
    2022, "False discovery rate control with e-values").

    Args:
        e_values: (m,) one e-value for each hypothesis.
        level: false discovery rate bought, in (0, 1).
        n_hypotheses: how many hypotheses were looked at, if more than have an e-value here (a candidate
            that was dropped counts with e = 0); default m.

    Returns:
        Rejected mask and q-values: the smallest level at which each would be rejected, at most 1,
        never increasing in the e-value. Empty for m = 0. For one hypothesis q = 1/e.

    Raises:
        ValueError: an e-value is negative or NaN, ``level`` is outside (0, 1), or ``n_hypotheses`` < m.
    """
    e = _checked(e_values)
    with np.errstate(divide="ignore", over="ignore"):
        return step_up(1.0 / e, level, n_hypotheses)


def _checked(e_values: ArrayLike) -> NDArray[np.float64]:
    e = np.minimum(np.asarray(e_values, dtype=np.float64), np.exp(_MAX_LOG_E))
    if e.ndim != 1 or not bool(np.all(e >= 0)):
        raise ValueError("e-values must be a one-dimensional array of numbers that are 0 or more")
    return e
