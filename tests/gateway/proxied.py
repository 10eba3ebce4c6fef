"""The proxy in a thread of this process, before any server, with a gate whose decisions a test chooses."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
import uvloop

from stillwatch.gateway.decision import Decision, Observed
from stillwatch.gateway.doors.departure import ASGIApp
from stillwatch.gateway.doors.serving import Address, configuration
from stillwatch.gateway.policy import Policy
from stillwatch.responses.traffic import Request

__all__ = ["Chosen", "served"]


class Chosen:
    """Decides as it is told to (``choose`` gives fields of a `Decision`), and remembers what it was told."""

    def __init__(self, choose: Callable[[Request], dict[str, Any]] = lambda request: {}, *, text: bool = True) -> None:
        self.choose = choose
        self.keeps_text = text
        self.policy = Policy(version=1, name="test", appeal="https://appeal.example")
        self.requests: list[Request] = []
        self.told: list[Observed] = []

    def now(self) -> int:
        return time.time_ns() // 1000

    def decide(self, request: Request) -> Decision:
        self.requests.append(request)
        head = {"request_id": request.request_id, "account_id": request.account_id, "at": request.at}
        return Decision(**head, **self.choose(request))

    def observed(self, observed: Observed) -> None:
        self.told.append(observed)


@contextlib.contextmanager
def served(app: ASGIApp, close: Callable[[], Any] | None = None) -> Iterator[str]:
    """The address at which ``app`` is served as the proxy serves, as long as the block lasts."""
    server = uvicorn.Server(configuration(app, Address("127.0.0.1", 0), 1, None, None))

    async def run() -> None:
        await server.serve()
        if close is not None:
            await close()

    def work() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run())

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        threading.Event().wait(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
