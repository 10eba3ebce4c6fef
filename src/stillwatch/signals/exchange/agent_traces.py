"""Is a step of an agent's run: an agent's instructions, tools, and results of tools."""

from __future__ import annotations

from typing import ClassVar

from stillwatch.signals.base import SignalInfo
from stillwatch.signals.techniques.signal import READS, REFERENCE, TechniqueSignal


class AgentTraces(TechniqueSignal):
    """Is a step of an agent's run: an agent's instructions, tools, and results of tools."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="agent_traces",
        summary="Is a step of an agent's run: an agent's instructions, tools, and results of tools.",
        reference=REFERENCE,
        version="1",
        example="A coding agent's system prompt with a failing test's output.",
        unit="probability",
        range=(0.0, 1.0),
        reads=READS,
        innocent_reading="Anyone who works with a coding agent sends such exchanges all day.",
    )


SIGNAL = AgentTraces()
