"""Answers of the server: resources, pages with their dates, error messages; and bodies, read with a bound.

TAXII 2.1 sections 3.2 (dates), 3.5 (pages), 3.6 (errors). Nothing that a request says is repeated in an error.
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from stillwatch.errors import StillwatchError, one_line
from stillwatch.sharing.taxii.filters import Filters
from stillwatch.sharing.taxii.instants import stamp
from stillwatch.sharing.taxii.negotiation import MEDIA_TYPE
from stillwatch.sharing.taxii.store import Page

__all__ = ["Refusal", "answer", "body_of", "failed", "paged", "refused"]

_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff", "vary": "authorization, accept"}
_UPLOAD_SECONDS = 60.0
_SAYINGS = {
    400: "the request is not understood",
    401: "log in first",
    403: "not for this user",
    404: "there is no such thing here for this user",
    405: "this cannot be done here",
    406: "the Accept header must name application/taxii+json;version=2.1",
    408: "the request took too long",
    413: "the request is larger than max_content_length",
    415: "the Content-Type header must be application/taxii+json;version=2.1, without a content encoding",
    422: "what was sent cannot be used",
    429: "too many wrong log-ins from this address",
    500: "the server failed",
    503: "the server cannot keep anything now",
}


class Refusal(Exception):
    """An answer that is an error: its status, what it says beyond that, and headers."""

    def __init__(self, status: int, words: str | None = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.words, self.headers = status, words, headers


def paged(name: str, items: list[Any], page: Page, filters: Filters) -> Response:
    """A page with its dates. An empty one has no first object, yet the headers must be there: they are then the time
    that was asked after, so that a client which goes on from it stays where it is."""
    told: dict[str, Any] = {"more": True, "next": str(page.rows[-1].added)} if page.more else {}
    told |= {name: items} if items else {}
    nothing = max(filters.asked_after or 0, 0)
    first, last = (page.rows[0].added, page.rows[-1].added) if page.rows else (nothing, nothing)
    dates = {"x-taxii-date-added-first": stamp(first), "x-taxii-date-added-last": stamp(last)}
    return answer(told, headers=dates)


def answer(told: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A resource; ``told`` None: an answer without a body."""
    body = b"" if told is None else msgspec.json.encode(told)
    return Response(body, status, {**_HEADERS, **(headers or {}), "content-type": MEDIA_TYPE})


def refused(refusal: Refusal, identifier: str | None = None) -> Response:
    """A TAXII error message (section 3.6.1)."""
    title = _SAYINGS.get(refusal.status, "the request cannot be answered")
    told = {"title": title, "http_status": str(refusal.status)}
    told |= {"description": refusal.words} if refusal.words else {}
    told |= {"error_id": identifier} if identifier else {}
    return answer(told, refusal.status, refusal.headers)


def failed(status: int, error: Exception) -> Response:
    """What the caller learns of a failure is a number; what happened is on our side of the socket."""
    identifier = str(uuid.uuid4())
    line = one_line(error) if isinstance(error, StillwatchError) else type(error).__name__
    sys.stderr.write(f"stillwatch: {identifier}: {line}\n")
    return refused(Refusal(status), identifier)


async def body_of(request: Request, most: int) -> bytes:
    """The body, never more of it than ``most`` bytes in memory. Raises `Refusal` 413 or 408."""
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:19]) > most:
        raise Refusal(413)
    received = bytearray()
    try:
        async with asyncio.timeout(_UPLOAD_SECONDS):
            async for piece in request.stream():
                received += piece
                if len(received) > most:
                    raise Refusal(413, None, {"connection": "close"})
    except TimeoutError:
        raise Refusal(408, None, {"connection": "close"}) from None
    return bytes(received)
