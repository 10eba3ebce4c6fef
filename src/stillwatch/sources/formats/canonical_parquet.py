"""A Parquet table whose columns are those of THE record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import ClassVar

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import InputError, one_line
from stillwatch.exchange import EXCHANGE, REQUIRED
from stillwatch.sources.base import BATCH_ROWS, Cursor, Info, ReadBatch, Rejected
from stillwatch.sources.containers.object_storage import is_url, open_object
from stillwatch.sources.records.callers import CALLERS, mark_of
from stillwatch.sources.records.columns import (
    OWN_PRIVACY,
    OWN_TABLE,
    OWN_TRUST,
    Faults,
    cast_column,
    faults,
    mended_faults,
    require_columns,
)

__all__ = ["SOURCE", "CanonicalParquet", "open_parquet", "parquet_batches", "told_columns", "with_columns"]

MAGIC = b"PAR1"


def _example() -> bytes:
    row = {"exchange_id": "r1", "started_at": dt.datetime(2026, 9, 7, tzinfo=dt.UTC), "account_id": "a1", "model": "m"}
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist([row], schema=EXCHANGE), sink)
    return bytes(sink.getvalue().to_pybytes())


def open_parquet(location: str) -> pq.ParquetFile:
    """A Parquet file, opened. Raises `InputError` where it is cut short, damaged or something else."""
    try:
        return pq.ParquetFile(open_object(location) if is_url(location) else location)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"is no whole Parquet file ({one_line(error)[:120]})", location) from error


def told_columns(head: bytes) -> tuple[str, ...]:
    """The columns that a Parquet file's head names (`with_columns`); none where it does not."""
    if not head.startswith(MAGIC + b"["):
        return ()
    return tuple(msgspec.json.decode(head[len(MAGIC) :], type=list[str]))


def with_columns(head: bytes, location: str) -> bytes:
    """The head by which a file is recognised: a Parquet file names its columns at its end, here they follow the magic.

    Any other file's head, and that of a Parquet file that is damaged, is as it was.
    """
    if not head.startswith(MAGIC):
        return head
    try:
        return MAGIC + msgspec.json.encode(list(open_parquet(location).schema_arrow.names))
    except InputError:
        return head


class CanonicalParquet:
    """Parquet in the columns of THE record; further columns are ignored, missing ones that may be null are null."""

    info: ClassVar[Info] = Info(
        name="parquet",
        summary="Exchanges as a Parquet table, columns named as Stillwatch's",
        reference="docs/log-formats.md",
        version="1",
        example=_example(),
        carries=tuple(EXCHANGE.names),
        switch_on=OWN_TABLE,
        privacy=OWN_PRIVACY,
        trust=OWN_TRUST,
    )

    def recognises(self, head: bytes) -> bool:
        """Whether the file is Parquet with a required column of ours; `read` says which are missing."""
        names = told_columns(head)
        return head.startswith(MAGIC) and (not names or any(name in names for name in REQUIRED))

    def read(self, location: str, since: Cursor | None) -> Iterator[ReadBatch]:
        """See `Source.read`. A record is a row, counted from 1. Raises `InputError` for a missing required column."""
        file = _checked(location)
        present = [name for name in EXCHANGE.names if name in file.schema_arrow.names]
        passed = 0 if since is None else since.records
        records = 0
        for batch in parquet_batches(file, present, location):
            skipped = min(max(passed - records, 0), batch.num_rows)
            records += batch.num_rows
            if skipped < batch.num_rows:
                yield _converted(batch.slice(skipped), location, records)

    def identities(self, location: str) -> Iterator[pa.Array]:
        """See `Source.identities`."""
        for batch in parquet_batches(_checked(location), ["exchange_id"], location):
            yield batch.column(0).cast(pa.large_string())


def _checked(location: str) -> pq.ParquetFile:
    file = open_parquet(location)
    require_columns(file.schema_arrow.names, location)
    return file


def parquet_batches(
    file: pq.ParquetFile, columns: list[str] | None, location: str, rows: int = BATCH_ROWS
) -> Iterator[pa.RecordBatch]:
    """The rows of some columns (None: all) in batches of up to ``rows``. Raises `InputError` where the file turns out
    to be damaged.
    """
    try:
        yield from file.iter_batches(batch_size=rows, columns=columns, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"is damaged ({one_line(error)[:120]})", location) from error


def _converted(batch: pa.RecordBatch, location: str, end: int) -> ReadBatch:
    arrays: list[pa.Array] = []
    wrong: Faults = {}
    marks = np.zeros(batch.num_rows, np.int64)
    for field in EXCHANGE:
        if field.name in batch.schema.names:
            column = batch.column(field.name)
            array, found = cast_column(column, field, location)
            if field.name in CALLERS:
                array, positions = mended_faults(column, array, field, found)
                marks[positions] |= mark_of(field.name)
            else:
                wrong = found | wrong
        else:
            array = pa.nulls(batch.num_rows, field.type)
        arrays.append(array)
    wrong = faults(arrays, list(EXCHANGE)) | wrong
    if wrong:
        keep = np.ones(batch.num_rows, bool)
        keep[list(wrong)] = False
        arrays = [array.filter(pa.array(keep)) for array in arrays]
    start = end - batch.num_rows + 1
    rejected = tuple(Rejected(wrong[position], f"{location}:{start + position}") for position in sorted(wrong))
    lines = np.delete(np.arange(start, end + 1), list(wrong))
    marks = np.delete(marks, list(wrong))
    return ReadBatch(pa.RecordBatch.from_arrays(arrays, schema=EXCHANGE), rejected, Cursor(end), lines, marks)


SOURCE = CanonicalParquet()
