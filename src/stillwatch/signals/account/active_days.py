"""On how many days an account was active."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import ibis.expr.types as ir

from stillwatch.signals.base import Aggregate, SignalInfo

_DAY = 86_400_000_000

BY_DAY = Aggregate(lambda t: t.account_id.notnull().cast("int64"), "sum", key=lambda t: t.started_at // _DAY)
"""Exchanges of each day since 1970 (UTC)."""


class ActiveDays:
    """Number of distinct days with an exchange."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="active_days",
        summary="Days (of UTC) with at least one exchange; which days they were is not used.",
        reference="a count",
        version="1",
        example="9 days",
        unit="day",
        range=(0.0, float("inf")),
        reads=("started_at",),
        innocent_reading="Daily users, and scripts that honest people schedule.",
    )
    aggregates: ClassVar[Mapping[str, Aggregate]] = {"by_day": BY_DAY}

    def finish(self, account: ir.Table) -> ir.Value:
        """The number of distinct days."""
        return account.by_day_keys


SIGNAL = ActiveDays()
