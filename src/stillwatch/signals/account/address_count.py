"""From how many addresses an account calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import ibis.expr.types as ir

from stillwatch.signals.base import Aggregate, SignalInfo
from stillwatch.signals.sketch import bucket_minima, distinct_values


class AddressCount:
    """Estimated number of distinct addresses."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="address_count",
        summary="Estimated number of distinct addresses of the account.",
        reference="Li, Owen & Zhang 2012, one-permutation hashing; Whang et al. 1990, linear counting",
        version="1",
        example="3.1",
        unit="address",
        range=(0.0, float("inf")),
        reads=("client_ip",),
        innocent_reading="A telephone, a carrier's network or a privacy proxy changes address all day.",
    )
    aggregates: ClassVar[Mapping[str, Aggregate]] = {"addresses": bucket_minima("client_ip")}

    def finish(self, account: ir.Table) -> ir.Value:
        """The estimate of the sketch; 0 where the log names none."""
        return distinct_values(account, "addresses")


SIGNAL = AddressCount()
