"""Real receivers of alerts on 127.0.0.1: HTTP that answers as told, and sockets that take syslog."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import NamedTuple

from aiohttp import web


class Post(NamedTuple):
    headers: dict[str, str]
    body: bytes


class Receiver:
    """What came, and what is answered: ``statuses`` one after the other, then 200; ``retry_after`` with them."""

    def __init__(self) -> None:
        self.url, self.posts, self.statuses, self.retry_after = "", list[Post](), list[int](), ""

    async def take(self, request: web.Request) -> web.Response:
        self.posts.append(Post({k.lower(): v for k, v in request.headers.items()}, await request.read()))
        status = self.statuses.pop(0) if self.statuses else 200
        headers = {"location": "http://127.0.0.1:1/"} if status in (301, 302, 307) else {}
        if self.retry_after:
            headers["retry-after"] = self.retry_after
        return web.Response(status=status, headers=headers, text="what a stranger says")


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver, app = Receiver(), web.Application()
    app.router.add_post("/{path:.*}", receiver.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = "http://{}:{}/hook/T000/secret".format(*runner.addresses[0][:2])
    try:
        yield receiver
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def tcp(context: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, asyncio.Queue[bytes]]]:
    """A server that takes one message each connection; its port, and what came."""
    came: asyncio.Queue[bytes] = asyncio.Queue()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.put_nowait(await reader.read())
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1], came
    finally:
        server.close()


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.came: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.came.put_nowait(data)


@contextlib.asynccontextmanager
async def udp() -> AsyncIterator[tuple[int, asyncio.Queue[bytes]]]:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        Datagrams, local_addr=("127.0.0.1", 0)
    )
    try:
        yield transport.get_extra_info("sockname")[1], protocol.came
    finally:
        transport.close()
