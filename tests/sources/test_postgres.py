"""LiteLLM's table read from a PostgreSQL server that the test starts itself; skipped where there is none."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stillwatch.errors import InputError, PluginError, StillwatchError
from stillwatch.settings import Settings
from stillwatch.sources.log import open_log
from stillwatch.sources.postgres import ROWS_AT_A_TIME, is_address, shown, table_rows
from stillwatch.storage.manifest import write_manifest
from tests.sources.rounds import agree, exchanges
from tests.sources.writers import litellm_spend

SECRET = "n0t/for:anyone@all"
ENCODED = "n0t%2Ffor%3Aanyone%40all"
BINARIES = [Path(found).parent for found in [shutil.which("initdb")] if found]
BINARIES += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
SERVER = next((folder for folder in BINARIES if (folder / "initdb").exists() and (folder / "postgres").exists()), None)
DRIVER = importlib.util.find_spec("psycopg") is not None
LACK = "there is no PostgreSQL server" if SERVER is None else "psycopg is not installed: make producers"
TABLE = """CREATE TABLE "LiteLLM_SpendLogs" (
    request_id text PRIMARY KEY, call_type text NOT NULL, api_key text NOT NULL DEFAULT '',
    spend double precision NOT NULL DEFAULT 0, total_tokens integer NOT NULL DEFAULT 0,
    prompt_tokens integer NOT NULL DEFAULT 0, completion_tokens integer NOT NULL DEFAULT 0,
    "startTime" timestamp(6) NOT NULL, "endTime" timestamp(3) NOT NULL, request_duration_ms integer,
    model text NOT NULL DEFAULT '', "user" text DEFAULT '', metadata jsonb DEFAULT '{}', end_user text,
    requester_ip_address text, messages jsonb DEFAULT '{}', response jsonb DEFAULT '{}', session_id text, status text,
    proxy_server_request jsonb DEFAULT '{}')"""


def _user() -> str | None:
    return "postgres" if os.geteuid() == 0 else None  # the server refuses to be root


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server on the loopback, with a user who may only read and whose password is SECRET."""
    if SERVER is None or not DRIVER:
        pytest.skip(LACK)
    folder = tempfile.mkdtemp(prefix="stillwatch-postgres-")
    if _user():
        shutil.chown(folder, _user())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    words = Path(folder, "words")
    words.write_text(SECRET + "\n")
    words.chmod(0o644)
    quiet: dict[str, Any] = {"user": _user(), "cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    data = str(Path(folder, "data"))
    made = [SERVER / "initdb", "-D", data, "-U", "owner", "-A", "scram-sha-256", "--pwfile", words, "-N", "-E", "UTF8"]
    subprocess.run(list(map(str, made)), check=True, **quiet)
    options = ["-D", data, "-k", folder, "-h", "127.0.0.1", "-p", str(number), "-F"]
    server = subprocess.Popen([str(SERVER / "postgres"), *options], **quiet)
    try:
        _wait(number)
        with _connect(number) as connection:
            connection.execute(TABLE)
            connection.execute(f"CREATE ROLE reader LOGIN PASSWORD '{SECRET}'")
            connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
        yield number
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _connect(port: int) -> Any:
    import psycopg  # noqa: PLC0415  (may be missing)

    return psycopg.connect(host="127.0.0.1", port=port, user="owner", password=SECRET, dbname="postgres")


def _wait(port: int) -> None:
    for _ in range(100):
        try:
            _connect(port).close()
            return
        except Exception:
            time.sleep(0.1)
    raise TimeoutError("the server does not start")


def _address(port: int, password: str = ENCODED, database: str = "postgres") -> str:
    return f"postgresql://reader:{password}@127.0.0.1:{port}/{database}"


@pytest.fixture
def fill(port: int) -> Iterator[Callable[[list[dict[str, Any]]], str]]:
    """Puts rows into the empty table; returns the address of its database."""

    def insert(rows: list[dict[str, Any]]) -> str:
        with _connect(port) as connection:
            for row in rows:
                values = [json.dumps(value) if isinstance(value, dict) else value for value in row.values()]
                names = ", ".join(f'"{name}"' for name in row)
                places = ", ".join(["%s"] * len(row))
                connection.execute(f'INSERT INTO "LiteLLM_SpendLogs" ({names}) VALUES ({places})', values)
        return _address(port)

    yield insert
    with _connect(port) as connection:
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
    with _connect(port) as connection, connection.cursor() as cursor, cursor.copy(command) as copy:
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
    assert [(r.reason, r.where) for r in log.set_aside] == [
        ("negative: input_tokens", f"{where}:2"),
        ("number out of range: started_at", f"{where}:3"),
    ]


def test_memory_is_bounded(fill: Callable[[list[dict[str, Any]]], str], port: int) -> None:
    fill([])
    with _connect(port) as connection:
        connection.execute(
            'INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, "startTime", "endTime", response)'
            " SELECT i, 'acompletion', now(), now(), jsonb_build_object('text', repeat('x', 4000))"
            " FROM generate_series(1, 20000) AS i"
        )
    tracemalloc.start()
    count = sum(1 for _ in table_rows(_address(port), "LiteLLM_SpendLogs", ("response",), ("startTime", "request_id")))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20_000
    assert peak < 4 * ROWS_AT_A_TIME * 4100  # all rows at once would be forty times as much


def test_nothing_can_be_written(fill: Callable[[list[dict[str, Any]]], str], port: int) -> None:
    fill([])
    with _connect(port) as connection:
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
        open_log([_address(port) + "?options=-csearch_path%3Dtrap"]).read()


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
        open_log([_address(port, password, database)]).read()
    _check(raised.value)


def _check(error: StillwatchError) -> None:
    text = f"{error} {error.__cause__}"
    assert "\n" not in str(error)
    assert not [secret for secret in (SECRET, ENCODED, "wr0ng", "anyone", "n0t") if secret in text]


def test_a_server_that_is_not_there() -> None:
    if not DRIVER:
        pytest.skip(LACK)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        with pytest.raises(InputError, match=r"cannot be read \(.*refused") as raised:
            open_log([_address(probe.getsockname()[1])]).read()
    _check(raised.value)


def test_without_the_driver_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    log = open_log([_address(5432)])
    with pytest.raises(
        PluginError, match=r"psycopg, which is not installed; pip install 'stillwatch\[postgres\]'"
    ) as e:
        log.read()
    _check(e.value)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("postgresql://u:secret@h:5432/db?sslmode=require&password=secret", "postgresql://u@h:5432/db"),
        ("postgres://u@h/db", "postgresql://u@h/db"),
        ("postgresql:///db?host=/tmp/secret", "postgresql:///db"),
        ("postgresql://u:secret@[::1]:5432/db", "postgresql://u@[::1]:5432/db"),
    ],
)
def test_an_address_is_shown_without_what_is_secret(address: str, expected: str) -> None:
    assert is_address(address)
    assert shown(address) == expected


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://u:se/cret@h/db",
        "postgresql://u:se@cret@h/db",
        "postgresql://u:se?cret@h/db",
        "postgresql://u:se#cret@h/db",
        "postgresql://u:[secret@h/db",
        "postgresql://u@h:secret/db",
        "postgresql:/u:secret@h/db",
        "POSTGRESQL:/u:secret@h/db",
        Path("postgresql://u:secret@h/db"),
    ],
)
def test_an_address_that_may_hide_a_password_is_refused_unquoted(address: str | Path) -> None:
    with pytest.raises(InputError, match="is no address of a database") as raised:
        open_log([address])
    assert not [piece for piece in ("cret", "se@", "u:") if piece in str(raised.value)]


def test_a_run_names_the_database_it_was_made_from(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, Settings(), ["postgresql://u@h/db"])
    assert [(file.name, file.bytes) for file in manifest.inputs] == [("postgresql://u@h/db", 0)]
