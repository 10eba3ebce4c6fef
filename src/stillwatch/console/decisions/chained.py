"""The file of decisions: append-only lines that hold one another, written by one process at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from stillwatch.console.decisions.entry import LONGEST, Entry, fits
from stillwatch.errors import InputError, StorageError, UsageError
from stillwatch.storage import chain
from stillwatch.storage.disk import disk_errors

__all__ = ["NAME", "Chained"]

NAME = "decisions.jsonl"


class Chained:
    """The chain in ``folder`` (made where missing, mode 0700; with ``existing`` it must be there), read as far as it
    was written. Not for two threads at once; any number of processes.

    Raises `InputError` for a line that was changed: what a person decided must not be passed over.
    """

    def __init__(self, folder: Path, *, existing: bool = False) -> None:
        self.path = folder / NAME
        if existing and not self.path.is_file():
            raise InputError("holds no decisions", folder, "name the folder that `stillwatch console` keeps them in")
        if not existing:
            with disk_errors(folder):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock_path = folder / ".lock"
        self._read = 0
        self.lines, self.last_hash, self.last_at = 0, chain.ZEROS, 0

    def news(self) -> tuple[Entry, ...]:
        """The whole lines that were written since the last call. A line that is cut short is being written, or its
        writer was killed: the next `append` takes it away. Raises `InputError` where the chain is broken."""
        try:
            with self.path.open("rb") as file:
                if os.fstat(file.fileno()).st_size < self._read:
                    raise InputError("was cut: lines that were read are gone", self.path, "put it back from a copy")
                file.seek(self._read)
                data = file.read()
        except FileNotFoundError:
            if self._read:
                raise InputError("is gone", self.path, "put it back from a copy") from None
            return ()
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", self.path, "make it readable") from error
        whole = data[: data.rfind(b"\n") + 1]
        name, before, first = "file of decisions", self.last_hash, self.lines + 1
        checked = chain.check(whole, Entry, longest=LONGEST, name=name, before=before, first=first, fits=fits)
        if checked.problems:
            begins = self._read + sum(len(line) + 1 for line in whole.split(b"\n")[: len(checked.entries)])
            raise InputError(
                f"{checked.problems[0]} (the line begins at byte {begins:,})", self.path, "put it back from a copy"
            )
        if checked.entries:
            self._read += len(whole)
            self.lines += len(checked.entries)
            self.last_hash, self.last_at = checked.last, checked.entries[-1].at
        return checked.entries

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone: no other process or thread writes meanwhile."""
        with disk_errors(self.path):
            descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def append(self, entries: list[Entry]) -> tuple[Entry, ...]:
        """Write ``entries`` after the last line, all or none, on the disk before this returns; only inside `locked` and
        after `news`. What a killed process left of a line is taken away, and a line says so; times never go back.

        Returns the lines as they stand. Raises `UsageError` for one that is too long, `StorageError` for the disk.
        """
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StorageError(f"cannot be written: {error.strerror}", self.path, "free some space") from error
        try:
            torn = os.fstat(descriptor).st_size - self._read
            if torn:
                os.ftruncate(descriptor, self._read)
                why = f"{torn:,} bytes of a line that a killed process began were taken away"
                entries = [Entry(at=entries[0].at, kind="recovered", why=why), *entries]
            linked, data = self._linked(entries)
            os.lseek(descriptor, self._read, os.SEEK_SET)
            try:
                chain.write_all(descriptor, data)
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, self._read)
                raise
        except OSError as error:
            raise StorageError(f"cannot be written: {error.strerror}", self.path, "free some space") from error
        finally:
            os.close(descriptor)
        self._read += len(data)
        self.lines, self.last_hash, self.last_at = linked[-1].line, linked[-1].hash, linked[-1].at
        return tuple(linked)

    def _linked(self, entries: list[Entry]) -> tuple[list[Entry], bytes]:
        line, before, at = self.lines, self.last_hash, self.last_at
        linked, data = [], bytearray()
        for entry in entries:
            line, at = line + 1, max(entry.at, at)
            one = chain.link(msgspec.structs.replace(entry, at=at), line, before)
            raw = msgspec.json.encode(one)
            if len(raw) > LONGEST:
                raise UsageError("is too long to be kept as one decision", do="decide about fewer accounts at a time")
            if not fits(one):
                raise UsageError("states a rate outside 0 to 1, or no person or reason", do="give both")
            data += raw + b"\n"
            linked.append(one)
            before = one.hash
        return linked, bytes(data)
