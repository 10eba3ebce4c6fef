"""The same messages over HTTP, asked by this side. What answers may be hostile: bounded in bytes and in time."""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx2

from stillwatch import __version__
from stillwatch.errors import InputError, UsageError
from stillwatch.loopback import is_loopback
from stillwatch.progress import Progress
from stillwatch.sharing.private import messages, recorded
from stillwatch.sharing.private.items import Items
from stillwatch.sharing.private.messages import Mode
from stillwatch.sharing.private.protocol import Outcome

__all__ = ["REQUEST", "SETUP", "Peer", "connect"]

SETUP, REQUEST = "/psi/1/setup", "/psi/1/request"
PATIENCE = 3600.0
"""Seconds for one answer: a million artefacts take minutes on the other side."""
_QUOTED = 300


class Peer(NamedTuple):
    """Whom to ask: what we call them, where they serve, the token they gave us, and, where the usual authorities do
    not vouch for them, the file of the one that does."""

    name: str
    url: str
    token: str
    authority: Path | None = None


def connect(
    peer: Peer, items: Items, mode: Mode, book: Path, progress: Progress, patience: float = PATIENCE
) -> Outcome:
    """A whole session over HTTP. Raises `InputError` for an answer that is none, late or endless, or a refusal;
    `UsageError` for an address that is not encrypted and not on this machine."""
    base = _checked(peer.url)
    progress.step("waiting for the offer")
    setup = _received(peer, "GET", base + SETUP, b"", patience)
    try:
        ask, request, _ = recorded.begin_ask(setup, items, mode, peer.name, book, progress)
        progress.step("waiting for the answer")
        response = _received(peer, "POST", base + REQUEST, request, patience)
        return recorded.finish(ask, response, book, progress)
    except InputError as error:
        raise error if error.where is not None else InputError(error.what, base, error.do) from None


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError(f"is no address: {error}", "the peer's URL", "write https://HOST:PORT") from error
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or parts.username is not None:
        raise UsageError("is no address of a peer", "the peer's URL", "write https://HOST:PORT")
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError("would go over the network unencrypted", host, "use https://")
    return url.rstrip("/")


def _client(peer: Peer) -> httpx2.AsyncClient:
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    try:
        verify = ssl.create_default_context(cafile=str(peer.authority)) if peer.authority else True
        return httpx2.AsyncClient(
            verify=verify,
            timeout=None,  # ours is for the whole answer
            follow_redirects=False,
            headers={
                "authorization": f"Bearer {peer.token}",
                "accept-encoding": "identity",
                "user-agent": f"stillwatch/{__version__}",
            },
        )
    except (ssl.SSLError, OSError, ValueError, ImportError) as error:
        raise UsageError(f"cannot be used: {error}", peer.authority or peer.url) from error


def _received(peer: Peer, method: str, url: str, body: bytes, patience: float) -> bytes:
    """The body of a good answer, no larger than the largest message."""
    try:
        status, received = asyncio.run(_exchanged(peer, method, url, body, patience))
    except TimeoutError:
        raise InputError(f"gave no whole answer within {patience:g} s", url, "try again") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
        said = str(error) or type(error).__name__
        raise InputError(f"cannot be asked: {said}", url, "is the other side serving?") from None
    if status != 200:
        quoted = received[:_QUOTED].decode("utf-8", "replace").replace(peer.token, "[token]")
        raise InputError(f"refuses with status {status}: {quoted}", url)
    return received


async def _exchanged(peer: Peer, method: str, url: str, body: bytes, patience: float) -> tuple[int, bytes]:
    """The status and the body. The time is for all of it: a limit for each read is none for a server that drips."""
    headers = {"content-type": messages.MEDIA_TYPE} if body else {}
    received = bytearray()
    async with asyncio.timeout(patience), _client(peer) as client:
        async with client.stream(method, url, content=body or None, headers=headers) as answer:
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise InputError("answers in an encoding that was not asked for", url)
            async for piece in answer.aiter_raw():
                received += piece
                if len(received) > messages.largest():
                    raise InputError(f"answers with more than {messages.largest() >> 20} MiB", url)
            return answer.status_code, bytes(received)
