"""How many conversations an account had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import ibis.expr.types as ir

from stillwatch.signals.base import Aggregate, SignalInfo

BY_SESSION = Aggregate(lambda t: t.account_id.notnull().cast("int64"), "sum", key=lambda t: t.session_id)
"""Exchanges of each session."""


class Sessions:
    """Number of distinct sessions."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="sessions",
        summary="Conversations of the account in the log; 0 where the log names none.",
        reference="a count",
        version="1",
        example="37 sessions",
        unit="session",
        range=(0.0, float("inf")),
        reads=("session_id",),
        innocent_reading="Somebody who starts a new conversation for each question.",
    )
    aggregates: ClassVar[Mapping[str, Aggregate]] = {"by_session": BY_SESSION}

    def finish(self, account: ir.Table) -> ir.Value:
        """The number of distinct sessions."""
        return account.by_session_keys


SIGNAL = Sessions()
