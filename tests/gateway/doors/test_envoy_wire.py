"""The wire between Envoy and the gateway: who may ask, and what is refused before anything is served."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path
from typing import Any

import grpc
import pytest
from envoy.service.auth.v3 import external_auth_pb2, external_auth_pb2_grpc

from stillwatch.cli.gate.envoy import Wire
from stillwatch.errors import StillwatchError, UsageError
from stillwatch.gateway.doors.accounts import Callers
from stillwatch.gateway.doors.envoy import Tls, front_of, start
from tests.gateway.doors.envoy_door import HEADER, by_name
from tests.gateway.proxied import Chosen


def made(folder: Path, name: str) -> tuple[bytes, bytes]:
    """A certificate that vouches for itself, and its key."""
    chain, key = folder / f"{name}.pem", folder / f"{name}.key"
    wanted = f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -keyout {key} -out {chain}"
    subprocess.run(
        ["openssl", *wanted.split(), "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True
    )
    return chain.read_bytes(), key.read_bytes()


async def checked(port: int, credentials: Any) -> int:
    """The status that a refused account gets over this channel."""
    check = external_auth_pb2.CheckRequest()
    check.attributes.request.http.method = "POST"
    check.attributes.request.http.path = "/v1/chat/completions"
    check.attributes.request.http.headers[HEADER] = "held"
    async with grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials) as channel:
        answer = await external_auth_pb2_grpc.AuthorizationStub(channel).Check(check, timeout=10)
    return int(answer.denied_response.status.code)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")
def test_with_clients_only_whoever_shows_a_certificate_that_is_vouched_for_may_ask(tmp_path: Path) -> None:
    chain, key = made(tmp_path, "ours")
    theirs, stranger = made(tmp_path, "envoy"), made(tmp_path, "stranger")

    async def run() -> int:
        front = front_of(Chosen(by_name), Callers(header=HEADER))
        server, port = await start(front, "127.0.0.1:0", Tls(chain, key, theirs[0]))
        try:
            for shown in ((None, None), (stranger[1], stranger[0])):
                with pytest.raises(grpc.aio.AioRpcError):
                    await checked(port, grpc.ssl_channel_credentials(chain, *shown))
            return await checked(port, grpc.ssl_channel_credentials(chain, theirs[1], theirs[0]))
        finally:
            await server.stop(0)

    assert asyncio.run(run()) == 403


def test_an_address_that_is_taken_or_none_and_keys_that_are_none_are_told_in_one_line() -> None:
    async def run(listen: str, tls: Tls | None = None) -> None:
        server, _ = await start(front_of(Chosen(), Callers()), listen, tls)
        await server.stop(0)

    async def twice() -> None:
        front = front_of(Chosen(), Callers())
        server, port = await start(front, "127.0.0.1:0")
        try:
            await start(front, f"127.0.0.1:{port}")
        finally:
            await server.stop(0)

    with pytest.raises(UsageError, match="cannot be listened on; give HOST:PORT, with a free port, or unix:PATH"):
        asyncio.run(twice())
    with pytest.raises(UsageError, match="cannot be listened on"):
        asyncio.run(run("not an address"))
    with pytest.raises(StillwatchError):
        asyncio.run(run("127.0.0.1:0", Tls(b"no certificate", b"no key")))


def test_a_socket_file_is_served_too(tmp_path: Path) -> None:
    async def run() -> int:
        place = f"unix:{tmp_path}/s"
        server, port = await start(front_of(Chosen(by_name), Callers(header=HEADER)), place)
        check = external_auth_pb2.CheckRequest()
        check.attributes.request.http.headers[HEADER] = "limited"
        async with grpc.aio.insecure_channel(place) as channel:
            answer = await external_auth_pb2_grpc.AuthorizationStub(channel).Check(check, timeout=10)
        await server.stop(0)
        assert port == 0
        return int(answer.denied_response.status.code)

    assert asyncio.run(run()) == 429


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        (Wire(listen="0.0.0.0:9002"), "would serve prompts without TLS"),
        (Wire(cert=Path("c.pem")), "belong together"),
        (Wire(clients=Path("c.pem")), "needs TLS"),
    ],
)
def test_prompts_leave_this_machine_under_tls_only(wire: Wire, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        wire.check()


def test_loopback_a_socket_file_and_a_network_that_does_tls_need_none() -> None:
    for wire in (Wire(), Wire(listen="[::1]:9002"), Wire(listen="unix:/run/s"), Wire(listen="10.0.0.1:1", plain=True)):
        wire.check()
