"""Server-sent events as bytes: cut from chunks however they came, and put together again as they were.

Source: the HTML standard, section 9.2.6. Lines end in LF, CR LF or CR; a blank line ends an event. What is not changed
leaves byte for byte: ends of lines, comments, ids, the blank after a colon.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["LONGEST", "Cutter", "Event", "Oversized"]

LONGEST = 16 * 1024 * 1024
"""The most bytes that one event may hold: an image in base64 fits, a stream without end does not fill the memory."""
# Atomic groups, or CR LF would also be read as two ends of lines.
_BLANK = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"
_HARMLESS = 256
_FIELD_NAME = re.compile(rb"[A-Za-z0-9_-]{1,32}\Z")


class Oversized(Exception):
    """One event is longer than `LONGEST`: what follows cannot be told apart any more."""


class Event:
    """One event: its ``raw`` bytes, the blank line that ends it included.

    ``data`` is what a client would read; None where the event holds none. ``strange`` says that it holds lines which
    may hold a document though no client reads them (``data:`` was garbled, or its JSON cut by a line break).
    """

    __slots__ = ("_lines", "data", "name", "raw", "strange")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._lines: list[tuple[bytes, bytes, bool]] = []  # the line, its end, whether it holds data
        self.name = ""
        self.strange = False
        found: list[bytes] = []
        for line, end in _lines(raw):
            content = line.removeprefix(_BOM)
            name, _, value = content.partition(b":")
            if name == b"data":
                found.append(value.removeprefix(b" "))
            elif content and not _is_harmless(name, content):
                self.strange = True
            elif name == b"event":
                self.name = value.removeprefix(b" ").decode("ascii")
            self._lines.append((line, end, name == b"data"))
        self.data = b"\n".join(found) if found else None

    def carrying(self, data: bytes) -> bytes:
        """The event with other ``data``, on one line where the first line of data stood; all else as it was."""
        pieces: list[bytes] = []
        placed = False
        for line, end, holds_data in self._lines:
            if not holds_data:
                pieces += (line, end)
            elif not placed:
                placed = True
                before, _, value = line.partition(b":")
                pieces += (before, b": " if value[:1] == b" " or not value else b":", data, end)
        return b"".join(pieces)

    def beside(self, data: bytes, name: str) -> bytes:
        """A new event with ``data`` that looks as this one does: its ends of lines, and a name if this one has one."""
        end = next((end for _, end, _ in self._lines if end), b"\n")
        head = b"event: " + name.encode() + end if self.name and name else b""
        return head + b"data: " + data + end + end


def _is_harmless(name: bytes, line: bytes) -> bool:
    """Whether a comment, or a field other than data, is too plain to hold a document or a piece of one."""
    if name and _FIELD_NAME.match(name) is None:
        return False
    return len(line) <= _HARMLESS and line.isascii() and not any(byte in line for byte in b'{}"\\')


def _lines(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    start = 0
    for match in _LINE_END.finditer(raw):
        yield raw[start : match.start()], match.group()
        start = match.end()
    if start < len(raw):
        yield raw[start:], b""


class Cutter:
    """Chunks to events. What `feed` gives does not depend on how the bytes were cut."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._searched = 0

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that are whole now. Raises `Oversized`."""
        self._kept += chunk
        while (event := self._next()) is not None:
            yield event
        if len(self._kept) > LONGEST:
            raise Oversized

    def _next(self) -> Event | None:
        kept = self._kept
        # A blank line before any other is an event of its own, which nobody reads.
        match = _LINE_END.match(kept) or _BLANK.search(kept, max(0, self._searched - 3))
        if match is None or (match.end() == len(kept) and kept.endswith(b"\r")):  # an LF may belong to this CR
            self._searched = len(kept)
            return None
        if match.end() > LONGEST:
            raise Oversized
        raw = bytes(kept[: match.end()])
        del kept[: match.end()]
        self._searched = 0
        return Event(raw)

    def end(self) -> Event | None:
        """What was left when the stream ended without a blank line; None: nothing."""
        raw, self._kept = bytes(self._kept), bytearray()
        return Event(raw) if raw else None
