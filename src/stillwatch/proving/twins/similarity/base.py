"""What a measure of nearness is."""

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from stillwatch.proving.twins.texts import Comparison
from stillwatch.registry import Info

__all__ = ["Measure"]


class Measure(Protocol):
    """How near an answer is to a text: larger is nearer.

    A measure may use all texts of a comparison, never which candidate was taken: the test rests on that.
    """

    info: ClassVar[Info]

    def nearness(self, comparison: Comparison) -> npt.NDArray[np.float64]:
        """Of each pair of the comparison, (m,); finite, 0 where the answer or the text is empty. Pure."""
        ...
