"""Log formats: dev-mixed written in each, read back and scanned; and how fast each is read.

python -m bench formats

Reading is the whole way from the files to exchanges without doubles (`Log.read`), held against two ways of doing less
with the same bytes: a bare decode of the JSON by msgspec, line by line, whose values are thrown away; and DuckDB's
`read_json`, `read_csv` or `read_parquet` into a table in memory, which guesses the types of columns and opens no text
that holds JSON. All are CPU seconds of this process with its threads, of files just written. The ways take turns,
three each, and what is told is the median of the three turns and of their ratios: what else runs on the machine slows
all of them alike. A data frame of Phoenix's is Parquet: there DuckDB copies columns that are typed and decoded already.
"""

from __future__ import annotations

import importlib
import shutil
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import msgspec
import polars as pl
import pyarrow as pa

from bench.detection import scan, with_customers
from bench.tables import OUT, Table, present, publish, say
from stillwatch.exchange import EXCHANGE, in_order
from stillwatch.sources import SOURCES
from stillwatch.sources.log import open_log
from stillwatch.storage.tables import write_table

TURNS = 5
"""Medians of so many: the first one also pays for what is imported when it is first used."""
_VERDICTS = ("account_id", "verdict")
_TABLES = {".parquet": "read_parquet($1, union_by_name=true)", ".csv": "read_csv($1, union_by_name=true)"}
_ENOUGH = frozenset({"messages", "account_id", "session_id", "response", "client_ip"})


def writers() -> Iterator[tuple[str, ModuleType]]:
    """The writers of formats that there are, by the format's name."""
    for name in SOURCES.names():
        try:
            yield name, importlib.import_module(f"tests.sources.writers.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"tests.sources.writers.{name}":
                raise


def ways() -> Iterator[tuple[str, ModuleType, str, Any]]:
    """Each format's writer, and the ways in which it writes: what tells a way from the usual one, and the function."""
    for name, writer in writers():
        yield name, writer, "", writer.write
        if hasattr(writer, "write_lines"):
            yield name, writer, " as JSON lines", writer.write_lines


def differences(written: pa.Table, read: pa.Table, carries: frozenset[str]) -> dict[str, int]:
    """Rows that differ, by column, among the columns that a format carries; a missing row differs in every column."""
    first, second = in_order(written), in_order(read)
    if first.num_rows != second.num_rows:
        return {"rows": abs(first.num_rows - second.num_rows)}
    counts = {}
    for name in EXCHANGE.names:
        if name in carries:
            one, other = first.column(name).to_pylist(), second.column(name).to_pylist()
            wrong = sum(not _same(name, a, b) for a, b in zip(one, other, strict=True))
            counts |= {name: wrong} if wrong else {}
    return counts


def _same(name: str, one: Any, other: Any) -> bool:
    if name == "messages" and one and other:
        return bool(msgspec.json.decode(one) == msgspec.json.decode(other))
    return bool(one == other)


def reading(files: list[Path], name: str) -> tuple[pa.Table, dict[str, Any]]:
    """The exchanges of a log, and the table's columns on what reading them costs."""
    own: list[float] = []
    decodes: list[float | None] = []
    loads: list[float] = []
    table: pa.Table | None = None
    for _ in range(TURNS):
        del table
        started = time.process_time()
        table = open_log(files, format=name).read()
        own.append(time.process_time() - started)
        decodes.append(_decode(files))
        loads.append(_load(files))
    bare = [seconds / decode for seconds, decode in zip(own, decodes, strict=True) if decode is not None]
    return table, {
        "CPU seconds": round(statistics.median(own), 1),
        "of a bare decode": statistics.median(bare) if bare else None,
        "of DuckDB": statistics.median(seconds / load for seconds, load in zip(own, loads, strict=True)),
    }


def _decode(files: list[Path]) -> float | None:
    """CPU seconds of msgspec for the same bytes, line by line or document by document; None where they are no JSON."""
    if any(file.suffix in _TABLES for file in files):
        return None
    started = time.process_time()
    for file in files:
        with file.open("rb") as lines:
            one_document = lines.peek(2)[:2] in (b"[\n", b"{\n")
            for line in [lines.read()] if one_document else lines:
                msgspec.json.decode(line)
    return time.process_time() - started


def _load(files: list[Path]) -> float:
    """CPU seconds of DuckDB for the same bytes, read into a table in memory."""
    by_suffix: dict[str, list[str]] = {}
    for file in files:
        by_suffix.setdefault(file.suffix, []).append(str(file))
    with duckdb.connect() as connection:
        started = time.process_time()
        for number, (suffix, paths) in enumerate(by_suffix.items()):
            rows = _TABLES.get(suffix, "read_json($1, union_by_name=true, maximum_object_size=1000000000)")
            connection.execute(f"create table log{number} as select * from {rows}", [paths])
        return time.process_time() - started


def main() -> None:
    """Print and keep the table."""
    worlds = present()[:1]
    if not worlds:
        return
    world = worlds[0]
    written = open_log([world / "exchanges.parquet"]).read()
    usual: dict[frozenset[str], Path] = {}
    rows = []
    for name, writer, way, write in ways():
        folder = OUT / "formats" / (name + way.replace(" ", "-"))
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        say(f"writing and reading {name}{way}")
        files = write(written, folder)
        table, costs = reading(files, name)
        carries = frozenset(writer.CARRIES)
        row: dict[str, Any] = {
            "format": name + way,
            "MiB": round(sum(file.stat().st_size for file in files) / 2**20),
            "columns carried": len(carries),
            "rows that differ": differences(written, table, carries) or 0,
            **costs,
        }
        if carries >= _ENOUGH and not way:
            say(f"scanning {name}")
            run = OUT / "runs" / f"formats-{name}"
            scan(world, run, *with_customers(world), log=folder)
            row["verdicts that differ"] = _other_verdicts(_usual(world, written, carries, usual), run)
        rows.append(row)
    publish(Table("formats", "dev-mixed in every format", rows))


def _usual(world: Path, written: pa.Table, carries: frozenset[str], known: dict[frozenset[str], Path]) -> Path:
    """The scan of the same exchanges as a table, without what a format does not carry."""
    if carries not in known:
        number = len(known)
        log, run = OUT / "formats" / f"usual-{number}.parquet", OUT / "runs" / f"formats-usual-{number}"
        for place, field in enumerate(written.schema):
            if field.name not in carries:
                written = written.set_column(place, field, pa.nulls(written.num_rows, field.type))
        write_table(written, log)
        scan(world, run, *with_customers(world), log=log)
        known[carries] = run
    return known[carries]


def _other_verdicts(one: Path, other: Path) -> int:
    first, second = (
        pl.read_parquet(run / "accounts.parquet").select(_VERDICTS).sort("account_id") for run in (one, other)
    )
    if first.height != second.height:
        return abs(first.height - second.height)
    return int((first["verdict"] != second["verdict"]).sum())


if __name__ == "__main__":
    main()
