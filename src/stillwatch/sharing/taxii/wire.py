"""HTTP to a peer's server, which may be broken or hostile: bounded in bytes and seconds, and sent nowhere else.

A log-in goes to the scheme, host and port that the user gave, and to no other; that is why a redirection to another is
an error and not followed. A time limit is for the whole try. What a server says of an error is cut short, made
printable, and left out where it quotes the secret.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qsl, urljoin, urlsplit, urlunsplit

import httpx2
import msgspec

from stillwatch import __version__
from stillwatch.asking.failures import retry_after
from stillwatch.asking.keys import names_a_secret
from stillwatch.errors import PeerError, UsageError
from stillwatch.loopback import is_loopback
from stillwatch.sharing.base import MOST_BYTES
from stillwatch.sharing.taxii.login import Login
from stillwatch.sharing.taxii.negotiation import MEDIA_TYPE

__all__ = ["PAUSES", "Answer", "Wire", "address_of", "same_origin"]

PAUSES = (1.0, 2.0, 5.0, 15.0, 30.0)
"""Seconds between tries, each times 1 to 1.5 at random; a server's ``Retry-After`` counts where it is longer."""
LONGEST_PAUSE = 300.0
_PORTS = {"http": 80, "https": 443}
_MOST_REDIRECTIONS = 3
_LONGEST_QUOTE = 160
_TO_DO = {
    401: "name a log-in: --login env:NAME or --login file:PATH",
    403: "ask its operator for the right to do this",
    404: "see whether address and collection are right",
    406: "it may speak TAXII 2.0 only",
    413: "it takes less at once than it says",
    415: "it may speak TAXII 2.0 only",
}


class Answer(NamedTuple):
    """A successful answer: its body, undecoded, its headers, and the address that gave it."""

    body: bytes
    headers: Mapping[str, str]
    url: str


def address_of(text: str, option: str, *, plain: bool) -> str:
    """The address of a server, checked, with a slash at its end. Raises `UsageError`: no address, a secret in it, or
    neither https nor loopback while ``plain`` is not given."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError(f"is no address: {error}", option, "write https://HOST/taxii2/") from error
    if parts.scheme not in _PORTS or not host or not text.isprintable() or " " in text:
        raise UsageError("is no address", option, "write https://HOST/taxii2/")
    if parts.username is not None or parts.password is not None:
        raise UsageError("has a user or password in its address", option, "name a log-in: --login env:NAME")
    if parts.query or parts.fragment:
        secret = any(names_a_secret(name) for name, _ in parse_qsl(parts.query, keep_blank_values=True))
        raise UsageError("has a query in its address", option, "name a log-in: --login env:NAME" if secret else None)
    if parts.scheme == "http" and not plain and not is_loopback(host):
        raise UsageError("would send without TLS", option, "write https://, or give --plain where nobody listens")
    path = parts.path if parts.path.endswith("/") else f"{parts.path}/"
    return urlunsplit(SplitResult(parts.scheme, parts.netloc, path, "", ""))


def same_origin(one: str, other: str) -> bool:
    """Whether two addresses have one scheme, host and port."""
    try:
        return _origin(one) == _origin(other)
    except ValueError:
        return False


class Wire:
    """The way to one server. It belongs to one event loop; ``where`` names the server in errors."""

    def __init__(
        self, url: str, login: Login | None, *, timeout: float = 120.0, pauses: Sequence[float] = PAUSES
    ) -> None:
        self._url, self._login, self._timeout, self._pauses = url, login, timeout, pauses
        parts = urlsplit(url)
        self.where = parts.netloc
        self._headers = {
            "accept": MEDIA_TYPE,
            "accept-encoding": "identity",
            "user-agent": f"stillwatch/{__version__}",
            **({} if login is None else {"authorization": login.header}),
        }
        self._client: httpx2.AsyncClient | None = None

    async def get(self, url: str, query: Mapping[str, str] | None = None) -> Answer:
        """The resource at ``url``. Raises `PeerError`, after trying again where that may help."""
        return await self._tried("GET", url, query, None)

    async def post(self, url: str, content: bytes) -> Answer:
        """Send an envelope. Whoever gets one twice keeps its objects once, so it is tried again like a GET."""
        return await self._tried("POST", url, None, content)

    async def close(self) -> None:
        """Close connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _tried(self, method: str, url: str, query: Mapping[str, str] | None, content: bytes | None) -> Answer:
        if not same_origin(url, self._url):
            raise PeerError("names an address on another host, where nothing is sent", self.where)
        for pause in (*self._pauses, None):
            try:
                return await self._redirected(method, url, query, content)
            except PeerError as error:
                if pause is None or not error.again or (error.after or 0) > LONGEST_PAUSE:
                    raise
                drawn = pause * random.uniform(1, 1.5)
                await asyncio.sleep(max(drawn, error.after or 0.0))
        raise AssertionError("the last try returns or raises")

    async def _redirected(
        self, method: str, url: str, query: Mapping[str, str] | None, content: bytes | None
    ) -> Answer:
        for _ in range(_MOST_REDIRECTIONS):
            answer, status = await self._once(method, url, query, content)
            if not 300 <= status < 400:
                return answer
            target = urljoin(url, answer.headers.get("location", ""))
            if method != "GET" or not same_origin(target, url):
                raise PeerError(
                    f"answers {status}, a redirection, and nothing is sent where you did not say",
                    self.where,
                    "give the address that it means, if you trust it",
                    status=status,
                )
            url, query = target, None if urlsplit(target).query else query
        raise PeerError("redirects in a circle", self.where)

    async def _once(
        self, method: str, url: str, query: Mapping[str, str] | None, content: bytes | None
    ) -> tuple[Answer, int]:
        headers = self._headers if content is None else {**self._headers, "content-type": MEDIA_TYPE}
        client = self._opened()
        try:
            async with asyncio.timeout(self._timeout):
                async with client.stream(
                    method, url, params=dict(query) if query else None, content=content, headers=headers
                ) as response:
                    body = await self._bounded(response)
        except TimeoutError:
            raise PeerError(f"gave no whole answer within {self._timeout:g} s", self.where, again=True) from None
        except httpx2.HTTPError as error:
            raise self._unreached(error) from None
        except (httpx2.InvalidURL, httpx2.StreamError, UnicodeError) as error:
            raise PeerError(f"cannot be asked: {error}", self.where) from None
        if response.status_code >= 400 or response.status_code < 200:
            raise self._refused(response.status_code, body, response.headers)
        return Answer(body, response.headers, url), response.status_code

    async def _bounded(self, response: httpx2.Response) -> bytes:
        received = bytearray()
        async for piece in response.aiter_bytes():
            received += piece
            if len(received) > MOST_BYTES:
                raise PeerError(f"sends more than {MOST_BYTES >> 20} MiB", self.where)
        return bytes(received)

    def _opened(self) -> httpx2.AsyncClient:
        if self._client is None:
            logging.getLogger("httpx2").setLevel(logging.WARNING)  # else a line with the address for each request
            try:
                self._client = httpx2.AsyncClient(timeout=None, follow_redirects=False)
            except (ImportError, ValueError, OSError) as error:  # a proxy or certificates in the environment
                raise PeerError(f"cannot be asked: {error}", self.where) from None
        return self._client

    def _unreached(self, error: httpx2.HTTPError) -> PeerError:
        words = str(error) or type(error).__name__
        if "CERTIFICATE_VERIFY_FAILED" in words:
            do = "name its authority's file in SSL_CERT_FILE"
            return PeerError("shows a certificate that cannot be verified", self.where, do)
        broken = isinstance(error, httpx2.UnsupportedProtocol | httpx2.LocalProtocolError)
        return PeerError(f"cannot be reached: {words}", self.where, again=not broken)

    def _refused(self, status: int, body: bytes, headers: Mapping[str, str]) -> PeerError:
        again = status in {408, 425, 429} or status >= 500
        after = retry_after(headers, dt.datetime.now(dt.UTC))
        quoted = self._quoted(body)
        what = f"answers {status}" + (f" ({quoted})" if quoted else "")
        return PeerError(what, self.where, _TO_DO.get(status), again=again, after=after, status=status)

    def _quoted(self, body: bytes) -> str:
        """The title of a TAXII error message, harmless."""
        try:
            said = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
            return ""
        told: list[Any] = [said.get("title"), said.get("description")] if isinstance(said, dict) else []
        text = ": ".join(one[:_LONGEST_QUOTE] for one in told if isinstance(one, str))
        if self._login is not None and self._login.secrets.quoted_in(text):
            return ""
        return "".join(c if c.isprintable() else " " for c in text).strip()


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme)
