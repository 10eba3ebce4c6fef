"""Columns of tables as Python's values: those of pyarrow, whatever is nested in what."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.sources.containers.arrow_values import python_values
from stillwatch.sources.log import open_log

COLUMNS = {
    "texts": pa.array(["a", None, "é", ""]),
    "long texts": pa.array(["a", None], pa.large_string()),
    "whole numbers past what a float holds": pa.array([1, None, 2**62 + 1]),
    "unsigned": pa.array([2**64 - 1, None], pa.uint64()),
    "reals": pa.array([1.5, None, 2.0]),
    "truth": pa.array([True, None]),
    "nothing": pa.nulls(3),
    "lists": pa.array([[1, 2], None, [], [None]]),
    "cut lists": pa.array([[1, 2], None, [3]]).slice(1),
    "long lists": pa.array([["a"], None], pa.large_list(pa.string())),
    "lists of one length": pa.array([[1, 2], None], pa.list_(pa.int32(), 2)),
    "objects": pa.array([{"a": [1]}, None, {"a": None}]),
    "cut objects": pa.array([{"a": [1]}, None, {"a": None}]).slice(1),
    "objects without fields": pa.array([{}, None]),
    "objects in lists in objects": pa.array([[{"a": 1, "b": [None, {"c": "x"}]}, None], None, [], [{"a": None}]]),
    "maps": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
    "words of a dictionary": pa.array(["a", "b", None, "a"]).dictionary_encode(),
    "days": pa.array([dt.date(2026, 9, 7), None]),
}


@pytest.mark.parametrize("array", COLUMNS.values(), ids=COLUMNS)
def test_values_are_those_of_pyarrow(array: pa.Array) -> None:
    for column in (array, array.slice(0, 0)):
        values, expected = python_values(column), column.to_pylist()
        assert values == expected
        assert list(map(type, values)) == list(map(type, expected))


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_times_are_in_utc(unit: str) -> None:
    moment = dt.datetime(2026, 9, 7, 12, tzinfo=dt.UTC)
    for zone in ("UTC", "Europe/Vienna"):
        assert python_values(pa.array([moment, None], pa.timestamp(unit, zone))) == [moment.replace(tzinfo=None), None]


@pytest.mark.parametrize(
    "array",
    [
        pa.array([2**62], pa.timestamp("us", "UTC")),
        pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers()),
        pa.array([[2**61]], pa.list_(pa.timestamp("us"))),
    ],
    ids=["a time after the year 9999", "no UTF-8", "a time in a list"],
)
def test_what_python_cannot_hold_is_an_error(array: pa.Array) -> None:
    with pytest.raises((ValueError, OverflowError)):
        python_values(array)


def test_a_span_without_an_id_of_its_own_in_a_table_has_its_answers(tmp_path: Path) -> None:
    times = {name: pa.array([dt.datetime(2026, 9, 7, tzinfo=dt.UTC)] * 3) for name in ("start_time", "end_time")}
    columns = {
        "context.span_id": ["s1", None, ""],
        "context.trace_id": ["t", "t", "t"],
        "span_kind": ["LLM"] * 3,
        "attributes.user.id": ["a"] * 3,
        "attributes.gen_ai.response": [{"id": "r1"}, {"id": "r2"}, {"id": "r2"}],
    }
    pq.write_table(pa.table(columns | times), tmp_path / "spans.parquet")
    log = open_log([tmp_path / "spans.parquet"])
    assert log.read().column("exchange_id").to_pylist() == ["s1", "r2"]
    assert [reject.reason for reject in log.rejects] == ["duplicate id"]
