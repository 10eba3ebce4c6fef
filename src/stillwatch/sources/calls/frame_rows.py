"""Rows of a data frame that came as objects, such as JSON lines, as the columns that `span_frame` reads.

A column takes the type that its values have. Rows whose values cannot be in one column with the others, or that are no
rows of a data frame, are odd: they are read by themselves.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.sources.calls.message_columns import Bools
from stillwatch.sources.calls.span_columns import is_read
from stillwatch.sources.calls.span_frame import END, EVENTS, MESSAGE, NESTED, PREFIX, START, TEXTS
from stillwatch.sources.records.conversation import without_halves
from stillwatch.sources.records.values import BadValueError, time_us

__all__ = ["NAMES", "columns_of", "has_fractions", "moments"]

NAMES = 500
"""More names than this in some rows are no data frame's columns."""
_TIME = pa.timestamp("us", "UTC")
_NULL = type(None)
_MOMENTS = frozenset({str, int, float, _NULL})


def columns_of(rows: Sequence[Mapping[str, Any]]) -> tuple[pa.RecordBatch, Bools]:
    """The columns of some rows that are read, and which of the rows are odd."""
    names = dict.fromkeys(itertools.chain.from_iterable(dict.fromkeys(map(tuple, rows))))
    odd = np.zeros(len(rows), bool)
    for name in NESTED & names.keys():
        odd |= np.array([name in row for row in rows], bool)
    attributes = [name for name in names if name.startswith(PREFIX) and is_read(name.removeprefix(PREFIX))]
    unsound = [name for name in attributes if not name.isascii() and without_halves(name) != name]
    if len(attributes) > NAMES or unsound:
        odd[:], attributes = True, []
    columns: dict[str, pa.Array] = {}
    for name in (*TEXTS, MESSAGE):
        columns[name] = _texts([row.get(name) for row in rows], odd)
    for name in (START, END):
        columns[name] = moments([row.get(name) for row in rows], odd)
    if EVENTS in names:
        odd |= np.array([type(told := row.get(EVENTS)) is list and len(told) > 0 for row in rows], bool)
    for name in attributes:
        columns[name] = _values([row.get(name) for row in rows], odd)
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns)), odd


def _texts(values: list[Any], odd: Bools) -> pa.Array:
    """Texts; rows with anything else are odd."""
    if not {str, _NULL}.issuperset(map(type, values)):
        odd |= np.array([value is not None and type(value) is not str for value in values], bool)
        values = [value if type(value) is str else None for value in values]
    try:
        return pa.array(values, pa.large_string())
    except UnicodeError:  # half of a surrogate pair
        odd[:] = True
        return pa.nulls(len(values), pa.large_string())


def moments(values: list[Any] | pa.Array, odd: Bools) -> pa.Array:
    """Times; rows with what is none are odd."""
    try:
        texts = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
        if pa.types.is_string(texts.type):
            return texts.cast(_TIME)  # one form of ISO 8601, each with its zone
    except (pa.ArrowException, TypeError, UnicodeError):
        pass
    values = values.to_pylist() if isinstance(values, pa.Array) else values
    found: list[int | None] = []
    for place, value in enumerate(values):
        try:
            found.append(time_us(value) if value is not None and type(value) in _MOMENTS else None)
            odd[place] |= type(value) not in _MOMENTS
        except BadValueError:
            found.append(None)
            odd[place] = True
    return pa.array(found, pa.int64()).cast(_TIME)


def _values(values: list[Any], odd: Bools) -> pa.Array:
    """The values in the type that they have; where they have not one, rows with any are odd."""
    try:
        column = pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError, RecursionError):
        column = None
    if isinstance(column, pa.Array) and not _turned(values, column.type):
        return column
    odd |= np.array([value is not None for value in values], bool)
    return pa.nulls(len(values))


def _turned(values: list[Any], kind: pa.DataType) -> bool:
    """Whether values may have become others in their column: among fractions, true and false become 1 and 0."""
    if pa.types.is_nested(kind):
        return any(has_fractions(kind.field(place).type) for place in range(kind.num_fields))
    return pa.types.is_floating(kind) and bool in set(map(type, values))


def has_fractions(kind: pa.DataType) -> bool:
    """Whether fractions are anywhere in a type."""
    return pa.types.is_floating(kind) or any(has_fractions(kind.field(place).type) for place in range(kind.num_fields))
