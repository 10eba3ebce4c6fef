"""How many different things an account asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import ibis.expr.types as ir

from stillwatch.signals.base import Aggregate, SignalInfo
from stillwatch.signals.sketch import bucket_minima, distinct_values


class TextCount:
    """Estimated number of distinct new texts."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="text_count",
        summary="Estimated number of distinct texts that the account newly wrote.",
        reference="Li, Owen & Zhang 2012, one-permutation hashing; Whang et al. 1990, linear counting",
        version="1",
        example="57.0",
        unit="text",
        range=(0.0, float("inf")),
        reads=("new_text",),
        innocent_reading="A template or a retry repeats a text; most people never do.",
    )
    aggregates: ClassVar[Mapping[str, Aggregate]] = {"texts": bucket_minima("new_text")}

    def finish(self, account: ir.Table) -> ir.Value:
        """The estimate of the sketch; 0 where the log holds no text."""
        return distinct_values(account, "texts")


SIGNAL = TextCount()
