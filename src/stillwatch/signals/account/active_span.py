"""How long an account was active."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import ibis.expr.types as ir

from stillwatch.signals.account.first_seen import FIRST_SEEN
from stillwatch.signals.account.last_seen import LAST_SEEN
from stillwatch.signals.base import Aggregate, SignalInfo


class ActiveSpan:
    """Days from the first exchange to the last."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="active_span",
        summary="Time from the account's first exchange to its last.",
        reference="a difference of a maximum and a minimum",
        version="1",
        example="12.4 days",
        unit="day",
        range=(0.0, float("inf")),
        reads=("started_at",),
        innocent_reading="A short span is a trial, a course or a single task; a long one a loyal customer.",
    )
    aggregates: ClassVar[Mapping[str, Aggregate]] = {"first_seen": FIRST_SEEN, "last_seen": LAST_SEEN}

    def finish(self, account: ir.Table) -> ir.Value:
        """Last minus first, in days; 0 for one exchange."""
        return (account.last_seen - account.first_seen).cast("float64") / 86_400e6


SIGNAL = ActiveSpan()
