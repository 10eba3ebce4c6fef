"""When an account was first seen in the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import ibis.expr.types as ir

from stillwatch.signals.base import Aggregate, SignalInfo

FIRST_SEEN = Aggregate(lambda t: t.started_at, "min")
"""Time of the first exchange."""


class FirstSeen:
    """Time of the first exchange."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="first_seen",
        summary="Time of the account's first exchange.",
        reference="a minimum",
        version="1",
        example="1788739204482915",
        unit="microsecond since 1970, UTC",
        range=(0.0, float("inf")),
        reads=("started_at",),
        innocent_reading="Everyone has a first day; many start on the day of a launch, a lesson or a news item.",
    )
    aggregates: ClassVar[Mapping[str, Aggregate]] = {"first_seen": FIRST_SEEN}

    def finish(self, account: ir.Table) -> ir.Value:
        """The minimum itself; null where no exchange has a time."""
        return account.first_seen


SIGNAL = FirstSeen()
