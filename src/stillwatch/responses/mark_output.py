"""Mark the output: answers carry a campaign's own mark, so that a model trained on them can be known later.

Only which key is to be used is said here. A door marks the answer's text under it, or names it to the model's server,
as the policy's section ``marking`` says (`gateway.policy.Marking`).
"""

from __future__ import annotations

import hashlib
from typing import ClassVar

import msgspec

from stillwatch.responses.base import ANYBODY, Action, Budget, Effect, Info, ResponseInfo
from stillwatch.responses.held import Held
from stillwatch.responses.traffic import Request

__all__ = ["RESPONSE", "MarkOutput", "Parameters", "campaign_hash"]


def campaign_hash(campaign_id: str) -> str:
    """What a campaign's key is about: 8 bytes of BLAKE2b of its id, in hexadecimal, which may be read aloud."""
    return hashlib.blake2b(campaign_id.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``keyring`` names a set of keys, whose folder the policy names (``marking.keyrings``)."""

    keyring: str = "campaigns"

    def __post_init__(self) -> None:
        if not self.keyring.isidentifier() or len(self.keyring) > 64:
            raise ValueError("keyring is no plain name; use letters, digits and _")


class MarkOutput(Held[Parameters]):
    """Names the key that an answer is to be marked with: one for each campaign, the same for all its accounts."""

    info: ClassVar[ResponseInfo] = ResponseInfo(
        info=Info(
            name="mark_output",
            summary="Marks answers under a key of the campaign's own, once one is committed to.",
            reference="../shared/design.md section 5: what we randomised",
            version="1",
            example='keyring = "campaigns"',
        ),
        reversible=True,
        needs_human=False,
        max_error_rate=ANYBODY,
        cost_to_an_innocent="Other phrasings of the same meaning, or a question at the end, in half of the answers.",
        strength=2,
    )
    parameters: ClassVar[type[msgspec.Struct]] = Parameters

    def effect(self, action: Action, request: Request, budget: Budget) -> Effect | None:
        """The name of the key, for whatever is answered in words."""
        if request.operation == "embeddings":
            return None
        return Effect(mark=f"{self._set(action.parameters).keyring}/{campaign_hash(action.campaign_id)}")


RESPONSE = MarkOutput()
