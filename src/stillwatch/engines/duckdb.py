"""DuckDB: the default engine, and the only importer of duckdb.

Ibis compiles, DuckDB runs: Ibis's own DuckDB connection does not work with DuckDB 2.0.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from stillwatch.engines.base import Written
from stillwatch.errors import InputError, StorageError
from stillwatch.registry import Info
from stillwatch.signals.base import ExchangeSignal

_BATCH_ROWS = 65_536
_TIME = pa.timestamp("us", tz="UTC")


class DuckDB:
    """Runs definitions in this process.

    Args:
        memory_limit: what DuckDB may use, in its own words ("2GB"); beyond it spills to ``temp_directory``.
        threads: number of threads, at least 1. No result depends on it: sums are of integers, rows are ordered.
        temp_directory: where to spill; default: a folder that is removed with the engine.
    """

    info: ClassVar[Info] = Info(
        name="duckdb",
        summary="Runs in this process, on one machine; spills to disk beyond its memory limit.",
        reference="https://duckdb.org",
        version="1",
        example='DuckDB(memory_limit="2GB", threads=2)',
    )

    def __init__(self, memory_limit: str = "1GB", threads: int = 2, temp_directory: Path | None = None) -> None:
        spill = temp_directory
        if spill is None:
            spill = Path(tempfile.mkdtemp(prefix="stillwatch-"))
            weakref.finalize(self, shutil.rmtree, spill, ignore_errors=True)
        self._connection = duckdb.connect(
            config={
                "memory_limit": memory_limit,
                "threads": threads,
                "temp_directory": str(spill),
                # Data come in as Arrow: SQL itself has no business with files, the network or extensions.
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            }
        )
        self._connection.execute("SET enable_external_access = false")
        self._tables: dict[Path, str] = {}

    def open(self, dataset: Path) -> ir.Table:
        """See `Engine.open`. The files are read when a query runs."""
        files = _dataset(dataset)
        key = dataset.resolve()
        name = self._tables.setdefault(key, f"dataset_{len(self._tables)}")
        self._connection.register(name, files)
        return ibis.table({field.name: _kind(field, dataset) for field in files.schema}, name=name)

    def map_batches(self, source: Path, signals: Sequence[ExchangeSignal], to: Path) -> Written:
        """See `Engine.map_batches`."""
        files = _dataset(source)
        numbers = [field for field in files.schema if _is_number(field.type)]
        schema = pa.schema(
            [pa.field(field.name, pa.int64() if pa.types.is_timestamp(field.type) else field.type) for field in numbers]
        )

        def computed() -> Iterator[pa.RecordBatch]:
            for batch in files.to_batches(batch_size=_BATCH_ROWS):
                columns = [_as_number(batch.column(field.name)) for field in numbers]
                columns += [signal.compute(batch) for signal in signals]
                yield pa.record_batch(columns, names=[*schema.names, *(s.info.name for s in signals)])

        empty = pa.RecordBatch.from_pylist([], schema=files.schema)
        kinds = [pa.field(signal.info.name, signal.compute(empty).type) for signal in signals]
        return _write_atomically(pa.schema([*schema, *kinds]), computed(), to)

    def write(self, query: ir.Table, to: Path) -> Written:
        """See `Engine.write`."""
        return _write_atomically(_schema(query), self.batches(query), to)

    def batches(self, query: ir.Table) -> Iterator[pa.RecordBatch]:
        """See `Engine.batches`. An iterator holds the connection: finish it before the next query."""
        schema = _schema(query)
        try:
            relation = self._connection.sql(ibis.to_sql(query, dialect="duckdb"))
            for batch in relation.to_arrow_reader(_BATCH_ROWS):
                # DuckDB widens integer sums to 38-digit decimals, and Ibis drops a cast back as needless.
                columns = [column.cast(kind) for column, kind in zip(batch, schema.types, strict=True)]
                yield pa.record_batch(columns, schema)
        except duckdb.OutOfMemoryException as error:
            raise InputError("a query needs more memory than allowed", do="raise the engine's memory limit") from error
        except (duckdb.Error, pa.ArrowInvalid) as error:
            raise InputError(f"a query failed: {error}") from error


def _dataset(path: Path) -> pads.Dataset:
    if path.is_dir():
        files = sorted(str(file) for file in path.rglob("*.parquet") if not file.name.startswith((".", "_")))
    else:
        files = [str(path)] if path.is_file() else []
    if not files:
        raise InputError("no Parquet file here", path)
    try:
        # Explicit files, never a pattern: a folder may be called "a*[1]".
        return pads.dataset(files, format="parquet")
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"cannot be read as Parquet: {error}", path) from error


def _is_number(kind: pa.DataType) -> bool:
    return kind in (pa.int64(), pa.float64()) or pa.types.is_timestamp(kind)


def _as_number(column: pa.Array) -> pa.Array:
    return column.cast(_TIME).cast(pa.int64()) if pa.types.is_timestamp(column.type) else column


def _kind(field: pa.Field, dataset: Path) -> str:
    if field.type not in (pa.int64(), pa.float64()):
        raise InputError(f"column {field.name!r} is {field.type}; engines take int64 and float64 only", dataset)
    return "int64" if field.type == pa.int64() else "float64"


def _schema(query: ir.Table) -> pa.Schema:
    kinds = {True: pa.int64(), False: pa.float64()}
    return pa.schema([(name, kinds[kind.is_integer() or kind.is_boolean()]) for name, kind in query.schema().items()])


def _write_atomically(schema: pa.Schema, batches: Iterable[pa.RecordBatch], to: Path) -> Written:
    """Write beside ``to`` and rename: a reader sees the old file or the new one, whatever is killed when."""
    part = to.with_name(f".{to.name}.{os.getpid()}.part")
    rows = 0
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            with pq.ParquetWriter(file, schema, compression="zstd") as writer:
                for batch in batches:
                    writer.write_batch(batch)
                    rows += batch.num_rows
            file.flush()
            os.fsync(file.fileno())
        size = part.stat().st_size
        os.replace(part, to)
    except OSError as error:
        why = error.strerror or error
        raise StorageError(f"cannot be written: {why}", to, "free some space or name another folder") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return Written(to, rows, size)
