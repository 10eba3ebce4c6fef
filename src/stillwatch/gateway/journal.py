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
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from stillwatch.errors import StorageError
from stillwatch.storage.whole import write_whole

__all__ = ["TEXT_COLUMNS", "Journal", "hours", "tidy", "untidy"]

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
        self._lock = threading.Lock()
        for _, path in hours(folder):
            _close_off(path)

    def write(self, row: dict[str, Any], at: int) -> None:
        """One exchange as a line of the hour of ``at`` (microseconds). Raises `StorageError` where the disk refuses."""
        if not self.keep_text:
            row = row.copy()
            for name in TEXT_COLUMNS:
                row.pop(name, None)
        try:
            line = msgspec.json.encode(row) + b"\n"
        except (UnicodeError, OverflowError, TypeError, ValueError):  # half a character, an integer beyond 64 bits
            line = json.dumps(row, default=str).encode() + b"\n"
        hour = at // HOUR
        with self._lock:  # else one thread turns the hour, and another writes to a file that was closed
            if hour != self._hour:
                self._turn(hour)
            try:
                written = os.write(self._file, line)
                if written != len(line):
                    os.write(self._file, b"\n")  # the disk is full: what is there is closed off, as after a kill
                    raise StorageError("the disk is full; an exchange was not written", self.folder, "free some space")
            except OSError as error:
                raise StorageError(f"an exchange was not written: {error.strerror}", self.folder) from error

    def close(self) -> None:
        """Let go of the running hour's file."""
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._hour, self._file = -1, -1

    def _turn(self, hour: int) -> None:
        name = dt.datetime.fromtimestamp(hour * 3600, dt.UTC).strftime("%Y-%m-%dT%H.jsonl")
        try:
            file = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise StorageError(f"the journal cannot be written: {error.strerror}", self.folder) from error
        self._let_go()
        self._hour, self._file = hour, file


def tidy(folder: Path, at: int, *, text_hours: float, days: float) -> int:
    """Drop hours older than ``days``, and the text of hours older than ``text_hours`` (never of the running one, nor
    within a minute of its end). Returns how many files that changed. One process at a time; a second one finds nothing
    to do. Raises `StorageError` where the disk refuses; nothing is then half-written."""
    lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0
        return _drop(folder, at, days) + _strip(folder, at, text_hours)
    finally:
        os.close(lock)


def untidy(folder: Path, at: int, *, text_hours: float, days: float) -> bool:
    """Whether `tidy` would look into a file: cheap to ask."""
    done = _done(folder)
    return any(
        _is_over(hour, at, days * 24) or (hour >= done and _is_old(hour, at, text_hours)) for hour, _ in hours(folder)
    )


def _is_over(hour: int, at: int, kept_hours: float) -> bool:
    return (hour + 1) * HOUR + kept_hours * HOUR <= at


def _is_old(hour: int, at: int, text_hours: float) -> bool:
    return hour * HOUR + text_hours * HOUR <= at and (hour + 1) * HOUR + GRACE <= at


def _done(folder: Path) -> int:
    """Hours before this one hold no text any more; -1: not known of any."""
    try:
        return int((folder / MARK).read_text())
    except (OSError, ValueError):
        return -1


def _drop(folder: Path, at: int, days: float) -> int:
    old = [path for hour, path in hours(folder) if _is_over(hour, at, days * 24)]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _strip(folder: Path, at: int, text_hours: float) -> int:
    done = _done(folder)
    changed, first_kept = 0, done
    for hour, path in hours(folder):
        if hour < done or not _is_old(hour, at, text_hours):
            continue
        if _holds_text(path):
            write_whole(path, b"".join(_without_text(path)), private=True)
            changed += 1
        first_kept = hour + 1
    if first_kept != done:
        write_whole(folder / MARK, str(first_kept).encode())
    return changed


def _holds_text(path: Path) -> bool:
    marks = tuple(f'"{name}"'.encode() for name in TEXT_COLUMNS)
    with path.open("rb") as file:
        return any(mark in line for line in file for mark in marks)


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
