"""Lines that hold one another: append-only JSON lines, each with the hash of the one before it.

An entry is a frozen msgspec struct with a field ``line`` (counted from 1) and a field ``hash``: the SHA-256 of the hash
before it (64 zeros for the first, unless a file goes on where another ended), a line feed, and itself with an empty
``hash``. A byte that was changed, a line that was taken out or put in, is found and named. Whoever may rewrite the
whole file can make a new chain; against that stands the last hash, noted elsewhere.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec

__all__ = ["ZEROS", "Checked", "Linked", "check", "link", "read_last", "write_all"]

ZEROS = "0" * 64


class Linked(Protocol):
    """What a line of a chain has."""

    @property
    def line(self) -> int:
        """Its number, from 1."""
        ...

    @property
    def hash(self) -> str:
        """Of all before it and of itself."""
        ...


E = TypeVar("E", bound=Linked)


class Checked(NamedTuple, Generic[E]):
    """A chain that was read: its ``entries`` as far as they hold, and ``problems`` in words, with their lines."""

    entries: tuple[E, ...]
    problems: tuple[str, ...]

    @property
    def last(self) -> str:
        """The hash of the last line that holds: note it elsewhere, and nobody can cut or rewrite what is before it."""
        return self.entries[-1].hash if self.entries else ZEROS


def check(
    data: bytes,
    kind: type[E],
    *,
    longest: int,
    name: str,
    before: str = ZEROS,
    first: int = 1,
    fits: Callable[[E], bool] = lambda entry: True,
) -> Checked[E]:
    """Check every line against the one before it; the first that does not hold ends the chain. No bytes: no entries.

    ``longest`` bounds a line (bytes), ``name`` is what messages call the file, ``fits`` refuses what the type cannot.
    Bytes that go on where others were checked begin with line ``first``, after the hash ``before``.
    """
    entries: list[E] = []
    lines = data.split(b"\n")
    torn = lines.pop()  # what follows the last line feed: nothing, unless a line is cut short
    for number, raw in enumerate([*lines, torn] if torn else lines, first):
        wrong = "is cut short" if number - first >= len(lines) else ""
        entry = None if wrong else _entry(raw, kind, longest, fits)
        if not wrong and entry is None:
            wrong = f"is no line of a {name}"
        if entry is not None and (entry.line != number or _hash(before, entry) != entry.hash):
            wrong = "was changed, or one before it was taken out or put in"
        if wrong or entry is None:
            return Checked(tuple(entries), (f"line {number} {wrong}; what follows proves nothing",))
        entries.append(entry)
        before = entry.hash
    return Checked(tuple(entries), ())


def link(entry: E, line: int, before: str) -> E:
    """``entry`` as line ``line`` of a chain whose last hash was ``before``."""
    unhashed: Any = msgspec.structs.replace(entry, line=line, hash="")  # type: ignore[type-var]
    linked: E = msgspec.structs.replace(unhashed, hash=_hash(before, unhashed))
    return linked


def read_last(descriptor: int, kind: type[E], longest: int) -> tuple[E | None, bytes]:
    """The last whole line of an open file as an entry (None: it has none, or none of this kind), and the bytes that
    follow it: those of a line that a killed process began. Its hash is not checked."""
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, 2 * (longest + 1), max(0, size - 2 * (longest + 1)))
    whole, feed, torn = tail.rpartition(b"\n")
    if not feed:
        return None, torn
    return _entry(whole.rpartition(b"\n")[2], kind, longest, lambda entry: True), torn


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of ``data``, in as few calls as the system lets. Raises OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _entry(raw: bytes, kind: type[E], longest: int, fits: Callable[[E], bool]) -> E | None:
    """The line, where it is one and is written exactly as we write it."""
    if len(raw) > longest:
        return None
    try:
        entry = msgspec.json.decode(raw, type=kind)
        if not fits(entry):
            return None
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return entry if msgspec.json.encode(entry) == raw else None


def _hash(before: str, entry: Any) -> str:
    bare = msgspec.json.encode(msgspec.structs.replace(entry, hash=""))
    return hashlib.sha256(before.encode() + b"\n" + bare).hexdigest()
