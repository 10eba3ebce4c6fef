"""LiteLLM's table read from a PostgreSQL server that the test starts itself; skipped where there is none."""

from __future__ import annotations

import json
import socket
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stillwatch.errors import InputError
from stillwatch.sources.containers.postgres import ROWS_AT_A_TIME, table_rows
from stillwatch.sources.log import open_log
from tests.sources.postgres_server import ENCODED, LACK, address, connect, keeps_secrets, server
from tests.sources.rounds import agree, exchanges
from tests.sources.writers import litellm_spend

if LACK:
    pytest.skip(LACK, allow_module_level=True)

TABLE = """CREATE TABLE "LiteLLM_SpendLogs" (
    request_id text PRIMARY KEY, call_type text NOT NULL, api_key text NOT NULL DEFAULT '',
    spend double precision NOT NULL DEFAULT 0, total_tokens integer NOT NULL DEFAULT 0,
    prompt_tokens integer NOT NULL DEFAULT 0, completion_tokens integer NOT NULL DEFAULT 0,
    "startTime" timestamp(6) NOT NULL, "endTime" timestamp(3) NOT NULL, request_duration_ms integer,
    model text NOT NULL DEFAULT '', "user" text DEFAULT '', metadata jsonb DEFAULT '{}', end_user text,
    requester_ip_address text, messages jsonb DEFAULT '{}', response jsonb DEFAULT '{}', session_id text, status text,
    proxy_server_request jsonb DEFAULT '{}')"""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with server() as number:
        with connect(number) as connection:
            connection.execute(TABLE)
        yield number


@pytest.fixture
def fill(port: int) -> Iterator[Callable[[list[dict[str, Any]]], str]]:
    """Puts rows into the empty table; returns the address of its database."""

    def insert(rows: list[dict[str, Any]]) -> str:
        with connect(port) as connection:
            for row in rows:
                values = [json.dumps(value) if isinstance(value, dict) else value for value in row.values()]
                names = ", ".join(f'"{name}"' for name in row)
                places = ", ".join(["%s"] * len(row))
                connection.execute(f'INSERT INTO "LiteLLM_SpendLogs" ({names}) VALUES ({places})', values)
        return address(port)

    yield insert
    with connect(port) as connection:
        connection.execute('DELETE FROM "LiteLLM_SpendLogs"')


def test_round_trip(fill: Callable[[list[dict[str, Any]]], str], port: int) -> None:
    table = exchanges()
    rows = litellm_spend.rows(table)
    log = open_log([fill(rows[::-1])])
    read = log.read()
    agree(table, read, litellm_spend.CARRIES)
    assert read["started_at"].to_pylist() == sorted(read["started_at"].to_pylist())
    assert log.format == "litellm_spend"
    assert log.files == (f"postgresql://reader@127.0.0.1:{port}/postgres",)
    assert log.rejects == ()


def test_rows_of_a_database_and_of_a_file_are_one_log(
    fill: Callable[[list[dict[str, Any]]], str], tmp_path: Path
) -> None:
    table = exchanges()
    address = fill(litellm_spend.rows(table.slice(0, 20)))
    log = open_log([*litellm_spend.write(table, tmp_path), address])
    assert log.read().num_rows == table.num_rows
    assert [(reject.reason, reject.records) for reject in log.rejects] == [("duplicate id", 20)]


@pytest.mark.parametrize(
    "command",
    [
        'COPY (SELECT * FROM "LiteLLM_SpendLogs") TO STDOUT (FORMAT csv, HEADER)',
        "COPY (SELECT row_to_json(log)::text FROM \"LiteLLM_SpendLogs\" AS log) TO STDOUT (FORMAT csv, QUOTE E'\\x01',"
        " DELIMITER E'\\x02')",
    ],
    ids=["csv", "json lines"],
)
def test_what_the_database_exports(
    command: str, fill: Callable[[list[dict[str, Any]]], str], port: int, tmp_path: Path
) -> None:
    table = exchanges()
    fill(litellm_spend.rows(table))
    path = tmp_path / "export"
    with connect(port) as connection, connection.cursor() as cursor, cursor.copy(command) as copy:
        path.write_bytes(b"".join(bytes(block) for block in copy))
    log = open_log([path])
    agree(table, log.read(), litellm_spend.CARRIES)
    assert (log.format, log.rejects) == ("litellm_spend", ())


def test_what_cannot_be_read_is_set_aside_by_its_row(fill: Callable[[list[dict[str, Any]]], str], port: int) -> None:
    rows = litellm_spend.rows(exchanges().slice(0, 3))
    rows[1]["prompt_tokens"] = -1
    rows[2]["startTime"] = rows[2]["endTime"] = "infinity"
    log = open_log([fill(rows)])
    assert log.read().num_rows == 1
    where = f"postgresql://reader@127.0.0.1:{port}/postgres"
    assert sorted((r.reason, r.where) for r in log.set_aside) == [
        ("negative: input_tokens", f"{where}:2"),
        ("number out of range: started_at", f"{where}:3"),
    ]


def test_memory_is_bounded(fill: Callable[[list[dict[str, Any]]], str], port: int) -> None:
    fill([])
    with connect(port) as connection:
        connection.execute(
            'INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, "startTime", "endTime", response)'
            " SELECT i, 'acompletion', now(), now(), jsonb_build_object('text', repeat('x', 4000))"
            " FROM generate_series(1, 20000) AS i"
        )
    tracemalloc.start()
    count = sum(1 for _ in table_rows(address(port), "LiteLLM_SpendLogs", ("response",), ("startTime", "request_id")))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20_000
    assert peak < 4 * ROWS_AT_A_TIME * 4100  # all rows at once would be forty times as much


def test_nothing_can_be_written(fill: Callable[[list[dict[str, Any]]], str], port: int) -> None:
    fill([])
    with connect(port) as connection:
        connection.execute("CREATE SCHEMA trap; GRANT USAGE ON SCHEMA trap TO reader; CREATE TABLE trap.seen (i int)")
        connection.execute(
            "CREATE FUNCTION trap.note() RETURNS text LANGUAGE sql SECURITY DEFINER AS"
            " $$ INSERT INTO trap.seen VALUES (1) RETURNING 'r1' $$"
        )
        connection.execute(
            'CREATE VIEW trap."LiteLLM_SpendLogs" AS SELECT trap.note() AS request_id, now() AS "startTime"'
        )
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA trap TO reader")
    with pytest.raises(InputError, match="read-only transaction"):
        open_log([address(port) + "?options=-csearch_path%3Dtrap"]).read()


@pytest.mark.parametrize(
    ("password", "database", "message"),
    [
        ("wr0ng%2Fone", "postgres", "password authentication failed"),
        (ENCODED, "nowhere", "does not exist"),
        (ENCODED, "template1", "LiteLLM_SpendLogs"),
    ],
)
def test_errors_are_one_line_without_the_password(password: str, database: str, message: str, port: int) -> None:
    with pytest.raises(InputError, match=message) as raised:
        open_log([address(port, password, database)]).read()
    keeps_secrets(raised.value)


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        with pytest.raises(InputError, match=r"cannot be read \(.*refused") as raised:
            open_log([address(probe.getsockname()[1])]).read()
    keeps_secrets(raised.value)
