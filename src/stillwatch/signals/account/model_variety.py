"""How many models an account uses, weighed by use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import ibis
import ibis.expr.types as ir

from stillwatch.signals.base import Aggregate, SignalInfo

BY_MODEL = Aggregate(lambda t: t.account_id.notnull().cast("int64"), "sum", key=lambda t: t.model)
"""Exchanges of each model."""


class ModelVariety:
    """Effective number of models."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="model_variety",
        summary="Effective number of models that the account called.",
        reference="Hill 1973, effective number of order 2",
        version="1",
        example="1.2",
        unit="model",
        range=(0.0, float("inf")),
        reads=("model",),
        innocent_reading="Most people use one model; comparing several is what evaluators do for a living.",
    )
    aggregates: ClassVar[Mapping[str, Aggregate]] = {"by_model": BY_MODEL}

    def finish(self, account: ir.Table) -> ir.Value:
        """Square of the total over the sum of squares; 0 where no exchange names a model."""
        return account.by_model_total.cast("float64") ** 2 / ibis.greatest(account.by_model_squares, 1).cast("float64")


SIGNAL = ModelVariety()
