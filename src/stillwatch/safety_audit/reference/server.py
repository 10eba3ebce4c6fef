"""The reference models behind a real socket, with their planted failures. Needs starlette and uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import logging
import math
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as Incoming
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from stillwatch.errors import InputError, UsageError
from stillwatch.safety_audit.reference import chat
from stillwatch.safety_audit.reference.behaviour import Failures, Mishap
from stillwatch.safety_audit.reference.book import fingerprint
from stillwatch.safety_audit.reference.cast import Cast
from stillwatch.safety_audit.reference.failing import Fault, Faults

__all__ = ["Serving", "application", "run", "serving"]

STATUS: dict[Mishap, int] = {"limited": 429, "overloaded": 503, "error": 500, "gateway": 502, "html": 502}
PAGE = b"<!DOCTYPE html><title>Bad gateway</title><h1>502</h1><p>The server behind this proxy did not answer."
DRIPS = 20
LINES: dict[tuple[str, int], asyncio.BaseTransport] = {}
"""Open connections by the caller's address, for failures that no well-behaved server has."""


class Server:
    """The API over a cast; counts what it did, by model and outcome (``answered``, a mishap, ``filtered``)."""

    def __init__(self, cast: Cast) -> None:
        self.cast, behaviour = cast, cast.behaviour
        self.faults = {
            name: Faults(model.failures, behaviour.seed, name, time.monotonic)
            for name, model in behaviour.models.items()
        }
        self.counts: Counter[tuple[str, str]] = Counter()
        self.answered: Counter[tuple[str, str]] = Counter()

    async def complete(self, incoming: Incoming) -> Response:
        """``POST /v1/chat/completions``."""
        if not self._allowed(incoming):
            return _refusal(401, "the key is missing or wrong", "invalid_api_key")
        body = await _read(incoming)
        if body is None:
            return _refusal(413, f"more than {chat.MAX_BODY} bytes", "request_too_large")
        try:
            asked = chat.read_request(body)
        except InputError as wrong:
            return _refusal(400, str(wrong), "invalid_request_error")
        if asked.model not in self.cast.behaviour.models:
            return _refusal(404, "no such model; GET /v1/models lists them", "model_not_found")
        return await self._answer(asked)

    async def _answer(self, asked: chat.Request) -> Response:
        name, planted = asked.model, self.cast.behaviour.models[asked.model]
        messages = asked.conversation()
        request = hashlib.blake2b(fingerprint(messages) + str(asked.seed).encode(), digest_size=16).hexdigest()
        faults = self.faults[name]
        fault = faults.next(request)
        if planted.failures.latency:
            await asyncio.sleep(planted.failures.latency)
        self.counts[name, fault.mishap if fault else "filtered" if faults.filtered(request) else "answered"] += 1
        if fault is None and faults.filtered(request):
            return _refusal(400, "the prompt was filtered", "content_filter")
        if fault is not None and fault.mishap in STATUS:
            return _failed(fault)
        sample = self.answered[name, request] if planted.fresh and asked.seed is None else asked.seed or 0
        self.answered[name, request] += fault is None
        reply = self.cast.answer(name, messages, sample)
        write = chat.events if asked.stream else chat.completion
        body = write(f"reference-{request}", planted.says or name, asked, reply)
        kind = "text/event-stream" if asked.stream else "application/json"
        return Response(body, media_type=kind) if fault is None else Broken(body, kind, fault.mishap, planted.failures)

    async def models(self, incoming: Incoming) -> Response:
        """``GET /v1/models``."""
        if not self._allowed(incoming):
            return _refusal(401, "the key is missing or wrong", "invalid_api_key")
        held = [{"id": name, "object": "model", "owned_by": "reference"} for name in self.cast.behaviour.models]
        return _json({"object": "list", "data": held})

    async def drawn(self, incoming: Incoming) -> Response:
        """``GET /reference/drawn``: every answer as it was really drawn, a line each."""
        if not self._allowed(incoming):
            return _refusal(401, "the key is missing or wrong", "invalid_api_key")
        lines = msgspec.json.Encoder().encode_lines(list(self.cast.drawn.values()))
        return Response(lines, media_type="application/jsonl")

    async def counted(self, incoming: Incoming) -> Response:
        """``GET /reference/counts``: tries by model and outcome."""
        if not self._allowed(incoming):
            return _refusal(401, "the key is missing or wrong", "invalid_api_key")
        return _json([{"model": m, "outcome": o, "tries": n} for (m, o), n in sorted(self.counts.items())])

    def _allowed(self, incoming: Incoming) -> bool:
        key = self.cast.behaviour.key
        sent = incoming.headers.get("authorization", "").encode("utf-8", "replace")
        return not key or hmac.compare_digest(sent, f"Bearer {key}".encode())


class Broken(Response):
    """An answer to which something happens on its way."""

    def __init__(self, body: bytes, kind: str, mishap: Mishap, planted: Failures) -> None:
        self.mishap, self.planted, self.stream = mishap, planted, kind == "text/event-stream"
        super().__init__(self._spoilt(body), media_type=kind)

    def _spoilt(self, body: bytes) -> bytes:
        if self.mishap == "broken":
            return body[: len(body) // 2]
        if self.mishap == "wrong":
            return b"data: {}\n\n" if self.stream else b'{"object":"chat.completion"}'
        if self.mishap == "empty":
            hollow = {"choices": [{"index": 0, "message": {"role": "assistant", "content": None}}]}
            return b"data: [DONE]\n\n" if self.stream else msgspec.json.encode(hollow)
        return body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, or as much of it as arrives."""
        if self.mishap in ("hang", "reset"):
            if self.mishap == "hang":
                await _gone(receive, self.planted.hang)
            _hang_up(scope)
            return
        if self.mishap not in ("cut", "drip"):
            await super().__call__(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        whole = bytes(self.body)
        if self.mishap == "cut":
            await send({"type": "http.response.body", "body": whole[: len(whole) // 2], "more_body": True})
            await asyncio.sleep(0.01)
            _hang_up(scope)
            return
        step = max(1, math.ceil(len(whole) / DRIPS))
        for at in range(0, len(whole), step):
            await asyncio.sleep(self.planted.drip / DRIPS)
            await send({"type": "http.response.body", "body": whole[at : at + step], "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Line(H11Protocol):
    """A connection that can be dropped."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember it by the caller's address."""
        super().connection_made(transport)
        LINES[transport.get_extra_info("peername")[:2]] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        LINES.pop(self.transport.get_extra_info("peername")[:2], None)
        super().connection_lost(exc)


class Serving(NamedTuple):
    """A server at work: where, and its parts."""

    url: str
    """``http://127.0.0.1:PORT/v1``"""
    server: Server

    @property
    def cast(self) -> Cast:
        """Its models: their truth, and what was drawn."""
        return self.server.cast

    def address(self, model: str) -> str:
        """How the command line names one of the models."""
        return f"openai:{model}@{self.url}"


def application(server: Server) -> Starlette:
    """The API as an ASGI application."""
    return Starlette(
        routes=[
            Route("/v1/chat/completions", server.complete, methods=["POST"]),
            Route("/v1/models", server.models),
            Route("/reference/drawn", server.drawn),
            Route("/reference/counts", server.counted),
        ]
    )


@contextlib.contextmanager
def serving(cast: Cast, port: int = 0) -> Iterator[Serving]:
    """Serve on 127.0.0.1 from a thread of this process; port 0 is any that is free."""
    server = Server(cast)
    with socket.create_server(("127.0.0.1", port)) as listening:
        at_work = _uvicorn(server)
        thread = threading.Thread(target=at_work.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not at_work.started and thread.is_alive():
            time.sleep(0.005)
        try:
            yield Serving(f"http://127.0.0.1:{listening.getsockname()[1]}/v1", server)
        finally:
            at_work.should_exit = True
            thread.join()


def run(cast: Cast, port: int, say: Callable[[str], object]) -> None:
    """Serve until the process is told to end; ``say`` gets the address."""
    try:
        listening = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise UsageError(f"cannot listen: {error.strerror}", f"port {port}", "take another, or 0") from error
    with listening:
        say(f"http://127.0.0.1:{listening.getsockname()[1]}/v1")
        _uvicorn(Server(cast)).run(sockets=[listening])


def _uvicorn(server: Server) -> uvicorn.Server:
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        application(server),
        http=Line,
        loop="asyncio",
        log_config=None,
        lifespan="off",
        timeout_graceful_shutdown=1,
        access_log=False,
    )
    return uvicorn.Server(config)


async def _read(incoming: Incoming) -> bytes | None:
    held = b""
    try:
        async for piece in incoming.stream():
            held += piece
            if len(held) > chat.MAX_BODY:
                return None
    except ClientDisconnect:
        return b""
    return held


async def _gone(receive: Receive, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(_disconnected(receive), seconds)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _hang_up(scope: Scope) -> None:
    line = LINES.get(tuple(scope["client"])[:2])
    if isinstance(line, asyncio.Transport):
        line.abort()


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")


def _refusal(status: int, message: str, code: str) -> Response:
    return Response(chat.error(message, code), status, media_type="application/json")


def _failed(fault: Fault) -> Response:
    status = STATUS[fault.mishap]
    if fault.mishap in ("gateway", "html"):
        return Response(b"" if fault.mishap == "gateway" else PAGE, status, media_type="text/html")
    answer = _refusal(status, f"planted: {fault.mishap}", "rate_limit_exceeded" if status == 429 else "server_error")
    if status != 500:
        answer.headers["retry-after"] = str(math.ceil(fault.after))
        answer.headers["retry-after-ms"] = str(math.ceil(fault.after * 1000))
    return answer
