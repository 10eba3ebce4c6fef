"""What the gateway did to whom, and what people decided: append-only, each line holding the one before it.

Lines are written by a thread of their own, at most `LAG` seconds after they are told; what a killed process had not yet
written is lost, and the chain stays whole. Files are numbered and end at `LARGEST` bytes; the first line of the next
one carries the last hash. Several processes may write to one ledger (gateways' workers, the command line).
"""

from __future__ import annotations

import fcntl
import os
import re
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from stillwatch.errors import StorageError
from stillwatch.gateway.decision import Decision
from stillwatch.storage import chain

__all__ = ["Ledger", "LedgerEntry", "Verified", "append", "decided", "find", "read_ledger", "verify"]

LAG = 0.1
LARGEST = 64 * 2**20
LONGEST_LINE = 64 * 1024
MOST_WAITING = 200_000
NAME = re.compile(r"ledger-(\d{6})\.jsonl\Z")


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One thing that happened. ``at`` in microseconds; ``kind`` one of: ``decision`` (somebody was touched; ``what``
    says how), ``applied``, ``undone``, ``expired`` (actions), ``policy``, ``stood_down``, ``switch``, ``cleared``,
    ``confirmed``, ``unconfirmed``, ``held``, ``reopened`` (people, about accounts), ``appeal``, and of the ledger
    itself ``opened`` (``before``: the last hash of the file before) and ``recovered`` (a torn line was taken away).
    ``by`` is who did it where it was a person; ``why`` a sentence of ours or of his."""

    line: int = 0
    at: int
    kind: str
    account_id: str = ""
    campaign_id: str = ""
    reference: str = ""
    request_id: str = ""
    actions: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    what: str = ""
    by: str = ""
    why: str = ""
    before: str = ""
    hash: str = ""


class Verified(NamedTuple):
    """``lines`` that hold in ``files``, the ``last`` hash (note it elsewhere), and ``problems`` in words."""

    files: int
    lines: int
    last: str
    problems: tuple[str, ...]


class Ledger:
    """Open for writing in ``folder`` (made where missing, mode 0700). ``failed`` is the last error of the disk, ""
    where there was none; lines wait in memory meanwhile, and ``lost`` counts those beyond 200,000."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.failed, self.lost = "", 0
        self._waiting: deque[LedgerEntry] = deque()
        self._ends = threading.Event()
        self._write_lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="stillwatch-ledger", daemon=True)
        self._thread.start()

    def note(self, entry: LedgerEntry) -> None:
        """Tell the ledger; nothing waits for the disk."""
        if len(self._waiting) >= MOST_WAITING:
            self.lost += 1
            return
        self._waiting.append(entry)

    @property
    def waiting(self) -> int:
        """Lines told and not yet written."""
        return len(self._waiting)

    def flush(self) -> None:
        """Write what was told so far. Raises `StorageError`."""
        with self._write_lock:
            entries = [self._waiting[i] for i in range(len(self._waiting))]
            if entries:
                append(self.folder, entries)
                for _ in entries:
                    self._waiting.popleft()

    def close(self) -> None:
        """Write what was told, and end the thread."""
        self._ends.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ends.wait(LAG):
            self._try()
        self._try()

    def _try(self) -> None:
        try:
            self.flush()
            self.failed = ""
        except (OSError, StorageError) as error:
            self.failed = str(error)


def decided(decision: Decision) -> LedgerEntry:
    """The line that tells of a decision."""
    what = [f"refused {decision.refuse.status}"] if decision.refuse is not None else []
    what += [f"waited {decision.wait:.1f}"] if decision.wait > 0 else []
    what += ["shaped"] if decision.shape is not None else []
    what += [f"shielded {decision.shield}"] if decision.shield is not None else []
    return LedgerEntry(
        at=decision.at,
        kind="decision",
        account_id=decision.account_id[:1000],
        campaign_id=(decision.campaign_id or "")[:1000],
        reference=decision.reference,
        request_id=decision.request_id[:200],
        actions=decision.actions,
        reasons=decision.reasons,
        what=", ".join(what),
    )


def append(folder: Path, entries: list[LedgerEntry]) -> None:
    """Chain ``entries`` to the ledger in ``folder``, all in one write. Raises `StorageError`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with _locked(folder):
            files = _files(folder)
            path = files[-1] if files else folder / "ledger-000001.jsonl"
            last, entries = _open_end(path, entries)
            if last is None and len(files) > 1:  # killed as it began this file
                last, _ = _open_end(files[-2], entries)
                opens = True
            else:
                opens = path.exists() and path.stat().st_size >= LARGEST
                path = _next(path) if opens else path
            before = last.hash if last else chain.ZEROS
            number = 0 if opens or last is None else last.line
            if opens:
                entries = [LedgerEntry(at=entries[0].at, kind="opened", before=before), *entries]
            lines = bytearray()
            for entry in entries:
                number += 1
                linked = chain.link(_readable(entry), number, before)
                lines += msgspec.json.encode(linked) + b"\n"
                before = linked.hash
            _write(path, bytes(lines))
    except OSError as error:
        raise StorageError(f"the ledger cannot be written: {error.strerror}", folder, "free some space") from error


def verify(folder: Path) -> Verified:
    """Check every line of every file against the one before it. No ledger: no lines, no problems."""
    problems: list[str] = []
    lines, last, files = 0, chain.ZEROS, _files(folder)
    for place, path in enumerate(files):
        data = path.read_bytes()
        before = last if place else _claimed(data)
        checked = chain.check(data, LedgerEntry, longest=LONGEST_LINE, name="ledger", before=before)
        lines += len(checked.entries)
        last = checked.last if checked.entries else last
        if checked.problems:
            problems.append(f"{path.name}: {checked.problems[0]}")
            break
    return Verified(len(files), lines, last, tuple(problems))


def read_ledger(folder: Path, *, newest_first: bool = False) -> Iterator[LedgerEntry]:
    """Every line that can be read, unchecked (`verify` checks)."""
    for path in reversed(_files(folder)) if newest_first else _files(folder):
        lines = path.read_bytes().splitlines()
        for line in reversed(lines) if newest_first else lines:
            try:
                yield msgspec.json.decode(line, type=LedgerEntry)
            except (ValueError, RecursionError):
                continue


def find(folder: Path, reference: str, most: int = 100) -> list[LedgerEntry]:
    """The newest ``most`` lines that bear a reference, the newest first."""
    wanted, found = reference.strip().upper(), []
    for entry in read_ledger(folder, newest_first=True):
        if entry.reference == wanted:
            found.append(entry)
            if len(found) >= most:
                break
    return found


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if NAME.match(path.name)) if folder.is_dir() else []


def _next(path: Path) -> Path:
    return path.with_name(f"ledger-{int(path.stem[-6:]) + 1:06d}.jsonl")


def _claimed(data: bytes) -> str:
    """The hash that a first file goes on from: files before it may have been put away."""
    try:
        return msgspec.json.decode(data.split(b"\n", 1)[0], type=LedgerEntry).before or chain.ZEROS
    except (ValueError, RecursionError):
        return chain.ZEROS


def _open_end(path: Path, entries: list[LedgerEntry]) -> tuple[LedgerEntry | None, list[LedgerEntry]]:
    """The last line; what a killed process left of one after it is taken away, and a line says so."""
    if not path.exists():
        return None, entries
    descriptor = os.open(path, os.O_RDWR)
    try:
        last, torn = chain.read_last(descriptor, LedgerEntry, LONGEST_LINE)
        if torn:
            os.ftruncate(descriptor, os.fstat(descriptor).st_size - len(torn))
            why = f"{len(torn)} bytes of a line that a killed process began were taken away"
            entries = [LedgerEntry(at=entries[0].at, kind="recovered", why=why), *entries]
    finally:
        os.close(descriptor)
    return last, entries


def _readable(entry: LedgerEntry) -> LedgerEntry:
    """An entry that JSON can hold: half a character in a stranger's id becomes a question mark."""
    texts = ("account_id", "campaign_id", "request_id", "by", "why")
    if all(getattr(entry, name).isascii() for name in texts):
        return entry
    plain = {name: getattr(entry, name).encode("utf-8", "replace").decode() for name in texts}
    return msgspec.structs.replace(entry, **plain)


def _write(path: Path, lines: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        try:
            chain.write_all(descriptor, lines)
            os.fdatasync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
