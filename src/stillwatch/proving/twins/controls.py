"""Prompts that were never taken, through the same test: they must come out null, or nothing is said."""

from __future__ import annotations

from typing import NamedTuple

from stillwatch.calibration import choice_p_value
from stillwatch.proving.twins.base import Floats
from stillwatch.proving.twins.testing import telling

__all__ = ["LEVEL", "Control", "control"]

LEVEL = 0.001
"""Sound controls fail once in so many tests."""
FEWEST = 20
"""Units that tell below which a control says nothing."""


class Control(NamedTuple):
    """A control's result: units that tell, and the two-sided ``p_value`` of "null"; None where they are too few."""

    units: int
    p_value: float | None

    @property
    def failed(self) -> bool:
        """Whether it did not come out null."""
        return self.p_value is not None and self.p_value <= LEVEL


def control(scores: Floats) -> Control:
    """The control whose units have ``scores`` (units, slots), by what was chosen for the test itself."""
    tells = len(telling(scores))
    if tells < FEWEST:
        return Control(tells, None)
    return Control(tells, min(1.0, 2 * min(choice_p_value(scores), choice_p_value(-scores))))
