"""Text from one log, addresses, clients, keys and accounts from another."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import InputError, UsageError
from stillwatch.sources.enrichment.joining import Join, parse_on
from stillwatch.sources.log import Log, open_log

TIME = "2026-09-07T00:03:08Z"


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def exchange(number: int, **more: Any) -> dict[str, Any]:
    return {"exchange_id": f"r{number}", "started_at": TIME, "account_id": f"a{number}", **more}


def joined(log: Log, join: Join) -> list[dict[str, Any]]:
    log.join = join
    rows: list[dict[str, Any]] = sorted(log.read().to_pylist(), key=lambda row: row["exchange_id"])
    return rows


ACCESS = [
    {"request_id": "r1", "x-forwarded-for": "8.8.8.8, 10.0.0.1", "user-agent": "curl/8", "ja4": "t13d", "status": 429},
    {"request_id": "r3", "remote_addr": "1.1.1.1:5511", "consumer": {"id": "c3"}, "response_code": 200},
    {"request_id": "r9", "remote_addr": "9.9.9.9"},
    {"other": "line"},
]


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_each_exchange_takes_what_it_lacks(kind: str, tmp_path: Path) -> None:
    main = lines(tmp_path / "main.jsonl", [exchange(1, status=200, client_ip="10.0.0.7"), exchange(2), exchange(3)])
    access = tmp_path / f"access.{kind}"
    if kind == "jsonl":
        lines(access, ACCESS)
    else:
        flat = [
            {"request_id": "r1", "x-forwarded-for": "8.8.8.8, 10.0.0.1", "user-agent": "curl/8", "ja4": "t13d"},
            {"request_id": "r3", "x-forwarded-for": "1.1.1.1:5511", "user-agent": None, "ja4": None},
        ]
        table = pa.Table.from_pylist(flat)
        if kind == "parquet":
            pq.write_table(table, access)
        else:
            rows = [",".join(flat[0]), *('"' + '","'.join(str(v or "") for v in row.values()) + '"' for row in flat)]
            access.write_text("\n".join(rows) + "\n")
    log = open_log([main])
    with Join(access, "request_id") as join:
        first, second, third = joined(log, join)
        assert (join.matched, join.exchanges) == (2, 3)
    assert first["client_ip"] == "8.8.8.8"  # behind a proxy the first log saw the proxy
    assert (first["user_agent"], first["ja4"], first["status"]) == ("curl/8", "t13d", 200)
    assert (second["client_ip"], second["user_agent"]) == (None, None)
    assert third["client_ip"] == "1.1.1.1"
    assert third["account_id"] == "a3"
    assert log.notes == (f"The second log (access.{kind}, on request_id) knew 2 of 3 exchanges (66.7%).",)


def test_an_account_may_be_told_by_the_second_log_alone(tmp_path: Path) -> None:
    rows = [exchange(1), exchange(2) | {"account_id": None}, exchange(3) | {"account_id": None}]
    main = lines(tmp_path / "main.jsonl", rows)
    log = open_log([main])
    with Join(lines(tmp_path / "access.jsonl", ACCESS), "request_id") as join:
        assert [row["account_id"] for row in joined(log, join)] == ["a1", "c3"]
    assert [(r.reason, r.where) for r in log.set_aside] == [("missing account_id", f"{main}:2")]


def test_a_session_may_be_the_key(tmp_path: Path) -> None:
    main = lines(tmp_path / "main.jsonl", [exchange(i, session_id=f"s{i % 2}") for i in range(4)])
    traces = lines(tmp_path / "traces.jsonl", [{"id": "s1", "userAgent": "agent/2"}])
    with Join(traces, "session_id=id") as join:
        assert [row["user_agent"] for row in joined(open_log([main]), join)] == [None, "agent/2", None, "agent/2"]


def test_of_several_lines_with_one_key_the_same_counts_in_any_order(tmp_path: Path) -> None:
    rows = [{"request_id": f"r{i % 40}", "remote_addr": f"8.8.8.{i}"} for i in range(200)]
    main = lines(tmp_path / "main.jsonl", [exchange(i) for i in range(40)])
    found = []
    for seed in range(3):
        random.Random(seed).shuffle(rows)
        with Join(lines(tmp_path / "access.jsonl", rows), "request_id") as join:
            found.append([row["client_ip"] for row in joined(open_log([main]), join)])
    assert found[0] == found[1] == found[2]


def test_what_cannot_be_joined_is_one_clear_line(tmp_path: Path) -> None:
    access = lines(tmp_path / "access.jsonl", [{"request_id": "r1", "colour": "red"}])
    with pytest.raises(InputError, match="has no line with a field 'trace'"):
        Join(access, "trace")
    with pytest.raises(InputError, match="tells nothing but the id"):
        Join(access, "request_id")
    with pytest.raises(InputError, match="no such file"):
        Join(tmp_path / "none", "request_id")
    with pytest.raises(UsageError, match="--on"):
        Join(access, "model=x")


def test_hostile_lines_of_a_second_log_are_passed_over(tmp_path: Path) -> None:
    access = tmp_path / "access.jsonl"
    good = json.dumps(ACCESS[0]).encode()
    hostile = [b"\x00\x01", b"{", b"[" * 50_000, b'{"request_id": {"a": 1}}', b'{"request_id": "r1", "status": -1}']
    access.write_bytes(b"\n".join([*hostile, good]) + b"\n")
    main = lines(tmp_path / "main.jsonl", [exchange(1)])
    with Join(access, "request_id") as join:
        (row,) = joined(open_log([main]), join)
    assert row["status"] in (None, 429)


def test_nothing_of_the_second_log_stands_under_a_name_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TMPDIR", "SQLITE_TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (tmp_path / "tmp").mkdir()
    access = [{"request_id": f"r{n}", "user_agent": "u" * 900} for n in range(100_000)]
    with Join(lines(tmp_path / "access.jsonl", access), "request_id") as join:
        assert list((tmp_path / "tmp").iterdir()) == []
        assert joined(open_log([lines(tmp_path / "main.jsonl", [exchange(1)])]), join)[0]["user_agent"]


def test_on_names_a_column_and_a_field() -> None:
    assert parse_on("request_id") == ("exchange_id", "request_id")
    assert parse_on("session_id=trace.id") == ("session_id", "trace.id")


def test_a_second_log_may_tell_the_kind_of_network(tmp_path: Path) -> None:
    main = lines(tmp_path / "main.jsonl", [exchange(1, client_network="business"), exchange(2), exchange(3)])
    told = [{"request_id": "r1", "client_network": "Hosting"}, {"request_id": "r2", "client_network": "what?"}]
    with Join(lines(tmp_path / "access.jsonl", told), "request_id") as join:
        rows = joined(open_log([main]), join)
    assert [row["client_network"] for row in rows] == ["hosting", None, None]
