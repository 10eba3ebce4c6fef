"""Slow down: all accounts of a campaign share one budget. A limit for each key costs an operator nothing but keys."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import msgspec

from stillwatch.responses.base import Action, Budget, Effect, Info, ResponseInfo
from stillwatch.responses.held import Held
from stillwatch.responses.traffic import Refusal, Request

__all__ = ["RESPONSE", "Parameters", "SlowDown", "bucket"]

DAY = 86_400.0
LEAST_TOKENS = 1_000
LONGEST_RETRY = DAY
LATER = "This account has reached its limit for the time being. Please try again later."
TOO_LARGE = "This request is larger than this account may send at once at present. Please send smaller ones."


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The budget of a campaign: ``per_day`` ``units``, of which ``burst`` may be used at once.

    ``over`` it a request is refused, or "wait"s up to ``longest_wait`` seconds (the policy's bound holds too) and is
    refused where that does not suffice. A batch counts its requests. In tokens a request counts the most that it may
    cost; ``unsaid`` is what one counts that does not say.
    """

    per_day: float = 100.0
    units: Literal["exchanges", "tokens"] = "exchanges"
    burst: float = 10.0
    over: Literal["refuse", "wait"] = "refuse"
    longest_wait: float = 20.0
    unsaid: int = 4_000

    def __post_init__(self) -> None:
        if not 1 <= self.per_day <= 1e12:
            raise ValueError("per_day is out of range; give 1 or more (to let nothing through, use hold_for_review)")
        if not 1 <= self.burst <= 1e12:
            raise ValueError("burst is out of range; give 1 or more")
        if self.units == "tokens" and min(self.burst, self.per_day) < LEAST_TOKENS:
            raise ValueError(f"so few tokens let no request through; give burst and per_day at least {LEAST_TOKENS:,}")
        if not 0 < self.longest_wait <= 60:
            raise ValueError("longest_wait is out of range; give up to 60 seconds")
        if not 1 <= self.unsaid <= 10_000_000:
            raise ValueError("unsaid is out of range; give 1 to 10,000,000 tokens")


def bucket(action: Action, units: str) -> str:
    """The name of a campaign's budget."""
    return f"slow_down/{units}/{action.campaign_id}"


class SlowDown(Held[Parameters]):
    """Lets a campaign have a share of what it wants, however many accounts it spreads it over.

    The budget is a token bucket; two measures that differ in ``per_day`` draw on the same one, each at its own pace.
    """

    info: ClassVar[ResponseInfo] = ResponseInfo(
        info=Info(
            name="slow_down",
            summary="Gives all accounts of a campaign one small budget together, whatever key they use.",
            reference="token bucket, one for each campaign",
            version="1",
            example="per_day = 100\nburst = 10",
        ),
        reversible=True,
        needs_human=False,
        max_error_rate=0.2,
        cost_to_an_innocent="Shares a small budget with the accounts that they are taken for: while those work, most of"
        " their own requests wait or are refused, with the advice to try later.",
        strength=6,
    )
    parameters: ClassVar[type[msgspec.Struct]] = Parameters

    def effect(self, action: Action, request: Request, budget: Budget) -> Effect | None:
        """Nothing while the budget lasts; then a wait, or a refusal."""
        set_to = self._set(action.parameters)
        units = float(max(request.items, 1))
        if set_to.units == "tokens":
            units = float(request.tokens) if request.tokens > 0 else units * set_to.unsaid
        if units > set_to.burst:  # it would never fit, and passing it on would be the way around the budget
            return Effect(refuse=Refusal(status=429, code="request_too_large", message=TOO_LARGE))
        patience = set_to.longest_wait if set_to.over == "wait" else 0.0
        name, pace = bucket(action, set_to.units), set_to.per_day / DAY
        seconds = budget.take(name, units, pace, set_to.burst, request.at, patience)
        if seconds <= 0:
            return None
        if seconds <= patience:
            return Effect(wait=seconds)
        later = float(math.ceil(min(seconds, LONGEST_RETRY)))
        return Effect(refuse=Refusal(status=429, code="slow_down", message=LATER, retry_after=later))


RESPONSE = SlowDown()
