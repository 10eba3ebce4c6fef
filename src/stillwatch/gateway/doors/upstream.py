"""A reverse proxy, bare: an ASGI app that asks another server and passes on what it says, piece by piece.

What belongs to one connection and not to the message (RFC 9110, section 7.6.1) ends here: ``Connection`` and the
headers that it names, ``Transfer-Encoding``, trailers, upgrades. All else travels as it came, bodies byte for byte and
compressed as they are. Nothing is tried twice: a second try might be charged twice.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from stillwatch.errors import UsageError
from stillwatch.gateway.doors.calls import read_call
from stillwatch.gateway.doors.departure import Departure, Receive, Scope, Send
from stillwatch.gateway.shielding.refusals import refusal_response
from stillwatch.responses.traffic import Refusal

__all__ = ["Listener", "Upstream", "sent_refusal", "target"]

Header = tuple[bytes, bytes]
_HOP: Final = frozenset(
    (
        *(b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization"),
        *(b"te", b"trailer", b"transfer-encoding", b"upgrade"),
    )
)
_OURS: Final = _HOP | {b"host", b"expect"}
_SKIPPED: Final = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_CONNECT_SECONDS: Final = 10.0
_IDLE_SECONDS: Final = 4.0
"""How long an idle connection is kept: shorter than the five seconds after which many servers close theirs, since a
request that meets a closing connection fails."""
_LONGEST_HEADER: Final = 2**17


class Listener(Protocol):
    """Hears an answer before it is passed on, piece by piece: cheaper than an app around this one."""

    def began(self, status: int, headers: Iterable[Header]) -> None:
        """The status and the headers."""
        ...

    def came(self, piece: bytes, *, last: bool) -> object:
        """A piece of the body."""
        ...


class Upstream:
    """The app. ``patience`` tells for each request the most seconds to the first byte of its answer; a caller who
    leaves ends his request.

    Where the server cannot be reached the answer is 502, where it takes too long 504, in the caller's dialect. An
    answer that breaks off is broken off here too. Raises `UsageError` for an address that is none.
    """

    def __init__(
        self, address: str, *, patience: Callable[[], float] = lambda: 600.0, authority: ssl.SSLContext | None = None
    ) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise UsageError(f"{address!r} is no address of a server", "--upstream", "give one like https://host")
        if parts.username or parts.password:
            raise UsageError("has a password in it", "--upstream", "callers' own keys are passed on; give none")
        self._base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._patience = patience
        self._authority = authority
        self._session: aiohttp.ClientSession | None = None

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=0, keepalive_timeout=_IDLE_SECONDS, ssl=True if self._authority is None else self._authority
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=_SKIPPED,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
                max_line_size=_LONGEST_HEADER,
                max_field_size=_LONGEST_HEADER,
            )
        return self._session

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI. Only ``http`` is served."""
        if scope["type"] != "http":
            return
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        first: bytes = message.get("body", b"")
        if message.get("more_body"):
            await self._exchange(scope, _rest(first, receive), send, None)  # who leaves, leaves while he sends
        else:
            await self.ask(scope, receive, first, send)

    async def ask(
        self, scope: Scope, receive: Receive, body: bytes, send: Send, listener: Listener | None = None
    ) -> bool:
        """What the app does, for a request whose body was received; whether the caller left meanwhile."""
        with Departure(receive) as departure:
            await self._exchange(scope, body or None, send, listener)
        return departure.happened

    async def _exchange(self, scope: Scope, body: Any, send: Send, listener: Listener | None) -> None:
        started = False
        try:
            async with asyncio.timeout(self._patience()) as patience:
                answer = await self._client().request(
                    scope["method"],
                    URL(self._base + target(scope), encoded=True),
                    headers=_onward(scope["headers"]),
                    data=body,
                    allow_redirects=False,
                )
            try:
                started = True
                await _pass_on(answer, send, listener)
            finally:
                answer.release() if answer.content.at_eof() else answer.close()
        except _CallerLeftError:
            return
        except TimeoutError:
            what = "did not answer in time" if patience.expired() else "could not be reached in time"
            await _failed(scope, send, 504, "upstream_timeout", what, listener)
        except (aiohttp.ClientError, OSError) as error:
            if started:
                return  # half of an answer: the server closes the connection, and the caller sees it cut off
            del error  # its text names hosts and ports that are no caller's business
            await _failed(scope, send, 502, "upstream_unreachable", "could not be reached", listener)


class _CallerLeftError(Exception):
    """The caller left while his request was still being sent."""


async def _rest(first: bytes, receive: Receive) -> AsyncIterator[bytes]:
    """A long body, passed on as it comes."""
    if first:
        yield first
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _CallerLeftError
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body"):
            return


def target(scope: Scope) -> str:
    """Path and query as the caller wrote them."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    return (path + b"?" + query if query else path).decode("latin-1")


def _onward(headers: Iterable[Header]) -> CIMultiDict[str]:
    """The headers of a request, but for those that end here."""
    given = list(headers)
    ends = _OURS | _named(given)
    return CIMultiDict([(name.decode("latin-1"), _text(value)) for name, value in given if name not in ends])


def _named(headers: Iterable[Header]) -> frozenset[bytes]:
    """The headers that ``Connection`` says belong to the connection."""
    found = [value for name, value in headers if name.lower() == b"connection"]
    if not found or found == [b"keep-alive"]:
        return frozenset()
    return frozenset(part.strip().lower() for value in found for part in value.split(b","))


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


async def _pass_on(answer: aiohttp.ClientResponse, send: Send, listener: Listener | None) -> None:
    ends = _HOP | _named(answer.raw_headers)
    headers = [(name, value) for name, value in answer.raw_headers if name.lower() not in ends]
    if listener is not None:
        listener.began(answer.status, headers)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    content = answer.content
    last = False
    while not last:
        piece = await content.readany()
        last = content.at_eof()
        if listener is not None:
            listener.came(piece, last=last)
        await send({"type": "http.response.body", "body": piece, "more_body": not last})


async def _failed(scope: Scope, send: Send, status: int, code: str, what: str, listener: Listener | None) -> None:
    api = read_call(scope["method"], target(scope), b"").api
    refusal = Refusal(status=status, code=code, message=f"The model's server {what}.")
    told = refusal_response(api, refusal, "")
    if listener is not None:
        listener.began(status, ())
        listener.came(told[2], last=True)
    await sent_refusal(send, *told)


async def sent_refusal(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    """An answer of our own."""
    given = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    told = [(b"content-length", str(len(body)).encode())]
    told += [header for header in given if header[0] != b"content-length"]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body, "more_body": False})
