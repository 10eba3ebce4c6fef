"""Has an answer scored or compared as a reward model would do it."""

from __future__ import annotations

from typing import ClassVar

from stillwatch.signals.base import SignalInfo
from stillwatch.signals.techniques.signal import READS, REFERENCE, TechniqueSignal


class RubricGrading(TechniqueSignal):
    """Has an answer scored or compared as a reward model would do it."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="rubric_grading",
        summary="Has an answer scored or compared as a reward model would do it.",
        reference=REFERENCE,
        version="1",
        example="Score the reply from 1 to 10 against this rubric.",
        unit="probability",
        range=(0.0, 1.0),
        reads=READS,
        innocent_reading="Makers of a product grade its answers; teachers mark work.",
    )


SIGNAL = RubricGrading()
