"""One POST to a model's server, which may be hostile: bounded in bytes and seconds, and sent nowhere else.

A server that never ends, drips, redirects, sends a bomb or rubbish costs one try and no more. The time limit is for
the whole try, because a limit for each read is no limit for a server that sends a byte now and then.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import httpx2
import msgspec

from stillwatch import __version__
from stillwatch.asking.failures import failure, is_filter, retry_after, said
from stillwatch.asking.keys import Secrets
from stillwatch.errors import AskingError

__all__ = ["MOST_BYTES", "Filtered", "Reply", "Wire", "decoded", "event_data"]

MOST_BYTES = 8 * 2**20
_DONE = "[DONE]"
_BROKEN = (msgspec.DecodeError, ValueError, RecursionError)


class Reply(NamedTuple):
    """A whole answer of status 200: its text, and whether it is a stream of events."""

    text: str
    streamed: bool


class Filtered(Exception):
    """The provider's filter stopped the question: that is an answer, not a failure. Its words, without keys."""


class Wire:
    """Where an endpoint's questions go, with what headers; ``where`` names it in errors.

    Connections are opened by the first question, so a wire belongs to one event loop.
    """

    def __init__(self, url: str, headers: Mapping[str, str], secrets: Secrets, where: str, timeout: float) -> None:
        self._url, self._where, self._timeout = url, where, timeout
        self._headers = {
            "content-type": "application/json",
            "accept-encoding": "identity",
            "user-agent": f"stillwatch/{__version__}",
            **headers,
        }
        self.secrets = secrets
        self._client: httpx2.AsyncClient | None = None

    async def post(self, body: Mapping[str, Any]) -> Reply:
        """Send ``body`` and read the answer. Raises `AskingError`, and `Filtered` where the provider's filter acted."""
        content = msgspec.json.encode(body)
        client = self._opened()
        begun = False
        try:
            async with asyncio.timeout(self._timeout):
                async with client.stream("POST", self._url, content=content, headers=self._headers) as response:
                    begun = response.status_code < 300
                    text = await _bounded(response, self._where)
        except TimeoutError:
            raise AskingError(
                f"gave no whole answer within {self._timeout:g} s", self._where, again=True, charged=True, away=True
            ) from None
        except httpx2.HTTPError as error:
            raise _unreached(error, self._where, begun) from None
        except (httpx2.InvalidURL, httpx2.StreamError) as error:
            raise AskingError(f"cannot be asked: {error}", self._where, again=False, hopeless=True) from None
        if response.status_code != 200:
            self.refuse(response.status_code, decoded(text, None), response.headers)
        kind = response.headers.get("content-type", "").lower()
        return Reply(text, kind.startswith("text/event-stream") or text[:100].lstrip().startswith(("data:", "event:")))

    def refuse(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        """Raise what an answer of ``status`` with this body means; a body of status 200 may hold an error too."""
        told = said(body)
        hidden = "it quotes the key" if self.secrets.quoted_in(told.message) else told.message
        told = told._replace(message=mended(hidden))
        if status < 300:
            status = told.status or 502
        if is_filter(status, told):
            raise Filtered(told.message)
        raise failure(status, told, retry_after(headers or {}, dt.datetime.now(dt.UTC)), self._where)

    def broken(self, why: str) -> AskingError:
        """The error for an answer that is not what was agreed on."""
        return AskingError(f"gave no answer that can be read: {why}", self._where, again=True, charged=True)

    def cleaned(self, text: str) -> str:
        """A text that came, without keys and without halves of characters."""
        return self.secrets.hide(mended(text))

    async def close(self) -> None:
        """Close connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _opened(self) -> httpx2.AsyncClient:
        if self._client is None:
            logging.getLogger("httpx2").setLevel(logging.WARNING)  # else a line with the address for each question
            try:
                self._client = httpx2.AsyncClient(
                    timeout=None,  # ours is for the whole try
                    limits=httpx2.Limits(max_connections=None, max_keepalive_connections=64),
                    follow_redirects=False,
                )
            except (ImportError, ValueError, OSError) as error:  # a proxy or certificates in the environment
                raise AskingError(f"cannot be asked: {error}", self._where, again=False, hopeless=True) from None
        return self._client


async def _bounded(response: httpx2.Response, where: str) -> str:
    """The body as text; bytes that are no UTF-8 become U+FFFD, as what a model says is worth more than its bytes."""
    received = bytearray()
    async for piece in response.aiter_bytes():
        received += piece
        if len(received) > MOST_BYTES:
            raise AskingError(f"sends more than {MOST_BYTES >> 20} MiB", where, again=True, charged=True)
    return received.decode("utf-8", "replace").removeprefix("\ufeff")


def _unreached(error: httpx2.HTTPError, where: str, begun: bool) -> AskingError:
    words = str(error) or type(error).__name__
    if isinstance(error, httpx2.UnsupportedProtocol | httpx2.LocalProtocolError):
        return AskingError(f"cannot be asked: {words}", where, again=False, hopeless=True)
    if "CERTIFICATE_VERIFY_FAILED" in words:
        return AskingError(
            "shows a certificate that cannot be verified; name its authority's file in SSL_CERT_FILE",
            where,
            again=False,
            hopeless=True,
        )
    what = "broke off in its answer" if begun else "cannot be reached"
    return AskingError(f"{what}: {words}", where, again=True, charged=begun, away=True)


def decoded(text: str, otherwise: Any) -> Any:
    """The JSON in ``text``, or ``otherwise`` where it is broken, too deep, or has numbers of endless digits."""
    try:
        return msgspec.json.decode(text)
    except _BROKEN:
        try:
            return json.loads(text)  # takes halves of surrogate pairs, which streams of some servers have
        except _BROKEN:
            return otherwise


def event_data(text: str) -> Iterator[Any]:
    """The data of each server-sent event, decoded; ``[DONE]`` as it is. Raises `ValueError` for data that is broken.

    HTML standard, section 9.2.6. An event that the end of the text cuts short is dropped, as there.
    """
    pending: list[str] = []
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:-1]:
        if line.startswith("data:"):
            pending.append(line[5:].removeprefix(" "))
        elif not line and pending:
            data, pending = "\n".join(pending), []
            value = data if data.strip() == _DONE else decoded(data, None)
            if value is None:
                raise ValueError("an event that is no JSON")
            yield value.strip() if isinstance(value, str) else value


def mended(text: str) -> str:
    """``text`` with halves of surrogate pairs joined, or replaced where the other half is missing."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if not _whole(text) else text


def _whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
