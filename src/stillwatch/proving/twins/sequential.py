"""Looking as answers come in, and stopping when it is decided: valid whenever one looks and stops.

A bettor starts with a stake of 1 and bets on each unit in turn that the taken slot is the one that comes out nearer, by
weights learnt from the units before. The bets are fair if each slot could as well have been the taken one, so the stake
is an e-value at any time (a test martingale; Ville 1939), and one over its highest value so far a p-value. Nothing is
held back for choosing: every unit first decides, then teaches.

The order of units must not depend on what comes out of them: that of `splitting.in_order`, or that of the log. In the
order of the log the bets stay fair even where a campaign chose later prompts by earlier answers, as long as measures
read no later texts (``edits`` and ``longest_run`` do not); the test of `running.prove` assumes that it did not.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.calibration import choice_log_e
from stillwatch.proving.twins.base import Floats, Scored
from stillwatch.proving.twins.choosing import choose, fit_weights

__all__ = ["Course", "follow"]

FIRST = 30
"""Units before the first bet."""
_GROWTH = 1.1
"""Weights are fitted anew when there are so many times as many units."""


class Course(NamedTuple):
    """The natural log of the stake after each unit, (units,)."""

    log_e: Floats

    @property
    def p_value(self) -> float:
        """Valid at any time: one over the highest stake so far, at most 1. 1 for no unit."""
        return float(np.exp(-max(0.0, float(self.log_e.max(initial=0.0)))))

    @property
    def p_values(self) -> Floats:
        """The p-value as it stood after each unit, (units,)."""
        course: Floats = np.exp(-np.maximum(np.maximum.accumulate(self.log_e), 0.0))
        return course

    def decided(self, level: float) -> int | None:
        """After how many units the p-value was at most ``level``; None: not yet."""
        there = np.flatnonzero(self.p_values <= level)
        return int(there[0]) + 1 if there.size else None


def follow(scored: Scored, order: npt.ArrayLike | None = None, *, first: int = FIRST) -> Course:
    """Bet on the units in turn.

    Args:
        scored: the units; `Course.log_e` is in the order of betting.
        order: (units,) their places in the order of betting; default as they stand.
        first: units before the first bet, 1 or more.

    Raises:
        ValueError: ``order`` names a unit twice or leaves one out.
    """
    places = np.arange(len(scored.values)) if order is None else np.asarray(order, dtype=np.int64)
    if sorted(places.tolist()) != list(range(len(scored.values))):
        raise ValueError("the order must name each unit once")
    values = scored.values[places]
    log_e = np.zeros(len(values))
    at = max(first, 1)
    while at < len(values):
        end = min(max(int(at * _GROWTH), at + 1), len(values))
        log_e[at:end] = choice_log_e(values[at:end] @ _weights(values[:at], scored.measures))
        at = end
    return Course(np.cumsum(log_e))


def _weights(values: Floats, measures: tuple[str, ...]) -> Floats:
    """Log-odds a step of each measure, from units that were seen; all 0 (no bet) where none speaks for a copy."""
    seen = Scored(("",) * len(values), measures, values)
    scales = choose(seen).scales
    centred = values - np.nanmean(values, axis=1, keepdims=True)
    weights: Floats = fit_weights(centred / scales) / scales
    return weights
