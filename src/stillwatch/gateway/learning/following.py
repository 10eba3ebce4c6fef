"""The journal as it grows: every line that was written since the last look, read as a scan reads it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from stillwatch.errors import InputError
from stillwatch.gateway.journal import hours
from stillwatch.sources.log import open_log
from stillwatch.storage.disk import disk_errors

__all__ = ["Following"]

MOST = 16 * 2**20
"""Bytes that are read at a time."""


class Following:
    """A place in the journal. ``spool`` is a file (mode 0600) that holds what is being read, and nothing between.

    A torn last line waits until it is closed off. An hour's file that is written anew without text (`journal.tidy`) is
    shorter than it was: what was read of it is not read again. Lines that are no exchange are passed over.
    """

    def __init__(self, journal: Path, spool: Path) -> None:
        self.journal, self.spool = journal, spool
        self._read: dict[str, int] = {}

    def skip(self) -> None:
        """Go to the end: what is there was read otherwise."""
        self._read = {path.name: path.stat().st_size for _, path in hours(self.journal)}

    def batches(self) -> Iterator[pa.RecordBatch]:
        """What is new, in batches of the schema `EXCHANGE`, in the order of hours. Raises `StorageError`."""
        known = hours(self.journal)
        self._read = {path.name: self._read.get(path.name, 0) for _, path in known}
        for _, path in known:
            while lines := self._lines(path):
                yield from self._exchanges(lines)

    @property
    def backlog(self) -> int:
        """Bytes that wait."""
        return sum(max(path.stat().st_size - self._read.get(path.name, 0), 0) for _, path in hours(self.journal))

    def _lines(self, path: Path) -> bytes:
        """Whole lines from the place where reading stopped; one that does not end within `MOST` bytes is left out."""
        done = self._read[path.name]
        with disk_errors(path):
            try:
                with path.open("rb") as file:
                    file.seek(done)
                    data = file.read(MOST)
            except FileNotFoundError:  # its days are over
                return b""
        end = data.rfind(b"\n") + 1
        if not end and len(data) == MOST:
            self._read[path.name] = done + len(data)
            return b"\n"
        self._read[path.name] = done + end
        return data[:end]

    def _exchanges(self, lines: bytes) -> Iterator[pa.RecordBatch]:
        try:
            with disk_errors(self.spool):
                descriptor = os.open(self.spool, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(lines)
            try:
                yield from open_log([str(self.spool)], format="jsonl").batches()
            except InputError:  # no line of it is an exchange
                return
        finally:
            self.spool.unlink(missing_ok=True)
