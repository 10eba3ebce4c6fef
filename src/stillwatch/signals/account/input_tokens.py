"""Tokens sent, over an account's exchanges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import ibis.expr.types as ir

from stillwatch.signals.base import Aggregate, SignalInfo


class InputTokens:
    """Sum of input_tokens."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="input_tokens",
        summary="Tokens sent, over all exchanges of the account.",
        reference="a sum",
        version="1",
        example="81250 tokens",
        unit="token",
        range=(0.0, float("inf")),
        reads=("input_tokens",),
        innocent_reading="Long documents, long conversations.",
    )
    aggregates: ClassVar[Mapping[str, Aggregate]] = {"input_tokens": Aggregate(lambda t: t.input_tokens, "sum")}

    def finish(self, account: ir.Table) -> ir.Value:
        """The sum; exchanges that do not say count 0."""
        return account.input_tokens


SIGNAL = InputTokens()
