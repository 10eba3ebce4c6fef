"""The p-value: exact, from the units that chose nothing, and what to see beside it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from stillwatch.calibration import choice_draws, choice_p_value, clopper_pearson, permutation_p_value
from stillwatch.proving.twins.base import Floats

__all__ = ["Tested", "telling", "test"]

_DRAWS = 9999
_ROUNDING = 1e-9


class Tested(NamedTuple):
    """What the deciding units show.

    ``statistic`` is the sum over units of the taken slot's score less its unit's mean; ``units`` those whose slots
    differ at all; ``effect`` the mean of that difference by its root mean square (what planning calls the effect).
    ``nearest`` is the share of units in which the taken slot is the nearest (ties shared), with an interval at 95 %
    where ties are rounded down; ``by_chance`` what a coin gives. ``drawn`` is the same p-value from draws by lot.
    """

    p_value: float
    statistic: float
    units: int
    effect: float
    nearest: tuple[float, float, float]
    by_chance: float
    drawn: float

    def numbers(self) -> dict[str, Any]:
        """For `Evidence.numbers`."""
        return {
            "effect": self.effect,
            "nearest": list(self.nearest),
            "nearest_by_chance": self.by_chance,
            "p_value_drawn": self.drawn,
            "draws": _DRAWS,
        }


def telling(scores: Floats) -> Floats:
    """Those of the (units, slots) scores that differ within their unit, by more than floats of equal texts may."""
    if not scores.size:
        return scores
    reach = np.nanmax(scores, axis=1) - np.nanmin(scores, axis=1)
    told: Floats = scores[reach > _ROUNDING * float(reach.max())]
    return told


def test(scores: Floats, seed: int) -> Tested:
    """Test (units, slots) scores, the taken slot first, NaN where a unit lacks one; ``seed`` is of the draws alone.

    The p-value does not come from the draws: it is counted in full (`choice_p_value`), and they are to check it by.
    """
    tells = telling(scores)
    if not len(tells):
        return Tested(1.0, 0.0, 0, 0.0, (float("nan"), 0.0, 1.0), float("nan"), 1.0)
    centred = tells - np.nanmean(tells, axis=1, keepdims=True)
    moved = centred[:, 0]
    top = tells >= np.nanmax(tells, axis=1, keepdims=True)
    first = np.where(top[:, 0], 1 / top.sum(axis=1), 0.0)
    ends = clopper_pearson(int(first.sum()), len(tells))
    return Tested(
        choice_p_value(tells),
        float(moved.sum()),
        len(tells),
        float(moved.mean() / np.sqrt(np.mean(moved**2))),
        (float(first.mean()), ends.low, ends.high),
        float(np.mean(1 / np.count_nonzero(~np.isnan(tells), axis=1))),
        permutation_p_value(float(moved.sum()), choice_draws(centred, _DRAWS, seed)),
    )
