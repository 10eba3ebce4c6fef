"""A user's own model on 127.0.0.1: a real HTTP server of chat completions that summarises as a test tells it to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.gateway.proxied import served

__all__ = ["Model", "summarising"]

Says = Callable[[str], str | dict[str, Any] | Response | None]


class Model:
    """``says`` gets the reasoning, and gives a text, a whole message, a whole response, or None: no answer ever."""

    def __init__(self) -> None:
        self.address = ""
        self.says: Says = lambda reasoning: "It weighs things."
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.at_once = self.most_at_once = 0
        self.lasts = 0.0

    @property
    def named(self) -> str:
        """How a user names it."""
        return f"openai:mine@{self.address}/v1"

    async def answer(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(body)
        self.keys.append(request.headers.get("authorization"))
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await asyncio.sleep(self.lasts)
            told = self.says(body["messages"][-1]["content"])
            while told is None and not await request.is_disconnected():
                await asyncio.sleep(0.02)
        finally:
            self.at_once -= 1
        if isinstance(told, Response):
            return told
        if told is None:
            return Response()  # to nobody
        message = told if isinstance(told, dict) else {"role": "assistant", "content": told}
        return JSONResponse({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "model": "mine"})

    async def elsewhere(self, request: Request) -> Response:
        """Where a redirection leads."""
        self.asked.append({"redirected": True})
        return RedirectResponse("/v1/chat/completions")


@contextlib.contextmanager
def summarising() -> Iterator[Model]:
    """A model as long as the block lasts."""
    model = Model()
    routes = [
        Route("/v1/chat/completions", model.answer, methods=["POST"]),
        Route("/elsewhere", model.elsewhere, methods=["GET", "POST"]),
    ]
    with served(Starlette(routes=routes)) as model.address:
        yield model
