"""Makes new prompts out of old ones or out of nothing (Evol-Instruct, Self-Instruct)."""

from __future__ import annotations

from typing import ClassVar

from stillwatch.signals.base import SignalInfo
from stillwatch.signals.techniques.signal import READS, REFERENCE, TechniqueSignal


class PromptEvolution(TechniqueSignal):
    """Makes new prompts out of old ones or out of nothing (Evol-Instruct, Self-Instruct)."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="prompt_evolution",
        summary="Makes new prompts out of old ones or out of nothing (Evol-Instruct, Self-Instruct).",
        reference=REFERENCE,
        version="1",
        example="Turn this instruction into a harder one.",
        unit="probability",
        range=(0.0, 1.0),
        reads=READS,
        innocent_reading="Authors of exercises vary them; licensed makers of synthetic data do the same.",
    )


SIGNAL = PromptEvolution()
