"""Mark the output: answers are to carry a campaign's own mark, so that a model trained on them can be known later.

Only which key is to be used is said here. Whoever generates the answers must set the mark; until the part of
Stillwatch that proves a copy comes with one, no answer is changed by this response.
"""

from __future__ import annotations

import hashlib
from typing import ClassVar

import msgspec

from stillwatch.responses.base import ANYBODY, Action, Budget, Effect, Info, ResponseInfo
from stillwatch.responses.held import Held
from stillwatch.responses.traffic import Request

__all__ = ["RESPONSE", "MarkOutput", "Parameters"]


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``keyring`` names the set of keys that the provider keeps for marks."""

    keyring: str = "campaigns"

    def __post_init__(self) -> None:
        if not self.keyring.isidentifier() or len(self.keyring) > 64:
            raise ValueError("keyring is no plain name; use letters, digits and _")


class MarkOutput(Held[Parameters]):
    """Names the key that an answer is to be marked with: one for each campaign, the same for all its accounts."""

    info: ClassVar[ResponseInfo] = ResponseInfo(
        info=Info(
            name="mark_output",
            summary="Names a key of the campaign's own for marking answers; it changes none until marks are set.",
            reference="../shared/design.md section 5: what we randomised",
            version="1",
            example='keyring = "campaigns"',
        ),
        reversible=True,
        needs_human=False,
        max_error_rate=ANYBODY,
        cost_to_an_innocent="Nothing while no marks are set. What a mark does to answers is for its maker to measure.",
        strength=2,
    )
    parameters: ClassVar[type[msgspec.Struct]] = Parameters

    def effect(self, action: Action, request: Request, budget: Budget) -> Effect | None:
        """The name of the key, for whatever is answered in words."""
        if request.operation == "embeddings":
            return None
        campaign = hashlib.blake2b(action.campaign_id.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        return Effect(mark=f"{self._set(action.parameters).keyring}/{campaign}")


RESPONSE = MarkOutput()
