"""How many tokens, and how many answers, it takes to see a mark that is as strong as one assumes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stillwatch.calibration import Interval, cluster_bootstrap_interval
from stillwatch.proving.radioactivity.answers import own_pairs
from stillwatch.proving.radioactivity.base import Passage
from stillwatch.proving.radioactivity.laws import Law

__all__ = ["Plan", "answers_for", "plan", "shift_seen", "tokens_for"]

_MOST = 10**12
_ORDERS = 200  # in which a pilot's answers may have come


class Plan(NamedTuple):
    """What a test would take, with the ends that the pilot's uncertainty gives; infinite where that reaches no effect
    at all."""

    tokens: Interval
    answers: Interval


def tokens_for(law: Law, shift: float, p: float, power: float = 0.9) -> float:
    """How many scores it takes for a p-value of at most ``p`` with chance ``power``; infinite without an effect.

    Args:
        law: of scores under the null.
        shift: by how much the suspect's mean score is higher, on the scale of the law's scores (exponential ones have
            mean 1). See `Law.power` for what else is assumed.
        p: wanted.
        power: chance to get it.

    Raises:
        ValueError: ``p`` or ``power`` outside (0, 1), or no score can have such a mean.
    """
    if not (0 < p < 1 and 0 < power < 1):
        raise ValueError(f"p-value and power must lie between 0 and 1, not at {p} and {power}")
    if shift <= 0:
        return math.inf
    low, high = 0, 16
    while law.power(high, shift, p) < power:
        low, high = high, high * 2
        if high > _MOST:
            return math.inf
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if law.power(middle, shift, p) >= power else (middle, high)
    return high


def plan(law: Law, shift: Interval, pairs: Callable[[float], Interval], p: float, power: float = 0.9) -> Plan:
    """Tokens and answers for a p-value of at most ``p`` with chance ``power``.

    Args:
        law: of scores under the null.
        shift: assumed, or `shift_seen` in a pilot; it and its ends each give a number of tokens.
        pairs: answers that a number of tokens takes, as `answers_for` gives them from a pilot.
        p: wanted.
        power: chance to get it.

    Raises:
        ValueError: as `tokens_for`.
    """
    tokens = Interval(*(tokens_for(law, end, p, power) for end in (shift.value, shift.high, shift.low)))
    each = [pairs(n) if math.isfinite(n) else Interval(math.inf, math.inf, math.inf) for n in tokens]
    return Plan(tokens, Interval(each[0].value, each[1].low, each[2].high))


def shift_seen(scores: ArrayLike, answers: ArrayLike, law: Law, level: float = 0.95, seed: int = 0) -> Interval:
    """By how much the mean score of a pilot is above the null's; the interval redraws whole answers.

    Args:
        scores: (n,) of a pilot's distinct pairs, in answers that the test itself will not see.
        answers: (n,) integer answer of each.
        law: of scores under the null.
        level: coverage.
        seed: of the redraws.

    Raises:
        ValueError: as `calibration.cluster_bootstrap_interval`.
    """
    seen = cluster_bootstrap_interval(scores, answers, level=level, seed=seed)
    return Interval(*(end - law.mean for end in seen))


def answers_for(
    pilot: Sequence[Passage], context: int, level: float = 0.95, seed: int = 0
) -> Callable[[float], Interval]:
    """How many answers give a number of distinct pairs, as a function of that number.

    The more answers, the fewer new pairs does each bring: distinct pairs grow about as a power of the answers (Heaps
    1978). The power is fitted to the second half of a pilot in many random orders, and taken to hold beyond it; the
    interval is that of the orders, and says nothing of a suspect that starts to repeat itself later on.

    Args:
        pilot: answers of the suspect, ten or more.
        context: tokens in a window.
        level: of the interval.
        seed: of the orders.

    Raises:
        ValueError: fewer than ten answers, or none with a pair.
    """
    each = [_numbers(answer, context) for answer in pilot]
    if len(each) < 10 or not any(map(len, each)):
        raise ValueError(f"{len(each)} answers say too little of how many more would be needed: ask for ten or more")
    rng, at, grown = np.random.default_rng(seed), np.arange(1, len(each) + 1), np.empty((_ORDERS, len(each)))
    for order in grown:
        known: set[bytes] = set()
        for place, which in enumerate(rng.permutation(len(each))):
            known.update(each[which])
            order[place] = len(known)
    half = len(each) // 2
    fits = [np.polyfit(np.log(at[half:]), np.log(np.maximum(order[half:], 1)), 1) for order in grown]
    slopes: NDArray[np.float64] = np.clip([fit[0] for fit in fits], 0.05, 1.0)
    last = float(grown[0, -1])
    tail = (1 - level) / 2

    def answers(tokens: float) -> Interval:
        needed = len(each) * (max(tokens, 1.0) / last) ** (1 / slopes)
        low, high = (float(np.quantile(needed, q)) for q in (tail, 1 - tail))
        return Interval(math.ceil(float(np.median(needed))), math.floor(low), math.ceil(high))

    return answers


def _numbers(answer: Passage, context: int) -> set[bytes]:
    pairs = own_pairs([answer], context)
    return {row.tobytes() for row in np.column_stack([pairs.contexts, pairs.tokens])}
