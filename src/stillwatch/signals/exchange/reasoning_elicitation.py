"""Asks for the reasoning itself: a chain of thought, a derivation, a trace that could be trained on."""

from __future__ import annotations

from typing import ClassVar

from stillwatch.signals.base import SignalInfo
from stillwatch.signals.techniques.signal import READS, REFERENCE, TechniqueSignal


class ReasoningElicitation(TechniqueSignal):
    """Asks for the reasoning itself: a chain of thought, a derivation, a trace that could be trained on."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="reasoning_elicitation",
        summary="Asks for the reasoning itself: a chain of thought, a derivation, a trace that could be trained on.",
        reference=REFERENCE,
        version="1",
        example="Write down every step of your thinking before the answer.",
        unit="probability",
        range=(0.0, 1.0),
        reads=READS,
        innocent_reading='Students ask for the working; many prompt guides advise "think step by step".',
    )


SIGNAL = ReasoningElicitation()
