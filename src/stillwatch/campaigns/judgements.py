"""What people found when they looked: accounts that were cleared, on appeal or otherwise, and those confirmed.

A person outranks a scan. A cleared account is in no group again, whatever a later scan finds, until the line is taken
out; and each judgement is counted against the probability that was stated when the account was accused, so that the
detector's own record can be read.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from stillwatch.errors import InputError
from stillwatch.storage.disk import disk_errors

__all__ = ["Judgement", "cleared", "note", "read_judgements"]

LONGEST = 64 * 1024


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What a person decided about one account, by name (``by``), at a time, and why.

    ``innocent`` is the probability of innocence that was stated when the account was accused or touched (None: not
    known); ``reference`` the one under which the person touched appealed. A later judgement replaces an earlier one;
    one that is "withdrawn" leaves none.
    """

    account_id: str
    verdict: Literal["cleared", "confirmed", "withdrawn"]
    at: dt.datetime
    by: str
    why: str
    innocent: float | None = None
    campaign_id: str = ""
    reference: str = ""


def read_judgements(path: Path) -> tuple[Judgement, ...]:
    """The judgements in a file of JSON lines, the latest about each account, in the order of account ids.

    A line that cannot be read stops the scan, with its place: what a person decided must not be passed over. No file is
    an error too; an empty one holds none. Raises `InputError`.
    """
    latest: dict[str, Judgement] = {}
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(LONGEST + 1), b""), 1):
                if line.strip():
                    judgement = _judgement(line, f"{path}:{number}")
                    before = latest.get(judgement.account_id)
                    if before is None or judgement.at >= before.at:
                        latest[judgement.account_id] = judgement
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path, "name another file with --judgements") from error
    return tuple(latest[account] for account in sorted(latest) if latest[account].verdict != "withdrawn")


def _judgement(line: bytes, where: str) -> Judgement:
    do = 'write one JSON object a line: {"account_id", "verdict", "at", "by", "why"}'
    try:
        judgement = msgspec.json.decode(line, type=Judgement)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"is no judgement ({error})", where, do) from error
    if judgement.at.tzinfo is None:
        raise InputError("has a time without a zone", where, 'write it as "2026-11-28T12:00:00Z"')
    if judgement.innocent is not None and not 0 <= judgement.innocent <= 1:
        raise InputError(f"{judgement.innocent} is no probability", where, do)
    if not judgement.account_id or not judgement.by.strip() or not judgement.why.strip():
        raise InputError("names no account, no person or no reason", where, do)
    return judgement


def note(path: Path, *judgements: Judgement) -> None:
    """Add judgements to the file at ``path`` (made with mode 0600); two processes may add to one file.

    Raises `StorageError` where they cannot be written: nothing of them stays then.
    """
    line = b"".join(msgspec.json.encode(judgement) + b"\n" for judgement in judgements)
    with disk_errors(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(size - 1)
                line = line if file.read(1) == b"\n" else b"\n" + line  # a killed writer's rest stays, and is told
            try:
                while line:
                    line = line[os.write(file.fileno(), line) :]
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), size)
                raise


def cleared(judgements: Sequence[Judgement]) -> Mapping[str, Judgement]:
    """The judgements that cleared, by account."""
    return {judgement.account_id: judgement for judgement in judgements if judgement.verdict == "cleared"}
