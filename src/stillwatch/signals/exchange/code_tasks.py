"""Sets a self-contained, checkable programming task, as sets of coding tasks hold them."""

from __future__ import annotations

from typing import ClassVar

from stillwatch.signals.base import SignalInfo
from stillwatch.signals.techniques.signal import READS, REFERENCE, TechniqueSignal


class CodeTasks(TechniqueSignal):
    """Sets a self-contained, checkable programming task, as sets of coding tasks hold them."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="code_tasks",
        summary="Sets a self-contained, checkable programming task, as sets of coding tasks hold them.",
        reference=REFERENCE,
        version="1",
        example="Implement this function so that the tests pass.",
        unit="probability",
        range=(0.0, 1.0),
        reads=READS,
        innocent_reading="Programmers and students set such tasks as daily work.",
    )


SIGNAL = CodeTasks()
