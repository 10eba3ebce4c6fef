"""Observe: nothing is done, and what the account does is counted with its campaign."""

from __future__ import annotations

from typing import ClassVar

from stillwatch.responses.base import ANYBODY, Action, Budget, Effect, Info, ResponseInfo
from stillwatch.responses.held import Held, NoParameters
from stillwatch.responses.traffic import Request

__all__ = ["RESPONSE", "Observe"]


class Observe(Held[NoParameters]):
    """The account is watched as one of its campaign; its requests pass as everybody's."""

    info: ClassVar[ResponseInfo] = ResponseInfo(
        info=Info(
            name="observe",
            summary="Counts what the account does with its campaign, and does nothing to it.",
            reference="ours",
            version="1",
            example="",
        ),
        reversible=True,
        needs_human=False,
        max_error_rate=ANYBODY,
        cost_to_an_innocent="Nothing: requests and answers are the same as everybody's.",
        strength=0,
    )

    def effect(self, action: Action, request: Request, budget: Budget) -> Effect | None:
        """Nothing, to no request."""
        return None


RESPONSE = Observe()
