"""The audit log: who signed in or was refused, looked at text, decided, changed people. Append-only, hash-chained.

Each line holds the one before it (`stillwatch.storage.chain`), and the newest is noted in the file of people too, so
that lines cut off at the end are missed as well. Whoever may rewrite both can make a new log; against that stands the
last hash, which ``stillwatch console check`` prints: note it elsewhere. No password or token is ever in a line.
"""

from __future__ import annotations

import fcntl
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from stillwatch.campaigns.wording import visible
from stillwatch.console.security.store import Store
from stillwatch.errors import StorageError
from stillwatch.storage import chain
from stillwatch.storage.disk import disk_errors

__all__ = ["AUDIT", "AuditEntry", "AuditLog", "Verified"]

AUDIT = "audit"
"""The folder of the log, in that of people."""
LARGEST = 16 * 2**20
LONGEST_LINE = 32 * 1024
MOST_WHAT, MOST_ABOUT, MOST_BY = 200, 1000, 100
_FILE = re.compile(r"audit-(\d{6})\.jsonl\Z")


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One thing that somebody did. ``at`` in microseconds since 1970; ``by`` a person's name ("" where nobody signed
    in); ``what`` a few words of ours; ``about`` whom or what, cleaned; ``address`` where the request came from.
    ``before`` is the last hash of the file before, in the first line of the next."""

    line: int = 0
    at: int
    what: str
    by: str = ""
    about: str = ""
    address: str = ""
    before: str = ""
    hash: str = ""


class Verified(NamedTuple):
    """``lines`` that hold in ``files``, the ``last`` hash, and ``problems`` in words."""

    files: int
    lines: int
    last: str
    problems: tuple[str, ...]


class AuditLog:
    """The log in a folder; several processes may write to it. ``clock`` gives seconds since 1970."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self.folder, self._store, self._clock = store.folder / AUDIT, store, clock
        self._turn = threading.Lock()
        with disk_errors(self.folder):
            self.folder.mkdir(mode=0o700, exist_ok=True)

    def note(self, what: str, *, by: str = "", about: str = "", address: str = "") -> None:
        """Write a line; it is on the disk when this returns. Raises `StorageError` where it cannot be."""
        entry = AuditEntry(
            at=int(self._clock() * 1_000_000),
            what=_clean(what, MOST_WHAT),
            by=_clean(by, MOST_BY),
            about=_clean(about, MOST_ABOUT),
            address=_clean(address, MOST_BY),
        )
        try:
            with self._turn, self._locked():
                last = self._write(entry)
                self._note_last(last)
        except OSError as error:
            raise StorageError(
                f"the audit log cannot be written: {error.strerror}", self.folder, "free some space"
            ) from error

    def verify(self) -> Verified:
        """Check every line of every file against the one before it, and the last against what is noted of it."""
        with self._locked():
            files = self._files()
            problems: list[str] = []
            lines, last, seen = 0, chain.ZEROS, {chain.ZEROS}
            for place, path in enumerate(files):
                data = path.read_bytes()
                before = last if place else _claimed(data)
                checked = chain.check(data, AuditEntry, longest=LONGEST_LINE, name="audit log", before=before)
                lines += len(checked.entries)
                last = checked.last if checked.entries else last
                seen.update(entry.hash for entry in checked.entries)
                if checked.problems:
                    problems.append(f"{path.name}: {checked.problems[0]}")
                    break
            noted = self._noted()
        if not problems and noted not in seen:
            problems.append(f"lines are missing at the end: the one with the hash {noted[:16]}… was written")
        return Verified(len(files), lines, last, tuple(problems))

    def newest(self, first: int, most: int) -> tuple[tuple[AuditEntry, ...], bool]:
        """``most`` lines that can be read, the newest first, passing over the ``first`` newest; whether more follow.
        They are unchecked (`verify` checks)."""
        found: list[AuditEntry] = []
        for place, entry in enumerate(self._backwards()):
            if place >= first + most:
                return tuple(found), True
            if place >= first:
                found.append(entry)
        return tuple(found), False

    def _backwards(self) -> Iterator[AuditEntry]:
        for path in reversed(self._files()):
            for line in reversed(path.read_bytes().splitlines()):
                try:
                    entry = msgspec.json.decode(line, type=AuditEntry)
                except (ValueError, RecursionError):
                    continue
                yield entry

    def _write(self, entry: AuditEntry) -> str:
        """Chain a line to the newest file, or a new one where it is full; what a killed process began is gone first."""
        files = self._files()
        path = files[-1] if files else self.folder / "audit-000001.jsonl"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            last, torn = chain.read_last(descriptor, AuditEntry, LONGEST_LINE)
            size = os.fstat(descriptor).st_size - len(torn)
            os.ftruncate(descriptor, size)
            if last is None and len(files) > 1:  # killed as it began this file
                entry = msgspec.structs.replace(entry, before=self._last_of(files[-2]))
                return _append(descriptor, size, chain.link(entry, 1, entry.before))
            if last is None or size < LARGEST:
                number, before = (1, chain.ZEROS) if last is None else (last.line + 1, last.hash)
                return _append(descriptor, size, chain.link(entry, number, before))
        finally:
            os.close(descriptor)
        path = path.with_name(f"audit-{int(path.stem[-6:]) + 1:06d}.jsonl")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            entry = msgspec.structs.replace(entry, before=last.hash)
            return _append(descriptor, 0, chain.link(entry, 1, last.hash))
        finally:
            os.close(descriptor)

    def _last_of(self, path: Path) -> str:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            last, _ = chain.read_last(descriptor, AuditEntry, LONGEST_LINE)
        finally:
            os.close(descriptor)
        return chain.ZEROS if last is None else last.hash

    def _note_last(self, last: str) -> None:
        with self._store.writing() as db:
            db.execute("INSERT OR REPLACE INTO kept VALUES ('audit', ?)", (last.encode(),))

    def _noted(self) -> str:
        with self._store.reading() as db:
            row = db.execute("SELECT value FROM kept WHERE name = 'audit'").fetchone()
        return chain.ZEROS if row is None else bytes(row[0]).decode()

    def _files(self) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if _FILE.match(path.name))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _append(descriptor: int, size: int, entry: AuditEntry) -> str:
    """Write a linked line at the end of a file of ``size`` bytes, or nothing; its hash."""
    os.lseek(descriptor, size, os.SEEK_SET)
    try:
        chain.write_all(descriptor, msgspec.json.encode(entry) + b"\n")
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise
    return entry.hash


def _claimed(data: bytes) -> str:
    """The hash that a first file goes on from: files before it may have been put away."""
    try:
        return msgspec.json.decode(data.split(b"\n", 1)[0], type=AuditEntry).before or chain.ZEROS
    except (ValueError, RecursionError):
        return chain.ZEROS


def _clean(text: str, most: int) -> str:
    """Text that is shown and kept as it is: on one line, what is invisible spelt out, half a character replaced."""
    return visible(text.encode("utf-8", "replace").decode(), limit=most) if text else ""
