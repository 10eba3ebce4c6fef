"""Cap reasoning: the model thinks less before it answers."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from stillwatch.responses.base import Action, Budget, Effect, Info, ResponseInfo
from stillwatch.responses.held import Held
from stillwatch.responses.traffic import Request, Shape

__all__ = ["RESPONSE", "CapReasoning", "Parameters"]


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The most reasoning that is asked for: ``tokens`` where an API counts it, ``effort`` where an API names it."""

    tokens: int = 1024
    effort: Literal["none", "minimal", "low", "medium", "high"] = "low"

    def __post_init__(self) -> None:
        if not 0 <= self.tokens <= 1_000_000:
            raise ValueError("tokens is out of range; give 0 to 1,000,000")


class CapReasoning(Held[Parameters]):
    """Bounds the reasoning of an account's answers."""

    info: ClassVar[ResponseInfo] = ResponseInfo(
        info=Info(
            name="cap_reasoning",
            summary="Bounds how much the model reasons before it answers.",
            reference="DistillGuard, arXiv 2603.07835: what students lose without the chain of thought",
            version="1",
            example='tokens = 1024\neffort = "low"',
        ),
        reversible=True,
        needs_human=False,
        max_error_rate=0.3,
        cost_to_an_innocent="Answers to hard questions may get worse.",
        strength=4,
    )
    parameters: ClassVar[type[msgspec.Struct]] = Parameters

    def effect(self, action: Action, request: Request, budget: Budget) -> Effect | None:
        """The bound, where the request asks for reasoning."""
        if not request.asks_reasoning:
            return None
        set_to = self._set(action.parameters)
        return Effect(shape=Shape(reasoning_tokens=set_to.tokens, reasoning_effort=set_to.effort))


RESPONSE = CapReasoning()
