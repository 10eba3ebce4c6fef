"""The provider's own table of accounts, from Parquet, CSV or JSON lines.

It is small and comes from a database, so nothing in it is set aside: what cannot be read ends the run with its place.
``email_domain`` and every other column that is not in `CUSTOMER` is dropped here, before anything else sees it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from stillwatch.errors import InputError
from stillwatch.exchange import CUSTOMER
from stillwatch.sources.containers.delimited import column_names, delimited_records
from stillwatch.sources.containers.files import head
from stillwatch.sources.containers.json_documents import begins_json, json_documents
from stillwatch.sources.formats.canonical_parquet import MAGIC, open_parquet, parquet_batches
from stillwatch.sources.records.columns import Faults, cast_column, faults
from stillwatch.sources.records.values import BadValueError, text, time_us

__all__ = ["read_customers"]


def read_customers(path: str | Path) -> pa.Table:
    """The table of accounts in the schema `CUSTOMER`, sorted by account, each account once.

    Raises `InputError` for a file without ``account_id``, an empty one, a cell that cannot be read, and an account
    with two different rows.
    """
    location = str(path)
    start = head(location)
    if start.startswith(MAGIC):
        table = _from_parquet(location)
    else:
        table = pa.Table.from_pylist(list(_rows(location, start)), schema=CUSTOMER)
    if not table.num_rows:
        raise InputError("holds no accounts", location, "leave --accounts out, or name the table of accounts")
    table = table.group_by(CUSTOMER.names).aggregate([]).select(CUSTOMER.names).sort_by("account_id")
    ids = table.column("account_id").to_pylist()
    twice = next((a for a, b in itertools.pairwise(ids) if a == b), None)
    if twice is not None:
        raise InputError(f"has two different rows for the account {twice}", location, "keep the one that holds")
    return table.cast(CUSTOMER)


def _from_parquet(location: str) -> pa.Table:
    file = open_parquet(location)
    present = [name for name in CUSTOMER.names if name in file.schema_arrow.names]
    _require(present, location)
    batches: list[pa.RecordBatch] = []
    row = 1
    for batch in parquet_batches(file, present, location):
        arrays: list[pa.Array] = []
        wrong: Faults = {}
        for field in CUSTOMER:
            array, found = pa.nulls(batch.num_rows, field.type), Faults()
            if field.name in present:
                array, found = cast_column(batch.column(field.name), field, location)
            arrays.append(array)
            wrong |= found
        wrong |= faults(arrays, list(CUSTOMER))
        if wrong:
            position = min(wrong)
            raise InputError(wrong[position], f"{location}:{row + position}")
        batches.append(pa.RecordBatch.from_arrays(arrays, schema=CUSTOMER))
        row += batch.num_rows
    return pa.Table.from_batches(batches, schema=CUSTOMER)


def _rows(location: str, start: bytes) -> Iterator[dict[str, Any]]:
    if begins_json(start):
        for document in json_documents(location):
            if document.reason or not isinstance(document.value, Mapping):
                raise InputError(document.reason or "not an object", f"{location}:{document.line}")
            yield _row(document.value, f"{location}:{document.line}")
        return
    table = delimited_records(location)
    names = column_names(table)
    _require(names, location)
    for record in table:
        if record.cells is None:
            raise InputError(record.reason, f"{location}:{record.line}")
        yield _row(dict(zip(names, record.cells, strict=True)), f"{location}:{record.line}")


def _require(names: list[str], location: str) -> None:
    if "account_id" not in names:
        raise InputError(
            "has no column account_id", location, f"columns of a customer table: {', '.join(CUSTOMER.names)}"
        )


def _row(cells: Mapping[str, Any], where: str) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name in CUSTOMER.names:
        value = cells.get(name)
        try:
            row[name] = None if value in (None, "") else time_us(value) if name == "created_at" else text(value)
        except BadValueError as error:
            raise InputError(f"{error}: {name}", where) from error
    if row["account_id"] is None:
        raise InputError("missing account_id", where)
    return row
