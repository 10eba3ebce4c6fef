"""How evenly an account's load is spread over the days on which it works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import ibis
import ibis.expr.types as ir

from stillwatch.signals.account.active_days import BY_DAY
from stillwatch.signals.base import Aggregate, SignalInfo


class LoadEvenness:
    """Effective number of days over days: 1 where all active days are alike."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="load_evenness",
        summary="Evenness of the account's load over its active days; which days they were is not used.",
        reference="Hill 1973, effective number of order 2, over the number itself",
        version="1",
        example="0.83",
        unit="share",
        range=(0.0, 1.0),
        reads=("started_at",),
        innocent_reading="A schedule, a quota, or one active day; with few exchanges all look even: mind the volume.",
    )
    aggregates: ClassVar[Mapping[str, Aggregate]] = {"by_day": BY_DAY}

    def finish(self, account: ir.Table) -> ir.Value:
        """Square of the total over days times the sum of squares; 0 where no exchange has a time."""
        return account.by_day_total.cast("float64") ** 2 / ibis.greatest(
            account.by_day_keys.cast("float64") * account.by_day_squares.cast("float64"), 1.0
        )


SIGNAL = LoadEvenness()
