"""Suspend: the account is closed, by a person's word and never by a machine's."""

from __future__ import annotations

from typing import ClassVar

from stillwatch.responses.base import Action, Budget, Effect, Info, ResponseInfo
from stillwatch.responses.held import Held, NoParameters
from stillwatch.responses.traffic import Refusal, Request

__all__ = ["RESPONSE", "Suspend"]

SUSPENDED = Refusal(
    status=403,
    code="account_suspended",
    message="This account is suspended. A person decided that; you can appeal, and a person will answer.",
)


class Suspend(Held[NoParameters]):
    """Refuses every request of an account of which a person has confirmed that it belongs to a campaign."""

    info: ClassVar[ResponseInfo] = ResponseInfo(
        info=Info(
            name="suspend",
            summary="Refuses every request, where a person has confirmed the claim about the account.",
            reference="ours",
            version="1",
            example="",
        ),
        reversible=True,
        needs_human=True,
        max_error_rate=0.05,
        cost_to_an_innocent="Everything: their work stops until an appeal is upheld.",
        strength=8,
    )

    def effect(self, action: Action, request: Request, budget: Budget) -> Effect | None:
        """A refusal, unless no person confirmed it."""
        return Effect(refuse=SUSPENDED) if action.level == "confirmed" else None


RESPONSE = Suspend()
