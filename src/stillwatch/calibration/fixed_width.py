"""Asking until an interval is narrow enough, and how many units that takes."""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy import optimize

from stillwatch.calibration.intervals import Interval

_MOST = 1e6  # times as many units: beyond that the width comes from something else than too few


def half_width(interval: Interval) -> float:
    """Half the distance of the ends."""
    return (interval.high - interval.low) / 2


def narrow_enough(interval: Interval, width: float, n: int, least: int = 30) -> bool:
    """Whether to stop: the half-width is at most ``width``, after at least ``least`` units.

    Chow & Robbins 1965: a rule that sees the width alone, never where the interval lies, leaves its coverage as it was
    when the width is small. It is not quite so at once, for the width of rates depends on them: hence intervals that
    are never too narrow at few units (`score_interval`), and ``least``. What is left: ``bench/audit_intervals.py``.

    Args:
        interval: of n units.
        width: the half-width wanted.
        n: units seen.
        least: never stop before.
    """
    return n >= max(least, 1) and half_width(interval) <= width


def units_needed(half_width_at: Callable[[float], float], n: int, width: float) -> int | None:
    """About how many units would make the half-width ``width``, were the rest like those seen.

    Args:
        half_width_at: the half-width if ``factor`` times the units seen had been seen, all scores in the same shares.
        n: units seen.
        width: the half-width wanted.

    Returns:
        A number, n where it is reached already; None for n = 0, and where no number would do (a judge's error that
        is known from too few labelled answers does not shrink with more units).
    """
    if not n:
        return None
    if half_width_at(1.0) <= width:
        return n
    if width <= 0 or half_width_at(_MOST) > width:
        return None

    def excess(log_times: float) -> float:
        return math.log(half_width_at(math.exp(log_times)) / width)

    # The half-width goes about as one over the root of n: nearly a straight line, found in a few steps.
    return math.ceil(n * math.exp(float(optimize.brentq(excess, 0.0, math.log(_MOST), xtol=1e-3)) + 1e-3))
