"""What a signal is: text to numbers (`ExchangeSignal`), numbers of exchanges to one of an account (`AccountSignal`).

Text ends at `ExchangeSignal.compute`; everything after it sees int64 and float64 only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, runtime_checkable

from stillwatch.registry import Info

if TYPE_CHECKING:  # the gateway must not pay for importing Ibis or Arrow
    import ibis.expr.types as ir
    import pyarrow as pa

# Nobody's origin is evidence. A contract test refuses a signal that reads one of these.
FORBIDDEN_READS = ("language", "country", "nationality", "timezone", "time_zone", "locale", "name", "email", "e_mail")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalInfo(Info):
    """`Info` of a signal.

    ``unit`` in words ("probability", "messages"); ``range`` the closed interval of its values (infinite
    ends allowed); ``reads`` the columns it looks at; ``innocent_reading`` what a high value means for
    somebody who did nothing wrong.
    """

    unit: str
    range: tuple[float, float]
    reads: tuple[str, ...]
    innocent_reading: str


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One mergeable sum, minimum or maximum over exchanges.

    ``value`` maps the exchange table to a numeric column. With ``key`` the aggregate is kept per account
    *and* key (an integer column), else per account. Any split of the rows, merged in any order, gives
    the same value.
    """

    value: Callable[[ir.Table], ir.Value]
    op: Literal["sum", "min", "max"]
    key: Callable[[ir.Table], ir.Value] | None = None


@runtime_checkable
class ExchangeSignal(Protocol):
    """One number for each exchange; the last place that sees text."""

    info: ClassVar[SignalInfo]

    def compute(self, batch: pa.RecordBatch) -> pa.Array:
        """Values of ``batch``: int64 or float64, finite, ``len == batch.num_rows`` (0 rows: empty array).

        Pure: one row alone gives the value that it gives among 64 k. A column that is absent is read as
        null; hostile text never raises.
        """
        ...


@runtime_checkable
class AccountSignal(Protocol):
    """One number for each account, from aggregates that merge."""

    info: ClassVar[SignalInfo]
    aggregates: ClassVar[Mapping[str, Aggregate]]

    def finish(self, account: ir.Table) -> ir.Value:
        """The signal as an Ibis expression on the table that holds one row of aggregates an account."""
        ...
