"""Reduce detail: no log-probabilities, one answer for each request, no large batches."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from stillwatch.responses.base import Action, Budget, Effect, Info, ResponseInfo
from stillwatch.responses.held import Held
from stillwatch.responses.traffic import Refusal, Request, Shape

__all__ = ["RESPONSE", "Parameters", "ReduceDetail"]

TOO_LARGE = Refusal(
    status=403,
    code="batch_too_large",
    message="Batches of this size are not open to this account at present. Please send smaller ones.",
)


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``logprobs`` leaves them out, ``one_answer`` sets several answers to one; ``batch_items`` is the most requests
    that a batch may hold (0: as many as it likes)."""

    logprobs: bool = True
    one_answer: bool = True
    batch_items: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.batch_items <= 1_000_000:
            raise ValueError("batch_items is out of range; give 0 to 1,000,000")
        if not (self.logprobs or self.one_answer or self.batch_items):
            raise ValueError("nothing is reduced; switch on logprobs or one_answer, or set batch_items")


class ReduceDetail(Held[Parameters]):
    """Takes from a request what mostly a trainer of models needs."""

    info: ClassVar[ResponseInfo] = ResponseInfo(
        info=Info(
            name="reduce_detail",
            summary="Leaves out log-probabilities and further answers, and refuses batches above a size.",
            reference="what log-probabilities give away: Carlini et al. 2024, arXiv 2403.06634",
            version="1",
            example="batch_items = 1000",
        ),
        reversible=True,
        needs_human=False,
        max_error_rate=0.5,
        cost_to_an_innocent="Programs that need log-probabilities, several answers or large batches get less than they"
        " asked for; all others notice nothing.",
        strength=3,
    )
    parameters: ClassVar[type[msgspec.Struct]] = Parameters

    def effect(self, action: Action, request: Request, budget: Budget) -> Effect | None:
        """A smaller request where it asks for detail; a refusal of a batch that is too large."""
        set_to = self._set(action.parameters)
        if set_to.batch_items and request.items > set_to.batch_items:
            return Effect(refuse=TOO_LARGE)
        if not request.asks_detail or not (set_to.logprobs or set_to.one_answer):
            return None
        return Effect(shape=Shape(drop_logprobs=set_to.logprobs, one_answer=set_to.one_answer))


RESPONSE = ReduceDetail()
