"""Lines of JSON that are rows of one data frame, parsed into its columns at once.

The first rows tell which columns there are and of which types. Lines that are rows of these very columns, and no more,
are parsed by Arrow, which knows no other JSON than that; for any others it says nothing, and they are decoded one by
one. What it says is what `frame_rows` makes of the decoded rows: a test holds the two against each other.

What Arrow would take otherwise than a decoder of single lines is kept from it: NUL bytes, where it might stop; lines
that are not whole objects, which it would join; fractions that may have been whole numbers or none.
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from stillwatch.sources.calls.frame_rows import NAMES, has_fractions, moments
from stillwatch.sources.calls.span_columns import is_read
from stillwatch.sources.calls.span_frame import END, EVENTS, MESSAGE, NESTED, PREFIX, START, TEXTS

__all__ = ["KnownColumns"]

_MISSES = 3
_EXACT = 2.0**53
_TEXT = pa.large_string()


class KnownColumns:
    """The columns of a data frame, as far as its rows have told them."""

    def __init__(self) -> None:
        self._types: dict[str, pa.DataType] = {}
        self._misses = 0

    @property
    def hopeless(self) -> bool:
        """Whether the rows are of too many kinds for it to be worth another try."""
        return self._misses >= _MISSES

    def learn(self, rows: Sequence[Mapping[str, Any]], columns: pa.RecordBatch) -> None:
        """Some rows, and what `frame_rows.columns_of` made of them."""
        names = dict.fromkeys(itertools.chain.from_iterable(dict.fromkeys(map(tuple, rows))))
        if len(names) > NAMES or not all(map(str.isascii, names)) or not NESTED.isdisjoint(names):
            self._misses = _MISSES
            return
        kinds = {field.name: field.type for field in columns.schema if field.name.startswith(PREFIX)}
        kinds |= dict.fromkeys((*TEXTS, MESSAGE), pa.string()) | {EVENTS: pa.list_(pa.null())}
        for name in names:
            kind = kinds[name] if name in kinds else _type([row.get(name) for row in rows])
            self._types[name] = kind = _wider(self._types.get(name, pa.null()), kind)
            nested = pa.types.is_nested(kind) and has_fractions(kind)
            if nested or (name in (START, END) and not (pa.types.is_string(kind) or pa.types.is_integer(kind))):
                self._misses = _MISSES

    def columns(self, lines: Sequence[bytes]) -> pa.RecordBatch | None:
        """The columns of some lines; None where they are not known to be rows of these."""
        if not self._types or self.hopeless:
            return None
        table = self._parsed(lines)
        found = None if table is None else self._found(table)
        self._misses = 0 if found is not None else self._misses + 1
        return found

    def _parsed(self, lines: Sequence[bytes]) -> pa.Table | None:
        data = b"\n".join(lines)
        if b"\0" in data or not all(line[:1] == b"{" and line[-1:] == b"}" for line in lines):
            return None
        schema = pa.schema(list(self._types.items()))
        try:
            table = pyarrow.json.read_json(
                io.BytesIO(data),
                pyarrow.json.ReadOptions(use_threads=False, block_size=len(data) + 1),
                pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
            )
            table.validate(full=True)
        except (pa.ArrowException, OverflowError):
            return None
        told = table.num_rows == len(lines) and all(_is_told(name, table[name], data) for name in self._types)
        return table if told else None

    def _read(self) -> list[str]:
        return [name for name in self._types if name.startswith(PREFIX) and is_read(name.removeprefix(PREFIX))]

    def _found(self, table: pa.Table) -> pa.RecordBatch | None:
        columns: dict[str, pa.Array] = {}
        for name in (*TEXTS, MESSAGE):
            columns[name] = _whole(table[name]).cast(_TEXT) if name in self._types else pa.nulls(len(table), _TEXT)
        for name in (START, END):
            times = _whole(table[name]) if name in self._types else pa.nulls(len(table))
            odd = np.zeros(len(table), bool)
            columns[name] = moments(times, odd)
            if odd.any():
                return None
        columns |= {name: _whole(table[name]) for name in self._read()}
        return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _type(values: list[Any]) -> pa.DataType:
    """The type of some values; null, which no others are of, where they have not one."""
    try:
        return pa.array(values).type
    except (pa.ArrowException, TypeError, ValueError, OverflowError, RecursionError):
        return pa.null()


def _wider(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The type that values of both are of; the later one where there is none."""
    try:
        schemas = [pa.schema([("", kind)]) for kind in (one, other)]
        return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except pa.ArrowException:
        return other


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.nulls(0, column.type)


def _is_told(name: str, column: pa.ChunkedArray, data: bytes) -> bool:
    """Whether a decoder of the lines would have made the same column of its values.

    Of fractions that all are whole, one is written as a fraction: else they are whole numbers to it. Events are for it
    to look at one by one.
    """
    if name == EVENTS:
        return not pc.any(pc.greater(pc.list_value_length(column), 0)).as_py()
    if not pa.types.is_floating(column.type) or column.null_count == len(column):
        return True
    if not pc.all(pc.less(pc.abs(column), _EXACT)).as_py():  # nor any "not a number"
        return False
    return re.search(rb'"%b"\s*:\s*-?\d+[.eE]' % re.escape(name.encode()), data) is not None
