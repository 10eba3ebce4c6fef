"""Uploads read as they come (multipart/form-data, RFC 7578): the purpose of a file, and the file of a batch.

aiohttp's reader does the reading. What it takes for malformed, what is ambiguous (two files) and what is longer than
`MOST_READ` is *unread*: it may be a batch, and a server that is less strict may take it for one.
"""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator
from typing import Any, NamedTuple, cast

import msgspec
from aiohttp import BadContentDispositionHeader, BadContentDispositionParam, BodyPartReader, MultipartReader

from stillwatch.gateway.doors.calls import MOST_READ, without_coding
from stillwatch.sources.containers.json_documents import decode_whole

__all__ = ["CallerLeftError", "Piece", "Upload", "read_upload", "replaced", "takes_file"]

_SLICE = 2**16
"""Bytes given to the reader at a time: it puts back what it has read too much, and that costs what lies there."""
_MOST_PARTS = 100
_BATCH = "batch"
_PLAIN = ("", "binary", "8bit", "7bit")
"""Transfer encodings that leave a part's bytes as they are."""

# What a stranger wrote into a header does not belong on our terminal.
warnings.filterwarnings("ignore", category=BadContentDispositionHeader)
warnings.filterwarnings("ignore", category=BadContentDispositionParam)


class Piece(NamedTuple):
    """Of a body; ``more`` follow, or it is the last."""

    data: bytes
    more: bool


class Upload(NamedTuple):
    """``data`` is what was received as it came; not ``whole``: more follows. ``batch``: its purpose says so, or nobody
    knows; ``file`` is then the batch's file, None where it could not be read."""

    data: bytes
    whole: bool
    batch: bool
    file: bytes | None = None


class CallerLeftError(Exception):
    """The caller left before all was said; raised by the pieces that `read_upload` reads."""


class _TooLongError(Exception):
    """More came than is looked into."""


def takes_file(method: str, path: str, content_type: str) -> bool:
    """Whether a file is sent there, or a file announced that comes in parts (OpenAI's ``/uploads``)."""
    if method != "POST":
        return False
    kind = content_type.partition(";")[0].strip().lower()
    return (_ends(path, "/files") and kind == "multipart/form-data") or _ends(path, "/uploads")


def _ends(path: str, end: str) -> bool:
    return path.partition("?")[0].rstrip("/").endswith(end)


async def read_upload(path: str, content_type: str, coding: str, pieces: AsyncIterator[Piece]) -> Upload:
    """Read an upload to its end, up to `MOST_READ` or a little more; ``coding`` is its Content-Encoding.

    A file of another purpose is read no further than to where that is said, so that it passes while it comes. Where
    ``pieces`` end before the last one is told, the rest is not to be had, as if it were too long. Hostile bytes never
    raise; `CallerLeftError` does.
    """
    source = _Source(pieces)
    if _ends(path, "/uploads"):
        body = await source.everything(coding)
        return source.upload(body is None or _announces_batch(body))
    if coding.strip().lower() in ("", "identity"):
        batch, file = await _parts(content_type, source)
        if batch:
            await source.everything("")
        return source.upload(batch, file)
    body = await source.everything(coding)
    batch, file = (True, None) if body is None else await _parts(content_type, _Source(_once(body)))
    return source.upload(batch, file)


def replaced(body: bytes, file: bytes, other: bytes) -> bytes | None:
    """``body`` with ``other`` in place of its part ``file``; None where it is not certain which part that is."""
    marked = b"\r\n\r\n" + file + b"\r\n--"
    place = body.find(marked)
    if place < 0 or body.find(marked, place + 1) >= 0:
        return None
    start = place + 4
    return b"".join((body[:start], other, body[start + len(file) :]))


def _announces_batch(body: bytes) -> bool:
    try:
        value = decode_whole(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return False  # no server makes anything of it either
    return type(value) is dict and value.get("purpose") == _BATCH


async def _parts(content_type: str, source: _Source) -> tuple[bool, bytes | None]:
    """Whether it is a batch (or nobody knows), and its file."""
    purpose, files, parts = "", list[bytes | None](), 0
    try:
        # Our own source stands in the place of aiohttp's, which needs a connection of aiohttp's.
        reader = MultipartReader({"Content-Type": content_type}, cast("Any", source))
        while (part := await reader.next()) is not None:
            parts += 1
            if not isinstance(part, BodyPartReader) or part.name is None or parts > _MOST_PARTS:
                return True, None
            if part.name == "purpose":
                purpose = (await part.read()).decode(errors="replace").strip().lower()
                if purpose != _BATCH:
                    return False, None
            elif part.name == "file":
                plain = part.headers.get("Content-Transfer-Encoding", "").strip().lower() in _PLAIN
                files.append(bytes(await part.read()) if plain else None)
    except CallerLeftError:
        raise
    except Exception:  # the reader has many ways to say that it is malformed; and it may be too long
        return True, None
    return (True, files[0] if len(files) == 1 else None) if purpose else (False, None)


async def _once(body: bytes) -> AsyncIterator[Piece]:
    yield Piece(body, False)


class _Source:
    """What aiohttp's reader asks of a stream, over the pieces of a body; keeps all that came."""

    def __init__(self, pieces: AsyncIterator[Piece]) -> None:
        self._pieces = pieces
        self._kept: list[bytes] = []
        self._size = 0
        self._fresh = memoryview(b"")
        self._ready = bytearray()
        self._ended = False

    def upload(self, batch: bool, file: bytes | None = None) -> Upload:
        """What came until now."""
        return Upload(b"".join(self._kept), self._ended, batch, file)

    async def everything(self, coding: str) -> bytes | None:
        """Read to the end; all that came, without ``coding``. None where it is too long or cannot be read."""
        try:
            while not self._ended:
                await self._receive()
        except _TooLongError:
            return None
        body = without_coding(b"".join(self._kept), coding)
        return body if (body or not self._size) and len(body) < MOST_READ else None

    async def read(self, most: int = -1) -> bytes:
        """At most ``most`` bytes; none at the end."""
        if not self._ready:
            await self._more()
        given = bytes(self._ready[:most] if most >= 0 else self._ready)
        del self._ready[: len(given)]
        return given

    async def readline(self, *, max_line_length: int | None = None) -> bytes:
        """Up to and with the next line feed, or to the end. Raises ValueError for a longer line."""
        searched = 0
        while (place := self._ready.find(b"\n", searched)) < 0:
            searched = len(self._ready)
            if max_line_length is not None and searched > max_line_length:
                raise ValueError("a line of a header is too long")
            if not await self._more():
                return await self.read()
        return await self.read(place + 1)

    def unread_data(self, data: bytes) -> None:
        """Put back what was read too much."""
        self._ready[:0] = data

    def at_eof(self) -> bool:
        """Whether nothing is left."""
        return self._ended and not self._fresh and not self._ready

    async def _more(self) -> bool:
        while not self._fresh and not self._ended:
            self._fresh = memoryview(await self._receive())
        given, self._fresh = self._fresh[:_SLICE], self._fresh[_SLICE:]
        self._ready += given
        return len(given) > 0

    async def _receive(self) -> bytes:
        if self._size > MOST_READ:
            raise _TooLongError
        try:
            piece, more = await anext(self._pieces)
        except StopAsyncIteration:
            raise _TooLongError from None
        self._ended = not more
        self._kept.append(piece)
        self._size += len(piece)
        return piece
