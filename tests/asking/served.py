"""Model servers for tests: real ones, on 127.0.0.1, that count what they deliver."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from email.utils import format_datetime
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Handler = Callable[[dict[str, Any], Request], Awaitable[Response]]


@contextmanager
def serving(handler: Handler) -> Iterator[str]:
    """The address of a server that answers every POST with ``handler``."""

    async def endpoint(request: Request) -> Response:
        return await handler(json.loads(await request.body()), request)

    with running(Starlette(routes=[Route("/{path:path}", endpoint, methods=["POST"])])) as address:
        yield address


@contextmanager
def running(app: Starlette) -> Iterator[str]:
    """The address at which ``app`` is served, as long as the block lasts."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="critical", lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)


@contextmanager
def raw_serving(talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> Iterator[str]:
    """The address of a server that does to each connection what ``talk`` does: what no HTTP library would send."""
    ready: list[Any] = []
    started = threading.Event()

    async def main() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        ready.extend([server.sockets[0].getsockname()[1], asyncio.get_running_loop(), asyncio.Event()])
        started.set()
        await ready[2].wait()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    started.wait()
    try:
        yield f"http://127.0.0.1:{ready[0]}"
    finally:
        ready[1].call_soon_threadsafe(ready[2].set)
        thread.join(10)


def chat(text: str | None, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """The body of a chat completion."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "served-1",
        "choices": [
            {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }


class Flaky:
    """A server that fails a share of calls, hangs now and then, and turns away whoever asks too fast.

    What happens to a call is told by its question, model and number of the try, so that every run is alike.
    ``delivered`` counts answers given for each question.
    """

    def __init__(self, *, fails: float = 0.0, hangs: float = 0.0, per_second: int = 10**9) -> None:
        self.fails, self.hangs, self.per_second = fails, hangs, per_second
        self.delivered: Counter[tuple[str, str]] = Counter()
        self.tried: Counter[tuple[str, str]] = Counter()
        self.turned_away = self.failed = self.hung = self.most_at_once = self.at_once = 0
        self.pause = 0.0
        self._second: Counter[tuple[str, int]] = Counter()

    async def __call__(self, body: dict[str, Any], request: Request) -> Response:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._answer(body)
        finally:
            self.at_once -= 1

    async def _answer(self, body: dict[str, Any]) -> Response:
        found = re.search(r"question (\S+):", body["messages"][-1]["content"])
        assert found
        key = (body["model"], found[1])
        second = (body["model"], int(time.monotonic()))
        self._second[second] += 1
        if self._second[second] > self.per_second:
            self.turned_away += 1
            later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)
            after = "1" if self.turned_away % 2 else format_datetime(later, usegmt=True)
            return JSONResponse({"error": {"message": "slow down"}}, 429, {"retry-after": after})
        self.tried[key] += 1
        chance = int(hashlib.sha256(f"{key}{self.tried[key]}".encode()).hexdigest()[:8], 16) / 16**8
        if chance < self.hangs:
            self.hung += 1
            await asyncio.sleep(60)
        if chance < self.hangs + self.fails:
            self.failed += 1
            return JSONResponse({"error": {"message": "oops"}}, [500, 502, 503, 529, 408][self.failed % 5])
        if self.pause:
            await asyncio.sleep(self.pause)
        self.delivered[key] += 1
        return JSONResponse(chat(f"answer to {found[1]}"))
