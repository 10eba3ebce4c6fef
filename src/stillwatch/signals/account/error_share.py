"""How often an account's exchanges failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import ibis
import ibis.expr.types as ir

from stillwatch.signals.base import Aggregate, SignalInfo


class ErrorShare:
    """Share of exchanges that ended in an error."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="error_share",
        summary="Share of the account's exchanges with HTTP status 400 or above.",
        reference="a rate",
        version="1",
        example="0.03",
        unit="share",
        range=(0.0, 1.0),
        reads=("status",),
        innocent_reading="A bug in a client, an expired key, a rate limit hit by honest haste.",
    )
    aggregates: ClassVar[Mapping[str, Aggregate]] = {
        "with_status": Aggregate(lambda t: t.status.notnull().cast("int64"), "sum"),
        "failed": Aggregate(lambda t: (t.status >= 400).fill_null(False).cast("int64"), "sum"),
    }

    def finish(self, account: ir.Table) -> ir.Value:
        """Failed over those that have a status; 0 where none has."""
        return account.failed.cast("float64") / ibis.greatest(account.with_status, 1).cast("float64")


SIGNAL = ErrorShare()
