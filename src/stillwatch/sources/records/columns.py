"""Whole columns of a typed table become columns of THE record: cast where that loses nothing, refused otherwise."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.errors import InputError
from stillwatch.exchange import REAL, REQUIRED, TEXT, TIME, WHOLE
from stillwatch.sources.base import READERS_OWN, Trust
from stillwatch.sources.records.callers import CALLERS, mended
from stillwatch.sources.records.conversation import BadConversationError, messages_text, readable_text
from stillwatch.sources.records.values import CONVERTERS, FIRST_US, LAST_US, BadValueError

__all__ = [
    "OWN_PRIVACY",
    "OWN_TABLE",
    "OWN_TRUST",
    "Faults",
    "cast_column",
    "faults",
    "mended_faults",
    "require_columns",
]

Faults = dict[int, str]

OWN_TABLE = "Write the columns that you have; `exchange_id`, `started_at` and `account_id` are required."
OWN_TRUST = Trust("`account_id`", "as you let it: write whom you authenticated", "`client_ip`, as you write it")
OWN_PRIVACY = "Leave out what may not be read: the scan works with what is there and says what it could not see."


def require_columns(names: Collection[str], location: str) -> None:
    """Raises `InputError` naming the required columns that a table lacks."""
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise InputError(f"has no column {', '.join(missing)}", location, "say with --map map.toml which column it is")


def cast_column(column: pa.Array, field: pa.Field, location: str) -> tuple[pa.Array, Faults]:
    """``column`` in the type of ``field``, and the rows whose value cannot be: their position and the reason.

    Raises `InputError` naming column and file where the column's type cannot hold such values at all.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_null(kind):
        return pa.nulls(len(column), field.type), {}
    if field.name == "messages":
        return _by_value(column, field, lambda value: messages_text(value))
    if _is_text(kind) and field.type == TEXT:
        return _null_if_empty(column.cast(TEXT)), {}
    if pa.types.is_timestamp(kind) and field.type == TIME:
        return _times(column)
    whole = pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_floating(kind)
    if whole and field.type == REAL and not pa.types.is_decimal(kind):
        numbers = column.cast(REAL, safe=False)
        return pc.if_else(pc.is_nan(numbers), None, numbers), {}
    if pa.types.is_integer(kind) and field.type == WHOLE and kind != pa.uint64():
        return column.cast(WHOLE), {}
    if _is_text(kind) or whole:
        return _by_value(column, field, CONVERTERS[field.name])
    raise InputError(f"column {field.name} is {kind}, which is no {field.type}", location, "convert it, or use --map")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _null_if_empty(column: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(column, ""), None, column)


def _times(column: pa.Array) -> tuple[pa.Array, Faults]:
    """Times of any unit and zone; a finer unit is cut to microseconds, and no zone means UTC."""
    unit = {"s": 10**6, "ms": 10**3, "us": 1, "ns": 1}[column.type.unit]
    numbers = column.cast(pa.int64())
    low, high = (FIRST_US // unit, LAST_US // unit) if column.type.unit != "ns" else (FIRST_US * 1000, LAST_US * 1000)
    possible = pc.and_(pc.greater_equal(numbers, low), pc.less(numbers, high))
    wrong = {int(i): "impossible time" for i in pc.indices_nonzero(pc.invert(pc.fill_null(possible, True)))}
    if wrong:
        column = pc.if_else(possible, column, None)
    if column.type.tz is not None:
        return column.cast(TIME, safe=False), wrong
    return pc.assume_timezone(column.cast(pa.timestamp("us"), safe=False), "UTC"), wrong


def _by_value(column: pa.Array, field: pa.Field, converter: Callable[[object], object]) -> tuple[pa.Array, Faults]:
    values: list[object] = []
    wrong: Faults = {}
    for position, value in enumerate(column.to_pylist()):
        try:
            values.append(None if value is None else converter(value))
        except BadValueError as error:
            wrong[position] = f"{error}: {field.name}"
            values.append(None)
        except BadConversationError as error:
            wrong[position] = str(error)
            values.append(None)
    if field.type == TIME:
        return pa.array(values, pa.int64()).cast(TIME), wrong
    return pa.array(values, field.type), wrong


def mended_faults(column: pa.Array, array: pa.Array, field: pa.Field, wrong: Faults) -> tuple[pa.Array, list[int]]:
    """A column of the caller's with null, or what can be read, in place of what is ``wrong`` in it, and where that was.

    ``array`` is what `cast_column` made of ``column``.
    """
    found = faults([array], [field]) | wrong
    if field.name not in CALLERS or not found:
        return array, []
    values = array.to_pylist()
    for position in found:
        value = column[position].as_py()
        values[position] = (
            readable_text(value) if field.name == "messages" else mended(field.name, value, BadValueError())
        )
    return pa.array(values, field.type), sorted(found)


def faults(arrays: Sequence[pa.Array], fields: Sequence[pa.Field]) -> Faults:
    """Rows that lack a required value or hold a negative number: their position and the reason of the first column."""
    wrong: Faults = {}
    for array, field in zip(arrays, fields, strict=True):
        checks: list[tuple[str, pa.Array]] = []
        if field.name in READERS_OWN and array.null_count:
            checks.append((f"missing {field.name}", pc.is_null(array)))
        if field.type in (WHOLE, REAL):
            checks.append((f"negative: {field.name}", pc.less(array, 0)))
        if field.type == REAL:
            checks.append((f"number out of range: {field.name}", pc.is_inf(array)))
        for reason, mask in checks:
            for position in pc.indices_nonzero(pc.fill_null(mask, False)).to_pylist():
                wrong.setdefault(position, reason)
    return wrong
