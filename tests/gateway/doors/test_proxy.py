"""The stand-alone proxy: who calls, what passes, what happens when the server or the caller is gone, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from stillwatch.errors import InputError, UsageError
from stillwatch.gateway.doors.accounts import ANONYMOUS, Callers, read_keys
from stillwatch.gateway.doors.asgi import StillwatchMiddleware
from stillwatch.gateway.doors.upstream import Upstream
from stillwatch.sources.calls.http_bodies import key_id
from stillwatch.sources.log import open_log
from tests.gateway.proxied import Chosen, served
from tests.gateway.upstream import serving

POLICY = 'version = 1\nname = "test"\nmode = "act"\n'
CHAT = {"model": "fake", "messages": [{"role": "user", "content": "Why?"}]}
KEY = "sk-a-key-of-mine"


@contextlib.contextmanager
def watching(folder: Path, upstream: str, *options: str) -> Iterator[tuple[dict[str, str], subprocess.Popen[str]]]:
    """``stillwatch watch`` as people run it."""
    (folder / "policy.toml").write_text(POLICY)
    command = [sys.executable, "-m", "stillwatch", "watch", "--upstream", upstream, "--json", "--admin", "127.0.0.1:0"]
    state = ["--policy", str(folder / "policy.toml"), "--state", str(folder / "state"), "--listen", "127.0.0.1:0"]
    with subprocess.Popen([*command, *state, *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline()), process
        finally:
            process.kill()


def journal(folder: Path) -> list[dict[str, Any]]:
    files = sorted((folder / "state" / "journal").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_bytes().splitlines() if line.endswith(b"}")]


def request(address: str, method: str = "GET", path: str = "/", **more: Any) -> tuple[int, bytes]:
    async def send() -> tuple[int, bytes]:
        async with aiohttp.ClientSession() as session:
            async with session.request(method, address + path, **more) as answer:
                return answer.status, await answer.read()

    return asyncio.run(send())


def test_watch_serves_journals_and_ends_when_told(tmp_path: Path) -> None:
    with serving() as upstream, watching(tmp_path, upstream.address) as (told, process):
        bearer = {"authorization": f"Bearer {KEY}"}
        assert request(told["callers"], "POST", "/v1/chat/completions", json=CHAT, headers=bearer)[0] == 200
        assert request(told["callers"], path="/-/health") == (200, b"/-/health")  # callers' paths are the server's own
        assert request(told["administration"], path="/-/health") == (200, b"ok\n")
        assert request(told["administration"], path="/-/ready") == (200, b"ready\n")
        assert request(told["administration"], path="/v1/models")[0] == 404
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    (row,) = open_log([tmp_path / "state" / "journal"]).read().to_pylist()
    assert (row["account_id"], row["operation"], row["output_tokens"]) == (key_id(KEY), "chat", 12)
    assert row["response"] is None  # this policy keeps no text


def test_a_stream_that_runs_may_end_while_the_proxy_drains(tmp_path: Path) -> None:
    async def read(address: str, process: subprocess.Popen[str]) -> bytes:
        body = {**CHAT, "model": "fake+slow+long60", "stream": True}
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{address}/v1/chat/completions", json=body) as answer:
                first = await answer.content.readany()
                process.send_signal(signal.SIGTERM)
                await asyncio.sleep(0.2)
                with pytest.raises(aiohttp.ClientConnectorError):
                    await session.get(f"{address}/v1/models", headers={"connection": "close"})
                return first + await answer.read()

    with serving() as upstream, watching(tmp_path, upstream.address) as (told, process):
        assert asyncio.run(read(told["callers"], process)).endswith(b"data: [DONE]\n\n")
        assert process.wait(10) == 0
    assert [row["status"] for row in journal(tmp_path)] == [200]


def test_a_stream_that_does_not_end_is_cut_off_in_the_end_and_told_of(tmp_path: Path) -> None:
    async def read(address: str, process: subprocess.Popen[str]) -> None:
        body = {**CHAT, "model": "fake+stall", "stream": True}
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{address}/v1/chat/completions", json=body) as answer:
                await answer.content.readany()
                process.send_signal(signal.SIGTERM)
                with pytest.raises(aiohttp.ClientPayloadError):
                    await answer.read()

    with serving() as upstream, watching(tmp_path, upstream.address, "--drain", "1") as (told, process):
        asyncio.run(read(told["callers"], process))
        assert process.wait(10) == 0
    assert [row["status"] for row in journal(tmp_path)] == [502]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--upstream", "ftp://x"], "is no address of a server"),
        (["--upstream", "http://me:pass@x"], "has a password in it"),
        (["--listen", "here"], "is no address"),
        (["--listen", "0.0.0.0:0"], "would serve keys without TLS"),
        (["--policy", "nowhere.toml"], "nowhere.toml"),
        (["--keys", "nowhere.csv"], "nowhere.csv: cannot be read"),
        (["--front", "me"], "is no address or network"),
        (["--cert", "c.pem"], "belong together"),
        (["--listen", "TAKEN"], "cannot be listened on"),
        (["--admin", "TAKEN"], "cannot be listened on"),
    ],
)
def test_what_cannot_run_is_one_line_and_exit_code_2(options: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(POLICY)
    given = {"--upstream": "http://127.0.0.1:9", "--policy": "policy.toml", "--listen": "127.0.0.1:0", "--admin": ""}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        given[options[0]] = options[1].replace("TAKEN", f"127.0.0.1:{taken.getsockname()[1]}")
        command = [
            sys.executable,
            "-m",
            "stillwatch",
            "watch",
            "--state",
            "state",
            *(p for o in given.items() for p in o),
        ]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1
    assert message in ended.stderr


def scope(peer: str = "192.0.2.9", **headers: str) -> dict[str, Any]:
    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "headers": given, "client": (peer, 1)}


def test_the_key_s_hash_is_the_account_and_the_key_is_nowhere() -> None:
    told = Callers().caller(scope(authorization=f"Bearer {KEY}", user_agent="agent/1"))
    assert (told.account_id, told.api_key_id, told.user_agent, told.client_ip) == (
        *(key_id(KEY), key_id(KEY)),
        *("agent/1", "192.0.2.9"),
    )
    assert Callers().caller(scope(x_api_key=KEY)).account_id == told.account_id
    assert Callers().caller(scope()).account_id == ANONYMOUS
    assert KEY not in str(told)


def test_the_header_of_one_s_own_front_is_believed_from_there_only() -> None:
    callers = Callers(header="X-Account", tier_header="x-tier", fronts=["10.0.0.0/8"], hops=1)
    headers = {"x_account": "acct_1", "x_tier": "research", "x_forwarded_for": "6.6.6.6, 192.0.2.7", "x_api_key": KEY}
    told = callers.caller(scope("10.1.2.3", **headers))
    assert (told.account_id, told.tier, told.client_ip) == ("acct_1", "research", "192.0.2.7")
    stranger = callers.caller(scope("192.0.2.9", **headers))
    assert (stranger.account_id, stranger.tier, stranger.client_ip) == (key_id(KEY), "", "192.0.2.9")
    assert callers.spoofed(scope("10.1.2.3", **headers)) is None
    assert dict(callers.spoofed(scope("192.0.2.9", **headers)) or []).keys() == {b"x-forwarded-for", b"x-api-key"}


def test_the_claims_of_a_stranger_do_not_reach_the_server() -> None:
    gate = Chosen()
    with serving() as upstream:
        front = Upstream(upstream.address)
        callers = Callers(header="x-account", fronts=["10.0.0.0/8"])
        with served(StillwatchMiddleware(front, gate=gate, callers=callers), front.close) as address:
            request(address, "POST", "/v1/chat/completions", json=CHAT, headers={"x-account": "acct_1"})
        assert upstream.received[0].header("x-account") is None
    assert gate.requests[0].account_id == ANONYMOUS


def test_a_table_tells_whose_key_it_is(tmp_path: Path) -> None:
    table = tmp_path / "keys.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows(
            [("key_sha256", "account_id", "tier"), (hashlib.sha256(KEY.encode()).hexdigest(), "acct_1", "research")]
        )
    callers = Callers(keys=read_keys(table))
    told = callers.caller(scope(authorization=f"Bearer {KEY}"))
    assert (told.account_id, told.tier, told.api_key_id) == ("acct_1", "research", key_id(KEY))
    assert callers.caller(scope(authorization="Bearer sk-another")).account_id == key_id("sk-another")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n", "has no columns"),
        ("key_sha256,account_id\nxyz,a\n", "keys.csv:2: is no SHA-256"),
        (f"key_sha256,account_id\n{'0' * 64},\n", "keys.csv:2: names no account"),
        (f"key_sha256,account_id\n{'0' * 64},a\n{'0' * 64},b\n", "keys.csv:3: names a key that stands above"),
    ],
)
def test_a_broken_table_of_keys_says_where(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "keys.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_keys(tmp_path / "keys.csv")


def test_hops_are_counted_from_the_end_and_cannot_be_negative() -> None:
    with pytest.raises(UsageError):
        Callers(hops=-1)
    two = Callers(fronts=["10.0.0.1"], hops=2)
    assert two.caller(scope("10.0.0.1", x_forwarded_for="6.6.6.6, 192.0.2.7, 10.0.0.2")).client_ip == "192.0.2.7"
    assert two.caller(scope("10.0.0.1", x_forwarded_for="192.0.2.7")).client_ip == "192.0.2.7"
    assert two.caller(scope("10.0.0.1", x_forwarded_for="<script>, x")).client_ip == "10.0.0.1"


@pytest.mark.parametrize(("model", "status"), [("fake+late5", 504), (None, 502)])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_a_server_that_is_slow_or_down_is_told_of_in_the_caller_s_dialect(
    path: str, model: str | None, status: int
) -> None:
    gate = Chosen()
    with serving() as upstream:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
        front = Upstream(upstream.address if model else nobody, patience=lambda: 0.3)
        with served(StillwatchMiddleware(front, gate=gate), front.close) as address:
            code, body = request(address, "POST", path, json={**CHAT, "model": model or "fake"})
    error = json.loads(body)
    assert code == status
    assert error["error"]["type"] == "api_error"
    assert ("type" in error) == (path == "/v1/messages")
    assert "127.0.0.1" not in body.decode()
    assert [told.row["status"] for told in gate.told] == [status]


def talk(address: str, sent: bytes, *, more: bytes = b"") -> bytes:
    """What comes back over a bare connection; ``more`` is sent once something came."""
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(sent)
        received = connection.recv(65536)
        if more:
            assert b"200 OK" not in received
            connection.sendall(more)
        while piece := connection.recv(65536):
            received += piece
        return received


@pytest.fixture(scope="module")
def front() -> Iterator[tuple[str, Any, Chosen]]:
    gate = Chosen()
    with serving() as upstream:
        proxy = Upstream(upstream.address)
        with served(StillwatchMiddleware(proxy, gate=gate), proxy.close) as address:
            yield address, upstream, gate


def test_what_belongs_to_a_connection_ends_there(front: tuple[str, Any, Chosen]) -> None:
    address, upstream, _ = front
    sent = (
        b"GET /v1/models HTTP/1.1\r\nhost: me\r\nconnection: close, x-mine\r\nx-mine: 1\r\nte: trailers\r\n"
        b"x-kept: 2\r\n"
        b"proxy-authorization: Basic x\r\nkeep-alive: 5\r\nupgrade: websocket\r\n\r\n"
    )
    assert talk(address, sent).startswith(b"HTTP/1.1 200 OK\r\n")
    names = {name.lower() for name, _ in upstream.received[-1].headers}
    assert names == {"host", "x-kept"}
    assert upstream.received[-1].header("host") == upstream.address.removeprefix("http://")


def test_a_caller_who_asks_first_is_told_to_go_on(front: tuple[str, Any, Chosen]) -> None:
    body = json.dumps(CHAT).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: me\r\nconnection: close\r\nexpect: 100-continue\r\n"
    received = talk(front[0], head + b"content-length: %d\r\n\r\n" % len(body), more=body)
    assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert front[1].received[-1].body == body


def test_a_long_upload_passes_while_it_comes(front: tuple[str, Any, Chosen]) -> None:
    address, upstream, _ = front
    piece = os.urandom(2**20)

    async def pieces() -> Any:
        for _ in range(64):
            yield piece

    assert request(address, "POST", "/v1/files", data=pieces())[0] == 200
    assert upstream.received[-1].body == piece * 64


def test_an_answer_that_breaks_off_breaks_off_here_too(front: tuple[str, Any, Chosen]) -> None:
    address, _, gate = front
    gate.told.clear()
    with pytest.raises(aiohttp.ClientPayloadError):
        request(address, "POST", "/v1/chat/completions", json={**CHAT, "model": "fake+cut", "stream": True})
    assert [told.row["status"] for told in gate.told] == [502]
    assert gate.told[0].row["response"]  # what had come until then


@pytest.mark.slow
def test_a_proxy_that_is_killed_has_told_of_all_that_was_completed(tmp_path: Path) -> None:
    """Three kills at random moments under load: whatever a client has whole is in the journal, once."""
    dice = random.Random(8)
    completed: list[str] = []
    for _ in range(3):
        with serving(keeps=False) as upstream, watching(tmp_path, upstream.address) as (told, process):
            completed += asyncio.run(_until_killed(told["callers"], process, dice.uniform(0.3, 1.0)))
            process.wait(10)
    agents = [row["user_agent"] for row in journal(tmp_path)]
    assert len(completed) > 50
    assert set(completed) <= set(agents)
    assert len(agents) == len(set(agents))


async def _until_killed(address: str, process: subprocess.Popen[str], seconds: float) -> list[str]:
    completed: list[str] = []

    async def ask(session: aiohttp.ClientSession, name: str, count: int) -> None:
        flags = ("", "+odd", "+reasoning")[count % 3]
        body = {**CHAT, "model": f"fake{flags}", "stream": count % 2 == 0}
        headers = {"user-agent": name}
        async with session.post(f"{address}/v1/chat/completions", json=body, headers=headers) as answer:
            received = await answer.read()
        if answer.status == 200 and (b"[DONE]\n\n" in received or not body["stream"]):
            completed.append(name)

    async def client(session: aiohttp.ClientSession, number: int) -> None:
        with contextlib.suppress(aiohttp.ClientError):
            for count in range(10_000):
                await ask(session, f"{os.getpid()}-{time.monotonic_ns()}-{number}-{count}", count)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        clients = [asyncio.ensure_future(client(session, number)) for number in range(16)]
        await asyncio.sleep(seconds)
        process.kill()
        await asyncio.gather(*clients)
    return completed
