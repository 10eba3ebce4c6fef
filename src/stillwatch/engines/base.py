"""What an engine is: where definitions run. It holds none itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol, runtime_checkable

import pyarrow as pa

from stillwatch.registry import Info
from stillwatch.signals.base import ExchangeSignal

if TYPE_CHECKING:  # an engine is named by programs that never run a query, and Ibis is slow to import
    import ibis.expr.types as ir


class Written(NamedTuple):
    """A Parquet file that an engine wrote: where, how many rows, how many bytes."""

    path: Path
    rows: int
    size: int


@runtime_checkable
class Engine(Protocol):
    """Runs definitions on datasets: Parquet files of int64 and float64 columns (text ends before)."""

    info: ClassVar[Info]

    def open(self, dataset: Path) -> ir.Table:
        """An unbound Ibis table of a Parquet file, or of all ``*.parquet`` files in a folder.

        Raises:
            InputError: there is none, or it is not Parquet.
        """
        ...

    def map_batches(self, source: Path, signals: Sequence[ExchangeSignal], to: Path) -> Written:
        """Compute ``signals`` on every exchange of ``source`` and write one Parquet file.

        It holds the number columns of ``source`` (times as int64 microseconds; text is dropped) and one column
        for each signal, in the order of the rows.

        Raises:
            InputError: ``source`` cannot be read.
            StorageError: ``to`` cannot be written; nothing is left half-written.
        """
        ...

    def write(self, query: ir.Table, to: Path) -> Written:
        """Run ``query`` and write its rows to one Parquet file, whole or not at all; integers are int64.

        Raises:
            InputError: the query cannot run on these data, or needs more memory than the engine may use.
            StorageError: ``to`` cannot be written.
        """
        ...

    def batches(self, query: ir.Table) -> Iterator[pa.RecordBatch]:
        """Run ``query`` and yield its rows in batches, in the types of the query's schema. Errors as `write`."""
        ...
