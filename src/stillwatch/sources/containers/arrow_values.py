"""Arrow arrays as Python values, what `pyarrow.Array.to_pylist` makes of them, a column at a time.

pyarrow makes an object of its own for every value before Python's: most of the time that a log of nested columns takes.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["python_values"]


def python_values(array: pa.Array) -> list[Any]:
    """The values of an array; of times of microseconds or coarser those without their zone, in UTC.

    Raises what `to_pylist` raises (`ValueError`, `OverflowError`, `pyarrow.ArrowException`) for values that Python
    cannot hold.
    """
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _texts(array)
    if pa.types.is_integer(kind) or pa.types.is_float64(kind):
        return _numbers(array)
    if pa.types.is_timestamp(kind) and kind.unit != "ns":
        times: list[Any] = array.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False).tolist()
        return array.to_pylist() if int in set(map(type, times)) else times  # which says what is wrong with them
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _lists(array)
    if pa.types.is_struct(kind) and len({field.name for field in kind}) == kind.num_fields:
        return _objects(array)
    values: list[Any] = array.to_pylist()
    return values


def _texts(array: pa.Array) -> list[Any]:
    try:
        texts: list[Any] = array.to_numpy(zero_copy_only=False).tolist()
    except pa.ArrowException:
        texts = array.to_pylist()  # which says what is wrong without quoting it
    return texts


def _numbers(array: pa.Array) -> list[Any]:
    numbers: list[Any] = (array.fill_null(0) if array.null_count else array).to_numpy(zero_copy_only=False).tolist()
    return _with_nulls(array, numbers)


def _lists(array: pa.Array) -> list[Any]:
    inner = python_values(array.flatten())
    lengths = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    ends = np.cumsum(lengths).tolist()
    return _with_nulls(array, [inner[start:end] for start, end in itertools.pairwise([0, *ends])])


def _objects(array: pa.Array) -> list[Any]:
    names = [field.name for field in array.type]
    fields = [python_values(inner) for inner in array.flatten()]
    rows = zip(*fields, strict=True) if fields else [()] * len(array)
    return _with_nulls(array, [dict(zip(names, row, strict=True)) for row in rows])


def _with_nulls(array: pa.Array, values: list[Any]) -> list[Any]:
    if array.null_count:
        for place in np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False)).tolist():
            values[place] = None
    return values
