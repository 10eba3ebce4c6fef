"""What Envoy does when our server, a real process with a real gate, is killed; and the smaller door, ext_authz."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
import msgspec
import pytest

from stillwatch.gateway.stores.base import change
from stillwatch.gateway.stores.opening import open_store
from tests.gateway.answers import CANARY
from tests.gateway.claims import claim, write_policy
from tests.gateway.doors.envoy_door import HEADER
from tests.gateway.doors.envoy_process import envoy, free_port
from tests.gateway.doors.test_bytes import PATHS
from tests.gateway.upstream import Upstream, serving

MEASURES = """
[[measures]]
response = "suspend"
levels = ["confirmed"]

[[measures]]
response = "shield_reasoning"
levels = ["campaign"]
parameters = { mode = "drop" }
"""
CLOSED = {"failure_mode_allow: true": "failure_mode_allow: false"}
PATIENT = {"message_timeout: 1s": "message_timeout: 60s", "max_message_timeout: 30s": "max_message_timeout: 90s"}


class Gateway:
    """``stillwatch gate envoy`` as a process of its own, on one port whenever it is started."""

    def __init__(self, folder: Path) -> None:
        self.state, self.port, self.administration = folder / "state", free_port(), ""
        self._policy = write_policy(folder / "policy.toml", MEASURES)
        self.state.mkdir()
        store = open_store(self.state, None)
        store.put([change(claim("member", level="confirmed")), change(claim("shielded"))])
        store.close()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "stillwatch", "gate", "envoy", "--json", "--account-header", HEADER]
        where = ["--policy", str(self._policy), "--state", str(self.state), "--admin", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            [*command, *where, "--listen", f"127.0.0.1:{self.port}"], stdout=subprocess.PIPE, env=os.environ
        )
        assert self.process.stdout is not None
        told = msgspec.json.decode(self.process.stdout.readline())
        assert told["envoy"] == f"127.0.0.1:{self.port}"
        self.administration = told["administration"]

    def kill(self, number: int = signal.SIGKILL) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(30)

    def journal(self) -> list[dict[str, object]]:
        rows = []
        for path in sorted((self.state / "journal").glob("*.jsonl")):
            rows += [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
        return rows


class Got(NamedTuple):
    status: int
    body: bytes
    broke_off: bool


async def get(address: str, account: str, **body: object) -> Got:
    told = {"model": "fake", "messages": [{"role": "user", "content": "Why?"}], **body}
    async with aiohttp.ClientSession() as session:
        async with session.post(address + PATHS["chat"], json=told, headers={HEADER: account}) as answer:
            pieces, broke_off = [], False
            try:
                async for piece in answer.content.iter_any():
                    pieces.append(piece)
            except aiohttp.ClientError:
                broke_off = True
            return Got(answer.status, b"".join(pieces), broke_off)


LONG = "fake+reasoning+slow+long150"


async def through_a_kill(address: str, gateway: Gateway, account: str, model: str = LONG) -> Got:
    stream = asyncio.ensure_future(get(address, account, stream=True, model=model))
    await asyncio.sleep(0.8)
    await asyncio.to_thread(gateway.kill)
    return await stream


def until_it_is_asked(address: str, gateway: Gateway) -> None:
    """Envoy has connected again: the gateway refuses whom it must."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if asyncio.run(get(address, "member")).status == 403:
            return
        time.sleep(0.1)
    raise AssertionError("the gateway is not asked")


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with serving() as server:
        yield server


@contextlib.contextmanager
def stack(tmp_path: Path, upstream: Upstream, replaced: dict[str, str] | None = None) -> Iterator[tuple[str, Gateway]]:
    gateway = Gateway(tmp_path)
    gateway.start()
    try:
        port = int(upstream.address.rpartition(":")[2])
        with envoy("ext_proc.yaml", tmp_path, port, gateway.port, {**PATIENT, **(replaced or {})}) as front:
            address = f"http://127.0.0.1:{front}"
            until_it_is_asked(address, gateway)
            yield address, gateway
    finally:
        gateway.kill()


@pytest.mark.slow
def test_a_killed_gateway_fails_open_but_for_an_answer_being_shielded(tmp_path: Path, upstream: Upstream) -> None:
    with stack(tmp_path, upstream) as (address, gateway):
        whole = asyncio.run(get(address, "somebody", stream=True, model=LONG))
        through = asyncio.run(through_a_kill(address, gateway, "somebody"))
        assert (through.status, through.broke_off) == (200, False)
        assert through.body == whole.body  # not a byte lost or doubled
        gone = [asyncio.run(get(address, account)).status for account in ("somebody", "member")]
        assert gone == [200, 200]
        gateway.start()
        until_it_is_asked(address, gateway)
        shielded = asyncio.run(through_a_kill(address, gateway, "shielded"))
        assert (shielded.status, shielded.broke_off) == (200, True)
        assert CANARY.encode() not in shielded.body
        gateway.start()
        until_it_is_asked(address, gateway)


def test_a_killed_gateway_fails_closed_where_envoy_is_told_so(tmp_path: Path, upstream: Upstream) -> None:
    with stack(tmp_path, upstream, CLOSED) as (address, gateway):
        assert asyncio.run(get(address, "somebody")).status == 200
        through = asyncio.run(through_a_kill(address, gateway, "somebody"))
        assert through.broke_off
        asked = len(upstream.received)
        assert asyncio.run(get(address, "somebody")).status >= 500
        assert len(upstream.received) == asked
        gateway.start()
        until_it_is_asked(address, gateway)
        assert asyncio.run(get(address, "somebody")).status == 200
        between = asyncio.run(through_a_kill(address, gateway, "shielded", model="fake+reasoning+late2"))
        assert between.status >= 500
        assert CANARY.encode() not in between.body


@pytest.mark.slow
def test_every_answer_that_was_received_whole_is_in_the_journal_after_kills(tmp_path: Path, upstream: Upstream) -> None:
    async def load(address: str, gateway: Gateway, seconds: float) -> int:
        """Whole streams received while the gateway was there; each asks for a model of its own name."""
        counted = 0

        async def one(number: int) -> None:
            nonlocal counted
            while asyncio.get_running_loop().time() < until:
                got = await get(address, f"account-{number}", stream=True, model="fake+long5")
                counted += got.body.rstrip().endswith(b"[DONE]")

        until = asyncio.get_running_loop().time() + seconds
        await asyncio.gather(*(one(number) for number in range(8)))
        return counted

    with stack(tmp_path, upstream, CLOSED) as (address, gateway):
        received = 0
        for _ in range(3):
            running = asyncio.run(_load_and_kill(load, address, gateway))
            received += running
            gateway.start()
            until_it_is_asked(address, gateway)
        answered = [row for row in gateway.journal() if str(row["account_id"]).startswith("account-")]
    ids = [row["exchange_id"] for row in answered]
    assert received > 20
    assert len(set(ids)) == len(ids)
    assert sum(row["status"] == 200 for row in answered) >= received


async def _load_and_kill(load, address: str, gateway: Gateway) -> int:  # type: ignore[no-untyped-def]
    running = asyncio.ensure_future(load(address, gateway, 2.0))
    await asyncio.sleep(1.2)
    await asyncio.to_thread(gateway.kill)
    return int(await running)


def test_stopping_lets_answers_end_and_metrics_and_health_are_beside(tmp_path: Path, upstream: Upstream) -> None:
    async def run(address: str, gateway: Gateway) -> Got:
        stream = asyncio.ensure_future(get(address, "somebody", stream=True, model="fake+slow+long100"))
        await asyncio.sleep(0.5)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{gateway.administration}/-/health") as answer:
                assert answer.status == 200
            async with session.get(f"{gateway.administration}/-/metrics") as answer:
                text = await answer.text()
        assert 'stillwatch_decisions_total{kind="refused"}' in text
        code = await asyncio.to_thread(gateway.kill, signal.SIGTERM)
        assert code == 0
        return await stream

    with stack(tmp_path, upstream) as (address, gateway):
        got = asyncio.run(run(address, gateway))
    assert (got.status, got.broke_off) == (200, False)
    assert got.body.rstrip().endswith(b"[DONE]")
    rows = [row for row in gateway.journal() if row["account_id"] == "somebody"]
    assert [row["status"] for row in rows] == [200]


def test_ext_authz_refuses_and_lets_pass_and_fails_open_or_closed(tmp_path: Path, upstream: Upstream) -> None:
    gateway = Gateway(tmp_path)
    gateway.start()
    port = int(upstream.address.rpartition(":")[2])
    with envoy("ext_authz.yaml", tmp_path, port, gateway.port) as one:
        with envoy("ext_authz.yaml", tmp_path, port, gateway.port, CLOSED) as other:
            opened, closed = f"http://127.0.0.1:{one}", f"http://127.0.0.1:{other}"
            until_it_is_asked(opened, gateway)
            until_it_is_asked(closed, gateway)
            refused = asyncio.run(get(opened, "member"))
            assert "suspended" in msgspec.json.decode(refused.body)["error"]["message"]
            assert asyncio.run(get(opened, "somebody")).status == 200
            gateway.kill()
            assert [asyncio.run(get(address, "member")).status for address in (opened, closed)] == [200, 503]
    rows = gateway.journal()
    assert {row["status"] for row in rows if row["account_id"] == "member"} == {403}


def test_a_gateway_that_is_silent_delays_a_request_by_the_timeout_and_no_more(
    tmp_path: Path, upstream: Upstream
) -> None:
    gateway = Gateway(tmp_path)
    gateway.start()
    port, short = int(upstream.address.rpartition(":")[2]), {"message_timeout: 1s": "message_timeout: 0.3s"}
    assert gateway.process is not None
    try:
        with envoy("ext_proc.yaml", tmp_path, port, gateway.port, short) as one:
            with envoy("ext_proc.yaml", tmp_path, port, gateway.port, {**short, **CLOSED}) as other:
                opened, closed = f"http://127.0.0.1:{one}", f"http://127.0.0.1:{other}"
                until_it_is_asked(opened, gateway)
                until_it_is_asked(closed, gateway)
                gateway.process.send_signal(signal.SIGSTOP)
                assert [asyncio.run(get(address, "member")).status for address in (opened, closed)] == [200, 504]
    finally:
        gateway.kill()
