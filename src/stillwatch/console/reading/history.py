"""What the gateway did to an account, found in its ledger without reading all of it each time.

The ledger grows at its end and is never changed, so of each file the places of an account's lines are kept, and only
what was added since is looked through when somebody asks again.
"""

from __future__ import annotations

import threading
from array import array
from pathlib import Path

import msgspec

from stillwatch.gateway.ledger import NAME, LedgerEntry
from stillwatch.storage.disk import disk_errors

__all__ = ["History"]

MOST_TOLD = 50
MOST_READ = 256 * 2**20
"""Bytes of a ledger that are looked through at most when it is opened: its end. Pages say that they show no more."""


class _Who(msgspec.Struct, frozen=True):
    """Of a line only whom it is about."""

    account_id: str = ""


class History:
    """The ledger in ``folder`` by account. ``complete`` is whether all of it was looked through.

    Lines are read, not checked: `stillwatch gate ledger` checks the chain.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.complete = True
        self._read: dict[str, int] = {}
        self._files: list[Path] = []
        self._places: dict[str, array[int]] = {}
        self._lock = threading.Lock()

    def of(self, account_id: str) -> tuple[LedgerEntry, ...]:
        """The newest fifty lines about an account, the newest first; none where there is no ledger."""
        with self._lock, disk_errors(self.folder):
            self._look()
            places = self._places.get(account_id)
            found = [self._line(place) for place in reversed((places or array("Q"))[-MOST_TOLD:])]
        return tuple(entry for entry in found if entry is not None)

    def _look(self) -> None:
        """Look through what was added."""
        if not self.folder.is_dir():
            return
        files = sorted(path for path in self.folder.iterdir() if NAME.match(path.name))
        if not self._read:
            self._skip(files)
        for path in files:
            start = self._read.setdefault(path.name, 0)
            if path not in self._files:
                self._files.append(path)
            if path.stat().st_size > start:
                self._read[path.name] = self._add(path, self._files.index(path), start)

    def _skip(self, files: list[Path]) -> None:
        left = MOST_READ
        for path in reversed(files):
            size = path.stat().st_size
            if size > left:
                self.complete = False
                self._read[path.name] = _next_line(path, size - left)
            left = max(left - size, 0)

    def _add(self, path: Path, number: int, start: int) -> int:
        """Note the places of whole lines from ``start`` on; returns where the next one will begin."""
        decode = msgspec.json.Decoder(_Who).decode
        with path.open("rb") as file:
            file.seek(start)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                try:
                    name = decode(line).account_id
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    name = ""
                if name:
                    places = self._places.setdefault(name, array("Q"))
                    places.append(number << 40 | start)
                    if len(places) > 2 * MOST_TOLD:
                        del places[:MOST_TOLD]
                start += len(line)
        return start

    def _line(self, place: int) -> LedgerEntry | None:
        try:
            with self._files[place >> 40].open("rb") as file:
                file.seek(place & (1 << 40) - 1)
                return msgspec.json.decode(file.readline(), type=LedgerEntry)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None


def _next_line(path: Path, place: int) -> int:
    with path.open("rb") as file:
        file.seek(place)
        file.readline()
        return file.tell()
