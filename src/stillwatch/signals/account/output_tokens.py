"""Tokens answered, reasoning included, over an account's exchanges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import ibis.expr.types as ir

from stillwatch.signals.base import Aggregate, SignalInfo


class OutputTokens:
    """Sum of output_tokens."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="output_tokens",
        summary="Tokens answered, reasoning included, over all exchanges of the account.",
        reference="a sum",
        version="1",
        example="81250 tokens",
        unit="token",
        range=(0.0, float("inf")),
        reads=("output_tokens",),
        innocent_reading="Drafting, coding, anything that asks for long answers.",
    )
    aggregates: ClassVar[Mapping[str, Aggregate]] = {"output_tokens": Aggregate(lambda t: t.output_tokens, "sum")}

    def finish(self, account: ir.Table) -> ir.Value:
        """The sum; exchanges that do not say count 0."""
        return account.output_tokens


SIGNAL = OutputTokens()
