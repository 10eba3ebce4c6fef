"""Every exchange that passed, as a log that ``stillwatch scan`` reads: JSON lines, one file an hour.

A line is written by one system call before the answer's last byte leaves, so a killed gateway has lost no exchange that
its caller saw the end of. Text (`TEXT_COLUMNS`) is there only where the policy keeps it, and for as long; then the
hour's file is written anew without it. Several processes may write to one journal.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from stillwatch.errors import StorageError
from stillwatch.storage.whole import write_whole

__all__ = ["TEXT_COLUMNS", "Journal", "hours"]

TEXT_COLUMNS = ("system_prompt", "messages", "response", "reasoning")
"""Columns of THE record that hold what somebody wrote."""
SECOND = 1_000_000
HOUR = 3600 * SECOND
GRACE = 60 * SECOND
NAME = re.compile(r"\d{4}-\d\d-\d\dT\d\d\.jsonl\Z")
MARK = ".without-text-before"


class Journal:
    """``folder`` is made where missing (mode 0700). ``keep_text`` may be changed while it is open."""

    def __init__(self, folder: Path, *, keep_text: bool) -> None:
        self.folder, self.keep_text = folder, keep_text
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._hour, self._file = -1, -1
        for _, path in hours(folder):
            _close_off(path)

    def write(self, row: dict[str, Any], at: int) -> None:
        """One exchange as a line of the hour of ``at`` (microseconds). Raises `StorageError` where the disk refuses."""
        if not self.keep_text:
            row = {name: value for name, value in row.items() if name not in TEXT_COLUMNS}
        try:
            line = msgspec.json.encode(row) + b"\n"
        except (UnicodeError, OverflowError, TypeError, ValueError):  # half a character, an integer beyond 64 bits
            line = json.dumps(row, default=str).encode() + b"\n"
        hour = at // HOUR
        if hour != self._hour:
            self._turn(hour)
        try:
            written = os.write(self._file, line)
            if written != len(line):
                os.write(self._file, b"\n")  # the disk is full: what is there is closed off, as after a kill
                raise StorageError("the disk is full; an exchange was not written", self.folder, "free some space")
        except OSError as error:
            raise StorageError(f"an exchange was not written: {error.strerror}", self.folder) from error

    def tidy(self, at: int, *, text_hours: float, days: float) -> int:
        """Drop hours older than ``days``, and the text of hours older than ``text_hours`` (never of the running one).
        Returns how many files that changed. One process at a time; a second finds nothing to do."""
        lock = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return 0
            return self._dropped(at, days) + self._stripped(at, text_hours)
        finally:
            os.close(lock)

    def close(self) -> None:
        """Let go of the running hour's file."""
        if self._file >= 0:
            os.close(self._file)
        self._hour, self._file = -1, -1

    def _turn(self, hour: int) -> None:
        name = dt.datetime.fromtimestamp(hour * 3600, dt.UTC).strftime("%Y-%m-%dT%H.jsonl")
        try:
            file = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise StorageError(f"the journal cannot be written: {error.strerror}", self.folder) from error
        self.close()
        self._hour, self._file = hour, file

    def _dropped(self, at: int, days: float) -> int:
        old = [path for hour, path in hours(self.folder) if (hour + 1) * HOUR + days * 24 * HOUR <= at]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _stripped(self, at: int, text_hours: float) -> int:
        mark = self.folder / MARK
        done = int(mark.read_text()) if mark.exists() else -1
        changed, first_kept = 0, done
        for hour, path in hours(self.folder):
            old = hour * HOUR + text_hours * HOUR <= at and (hour + 1) * HOUR + GRACE <= at
            if hour < done or not old:
                continue
            write_whole(path, b"".join(_without_text(path)))
            path.chmod(0o600)
            changed, first_kept = changed + 1, hour + 1
        if first_kept != done:
            write_whole(mark, str(first_kept).encode())
        return changed


def hours(folder: Path) -> list[tuple[int, Path]]:
    """The journal's files and their hours (counted from 1970), in the order of time."""
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        if NAME.match(path.name):
            started = dt.datetime.strptime(path.name, "%Y-%m-%dT%H.jsonl").replace(tzinfo=dt.UTC)
            found.append((int(started.timestamp()) // 3600, path))
    return sorted(found)


def _close_off(path: Path) -> None:
    """End the line that a killed process began: readers then set it aside, and the next one starts afresh."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            os.write(descriptor, b"\n")
    finally:
        os.close(descriptor)


def _without_text(path: Path) -> Iterator[bytes]:
    """The lines of a file without text; one that cannot be read may hold text, and goes too."""
    with path.open("rb") as file:
        for line in file:
            try:
                row = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
            except (msgspec.DecodeError, RecursionError, UnicodeError):
                continue
            for name in TEXT_COLUMNS:
                row.pop(name, None)
            yield msgspec.json.encode(row) + b"\n"
