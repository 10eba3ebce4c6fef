"""How much of an account's load falls into the same hours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import ibis
import ibis.expr.types as ir

from stillwatch.signals.base import Aggregate, SignalInfo

_HOUR = 3_600_000_000

# Hours since 1970, not of the day: two accounts may be seen to move in step, nobody to work at night.
BY_HOUR = Aggregate(lambda t: t.account_id.notnull().cast("int64"), "sum", key=lambda t: t.started_at // _HOUR)
"""Exchanges of each hour since 1970 (UTC)."""


class Burstiness:
    """Mean number of exchanges in the hour of an exchange."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="burstiness",
        summary="How many exchanges, on average, share an exchange's hour; which hours they were is not used.",
        reference="Lloyd 1967, mean crowding (own exchange included)",
        version="1",
        example="6.2",
        unit="exchange",
        range=(0.0, float("inf")),
        reads=("started_at",),
        innocent_reading="A long conversation, a batch job, a lesson.",
    )
    aggregates: ClassVar[Mapping[str, Aggregate]] = {"by_hour": BY_HOUR}

    def finish(self, account: ir.Table) -> ir.Value:
        """Sum of squares over the total; 0 where no exchange has a time."""
        return account.by_hour_squares.cast("float64") / ibis.greatest(account.by_hour_total, 1).cast("float64")


SIGNAL = Burstiness()
