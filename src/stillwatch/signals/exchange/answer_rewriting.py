"""Has an answer rewritten into a better one that could be trained on."""

from __future__ import annotations

from typing import ClassVar

from stillwatch.signals.base import SignalInfo
from stillwatch.signals.techniques.signal import READS, REFERENCE, TechniqueSignal


class AnswerRewriting(TechniqueSignal):
    """Has an answer rewritten into a better one that could be trained on."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="answer_rewriting",
        summary="Has an answer rewritten into a better one that could be trained on.",
        reference=REFERENCE,
        version="1",
        example="Here is a weak reply; write the one an ideal assistant would give.",
        unit="probability",
        range=(0.0, 1.0),
        reads=READS,
        innocent_reading="Writers polish drafts, among them drafts that a model wrote.",
    )


SIGNAL = AnswerRewriting()
