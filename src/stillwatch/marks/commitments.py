"""The register of commitments: which key was fixed when, append-only, each line holding the one before it.

A commitment is the SHA-256 of a short text that names a key, what it is for and the keys that tests compare it with,
and holds the SHA-256 of its secret. It can be told to anybody: nobody can learn or guess from it what it holds, because
the secret has 256 random bits. A line of the register says when *we* fixed it; that nobody wrote the register
afterwards is shown by a statement that was published or timestamped (`statements`, `timestamps`).
"""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from stillwatch.errors import InputError, StorageError
from stillwatch.marks.base import MarkKey, Scope
from stillwatch.marks.keys import DECOYS_BY
from stillwatch.storage import chain

__all__ = ["LEAST_DECOYS", "MOST_DECOYS", "Entry", "Read", "Register", "committed_text", "digest", "entry_for"]

LEAST_DECOYS: Final = 1_000
MOST_DECOYS: Final = 1_000_000
_LONGEST_LINE = 4096
_NAME = "register of marks' keys"


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line. ``at`` in microseconds UTC. ``kind``: ``committed`` (the key may be used from now on), ``retired`` (it
    is used no longer, ``why`` says why; tests go on) or ``recovered`` (a torn line was taken away).

    ``decoys`` is how many keys a test of this key compares with, ``decoys_by`` how they follow from it.
    """

    line: int = 0
    at: int
    kind: Literal["committed", "retired", "recovered"]
    key_id: str = ""
    scheme: str = ""
    scope: Scope = "all"
    about: str = ""
    epoch: int = 0
    secret_sha256: str = ""
    decoys: int = 0
    decoys_by: str = ""
    commitment: str = ""
    why: str = ""
    hash: str = ""


class Read(NamedTuple):
    """A register that was read: its ``entries``, the ``last`` hash, and how many ``torn`` bytes follow the last line (a
    killed process began them; they commit nothing)."""

    entries: tuple[Entry, ...]
    last: str
    torn: int


def committed_text(entry: Entry) -> str:
    """The text whose SHA-256 is the commitment: eight lines that anybody can write down and hash again."""
    return (
        "stillwatch mark commitment 1\n"
        f"key {entry.key_id}\n"
        f"scheme {entry.scheme}\n"
        f"scope {entry.scope}\n"
        f"about {entry.about}\n"
        f"epoch {entry.epoch}\n"
        f"secret sha256 {entry.secret_sha256}\n"
        f"decoys {entry.decoys} {entry.decoys_by}\n"
    )


def digest(entry: Entry) -> str:
    """The commitment: SHA-256 of `committed_text` in UTF-8, 64 hexadecimal digits."""
    return hashlib.sha256(committed_text(entry).encode("utf-8", "surrogatepass")).hexdigest()


def entry_for(key: MarkKey, *, at: int, decoys: int) -> Entry:
    """The line that commits to ``key`` and its first ``decoys`` decoys at ``at`` (microseconds UTC)."""
    bare = Entry(
        at=at,
        kind="committed",
        key_id=key.id,
        scheme=key.scheme,
        scope=key.scope,
        about=key.about,
        epoch=key.epoch,
        secret_sha256=hashlib.sha256(key.secret).hexdigest(),
        decoys=decoys,
        decoys_by=DECOYS_BY,
    )
    return msgspec.structs.replace(bare, commitment=digest(bare))


class Register:
    """The register in ``path``. Several processes may read and write it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Read:
        """Every line, checked against the one before it; no file: no lines.

        Raises `InputError` where a line was changed, taken out or put in: such a register proves nothing.
        """
        try:
            data = self.path.read_bytes() if self.path.exists() else b""
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", self.path) from error
        whole = data[: data.rfind(b"\n") + 1]
        checked = chain.check(whole, Entry, longest=_LONGEST_LINE, name=_NAME, fits=_fits)
        if checked.problems:
            raise InputError(checked.problems[0], self.path, "restore it from a copy: it must never be edited")
        for before, after in itertools.pairwise(checked.entries):
            if after.at < before.at:
                raise InputError(f"line {after.line} is older than the one before it", self.path, "restore a copy")
        return Read(checked.entries, checked.last, len(data) - len(whole))

    @contextmanager
    def writing(self) -> Iterator[Read]:
        """Hold the register against other writers; `append` inside. Raises `StorageError`."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.path.with_name(f".{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StorageError(f"cannot be written: {error.strerror}", self.path, "see its folder's rights") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self.read()
        finally:
            os.close(lock)

    def append(self, read: Read, entries: list[Entry]) -> tuple[Entry, ...]:
        """Chain ``entries`` to what `writing` gave, in one write that is on the disk when this returns.

        Returns them as they stand there. Raises `StorageError`; nothing of them is kept then.
        """
        if read.torn:
            why = f"{read.torn} bytes of a line that a killed process began were taken away"
            entries = [Entry(at=entries[0].at, kind="recovered", why=why), *entries]
        before, linked = read.last, []
        latest = read.entries[-1].at if read.entries else 0  # times never go back, whatever a clock does
        for number, entry in enumerate(entries, len(read.entries) + 1):
            latest = max(latest, entry.at)
            linked.append(chain.link(msgspec.structs.replace(entry, at=latest), number, before))
            before = linked[-1].hash
        try:
            self._write(b"".join(msgspec.json.encode(entry) + b"\n" for entry in linked), read.torn)
        except OSError as error:
            raise StorageError(f"cannot be written: {error.strerror}", self.path, "free some space") from error
        return tuple(linked)

    def _write(self, lines: bytes, torn: int) -> None:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(descriptor).st_size - torn
            os.ftruncate(descriptor, size)
            try:
                chain.write_all(descriptor, lines)
                os.fdatasync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)


def _fits(entry: Entry) -> bool:
    """A commitment that is not that of its own line is no line of a register."""
    return entry.kind != "committed" or entry.commitment == digest(entry)
