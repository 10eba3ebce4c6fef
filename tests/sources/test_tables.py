"""Tables with columns of other types, damaged ones, broken CSV, and the provider's table of accounts."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import InputError
from stillwatch.exchange import CUSTOMER
from stillwatch.sources.containers.delimited import delimited_records
from stillwatch.sources.customers import read_customers
from stillwatch.sources.log import open_log

NOON = dt.datetime(2026, 9, 7, 12)
BASE: dict[str, Any] = {"exchange_id": ["r1", "r2"], "started_at": [NOON, NOON], "account_id": ["a", "b"]}


def table(tmp_path: Path, **columns: Any) -> list[dict[str, Any]]:
    path = tmp_path / "log.parquet"
    pq.write_table(pa.table(BASE | columns), path)
    return open_log([path]).read().to_pylist()


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("started_at", pa.array([NOON, NOON], pa.timestamp("ns")), NOON.replace(tzinfo=dt.UTC)),
        ("started_at", pa.array([NOON, NOON], pa.timestamp("ms", "Asia/Kolkata")), NOON.replace(tzinfo=dt.UTC)),
        ("started_at", pa.array(["2026-09-07T14:00:00+02:00"] * 2), NOON.replace(tzinfo=dt.UTC)),
        ("started_at", pa.array([1788782400] * 2), NOON.replace(tzinfo=dt.UTC)),
        ("input_tokens", pa.array([7, None], pa.int16()), 7),
        ("input_tokens", pa.array([7.0, None]), 7),
        ("input_tokens", pa.array(["7", ""]), 7),
        ("input_tokens", pa.array([7, None], pa.uint64()), 7),
        ("temperature", pa.array([1, None], pa.int8()), 1.0),
        ("temperature", pa.array([0.5, None], pa.float32()), 0.5),
        ("api_key_id", pa.array([7, None]), "7"),
        ("model", pa.array(["m", ""]).dictionary_encode(), "m"),
        ("model", pa.array(["m", ""]).cast(pa.string_view()), "m"),
        ("model", pa.nulls(2), None),
    ],
)
def test_other_types_are_cast_where_nothing_is_lost(column: str, values: Any, expected: Any, tmp_path: Path) -> None:
    rows = table(tmp_path, **{column: values})
    assert [row["exchange_id"] for row in rows] == ["r1", "r2"]
    assert rows[0][column] == expected
    assert column == "started_at" or rows[1][column] is None


def test_conversation_as_a_typed_list(tmp_path: Path) -> None:
    messages = [[{"role": "user", "content": "Why?"}], []]
    rows = table(tmp_path, messages=pa.array(messages))
    assert json.loads(rows[0]["messages"]) == messages[0]
    assert rows[1]["messages"] is None


def test_type_that_cannot_hold_the_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"log\.parquet: column input_tokens is list<.*>, which is no int64"):
        table(tmp_path, input_tokens=pa.array([[1], [2]]))


def test_missing_column_is_one_line(tmp_path: Path) -> None:
    pq.write_table(pa.table({"exchange_id": ["r1"]}), tmp_path / "log.parquet")
    with pytest.raises(InputError, match=r"has no column started_at, account_id; say with --map") as caught:
        open_log([tmp_path]).read()
    assert "\n" not in str(caught.value)
    (tmp_path / "log.parquet").write_text("exchange_id,started_at\nr1,2026-09-07\n")
    with pytest.raises(InputError, match="has no column account_id"):
        open_log([tmp_path]).read()


@pytest.mark.parametrize("damage", ["cut", "overwritten"])
def test_damaged_parquet_is_one_line(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pq.write_table(pa.table(BASE | {"response": ["x" * 5000, "y" * 5000]}), path, compression="zstd")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] if damage == "cut" else b"PAR1" + b"\xff" * 300 + data[304:])
    with pytest.raises(InputError, match=r"log\.parquet: is (no whole Parquet file|damaged)"):
        open_log([path]).read()


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)


@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=6))
def test_records_survive_quotation_marks_commas_and_line_ends(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]]
) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([("a", "b", "c"), *rows])
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_bytes(text.getvalue().encode())
    records = list(delimited_records(str(path)))
    assert [tuple(record.cells or ()) for record in records[1:]] == rows


def test_broken_records_cost_one_line_each(tmp_path: Path) -> None:
    good = 'r{0},"two ""lines""\nhere"\n'
    lines = ["id,text\n", good.format(1), 'r2,"never closed\n', good.format(3), "r4\n", "\n", good.format(5)]
    lines.append("r6,a,b\n")
    data = "".join(lines).encode() + b"r7,\0\nr8,\xff\n" + b"r9," + b"x" * (9 * 2**20) + b"\nlast,good\n"
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    records = list(delimited_records(str(path)))
    text = 'two "lines"\nhere'
    assert [(r.line, r.cells) for r in records if r.cells] == [
        (1, ["id", "text"]),
        (2, ["r1", text]),
        (5, ["r3", text]),
        (9, ["r5", text]),
        (15, ["last", "good"]),
    ]
    assert {r.line: r.reason for r in records if r.cells is None} == {
        4: "broken quotation marks",
        7: "cut line",
        11: "more cells than columns",
        12: "NUL byte",
        13: "not UTF-8",
        14: "line over 8 MiB",
    }


ACCOUNTS = b"account_id,organization_id,payment_id,email_domain,created_at\na1,o1,,mail.example,2026-01-02\na0,,p1,,\n"


def test_customers_are_the_same_from_every_format(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(ACCOUNTS)
    expected = read_customers(tmp_path / "a.csv")
    assert expected.schema.equals(CUSTOMER, check_metadata=True)
    assert expected.column("account_id").to_pylist() == ["a0", "a1"]
    pq.write_table(expected.append_column("email_domain", pa.array(["x", "y"])), tmp_path / "a.parquet")
    rows = [json.dumps(row, default=str) for row in reversed(expected.to_pylist())]
    (tmp_path / "a.jsonl").write_text("\n".join([*rows, rows[0]]))
    assert read_customers(tmp_path / "a.parquet").equals(expected)
    assert read_customers(tmp_path / "a.jsonl").equals(expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no column account_id"),
        (b"account_id\n", "holds no accounts"),
        (b"id\nx\n", "has no column account_id"),
        (b"account_id,created_at\na1,never\n", r":2: wrong type: created_at"),
        (b"account_id,payment_id\na1,p1\na1,p2\n", "two different rows for the account a1"),
        (b"account_id,payment_id\n,p1\n", ":2: missing account_id"),
        (b'{"account_id": "a1"}\n{"account\n', ":2: cut line"),
    ],
)
def test_customers_that_cannot_be_read_are_one_line(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "accounts"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_customers(path)
