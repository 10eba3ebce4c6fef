"""When an account was last seen in the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import ibis.expr.types as ir

from stillwatch.signals.base import Aggregate, SignalInfo

LAST_SEEN = Aggregate(lambda t: t.started_at, "max")
"""Time of the last exchange."""


class LastSeen:
    """Time of the last exchange."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="last_seen",
        summary="Time of the account's last exchange.",
        reference="a maximum",
        version="1",
        example="1789947556137825",
        unit="microsecond since 1970, UTC",
        range=(0.0, float("inf")),
        reads=("started_at",),
        innocent_reading="A course ends, a project is done, a card expires.",
    )
    aggregates: ClassVar[Mapping[str, Aggregate]] = {"last_seen": LAST_SEEN}

    def finish(self, account: ir.Table) -> ir.Value:
        """The maximum itself; null where no exchange has a time."""
        return account.last_seen


SIGNAL = LastSeen()
