"""Rows of loose values become batches of THE record; what cannot be read is set aside with its place.

Values are converted column by column: a column whose values all have the right type, as nearly all have, costs next to
nothing; only in the others each value is looked at (`stillwatch.sources.records.values`).
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.exchange import EXCHANGE, REAL, TEXT, TIME, WHOLE
from stillwatch.sources.base import BATCH_ROWS, READERS_OWN, Cursor, ReadBatch, Rejected
from stillwatch.sources.records.callers import Marks, mark_of, mended
from stillwatch.sources.records.conversation import BadConversationError, messages_text, readable_text
from stillwatch.sources.records.values import CONVERTERS, BadValueError, time_us

__all__ = ["COLUMNS", "Rows", "empty_batch"]

COLUMNS: tuple[str, ...] = tuple(EXCHANGE.names)
ROWS_APART = 512
BATCH_CHARACTERS = 64 * 2**20
_LONGS = ("system_prompt", "messages", "response", "reasoning")
_LONG = operator.itemgetter(*map(COLUMNS.index, _LONGS))
STARTED_AT, MESSAGES = COLUMNS.index("started_at"), COLUMNS.index("messages")

UNREADABLE = mark_of("messages")

Faults = dict[int, str]
_Piece: TypeAlias = "pa.Array | Sequence[object]"

_NULL = type(None)
_KINDS = {TEXT: (frozenset({str, _NULL}), TEXT), WHOLE: (frozenset({int, _NULL}), WHOLE)} | {
    REAL: (frozenset({int, float, _NULL}), REAL),
    TIME: (frozenset({int, _NULL}), WHOLE),
}
_STORED = tuple(_KINDS[field.type] for field in EXCHANGE)
"""For each column the types of values that need no look at each, and that in which they are kept."""


def empty_batch() -> pa.RecordBatch:
    """A batch of no exchanges."""
    return pa.RecordBatch.from_pylist([], schema=EXCHANGE)


class Rows:
    """Collects the rows of one file until a batch is full: 16,384 rows, or 64 Mi characters of text."""

    def __init__(self, location: str) -> None:
        self.location = location
        self._rows: list[Sequence[object]] = []
        self._pieces: list[list[_Piece]] = [[] for _ in COLUMNS]
        self._lines: list[int] = []
        self._rejected: list[Rejected] = []
        self._unreadable: list[int] = []
        self._characters = 0

    def add(self, values: Iterable[object], line: int) -> None:
        """One row: its values in the order of `COLUMNS`, loose (`values.convert`), from line ``line`` of the file."""
        row = list(values)
        started, messages = row[STARTED_AT], row[MESSAGES]
        try:
            if started is not None:
                row[STARTED_AT] = time_us(started)
            if messages is not None:
                row[MESSAGES] = messages_text(messages)
        except BadValueError as error:
            self.reject(f"{error}: {COLUMNS[STARTED_AT]}", line)
            return
        except BadConversationError:  # of a caller's making: what can be read of it is kept
            row[MESSAGES] = readable_text(messages)
            self._unreadable.append(len(self._lines))
        self.add_typed(row, line)

    def add_typed(self, row: Sequence[object], line: int) -> None:
        """One row whose time (microseconds) and conversation (JSON text) are those of THE record already."""
        system, messages, response, reasoning = _LONG(row)
        if type(messages) is str:
            self._characters += len(messages)
        if type(response) is str:
            self._characters += len(response)
        if system is not None and type(system) is str:
            self._characters += len(system)
        if reasoning is not None and type(reasoning) is str:
            self._characters += len(reasoning)
        self._rows.append(row)
        self._lines.append(line)
        if len(self._rows) == ROWS_APART:
            self._turn()

    def add_columns(self, columns: Mapping[str, _Piece], lines: Sequence[int]) -> None:
        """Several rows at once: columns of loose values or arrays, of which those left out are null. Times are whole
        microseconds, and conversations JSON text, those of THE record already.
        """
        self._turn()
        for pieces, name, (kinds, stored) in zip(self._pieces, COLUMNS, _STORED, strict=True):
            values = columns.get(name)
            if values is None:
                pieces.append(pa.nulls(len(lines), stored))
            elif isinstance(values, pa.Array):
                pieces.append(_stored(values, stored))
            else:
                pieces.append(_piece(values, kinds, stored))
            if name in _LONGS and isinstance(pieces[-1], pa.Array):
                self._characters += pieces[-1].nbytes
        self._lines += lines

    def _turn(self) -> None:
        """The last few rows become pieces of columns, while what they hold is still in the processor's cache."""
        if self._rows:
            columns = zip(*self._rows, strict=True)
            for pieces, values, (kinds, stored) in zip(self._pieces, columns, _STORED, strict=True):
                pieces.append(_piece(values, kinds, stored))
            self._rows = []

    def reject(self, reason: str, line: int) -> None:
        """Set line ``line`` aside."""
        self._rejected.append(Rejected(reason, f"{self.location}:{line}"))

    @property
    def room(self) -> int:
        """How many more rows a batch takes."""
        return BATCH_ROWS - len(self)

    @property
    def full(self) -> bool:
        """Whether it is time to `take` a batch."""
        return len(self._lines) + len(self._rejected) >= BATCH_ROWS or self._characters >= BATCH_CHARACTERS

    def __len__(self) -> int:
        return len(self._lines) + len(self._rejected)

    def take(self, cursor: Cursor) -> ReadBatch:
        """What was collected since the last time, as a batch that ends at ``cursor``."""
        batch, lines = empty_batch(), np.array(self._lines, np.int64)
        marks = np.zeros(len(lines), np.int64)
        if self._lines:
            self._turn()
            faults: Faults = {}
            marks[self._unreadable] = UNREADABLE
            pairs = zip(self._pieces, EXCHANGE, strict=True)
            arrays = [_column(pieces, field, faults, marks) for pieces, field in pairs]
            batch = pa.RecordBatch.from_arrays(arrays, schema=EXCHANGE)
            if faults:
                for row, reason in sorted(faults.items()):
                    self.reject(reason, self._lines[row])
                good = np.ones(len(lines), dtype=bool)
                good[list(faults)] = False
                batch, lines, marks = batch.filter(pa.array(good)), lines[good], marks[good]
        taken = ReadBatch(batch, tuple(self._rejected), cursor, lines, marks)
        self._pieces, self._lines = [[] for _ in COLUMNS], []
        self._rejected, self._unreadable, self._characters = [], [], 0
        return taken


def _piece(values: Sequence[object], kinds: frozenset[object], stored: pa.DataType) -> _Piece:
    """Some loose values as an array; as they are where one has not the right type, or cannot be held."""
    if kinds.issuperset(map(type, values)):
        try:
            return pa.array(values, stored)
        except (pa.ArrowException, OverflowError, UnicodeError):
            pass  # a number too large, or a text that UTF-8 cannot hold
    return values


def _stored(values: pa.Array, stored: pa.DataType) -> _Piece:
    """An array in the type in which its column is kept, or its loose values."""
    if values.type == stored or (stored == REAL and pa.types.is_integer(values.type)):
        try:
            return values.cast(stored)
        except pa.ArrowException:
            pass  # a number too large
    loose: list[object] = values.to_pylist()
    return loose


def _column(pieces: Sequence[_Piece], field: pa.Field, faults: Faults, marks: Marks) -> pa.Array:
    """Loose values as an array; ``faults`` gets the rows whose value cannot be, unless they are there already.

    What cannot be because of the caller is mended instead, and marked in ``marks``.
    """
    array = _typed(pieces, field)
    if array is None:
        values = [value for piece in pieces for value in (piece.to_pylist() if isinstance(piece, pa.Array) else piece)]
        array = _by_value(values, field, faults, marks)
    if field.name in READERS_OWN and array.null_count:
        for row in pc.indices_nonzero(pc.is_null(array)).to_pylist():
            faults.setdefault(row, f"missing {field.name}")
    return array


def _typed(pieces: Sequence[_Piece], field: pa.Field) -> pa.Array | None:
    """The array of values that all have the right type and range, an empty text null; None where one has not."""
    if not all(isinstance(piece, pa.Array) for piece in pieces):
        return None
    array = pa.concat_arrays(pieces)
    if field.type == TIME:
        return array.cast(TIME)
    if field.type == TEXT:
        shortest = pc.min(pc.binary_length(array)).as_py()
        return array if shortest else pc.if_else(pc.equal(array, ""), None, array)
    possible = pc.and_(pc.is_finite(array), pc.greater_equal(array, 0))
    return array if pc.all(possible).as_py() is not False else None


def _by_value(values: Sequence[object], field: pa.Field, faults: Faults, marks: Marks) -> pa.Array:
    converter = CONVERTERS[field.name]
    converted: list[object] = []
    for row, value in enumerate(values):
        try:
            converted.append(None if value is None else converter(value))
        except BadValueError as error:
            try:
                converted.append(mended(field.name, value, error))
                marks[row] |= mark_of(field.name)
            except BadValueError:
                faults.setdefault(row, f"{error}: {field.name}")
                converted.append(None)
    return pa.array(converted, field.type)
