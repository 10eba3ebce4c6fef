"""A caller who goes away while something is done for him: then it is not done any longer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from types import TracebackType
from typing import Any, Self

__all__ = ["ASGIApp", "Departure", "Message", "Receive", "Scope", "Send"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class Departure:
    """``with Departure(receive) as departure:`` ends the block where the caller disconnects; ``happened`` tells so.

    For the time after the request's body was received: nothing else may call ``receive`` inside the block.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.happened = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None, "a request is served by a task"  # noqa: S101
        self._task = task
        self._watch = asyncio.ensure_future(self._until_disconnected())
        self._watch.add_done_callback(self._leave)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._watch.remove_done_callback(self._leave)
        self._watch.cancel()
        if self.happened and kind is asyncio.CancelledError:
            self._task.uncancel()
            return True
        return False

    async def _until_disconnected(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _leave(self, watch: asyncio.Future[None]) -> None:
        # The task waits somewhere inside the block, or this would have been removed: there it is interrupted.
        if not watch.cancelled() and watch.exception() is None:
            self.happened = True
            self._task.cancel()
