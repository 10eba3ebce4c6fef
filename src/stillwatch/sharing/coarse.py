"""Figures made coarse enough to leave: a public ladder for counts, steps for shares, at least k accounts behind all.

k-anonymity in the sense of Sweeney (2002, "k-anonymity: a model for protecting privacy"), with the threshold rule of
official statistics (Hundepool et al. 2012, "Statistical Disclosure Control", ch. 4): a cell with fewer than k
contributors is not published. Ranges are those of a ladder that everybody knows, so that they say nothing of the data.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from stillwatch.sharing.bulletin import SHARE_STEP, Range

__all__ = [
    "LADDER",
    "MOST_NATS",
    "count_range",
    "error_bound",
    "fewest_behind",
    "hidden_in_few",
    "kth_period",
    "rounded_nats",
    "rung",
    "rungs",
    "share_down",
    "share_up",
]

Ints = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.float64]

LADDER: tuple[int, ...] = (0, *(digit * 10**power for power in range(12) for digit in (1, 2, 5)), 10**12)
"""The public ladder: 0, 1, 2, 5, 10, 20, 50, … 10¹². What is larger is "10¹² or more"."""
MOST_NATS = 100
"""Log-odds beyond it are told as it: nothing is surer than that, and more digits would only describe the log."""
_LEAST_ERROR = 1e-4
_STEPS = round(1 / SHARE_STEP)


def rung(value: float) -> int:
    """The highest rung of the ladder that is not above ``value``; 0 for what is negative or no number."""
    if not value > 0:
        return 0
    return max(step for step in LADDER if step <= value)


def rungs(values: Floats | Ints) -> Ints:
    """`rung` of each, (n,)."""
    return np.array(LADDER, np.int64)[np.maximum(np.searchsorted(LADDER, values, side="right") - 1, 0)]


def count_range(count: float, k: int) -> Range:
    """The rungs around a count (0 or more), both bounds inclusive.

    All counts below the first rung that is k or more are one range: 0 to that rung less one.
    """
    first = next(step for step in LADDER if step >= k)
    if not count >= first:
        return Range(low=0, high=first - 1)
    low = rung(count)
    above = next((step for step in LADDER if step > low), None)
    return Range(low=low, high=None if above is None else above - 1)


def share_down(part: float, whole: float) -> float:
    """``part / whole`` as the multiple of `SHARE_STEP` below it ("at least"); 0 where ``whole`` is 0."""
    return _stepped(math.floor(_steps(part, whole) + 1e-9))


def share_up(part: float, whole: float) -> float:
    """``part / whole`` as the multiple of `SHARE_STEP` above it ("at most"); 1 where ``whole`` is 0, as if all."""
    return _stepped(math.ceil(_steps(part, whole) - 1e-9)) if whole > 0 else 1.0


def _steps(part: float, whole: float) -> float:
    return part / whole * _STEPS if whole > 0 else 0.0


def _stepped(steps: int) -> float:
    return min(max(steps, 0), _STEPS) / _STEPS


def error_bound(rate: float) -> float:
    """A rate of error as the next of 0.0001, 0.0002, 0.0005, 0.001, … 0.5, 1 that is not below it: never made surer.

    What is no number counts as 1.
    """
    if not 0 <= rate <= 1:
        return 1.0
    bounds = [digit / 10**power for power in (4, 3, 2, 1) for digit in (1, 2, 5)]
    return next((bound for bound in bounds if bound >= max(rate, _LEAST_ERROR)), 1.0)


def rounded_nats(log_odds: float, digits: int = 0) -> float:
    """Log-odds with so many digits after the point, none beyond ±`MOST_NATS`; 0 for what is no number."""
    if math.isnan(log_odds):
        return 0.0
    return round(float(min(max(log_odds, -MOST_NATS), MOST_NATS)), digits) + 0.0


def hidden_in_few(members: int, others: int, everyone_else: int, k: int) -> str | None:
    """Why a value that ``members`` accounts of a campaign and ``others`` of ``everyone_else`` show may not leave; None:
    they are enough.

    Fewer than k of the campaign's: it would say who they are. A few others, but not k: whoever acts on it would act
    on just these innocent people, and whoever knows them learns that they show it.
    """
    if members < k:
        return f"fewer than {k} of the campaign's accounts show it"
    if everyone_else < k:
        return f"the log holds fewer than {k} other accounts to compare with"
    if 0 < others < k:
        return f"fewer than {k} other accounts show it too, and it would single them out"
    return None


def kth_period(first: Ints, last: Ints, k: int) -> tuple[int, int]:
    """From when until when at least k accounts are told of, as days: ``first`` and ``last`` (n,) days of each, n ≥ k.

    The day by which k of them had begun, and the day from which k of them were still to be seen: both ends are
    statements on k accounts, never on the one that came first. Where accounts relieved one another so fast that the
    ends cross, they change places.
    """
    begun = int(np.partition(first, k - 1)[k - 1])
    ended = int(-np.partition(-last, k - 1)[k - 1])
    return min(begun, ended), max(begun, ended)


def fewest_behind(part: float, each: Floats) -> int:
    """The fewest accounts that can stand behind ``part`` of a total, where ``each`` (n,) says how much of the total is
    every account's: those with the most come first. 0 for a part of 0; n where ``part`` is all or (rounding) more."""
    if part <= 0:
        return 0
    reached = np.cumsum(np.sort(each)[::-1])
    return min(int(np.searchsorted(reached, part * (1 - 1e-9))) + 1, len(each))
