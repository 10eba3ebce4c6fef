"""Rows of loose values become batches of THE record; what cannot be read is set aside with its place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.exchange import EXCHANGE, TEXT, TIME
from stillwatch.sources.base import BATCH_ROWS, READERS_OWN, Cursor, ReadBatch, Rejected
from stillwatch.sources.conversation import BadConversationError
from stillwatch.sources.values import CONVERTERS, BadValueError

__all__ = ["COLUMNS", "Rows", "empty_batch"]

COLUMNS: tuple[str, ...] = tuple(EXCHANGE.names)
BATCH_CHARACTERS = 64 * 2**20
LONG_COLUMNS = [COLUMNS.index(name) for name in ("system_prompt", "messages", "response", "reasoning")]
REQUIRED_COLUMNS = [(COLUMNS.index(name), name) for name in READERS_OWN]


def empty_batch() -> pa.RecordBatch:
    """A batch of no exchanges."""
    return pa.RecordBatch.from_pylist([], schema=EXCHANGE)


class Rows:
    """Collects the rows of one file until a batch is full: 16,384 rows, or 64 Mi characters of text."""

    def __init__(self, location: str) -> None:
        self.location = location
        self._converters = [CONVERTERS[name] for name in COLUMNS]
        self._rows: list[Sequence[object]] = []
        self._lines: list[int] = []
        self._rejected: list[Rejected] = []
        self._characters = 0

    def add(self, values: Sequence[object], line: int) -> None:
        """One row: its values in the order of `COLUMNS`, loose (`values.convert`), from line ``line`` of the file."""
        row: list[object] = []
        try:
            for converter, value in zip(self._converters, values, strict=True):
                row.append(None if value is None else converter(value))
        except BadValueError as error:
            self.reject(f"{error}: {COLUMNS[len(row)]}", line)
            return
        except BadConversationError as error:
            self.reject(str(error), line)
            return
        for index, name in REQUIRED_COLUMNS:
            if row[index] is None:
                self.reject(f"missing {name}", line)
                return
        self.add_typed(row, line)

    def add_typed(self, row: Sequence[object], line: int) -> None:
        """One row that is known to hold what `add` would make of it (but for empty texts)."""
        for index in LONG_COLUMNS:
            long = row[index]
            if long is not None:
                self._characters += len(long)  # type: ignore[arg-type]  # these four columns are texts
        self._rows.append(row)
        self._lines.append(line)

    def reject(self, reason: str, line: int) -> None:
        """Set line ``line`` aside."""
        self._rejected.append(Rejected(reason, f"{self.location}:{line}"))

    @property
    def full(self) -> bool:
        """Whether it is time to `take` a batch."""
        return len(self._rows) + len(self._rejected) >= BATCH_ROWS or self._characters >= BATCH_CHARACTERS

    def __len__(self) -> int:
        return len(self._rows) + len(self._rejected)

    def take(self, cursor: Cursor) -> ReadBatch:
        """What was collected since the last time, as a batch that ends at ``cursor``."""
        batch = empty_batch()
        if self._rows:
            columns = zip(*self._rows, strict=True)
            arrays = [_column(values, field) for values, field in zip(columns, EXCHANGE, strict=True)]
            batch = pa.RecordBatch.from_arrays(arrays, schema=EXCHANGE)
        taken = ReadBatch(batch, tuple(self._rejected), cursor, np.array(self._lines, np.int64))
        self._rows, self._lines, self._rejected, self._characters = [], [], [], 0
        return taken


def _column(values: Sequence[object], field: pa.Field) -> pa.Array:
    """Typed values as an array; times come as microseconds, and an empty text becomes null."""
    if field.type == TIME:
        return pa.array(values, pa.int64()).cast(TIME)
    array = pa.array(values, field.type)
    return pc.if_else(pc.equal(array, ""), None, array) if field.type == TEXT else array
