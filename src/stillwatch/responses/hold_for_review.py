"""Hold for review: requests are refused until a person has looked, and no longer than some hours if nobody does."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from stillwatch.responses.base import Action, Budget, Effect, Info, ResponseInfo, Subject
from stillwatch.responses.held import Held
from stillwatch.responses.traffic import Refusal, Request

__all__ = ["RESPONSE", "HoldForReview", "Parameters"]

HOUR = 3_600_000_000
HELD = Refusal(
    status=403,
    code="held_for_review",
    message="Requests of this account are held until a person has looked at it. You can write to us and be heard.",
)


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``hours`` from when the claim was first made until it ends by itself."""

    hours: float = 72.0

    def __post_init__(self) -> None:
        if not 0 < self.hours <= 336:
            raise ValueError("hours is out of range; give up to 336 (two weeks)")


class HoldForReview(Held[Parameters]):
    """Stops an account for as long as a person needs to look at it.

    The hours run from the claim and not from the plan: a scan that makes the same claim each night does not prolong it,
    and a claim that is older than that is not held any more.
    """

    info: ClassVar[ResponseInfo] = ResponseInfo(
        info=Info(
            name="hold_for_review",
            summary="Refuses requests until a person has looked at the account, for some hours at most.",
            reference="ours",
            version="1",
            example="hours = 72",
        ),
        reversible=True,
        needs_human=False,
        max_error_rate=0.05,
        cost_to_an_innocent="Nothing works until a person has looked, or until the hours are over; they are told so,"
        " and can be heard.",
        strength=7,
        least_level="campaign",
    )
    parameters: ClassVar[type[msgspec.Struct]] = Parameters

    def ends(self, parameters: Parameters, subject: Subject) -> int:
        """The hours after the claim was first made."""
        return subject.since + int(parameters.hours * HOUR)

    def effect(self, action: Action, request: Request, budget: Budget) -> Effect | None:
        """A refusal of every request until the hours are over."""
        return Effect(refuse=HELD) if request.at < action.until else None


RESPONSE = HoldForReview()
