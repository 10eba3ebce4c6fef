"""What DuckDB and Ibis do that the engine must undo, and that its files are whole or not there."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import ibis
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from stillwatch.engines import ENGINES
from stillwatch.engines.base import Engine
from stillwatch.engines.duckdb import DuckDB
from stillwatch.errors import InputError, StorageError
from stillwatch.signals.base import ExchangeSignal, SignalInfo


class AnswerLength:
    """Letters of the answer: a signal as small as one can be."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="answer_length",
        summary="Letters of the answer.",
        reference="a count",
        version="1",
        example="12",
        unit="letter",
        range=(0.0, float("inf")),
        reads=("response",),
        innocent_reading="Long answers.",
    )

    def compute(self, batch: pa.RecordBatch) -> pa.Array:
        return pc.utf8_length(batch.column("response")).fill_null(0).cast(pa.int64())


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    folder = tmp_path / "it's a [1] *folder"
    (folder / "day=1").mkdir(parents=True)
    pq.write_table(pa.table({"a": [1, 1, None], "x": [2**62, -1, 5]}), folder / "0.parquet")
    pq.write_table(pa.table({"a": [2], "x": [2**62]}), folder / "day=1" / "1.parquet")
    return folder


def test_is_the_registered_default() -> None:
    engine = ENGINES.get("duckdb")()
    assert isinstance(engine, DuckDB)
    assert isinstance(engine, Engine)


def test_integer_sums_are_int64_again(numbers: Path, tmp_path: Path) -> None:
    engine = DuckDB()
    table = engine.open(numbers)
    query = table.group_by("a").aggregate(total=table.x.sum(), mean=table.x.mean(), big=table.x.max() > 7).order_by("a")
    written = engine.write(query, tmp_path / "out" / "sums.parquet")
    found = pq.read_table(written.path)
    assert found.schema.types == [pa.int64(), pa.int64(), pa.float64(), pa.int64()]
    assert found["total"].to_pylist() == [2**62 - 1, 2**62, 5]
    assert written.rows == 3
    assert written.size == written.path.stat().st_size


def test_a_sum_beyond_int64_is_an_error_and_not_a_wrong_number(numbers: Path, tmp_path: Path) -> None:
    engine = DuckDB()
    table = engine.open(numbers)
    with pytest.raises(InputError, match="query failed"):
        engine.write(table.aggregate(total=(table.x + 0).sum() + table.x.sum()), tmp_path / "out.parquet")
    assert list(tmp_path.glob("*.part*")) == []
    assert not (tmp_path / "out.parquet").exists()


def test_batches_come_in_the_types_of_the_query(numbers: Path) -> None:
    engine = DuckDB(threads=1)
    table = engine.open(numbers)
    batches = list(engine.batches(table.aggregate(n=table.count(), total=table.a.sum())))
    assert pa.Table.from_batches(batches).to_pylist() == [{"n": 4, "total": 4}]
    assert batches[0].schema.types == [pa.int64(), pa.int64()]


def test_failed_query_leaves_what_was_there(numbers: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.parquet"
    target.write_text("old")
    engine = DuckDB()
    table = engine.open(numbers)
    broken = table.mutate(y=ibis.literal("no number").cast("int64") + table.x)
    with pytest.raises(InputError, match="query failed"):
        engine.write(broken, target)
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir() if "part" in p.name] == []


def test_unwritable_target(numbers: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    engine = DuckDB()
    with pytest.raises(StorageError, match="cannot be written"):
        engine.write(engine.open(numbers), tmp_path / "file" / "out.parquet")


def test_inputs_that_cannot_be_read(tmp_path: Path) -> None:
    engine = DuckDB()
    with pytest.raises(InputError, match="no Parquet file"):
        engine.open(tmp_path)
    with pytest.raises(InputError, match="no Parquet file"):
        engine.open(tmp_path / "absent.parquet")
    (tmp_path / "broken.parquet").write_text("not this")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        engine.open(tmp_path / "broken.parquet")
    pq.write_table(pa.table({"text": ["no"]}), tmp_path / "text.parquet")
    with pytest.raises(InputError, match="'text' is string"):
        engine.open(tmp_path / "text.parquet")


def test_sql_reaches_no_file(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    engine = DuckDB()
    with pytest.raises(InputError, match="query failed"):
        list(engine.batches(ibis.table({"a": "int64"}, name=f"{tmp_path}/secret.csv")))


def test_map_batches_drops_text_and_keeps_order(tmp_path: Path) -> None:
    times = pa.array([3, 1], pa.timestamp("ms", tz="UTC"))
    source = pa.table({"id": [9, 8], "response": ["four", None], "t": times, "x": [0.5, None]})
    pq.write_table(source, tmp_path / "source.parquet")
    engine = DuckDB()
    signal = AnswerLength()
    assert isinstance(signal, ExchangeSignal)
    written = engine.map_batches(tmp_path / "source.parquet", [signal], tmp_path / "features.parquet")
    assert pq.read_table(written.path).to_pylist() == [
        {"id": 9, "t": 3000, "x": 0.5, "answer_length": 4},
        {"id": 8, "t": 1000, "x": None, "answer_length": 0},
    ]
    assert engine.open(written.path).schema()["t"].is_int64()


def test_map_batches_of_no_exchange(tmp_path: Path) -> None:
    pq.write_table(pa.table({"response": pa.array([], pa.string())}), tmp_path / "source.parquet")
    written = DuckDB().map_batches(tmp_path / "source.parquet", [AnswerLength()], tmp_path / "features.parquet")
    assert written.rows == 0
    assert pq.read_schema(written.path).names == ["answer_length"]


def test_spills_instead_of_dying(tmp_path: Path) -> None:
    n = 1_500_000
    pq.write_table(pa.table({"a": range(n), "x": range(n)}), tmp_path / "wide.parquet")
    engine = DuckDB(memory_limit="40MB", threads=1, temp_directory=tmp_path / "spill")
    table = engine.open(tmp_path / "wide.parquet")
    query = table.group_by("a").aggregate(total=table.x.sum()).order_by(ibis.desc("a"))
    assert engine.write(query, tmp_path / "out.parquet").rows == n
    assert pq.read_table(tmp_path / "out.parquet")["a"][0].as_py() == n - 1


def test_the_same_folder_opens_as_the_same_table(numbers: Path) -> None:
    engine = DuckDB()
    first, again = engine.open(numbers), engine.open(numbers)
    joined = first.join(again, "a").count()
    assert pa.Table.from_batches(list(engine.batches(joined.as_table()))).to_pylist()[0] == {joined.get_name(): 5}


def test_too_little_memory_is_said_in_one_line(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": range(500_000)}), tmp_path / "wide.parquet")
    engine = DuckDB(memory_limit="1MB", threads=1)
    table = engine.open(tmp_path / "wide.parquet")
    with pytest.raises(InputError, match="raise the engine's memory limit"):
        engine.write(table.group_by("a").aggregate(n=table.count()).order_by("a"), tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()
