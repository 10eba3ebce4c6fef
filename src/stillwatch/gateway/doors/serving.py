"""Sockets for an ASGI app of the gateway: uvicorn on uvloop and httptools, with an end that lets answers end.

Two sockets: that of callers, where every path belongs to the model's server, and one for whoever runs it, with health,
readiness and metrics. On SIGTERM no new connection is taken, what runs may end within ``drain`` seconds, and the gate
writes what it holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Callable
from typing import Any, NamedTuple

import uvicorn
import uvloop
from uvicorn.server import ServerState

from stillwatch.errors import UsageError
from stillwatch.gateway.doors.departure import ASGIApp, Receive, Scope, Send
from stillwatch.listening import Announcing, taken, url_of, with_certificate

__all__ = [
    "Address",
    "Metrics",
    "Served",
    "administration",
    "configuration",
    "parsed_address",
    "serve",
    "served_beside",
]

Metrics = Callable[[], tuple[str, bytes]]
"""Content type and body of ``/-/metrics``."""
_KEEP_ALIVE_SECONDS = 75
_BACKLOG = 4096


class Address(NamedTuple):
    """Where to listen; port 0 takes a free one."""

    host: str
    port: int


class Served(NamedTuple):
    """Where callers reach the proxy, and where whoever runs it does ("" for nowhere)."""

    callers: str
    administration: str


def parsed_address(text: str, option: str) -> Address:
    """``HOST:PORT`` (``[::1]:8080`` for IPv6). Raises `UsageError` for anything else."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise UsageError(f"{text!r} is no address", option, "write one like 127.0.0.1:8080")
    return Address(host, int(port))


def serve(
    app: ASGIApp,
    *,
    listen: Address,
    admin: Address | None = None,
    metrics: Metrics | None = None,
    drain: float = 30.0,
    certificate: str | None = None,
    key: str | None = None,
    say: Callable[[Served], None],
    close: Callable[[], Any],
) -> None:
    """Serve until SIGTERM or SIGINT; ``say`` is told where once connections are taken, ``close`` awaited at the end.

    Raises `UsageError` where an address cannot be listened on, `InputError` for a certificate that cannot be used.
    """
    aside: list[str] = []
    server = Announcing(
        configuration(app, listen, drain, certificate, key), lambda url: say(Served(url, aside[0] if aside else ""))
    )

    async def run() -> None:
        beside = None
        gc.collect()
        gc.freeze()  # what was made until now stays: looking through it for garbage again and again costs a tenth
        try:
            if admin is not None:
                beside = await served_beside(administration(lambda: not server.should_exit, metrics), admin)
                aside.append(url_of(beside))
            await server.serve()
        except SystemExit as error:  # uvicorn's way to say so
            raise taken(*listen) from error
        finally:
            if beside is not None:
                beside.close()
            await close()

    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises the signal again that it was stopped with
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run())


async def served_beside(app: ASGIApp, address: Address) -> asyncio.Server:
    """A second server in the same process, without a hand on its signals."""
    config = configuration(app, address, 1, None, None)
    state = ServerState()

    def protocol() -> asyncio.Protocol:
        return config.http_protocol_class(config=config, server_state=state, app_state={})  # type: ignore[call-arg]

    try:
        return await asyncio.get_running_loop().create_server(protocol, address.host, address.port)
    except OSError as error:
        raise taken(*address) from error


def configuration(
    app: ASGIApp, address: Address, drain: float, certificate: str | None, key: str | None
) -> uvicorn.Config:
    """How uvicorn is to serve an app, certificates read. Raises `InputError` for one that cannot be used."""
    config = uvicorn.Config(
        app,
        host=address.host,
        port=address.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=max(1, round(drain)),
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    return with_certificate(config, certificate)


def administration(ready: Callable[[], bool], metrics: Metrics | None = None) -> ASGIApp:
    """The app for whoever runs the proxy: ``/-/health`` (the process lives), ``/-/ready`` (503 while it drains),
    ``/-/metrics``."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        status, kind, body = 404, "text/plain; charset=utf-8", b"not found\n"
        if scope["type"] != "http":
            return
        if scope["path"] == "/-/health":
            status, body = 200, b"ok\n"
        elif scope["path"] == "/-/ready":
            status, body = (200, b"ready\n") if ready() else (503, b"draining\n")
        elif scope["path"] == "/-/metrics" and metrics is not None:
            status, (kind, body) = 200, metrics()
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return app
