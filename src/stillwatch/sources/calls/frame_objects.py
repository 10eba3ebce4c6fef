"""Rows of a data frame's columns as objects, for spans that are read one by one."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.errors import InputError, one_line
from stillwatch.sources.calls.attributes import KEPT_WHOLE, LISTED_KEY, OBJECTS_LISTED, Listed
from stillwatch.sources.calls.span_frame import END, PREFIX, START
from stillwatch.sources.containers.arrow_values import python_values
from stillwatch.sources.records.values import FIRST_US, LAST_US

__all__ = ["frame_objects"]


def frame_objects(batch: pa.RecordBatch, location: str) -> list[dict[str, Any]]:
    """Rows as objects, attributes in columns of their own as one object.

    Times of nanoseconds are cut to microseconds, which Python can hold. A data frame holds "not a number" where a span
    has none.
    """
    rows: list[dict[str, Any]] = [{} for _ in range(batch.num_rows)]
    attributes: list[dict[str, Any]] = [{} for _ in rows]
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
            column = _whole(column) if name in (START, END) else column
        key = name.removeprefix(PREFIX)
        try:
            messages = _messages(column) if key in KEPT_WHOLE else None
            key, values = (key, python_values(column)) if messages is None else (key + LISTED_KEY, messages)
        except (ValueError, OverflowError, pa.ArrowException) as error:
            raise InputError(f"holds values that cannot be read ({one_line(error)[:120]})", location) from error
        own = name.startswith(PREFIX)
        if own and pa.types.is_floating(column.type):
            values = [value if value == value else None for value in values]
        for told, value in zip(attributes if own else rows, values, strict=True):
            if value is not None or not own:
                told[key] = value
    for row, told in zip(rows, attributes, strict=True):
        if not isinstance(row.get("attributes"), dict):
            row["attributes"] = told
    return rows


def _whole(times: pa.Array) -> pa.Array:
    """Times of microseconds as their numbers, unless one is in a year that would make its number another unit's."""
    numbers = times.cast(pa.int64())
    least, most = pc.min_max(numbers).as_py().values()
    return numbers if least is None or (least >= FIRST_US and most < LAST_US) else times


def _messages(column: pa.Array) -> list[Listed | None] | None:
    """A column of lists of messages, or of their contents, as `flat` would make of each; None where it is no such."""
    if not (pa.types.is_list(column.type) and pa.types.is_struct(column.type.value_type)):
        return None
    lengths = column.value_lengths().fill_null(0)
    if (pc.max(lengths).as_py() or 0) > OBJECTS_LISTED:
        return None
    objects = column.flatten()
    names, fields = [], []
    for field, inner in zip(objects.type, objects.flatten(), strict=True):
        told = python_values(inner) if pa.types.is_string(field.type) or pa.types.is_large_string(field.type) else None
        if told is None and field.name in KEPT_WHOLE:
            told = _messages(inner)
            names.append(field.name + LISTED_KEY)
        else:
            names.append(field.name)
        if told is None or not field.name or field.name in names[:-1]:
            return None
        fields.append(told)
    rows = [dict(zip(names, row, strict=True)) for row in zip(*fields, strict=True)]
    if any(None in field for field in fields):
        rows = [{name: value for name, value in row.items() if value is not None} for row in rows]
    ends = np.cumsum(lengths.to_numpy(zero_copy_only=False)).tolist()
    found = [Listed(rows[start:end]) for start, end in itertools.pairwise([0, *ends])]
    return [listed if any(listed) else None for listed in found]
