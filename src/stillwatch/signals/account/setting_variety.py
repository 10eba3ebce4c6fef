"""How many settings an account uses, weighed by use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import ibis
import ibis.expr.types as ir

from stillwatch.signals.base import Aggregate, SignalInfo

_OCTAVES = 24


def _setting(t: ir.Table) -> ir.Value:
    """Bucket of temperature times 32, plus bucket of the limit; a setting that is not given is bucket 0."""
    known = t.temperature.notnull() & ~t.temperature.isnan().fill_null(False)
    # floor(x + 1/2) instead of round: engines disagree on how to round a half.
    tenths = (t.temperature.clip(lower=0.0, upper=10.0) * 10 + 0.5).floor().cast("int64") + 1
    octave = ibis.literal(0).cast("int64")
    for power in range(_OCTAVES):
        octave = octave + (t.max_tokens >= 2**power).fill_null(False).cast("int64")
    return ibis.ifelse(known, tenths, 0).cast("int64") * 32 + octave


BY_SETTING = Aggregate(lambda t: t.account_id.notnull().cast("int64"), "sum", key=_setting)
"""Exchanges of each setting."""


class SettingVariety:
    """Effective number of pairs of temperature and limit."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="setting_variety",
        summary="Effective number of settings (temperature in tenths, limit of the answer in octaves).",
        reference="Hill 1973, effective number of order 2",
        version="1",
        example="2.5",
        unit="setting",
        range=(0.0, float("inf")),
        reads=("temperature", "max_tokens"),
        innocent_reading="One client with fixed settings gives 1; so does never changing the defaults.",
    )
    aggregates: ClassVar[Mapping[str, Aggregate]] = {"by_setting": BY_SETTING}

    def finish(self, account: ir.Table) -> ir.Value:
        """Square of the total over the sum of squares."""
        total = account.by_setting_total.cast("float64")
        return total**2 / ibis.greatest(account.by_setting_squares, 1).cast("float64")


SIGNAL = SettingVariety()
