"""One of several that could as well have been another: exact tests where each unit's choice was drawn by lot."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

__all__ = ["choice_draws", "choice_log_e", "choice_p_value"]

Floats = NDArray[np.float64]

_STEPS_A_UNIT, _MOST_STEPS = 200, 100_000
_AT_ONCE = 256
_LARGEST = 1e300
_LEAST = 1e-300
"""No p-value is smaller: what floats of 64 bits lose below it adds up to far less than this."""


def choice_p_value(values: ArrayLike) -> float:
    """One-sided p-value of "in each unit any candidate could as well have been the chosen one", counted in full.

    Under the null the place of the chosen one among a unit's candidates is uniform and independent of other units'. The
    statistic is the sum over units of the chosen one's value; the p-value is the share of all choices whose sum is at
    least as large (Fisher 1935; for two candidates it is the one-sided sign-flip test). The distribution of the sum is
    a convolution of the units', made step by step from terms that are all positive, so that its tail is right in all
    its digits down to 1e-300, the smallest p-value returned. Values are put on a grid first, by a rule that does not
    know which was chosen; the test of the rounded values is exact too.

    Args:
        values: (n, k) value of each candidate, the chosen one first; NaN where a unit has fewer than k candidates.

    Returns:
        The p-value in (0, 1], the same in any order of units and of the other candidates; 1 for n = 0, and where no
        unit's values differ.

    Raises:
        ValueError: not two-dimensional, a chosen value is NaN, or a value is infinite or beyond 1e300.
    """
    v = _checked(values)
    steps = _on_a_grid(v)
    reach = steps.max(axis=1, initial=0)
    observed = int(steps[:, 0].sum()) if steps.size else 0
    chances = np.ones(1)
    for i in np.argsort(reach, kind="stable")[np.count_nonzero(reach == 0) :]:  # short ones first: it grows late
        options = steps[i, ~np.isnan(v[i])]
        wider = np.zeros(chances.size + int(reach[i]))
        for option in options.tolist():
            wider[option : option + chances.size] += chances
        chances = wider / options.size
    tail = float(chances[observed:][::-1].sum())
    return min(1.0, max(tail, _LEAST))


def choice_draws(values: ArrayLike, draws: int, seed: int) -> Floats:
    """(draws,) sums of one candidate's value for each unit, drawn by lot: what `choice_p_value` counts in full.

    For statistics of one's own, and to check the count. Arguments and errors are those of `choice_p_value`.
    """
    v = _checked(values)
    counts = np.count_nonzero(~np.isnan(v), axis=1)
    packed = np.take_along_axis(v, np.argsort(np.isnan(v), axis=1, kind="stable"), axis=1)
    rng = np.random.default_rng(seed)
    sums = np.zeros(draws)
    for start in range(0, draws if len(packed) else 0, _AT_ONCE):
        several = sums[start : start + _AT_ONCE]
        drawn = rng.integers(0, counts, (several.size, len(packed)))
        several[:] = packed[np.arange(len(packed)), drawn].sum(axis=1)
    return sums


def choice_log_e(scores: ArrayLike) -> Floats:
    """Natural log of each unit's e-value against "any candidate could as well have been the chosen one", (n,).

    ``k * softmax(scores)[chosen]``: its mean over the k candidates is 1, whatever the scores, so it is an e-value where
    they were settled without knowing which candidate was chosen. The product over units is one at any time at which one
    stops, if each unit's scores use nothing but units before it (a test martingale: Ville 1939; Shafer 2021). Zero
    scores bet nothing.

    Args:
        scores: (n, k) log-odds of each candidate, the chosen one first; NaN where a unit has fewer.

    Raises:
        ValueError: as for `choice_p_value`.
    """
    s = _checked(scores)
    if not s.size:
        return np.zeros(len(s))
    counts = np.count_nonzero(~np.isnan(s), axis=1)
    whole = special.logsumexp(np.where(np.isnan(s), -np.inf, s), axis=1)
    log_e: Floats = np.log(counts) + s[:, 0] - whole
    return log_e


def _checked(values: ArrayLike) -> Floats:
    v = np.asarray(values, dtype=np.float64)
    if v.ndim != 2:
        raise ValueError(f"values must be two-dimensional (units, candidates), not {v.ndim}-dimensional")
    if v.size and (bool(np.isnan(v[:, 0]).any()) or bool(np.isinf(v).any())):
        raise ValueError("every unit needs a finite value of its chosen candidate, and no value may be infinite")
    if v.size and float(np.nanmax(np.abs(v))) > _LARGEST:
        raise ValueError(f"values must lie within {_LARGEST:g} of 0")
    return v


def _on_a_grid(v: Floats) -> NDArray[np.int64]:
    """Steps above the least value of each unit; the step is set by how far apart values are, all units together."""
    if not v.size:
        return np.zeros(v.shape, dtype=np.int64)
    above = v - np.nanmin(v, axis=1, keepdims=True)
    widest = float(np.nanmax(above))
    if not widest:
        return np.zeros(v.shape, dtype=np.int64)
    above = above / 2.0 ** np.floor(np.log2(widest))  # so that sums of the largest values stay finite
    reach = float(np.nanmax(above, axis=1).sum())
    # A power of two, on which whole numbers, halves and so on lie exactly, so that their ties stay ties.
    step = 2.0 ** np.floor(np.log2(reach / min(_MOST_STEPS, _STEPS_A_UNIT * len(v))))
    steps: NDArray[np.int64] = np.rint(np.nan_to_num(above, nan=0.0) / step).astype(np.int64)
    return steps
