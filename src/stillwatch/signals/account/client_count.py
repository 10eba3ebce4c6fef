"""From how many clients an account calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import ibis.expr.types as ir

from stillwatch.signals.base import Aggregate, SignalInfo
from stillwatch.signals.sketch import bucket_minima, distinct_values


class ClientCount:
    """Estimated number of distinct clients."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="client_count",
        summary="Estimated number of distinct clients of the account.",
        reference="Li, Owen & Zhang 2012, one-permutation hashing; Whang et al. 1990, linear counting",
        version="1",
        example="3.1",
        unit="client",
        range=(0.0, float("inf")),
        reads=("user_agent",),
        innocent_reading="A telephone and a laptop; a client that updates itself.",
    )
    aggregates: ClassVar[Mapping[str, Aggregate]] = {"clients": bucket_minima("user_agent")}

    def finish(self, account: ir.Table) -> ir.Value:
        """The estimate of the sketch; 0 where the log names none."""
        return distinct_values(account, "clients")


SIGNAL = ClientCount()
