"""Tokens of reasoning, over an account's exchanges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import ibis.expr.types as ir

from stillwatch.signals.base import Aggregate, SignalInfo


class ReasoningTokens:
    """Sum of reasoning_tokens."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="reasoning_tokens",
        summary="Tokens of reasoning, over all exchanges of the account.",
        reference="a sum",
        version="1",
        example="81250 tokens",
        unit="token",
        range=(0.0, float("inf")),
        reads=("reasoning_tokens",),
        innocent_reading="Hard questions; a client that asks for reasoning by default.",
    )
    aggregates: ClassVar[Mapping[str, Aggregate]] = {"reasoning_tokens": Aggregate(lambda t: t.reasoning_tokens, "sum")}

    def finish(self, account: ir.Table) -> ir.Value:
        """The sum; exchanges that do not say count 0."""
        return account.reasoning_tokens


SIGNAL = ReasoningTokens()
