"""One contract for every registered log format, and for the field map, which is configured and not recognised."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import InputError, StillwatchError
from stillwatch.exchange import EXCHANGE, REQUIRED
from stillwatch.sources import SOURCES
from stillwatch.sources.base import Cursor, Source
from stillwatch.sources.formats.field_map import Field, FieldMap
from stillwatch.sources.log import open_log

MAPPED = FieldMap(
    {
        "exchange_id": Field(("request.id",)),
        "started_at": Field(("started_at",), "ms"),
        "account_id": Field(("consumer.id",)),
        "latency_ms": Field(("duration",), "s"),
    }
)
REGISTERED: list[Source] = [source for _, source in SOURCES.all()]
EVERY: list[Source] = [*REGISTERED, MAPPED]
every_source = pytest.mark.parametrize("source", EVERY, ids=lambda s: s.info.name)


def example(source: Source, folder: Path, times: int = 1) -> str:
    """The source's own example in a file, its exchange repeated under other ids where ``times`` is more than one."""
    path = folder / f"log.{source.info.name}"
    if source.info.name == "parquet":
        path.write_bytes(source.info.example)
        table = pq.read_table(path)
        ids = pa.array([f"r{i}" for i in range(times)], pa.large_string())
        pq.write_table(pa.concat_tables([table] * times).set_column(0, EXCHANGE.field(0), ids), path, row_group_size=2)
    else:
        head, line = b"", source.info.example
        if source.info.name == "csv":
            head, _, line = line.partition(b"\n")
            head += b"\n"
        ids_in_example = (b'"r1"', b'"c1"', b"r1,")
        body = b""
        for i in range(times):
            copy = line
            for old in ids_in_example:
                copy = copy.replace(old, old.replace(b"1", b"%d" % i), 1)
            body += copy
        path.write_bytes(head + body)
    return str(path)


@every_source
def test_info_is_complete(source: Source) -> None:
    info = source.info
    assert all((info.name, info.summary, info.reference, info.version, info.example))
    assert all((info.carries, info.switch_on, info.privacy, *info.trust))
    assert "\n" not in info.summary
    assert SOURCES.names().count(info.name) == (source is not MAPPED)


@every_source
def test_recognises_its_own_example_and_no_other(source: Source) -> None:
    recognised = [other.info.name for other in EVERY if source.recognises(other.info.example)]
    assert recognised == ([] if source is MAPPED else [source.info.name])


GOLDEN = Path(__file__).parents[1] / "golden" / "logs"
GOLDEN_FILES = sorted(path for path in GOLDEN.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", GOLDEN_FILES, ids=lambda path: str(path.relative_to(GOLDEN)))
def test_a_golden_file_is_recognised_as_its_own_format(path: Path) -> None:
    assert open_log([path]).format == path.relative_to(GOLDEN).parts[0]


@every_source
@pytest.mark.parametrize(
    "head", [b"", b"\x00" * 99, b"\xff\xfe", b"{", b"[", b"{}\n", b"[]", b"a,b\n1,2\n", b'"', b"PAR"]
)
def test_recognises_nothing_in_what_is_no_log(source: Source, head: bytes) -> None:
    assert not source.recognises(head)


@every_source
def test_reads_its_example_in_the_schema(source: Source, tmp_path: Path) -> None:
    batches = list(source.read(example(source, tmp_path), None))
    table = pa.Table.from_batches([batch.exchanges for batch in batches])
    assert table.schema.equals(EXCHANGE, check_metadata=True)
    assert table.num_rows == 1
    assert [reject for batch in batches for reject in batch.rejected] == []
    row = table.to_pylist()[0]
    assert all(row[name] for name in REQUIRED)
    assert row["started_at"].year == 2026
    assert row["messages"] is None or json.loads(row["messages"]) == [{"role": "user", "content": "Good morning"}]


@every_source
def test_identities_cover_what_is_read(source: Source, tmp_path: Path) -> None:
    location = example(source, tmp_path, times=5)
    ids = {i for array in source.identities(location) for i in array.to_pylist()}
    read = {i for batch in source.read(location, None) for i in batch.exchanges.column(0).to_pylist()}
    assert len(read) == 5
    assert read <= ids


@every_source
def test_cursor_resumes_without_loss_or_repeat(source: Source, tmp_path: Path) -> None:
    location = example(source, tmp_path, times=5)
    every = [i for batch in source.read(location, None) for i in batch.exchanges.column(0).to_pylist()]
    for passed in range(6):
        rest = list(source.read(location, Cursor(passed)))
        assert [i for batch in rest for i in batch.exchanges.column(0).to_pylist()] == every[passed:]
        assert all(batch.cursor == Cursor(5) for batch in rest[-1:])


@every_source
def test_lines_say_where_an_exchange_stands(source: Source, tmp_path: Path) -> None:
    lines = [int(n) for b in source.read(example(source, tmp_path, times=3), None) for n in b.lines]
    assert lines == ([2, 3, 4] if source.info.name == "csv" else [1, 2, 3])


@every_source
def test_broken_record_is_set_aside_and_the_others_are_kept(source: Source, tmp_path: Path) -> None:
    location = example(source, tmp_path, times=3)
    if source.info.name == "parquet":
        table = pq.read_table(location)
        table = table.set_column(11, EXCHANGE.field("input_tokens"), pa.array([1, -1, 1]))
        pq.write_table(table, location)
        line = 2
    else:
        lines = Path(location).read_bytes().splitlines(keepends=True)
        line = 3 if source.info.name == "csv" else 2
        lines[line - 1] = lines[line - 1][: len(lines[line - 1]) // 2] + b"\n"
        Path(location).write_bytes(b"".join(lines))
    batches = list(source.read(location, None))
    assert sum(batch.exchanges.num_rows for batch in batches) == 2
    (reject,) = [reject for batch in batches for reject in batch.rejected]
    assert reject.where == f"{location}:{line}"
    assert reject.reason


@every_source
def test_empty_file_is_nothing_or_one_clear_line(source: Source, tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.write_bytes(b"")
    if source.info.name in ("parquet", "csv"):
        with pytest.raises(InputError, match=f"{path}: (is no whole Parquet file|has no column exchange_id)"):
            list(source.read(str(path), None))
    else:
        assert list(source.read(str(path), None)) == []


@every_source
@pytest.mark.parametrize(
    "content", [b"\x00" * 5000, bytes(range(256)) * 40, b"[" * 200_000, b'{"a":' * 100_000, b'"' * 999]
)
def test_rubbish_ends_without_a_crash(source: Source, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "rubbish"
    path.write_bytes(content)
    try:
        list(source.identities(str(path)))
        batches = list(source.read(str(path), None))
    except StillwatchError as error:
        batches = []
        assert "\n" not in str(error)  # noqa: PT017  (either end is right)
    assert sum(batch.exchanges.num_rows for batch in batches) == 0
