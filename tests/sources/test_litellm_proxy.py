"""LiteLLM's own proxy stands before a faked model; the payloads and spend logs that it makes are read.

Started twice: with keys of several users, and with its master key and texts switched off. Virtual keys and the writing
of spend logs want a database and Prisma's engine, which is fetched over the network at run time; so users are told by
LiteLLM's hook for a custom authorisation, and the rows that LiteLLM makes are put into the table that its own
migrations make by the test.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from stillwatch.sources.log import open_log
from tests.sources.faked_model import Model
from tests.sources.litellm_server import CHAT, MASTER, MESSAGES, RESPONSES, Call, litellm_proxy, wait
from tests.sources.other_python import PRODUCERS, environment, python
from tests.sources.postgres_server import LACK, address, connect, server

python()
BRIEFLY = {"role": "system", "content": "Be brief."}
ASK = [{"role": "user", "content": "Why?"}]
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
AGAIN = [
    *ASK,
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "42"},
]


@contextmanager
def proxy(folder: Path, upstream: int, litellm: dict[str, Any], general: dict[str, Any]) -> Iterator[Call]:
    """A proxy that writes its logs into ``folder``; yields how to call it."""
    shutil.copy(PRODUCERS / "litellm_callbacks.py", folder)
    behind = {"api_base": f"http://127.0.0.1:{upstream}/v1", "api_key": "none"}
    config = {
        "model_list": [
            {"model_name": name, "litellm_params": behind | {"model": f"openai/{name}"}} for name in ("m", "busy")
        ],
        "litellm_settings": {"callbacks": ["litellm_callbacks.writer"], "num_retries": 0} | litellm,
        "general_settings": {"master_key": MASTER, "use_x_forwarded_for": True, "store_prompts_in_spend_logs": True}
        | general,
    }
    with litellm_proxy(folder, config) as call:
        yield call


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


CALLS: dict[str, tuple[str, str, dict[str, Any], dict[str, str]]] = {
    "ordinary": (
        "sk-first",
        CHAT,
        {
            "messages": [BRIEFLY, *ASK],
            "temperature": 0.25,
            "max_tokens": 100,
            "user": "whoever",
        },
        {},
    ),
    "streamed": ("sk-second", CHAT, {"messages": ASK, "stream": True}, {"x_litellm_session_id": "s1"}),
    "tools": ("sk-third", CHAT, {"messages": AGAIN, "tools": [TOOL, TOOL], "max_completion_tokens": 50}, {}),
    "busy": ("sk-fourth", CHAT, {"model": "busy", "messages": ASK}, {}),
    "no such model": ("sk-first", CHAT, {"model": "nothing", "messages": ASK}, {}),
    "unknown key": ("sk-unknown", CHAT, {"messages": ASK}, {}),
    "messages": ("sk-first", MESSAGES, {"messages": ASK, "system": "Be brief.", "max_tokens": 70}, {}),
    "messages, streamed": ("sk-first", MESSAGES, {"messages": ASK, "max_tokens": 70, "stream": True}, {}),
    "responses": ("sk-first", RESPONSES, {"input": "Why?", "instructions": "Be brief.", "max_output_tokens": 70}, {}),
    "responses, streamed": ("sk-first", RESPONSES, {"input": "Why?", "stream": True}, {}),
    "embeddings": ("sk-first", "/v1/embeddings", {"input": ["Why?"]}, {}),
    "redacted": ("sk-first", CHAT, {"messages": ASK}, {"x_litellm_enable_message_redaction": "true"}),
}


@pytest.fixture(scope="module")
def logged(upstream: int, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The folder of the logs that the CALLS left, and the id of each call by its name."""
    folder, ids = tmp_path_factory.mktemp("proxy"), {}
    with proxy(folder, upstream, {}, {"custom_auth": "litellm_callbacks.authorised"}) as call:
        for name, (key, path, body, headers) in CALLS.items():
            reply = call(key, path, {"model": "m"} | body, **headers)
            ids[name] = reply.call_id
            assert reply.status == {"busy": 429, "no such model": 400, "unknown key": 401}.get(name, 200), name
        wait(lambda: lines(folder / "payloads.jsonl") >= len(CALLS), 30)
    return folder, ids


def lines(path: Path) -> int:
    return path.read_text().count("\n") if path.exists() else 0


def hashed(key: str) -> str:
    return sha256(key.encode()).hexdigest()


U1 = {"account_id": "u1", "api_key_id": hashed("sk-first"), "client_ip": "203.0.113.9", "user_agent": "agent/1"}
ASKED = {"messages": '[{"role":"user","content":"Why?"}]', "model": "openai/m"}
ANSWERED = {"status": 200, "response": "So.", "reasoning": "Hm.", "input_tokens": 12, "output_tokens": 30}
TOLD = U1 | ASKED | ANSWERED | {"reasoning_tokens": 20}
SILENT = {"messages": None, "system_prompt": None, "response": None, "reasoning": None}
BRIEF = {"system_prompt": "Be brief."}
EXPECTED: dict[str, dict[str, Any]] = {
    "ordinary": TOLD | BRIEF | {"operation": "acompletion", "temperature": 0.25, "max_tokens": 100, "tool_count": 0},
    "streamed": TOLD | {"api_key_id": hashed("sk-second"), "session_id": "s1"},
    "tools": TOLD
    | {
        "account_id": "t2",
        "api_key_id": hashed("sk-third"),
        "messages": '[{"role":"user","content":"Why?"},{"role":"assistant","content":null},'
        '{"role":"tool","content":"42"}]',
        "tool_count": 2,
        "max_tokens": 50,
    },
    "busy": U1
    | ASKED
    | {"account_id": hashed("sk-fourth"), "api_key_id": hashed("sk-fourth"), "status": 429, "response": None}
    | {"model": "openai/busy"},
    "no such model": U1 | ASKED | {"status": 400, "response": None, "model": "nothing"},
    "messages": TOLD | {"operation": "anthropic_messages", "max_tokens": 70, "system_prompt": None},
    "messages, streamed": TOLD | {"operation": "anthropic_messages", "max_tokens": 70},
    "responses": TOLD | BRIEF | {"operation": "aresponses", "max_tokens": 70},
    "responses, streamed": TOLD | {"operation": "aresponses"},
    "embeddings": U1 | ASKED | {"operation": "aembedding", "status": 200, "input_tokens": 12, "output_tokens": 0},
    "redacted": TOLD | SILENT,
}


def test_the_payloads_of_every_call(logged: tuple[Path, dict[str, str]]) -> None:
    folder, ids = logged
    log = open_log([folder / "payloads.jsonl"])
    found = {row["exchange_id"]: row for row in log.read().to_pylist()}
    assert log.format == "litellm"
    assert {name: {c: found[ids[name]][c] for c in expected} for name, expected in EXPECTED.items()} == EXPECTED
    assert len(found) == len(EXPECTED)
    assert [(reject.reason, reject.records) for reject in log.rejects] == [("missing account_id", 1)]
    assert all(0 < (row["latency_ms"] or 1) < 60_000 and row["started_at"].year >= 2026 for row in found.values())
    assert not [key for key in ("sk-first", "sk-unknown", MASTER) if key in str(found)]
    assert "whoever" not in str(found)


def migrations() -> list[str]:
    """The SQL that makes LiteLLM's database, oldest first."""
    told = "import litellm_proxy_extras; print(litellm_proxy_extras.__path__[0])"
    found = subprocess.run([python(), "-c", told], env=environment(), capture_output=True, text=True, check=True)
    return [path.read_text() for path in sorted(Path(found.stdout.strip(), "migrations").glob("*/migration.sql"))]


def put(port: int, rows: list[dict[str, Any]]) -> None:
    """Makes LiteLLM's tables in the server's database and puts rows into that of spend logs."""
    with connect(port) as connection:
        connection.autocommit = True
        for migration in migrations():
            connection.execute(migration)
        for row in rows:
            names, places = ", ".join(f'"{name}"' for name in row), ", ".join(["%s"] * len(row))
            connection.execute(f'INSERT INTO "LiteLLM_SpendLogs" ({names}) VALUES ({places})', list(row.values()))


@pytest.mark.skipif(bool(LACK), reason=LACK)
def test_the_rows_of_its_table_of_spend_logs(logged: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    folder, ids = logged
    rows = [json.loads(line) for line in (folder / "spend.jsonl").read_text().splitlines()]
    numbers = {row["litellm_call_id"]: row["request_id"] for row in rows}
    expected = {numbers[ids[name]]: row for name, row in EXPECTED.items() if row["status"] == 200}
    expected[numbers[ids["messages"]]] |= BRIEF  # which the payload does not tell
    with server() as port:
        put(port, rows)
        with connect(port) as connection, connection.cursor() as cursor:
            with cursor.copy('COPY "LiteLLM_SpendLogs" TO STDOUT (FORMAT csv, HEADER)') as copy:
                (tmp_path / "spend.csv").write_bytes(b"".join(map(bytes, copy)))
        for source in (address(port), tmp_path / "spend.csv", folder / "spend.jsonl"):
            log = open_log([source])
            found = {row["exchange_id"]: row for row in log.read().to_pylist()}
            assert (log.format, log.rejects, len(found)) == ("litellm_spend", (), len(expected))
            assert {i: {c: found[i][c] for c in row} for i, row in expected.items()} == expected


def test_without_texts(upstream: int, tmp_path: Path) -> None:
    body = {
        "model": "m",
        "messages": [BRIEFLY, *ASK],
        "user": "whoever",
        "temperature": 0.25,
    }
    with proxy(tmp_path, upstream, {"turn_off_message_logging": True}, {}) as call:
        assert call(MASTER, CHAT, body).status == 200
        assert call(MASTER, CHAT, body | {"stream": True}).status == 200
        assert call(MASTER, RESPONSES, {"model": "m", "input": "Why?", "instructions": "Be brief."}).status == 200
        wait(lambda: lines(tmp_path / "payloads.jsonl") >= 3, 30)
    expected = SILENT | {
        "account_id": "default_user_id",  # the master key's, whoever the caller says he is
        "api_key_id": "litellm_proxy_master_key",
        "client_ip": "203.0.113.9",
        "input_tokens": 12,
        "output_tokens": 30,
        "reasoning_tokens": 20,
        "status": 200,
    }
    for name in ("payloads.jsonl", "spend.jsonl"):
        log = open_log([tmp_path / name])
        rows = log.read().to_pylist()
        assert [{column: row[column] for column in expected} for row in rows] == [expected] * 3
        assert [row["temperature"] for row in rows] == [0.25, 0.25, None]
        assert log.rejects == ()
