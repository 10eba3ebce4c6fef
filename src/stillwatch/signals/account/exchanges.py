"""How many exchanges an account had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import ibis.expr.types as ir

from stillwatch.signals.base import Aggregate, SignalInfo


class Exchanges:
    """Number of exchanges."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="exchanges",
        summary="Exchanges of the account in the log.",
        reference="a count",
        version="1",
        example="412 exchanges",
        unit="exchange",
        range=(0.0, float("inf")),
        reads=("account_id",),
        innocent_reading="A busy application, a script, a team behind one account.",
    )
    aggregates: ClassVar[Mapping[str, Aggregate]] = {
        "exchanges": Aggregate(lambda t: t.account_id.notnull().cast("int64"), "sum")
    }

    def finish(self, account: ir.Table) -> ir.Value:
        """The count itself."""
        return account.exchanges


SIGNAL = Exchanges()
