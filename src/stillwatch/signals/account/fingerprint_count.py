"""With how many TLS fingerprints an account calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import ibis.expr.types as ir

from stillwatch.signals.base import Aggregate, SignalInfo
from stillwatch.signals.sketch import bucket_minima, distinct_values


class FingerprintCount:
    """Estimated number of distinct TLS fingerprints."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="fingerprint_count",
        summary="Estimated number of distinct TLS fingerprints of the account.",
        reference="Li, Owen & Zhang 2012, one-permutation hashing; Whang et al. 1990, linear counting",
        version="1",
        example="3.1",
        unit="fingerprint",
        range=(0.0, float("inf")),
        reads=("ja4",),
        innocent_reading="A telephone and a laptop; a client that updates itself.",
    )
    aggregates: ClassVar[Mapping[str, Aggregate]] = {"fingerprints": bucket_minima("ja4")}

    def finish(self, account: ir.Table) -> ir.Value:
        """The estimate of the sketch; 0 where the log names none."""
        return distinct_values(account, "fingerprints")


SIGNAL = FingerprintCount()
