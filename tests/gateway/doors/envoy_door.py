"""Our server for Envoy in a thread of this process, with a gate whose decisions an account's name chooses."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from stillwatch.gateway.doors.accounts import Callers
from stillwatch.gateway.doors.envoy import front_of, start
from stillwatch.gateway.doors.envoy_exchange import Front
from stillwatch.responses.traffic import Refusal, Request, Shape
from tests.gateway.keyrings import MARK
from tests.gateway.proxied import Chosen

HEADER = "x-account-id"
DONE: dict[str, dict[str, Any]] = {
    "limited": {"refuse": Refusal(status=429, code="rate_limited", message="Slow down.", retry_after=7.0)},
    "held": {"refuse": Refusal(status=403, code="held", message="Held until a person has looked.")},
    "slowed": {"wait": 1.5},
    "shaped": {"shape": Shape(drop_logprobs=True, one_answer=True, reasoning_tokens=1024, reasoning_effort="low")},
    "dropped": {"shield": "drop"},
    "sealed": {"shield": "seal"},
    "summarised": {"shield": "summarise"},
    "marked": {"mark": MARK},
    "both": {"mark": MARK, "shield": "drop"},
}


def by_name(request: Request) -> dict[str, Any]:
    done = DONE.get(request.account_id.partition("-")[0], {})
    return {**done, "reference": "ABCDEFGHIJ"} if done else {}


class Door:
    """The server's port, its gate, and a way to stop it at once."""

    def __init__(self, **changes: Any) -> None:
        self.gate = Chosen(by_name)
        self.port = 0
        self._changes = changes
        self._loop = asyncio.new_event_loop()
        self._server: Any = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def open(self, port: int = 0) -> None:
        front: Front = front_of(self.gate, Callers(header=HEADER))._replace(**self._changes)
        started = asyncio.run_coroutine_threadsafe(start(front, f"127.0.0.1:{port}"), self._loop)
        self._server, self.port = started.result(20)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._server.stop(0), self._loop).result(20)

    def end(self) -> None:
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@contextlib.contextmanager
def door(**changes: Any) -> Iterator[Door]:
    opened = Door(**changes)
    opened.open()
    try:
        yield opened
    finally:
        opened.end()
