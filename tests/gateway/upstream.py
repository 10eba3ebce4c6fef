"""A fake model server on 127.0.0.1: a real HTTP server that answers as `tests.gateway.answers` tells it to.

``python -m tests.gateway.upstream`` serves until it is stopped, and prints its address first.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from tests.gateway.answers import Answer, answer, flags_of

__all__ = ["Received", "Upstream", "serving"]

APIS = {"/chat/completions": "chat", "/messages": "messages", "/responses": "responses"}
MOST_KEPT = 5000


class Received(NamedTuple):
    """One request as it came. ``ended`` tells how its answer went: whole, or the caller went away."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    ended: asyncio.Future[bool]

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


class Upstream:
    """What the server received, newest last, and where it is."""

    def __init__(self, *, keeps: bool = True) -> None:
        self.address = ""
        self.received: deque[Received] = deque(maxlen=MOST_KEPT if keeps else 1)
        self.open = 0

    def application(self) -> web.Application:
        app = web.Application(client_max_size=2**31)
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        ended = asyncio.get_running_loop().create_future()
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers]
        self.received.append(Received(request.method, request.raw_path, headers, body, ended))
        self.open += 1
        whole = False
        try:
            response = await self._answered(request, body)
            whole = True
            return response
        finally:
            self.open -= 1
            ended.set_result(whole)

    async def _answered(self, request: web.Request, body: bytes) -> web.StreamResponse:
        api = next((api for end, api in APIS.items() if request.path.endswith(end)), None)
        try:
            asked: Any = msgspec.json.decode(body)
        except msgspec.DecodeError:
            asked = None
        if request.method != "POST" or api is None or not isinstance(asked, dict) or "model" not in asked:
            return _echo(request, body)
        return await _written(request, answer(api, asked), flags_of(asked["model"]))


def _echo(request: web.Request, body: bytes) -> web.StreamResponse:
    """Files, batches, lists of models and whatever else: what came, told back."""
    headers = {"content-type": "application/octet-stream", "x-method": request.method}
    if request.query.get("status"):
        return web.Response(status=int(request.query["status"]), body=body or None, headers=headers)
    return web.Response(body=body or request.raw_path.encode(), headers=headers)


async def _written(request: web.Request, told: Answer, flags: dict[str, int]) -> web.StreamResponse:
    headers = {"content-type": told.content_type, "x-request-id": "req_upstream", "x-unknown-header": "é ü"}
    if told.coding:
        headers["content-encoding"] = told.coding
    if told.status == 429:
        headers["retry-after"] = "7"
    response = web.StreamResponse(status=told.status, headers=headers)
    if told.chunked:
        response.enable_chunked_encoding()
    else:
        response.content_length = sum(map(len, told.pieces))
    if "late" in flags:
        await asyncio.sleep(flags["late"])
    await response.prepare(request)
    for place, piece in enumerate(told.pieces):
        if "cut" in flags and place > len(told.pieces) // 2:
            assert request.transport is not None
            request.transport.abort()
            return response
        await response.write(piece)
        if "slow" in flags:
            await asyncio.sleep(0.01)
        if "stall" in flags and place > 2:
            await asyncio.sleep(600)
    await response.write_eof()
    return response


@contextlib.contextmanager
def serving(*, keeps: bool = True) -> Iterator[Upstream]:
    """A server as long as the block lasts, in a thread of its own."""
    upstream = Upstream(keeps=keeps)
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    stop = asyncio.Event()

    async def run() -> None:
        runner = await _started(upstream, 0)
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield upstream
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


async def _started(upstream: Upstream, port: int) -> web.AppRunner:
    runner = web.AppRunner(upstream.application(), access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=4096)
    await site.start()
    upstream.address = "http://{}:{}".format(*runner.addresses[0][:2])
    return runner


async def _forever() -> None:
    upstream = Upstream(keeps=False)
    await _started(upstream, 0)
    sys.stdout.write(upstream.address + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_forever())
