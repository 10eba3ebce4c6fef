"""One peer served over HTTP: sessions one after the other, each with a key of its own, and then the server ends.

Needs starlette and uvicorn (the extra `stillwatch[sharing]`).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from stillwatch.errors import InputError, StillwatchError, UsageError
from stillwatch.listening import body_within
from stillwatch.loopback import is_loopback
from stillwatch.progress import Progress
from stillwatch.sharing.private import messages, recorded
from stillwatch.sharing.private.items import Items
from stillwatch.sharing.private.messages import MEDIA_TYPE, Mode
from stillwatch.sharing.private.protocol import Limits, Offer
from stillwatch.sharing.private.web import REQUEST, SETUP

__all__ = ["Desk", "Place", "application", "serve"]

MOST_REFUSED = 10
"""Requests of a peer that are refused before it is served no more: each costs work."""
PATIENCE = 600.0
"""Seconds in which a request must have arrived whole."""


class Place(NamedTuple):
    """Where to serve; without ``certificate`` and ``key`` (PEM files) only on this machine."""

    host: str = "127.0.0.1"
    port: int = 0
    certificate: Path | None = None
    key: Path | None = None


class Desk:
    """Serves one peer who holds ``token``. ``items`` are offered in each of ``sessions`` sessions.

    ``warn`` is told, before a response is sent, what is odd about a request; ``ended`` is called when the last session
    was answered or too much was refused.
    """

    def __init__(
        self,
        items: Items,
        mode: Mode,
        *,
        peer: str,
        token: str,
        book: Path,
        limits: Limits,
        progress: Progress,
        sessions: int = 1,
        warn: Callable[[str], object] = lambda line: None,
    ) -> None:
        self._items, self._mode, self._peer, self._book = items, mode, peer, book
        self._limits, self._progress, self._warn = limits, progress, warn
        self._token = hashlib.sha256(f"Bearer {token}".encode()).digest()
        self._left, self._refused = sessions, 0
        self._held: tuple[Offer, bytes] | None = None
        self._turn = asyncio.Lock()
        self.answered = 0
        self.failure: StillwatchError | None = None
        self.ended: Callable[[], object] = lambda: None

    def prepare(self) -> None:
        """Make the first offer now, so that the peer need not wait for it."""
        self._held = self._begun()

    async def setup(self, incoming: Request) -> Response:
        """``GET /psi/1/setup``: the offer of the session that is open; the same one until it is answered."""
        if not self._known(incoming):
            return _refusal(401, "the token is missing or wrong")
        async with self._turn:
            if not self._left:
                return _refusal(410, "all sessions were held")
            if self._held is None:
                try:
                    self._held = await run_in_threadpool(self._begun)
                except StillwatchError as failed:
                    return self._failed(failed)
            return Response(self._held[1], media_type=MEDIA_TYPE)

    async def request(self, incoming: Request) -> Response:
        """``POST /psi/1/request``: the response, once; then the session is over."""
        if not self._known(incoming):
            return _refusal(401, "the token is missing or wrong")
        body = await _body(incoming, messages.largest(min(self._limits.most, messages.MOST_ITEMS)))
        if body is None:
            return _refusal(413, f"a request is at most {self._limits.most} artefacts and arrives in {PATIENCE:g} s")
        async with self._turn:
            if self._held is None:
                return _refusal(409, "no session is open: fetch the setup first")
            try:
                response = await run_in_threadpool(self._answer, self._held[0], body)
            except InputError as refused:
                self._refused += 1
                over = self._refused >= MOST_REFUSED
                self._left = 0 if over else self._left
                return _refusal(422, f"the request {refused}", BackgroundTask(self._over) if over else None)
            except StillwatchError as failed:
                return self._failed(failed)
            self._held, self._left, self.answered = None, self._left - 1, self.answered + 1
            after = None if self._left else BackgroundTask(self._over)
            return Response(response, media_type=MEDIA_TYPE, background=after)

    def _begun(self) -> tuple[Offer, bytes]:
        return recorded.begin_offer(self._items, self._mode, self._peer, self._book, self._progress)

    def _answer(self, offer: Offer, body: bytes) -> bytes:
        response, lines = recorded.answer(offer, body, self._book, self._limits, self._progress)
        for line in lines:
            self._warn(line)
        return response

    def _known(self, incoming: Request) -> bool:
        sent = incoming.headers.get("authorization", "").encode("utf-8", "replace")
        return hmac.compare_digest(hashlib.sha256(sent).digest(), self._token)

    def _failed(self, error: StillwatchError) -> Response:
        """Something here is wrong (a disk, a transcript): the peer is not told what, `serve` raises it."""
        self.failure, self._left, self._held = error, 0, None
        return _refusal(500, "the other side cannot answer now", BackgroundTask(self._over))

    async def _over(self) -> None:
        self.ended()


def application(desk: Desk) -> Starlette:
    """The desk as an ASGI application."""
    return Starlette(routes=[Route(SETUP, desk.setup), Route(REQUEST, desk.request, methods=["POST"])])


def serve(desk: Desk, place: Place, say: Callable[[str], object]) -> int:
    """Serve until all sessions were held; ``say`` gets the address. How many were answered.

    Raises `UsageError` for a place that others reach without TLS, that is taken, or whose certificate is none, and what
    kept this side from answering.
    """
    encrypted = place.certificate is not None and place.key is not None
    if not encrypted and not is_loopback(place.host):
        raise UsageError("would be served unencrypted", place.host, "give --certificate and --key, or serve 127.0.0.1")
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    try:
        listening = socket.create_server((place.host, place.port), family=family)
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"cannot listen: {error}", f"{place.host}:{place.port}", "take another --port, or 0"
        ) from error
    with listening:
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
        config = uvicorn.Config(
            application(desk), log_config=None, lifespan="off", access_log=False, server_header=False,
            limit_concurrency=16, timeout_graceful_shutdown=int(PATIENCE),
            ssl_certfile=place.certificate if encrypted else None, ssl_keyfile=place.key if encrypted else None,
        )  # fmt: skip
        try:
            config.load()
        except (OSError, ValueError) as error:
            raise UsageError(f"is no certificate with its key: {error}", place.certificate) from error
        server = uvicorn.Server(config)
        desk.ended = lambda: setattr(server, "should_exit", True)
        host = f"[{place.host}]" if family == socket.AF_INET6 else place.host
        say(f"{'https' if encrypted else 'http'}://{host}:{listening.getsockname()[1]}")
        server.run(sockets=[listening])
    if desk.failure is not None:
        raise desk.failure
    return desk.answered


async def _body(incoming: Request, most: int) -> bytes | None:
    """The body; None for one that is too large or does not arrive in time."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await body_within(incoming.stream(), most)
    except TimeoutError:
        return None
    except ClientDisconnect:
        return b""


def _refusal(status: int, line: str, after: BackgroundTask | None = None) -> Response:
    return PlainTextResponse(line, status, background=after)
