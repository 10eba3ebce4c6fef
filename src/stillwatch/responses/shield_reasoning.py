"""Shield the chain of thought: the model reasons as before, and its reasoning does not leave."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from stillwatch.responses.base import Action, Budget, Effect, Info, ResponseInfo
from stillwatch.responses.held import Held
from stillwatch.responses.traffic import Request, ShieldMode

__all__ = ["RESPONSE", "Parameters", "ShieldReasoning"]


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``mode``: "drop" leaves reasoning out, "seal" replaces it by a token that only the provider can open, so that a
    conversation with tools can go on, "summarise" has the user's own model tell it in short, which gives some of it
    away (``--summarise-with``; without one, as "drop")."""

    mode: ShieldMode = "seal"


class ShieldReasoning(Held[Parameters]):
    """Keeps reasoning from leaving, in streams too."""

    info: ClassVar[ResponseInfo] = ResponseInfo(
        info=Info(
            name="shield_reasoning",
            summary="Drops, summarises or seals the reasoning in answers; the answers themselves stay.",
            reference="DistillGuard, arXiv 2603.07835; what summaries still give away: arXiv 2603.07267",
            version="1",
            example='mode = "seal"',
        ),
        reversible=True,
        needs_human=False,
        max_error_rate=0.3,
        cost_to_an_innocent="They cannot read how the model came to its answer; the answer is the same.",
        strength=5,
    )
    parameters: ClassVar[type[msgspec.Struct]] = Parameters

    def effect(self, action: Action, request: Request, budget: Budget) -> Effect | None:
        """The shield, whether or not the request asks for reasoning: some models show it unasked."""
        if request.operation == "embeddings":
            return None
        return Effect(shield=self._set(action.parameters).mode)


RESPONSE = ShieldReasoning()
