"""What auditors get: a line for each message on each side, chained by hashes, without any artefact.

A line is JSON; its ``hash`` is the SHA-256 of the line before it (its ``hash``; 64 zeros for the first) and of itself
without ``hash``, so a changed byte is found and named. Whoever may rewrite the whole file can make a new chain: against
that stand the other side's transcript, which holds the hashes of the same messages, and the hash of the last line,
which `verify` prints, to be noted elsewhere.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from stillwatch import __version__
from stillwatch.errors import InputError, StorageError, UsageError
from stillwatch.sharing.private import curve, messages
from stillwatch.storage import chain
from stillwatch.storage.disk import disk_errors

__all__ = ["Checked", "Entry", "Event", "asked_since", "check", "compare", "note", "read_entries"]

MOST_BYTES = 64 * 1024 * 1024
LONGEST_LINE = 4096

Role = Literal["offering", "asking"]
Event = Literal["setup", "request", "response", "result", "refused"]
Hash = Annotated[str, Meta(pattern=r"^(?:[0-9a-f]{64})?\Z")]


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing that happened, UTC. ``items`` is how many points the message held (0 of a result: how many are common
    is for the asking side only); ``bytes`` and ``message`` (SHA-256) are those of the message as it travelled; ``why``
    is our own sentence on a refusal. ``peer`` is what this side calls the other."""

    line: int
    at: str
    role: Role
    peer: str
    session: str
    event: Event
    mode: str
    kind: str
    items: int
    bytes: int = 0
    message: Hash = ""
    why: str = ""
    stillwatch: str = __version__
    protocol: int = messages.VERSION
    library: str = ""
    hash: Hash = ""


Checked = chain.Checked[Entry]
"""A transcript that was read."""


def check(data: bytes) -> Checked:
    """Check every line against the one before it; the first that does not hold ends the chain. No bytes: no entries."""
    return chain.check(data, Entry, longest=LONGEST_LINE, name="transcript", fits=_zoned)


def compare(first: Checked, second: Checked) -> tuple[str, ...]:
    """Where two transcripts, one of each side, tell differently of the sessions that both tell of; () where nowhere."""
    problems: list[str] = []
    ours, theirs = _sessions(first), _sessions(second)
    shared = [session for session in ours if session in theirs]
    if not shared:
        return ("no session is in both transcripts",)
    for session in shared:
        mine, other = ours[session], theirs[session]
        if {e.role for e in mine.values()} & {e.role for e in other.values()}:
            problems.append(f"session {session}: both transcripts are of the same side")
            continue
        for step in ("setup", "request", "response"):
            one, two = mine.get(step), other.get(step)
            if one is None and two is None:
                continue
            if one is None or two is None:
                problems.append(f"session {session}: the {step} is in one transcript only")
            elif _told(one) != _told(two):
                problems.append(
                    f"session {session}: the {step} is another message in each (lines {one.line}, {two.line})"
                )
    return tuple(problems)


def read_entries(path: Path) -> Checked:
    """The transcript at ``path``, checked. Raises `InputError` for one that cannot be read or is enormous."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"is larger than {MOST_BYTES >> 20} MiB", path, "begin a new transcript")
        return check(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path) from error


def note(path: Path, entry: Entry) -> Entry:
    """Add ``entry`` to the transcript at ``path`` (made with mode 0600), which is checked first; its ``line``, ``at``,
    ``library`` and ``hash`` are filled in. Two processes may add to one transcript.

    Raises `InputError` where the transcript does not hold, `StorageError` where it cannot be written.
    """
    with disk_errors(path):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise StorageError(f"cannot be written: {error.strerror}", path, "name another --transcript") from error
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)
            held = read_entries(path)
            if held.problems:
                raise InputError(held.problems[0], path, "keep it for the auditors and name another --transcript")
            size = os.fstat(file.fileno()).st_size
            at = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
            entry = msgspec.structs.replace(entry, at=at, library=entry.library or curve.library())
            entry = chain.link(entry, len(held.entries) + 1, held.last)
            line = msgspec.json.encode(entry) + b"\n"
            if len(line) > LONGEST_LINE:
                raise UsageError("is too long for a transcript", "the peer's name", "call it something shorter")
            try:
                chain.write_all(file.fileno(), line)
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), size)
                raise
    return entry


def asked_since(path: Path, peer: str, since: dt.datetime) -> tuple[int, int]:
    """How many sessions ``peer`` was answered since then, and with how many artefacts in all; (0, 0) without a
    transcript. Raises `InputError` for one that does not hold: limits that rest on it would be none."""
    if not path.exists():
        return 0, 0
    held = read_entries(path)
    if held.problems:
        raise InputError(held.problems[0], path, "keep it for the auditors and name another --transcript")
    asked = [
        entry
        for entry in held.entries
        if entry.role == "offering" and entry.event == "response" and entry.peer == peer
        if dt.datetime.fromisoformat(entry.at) >= since
    ]
    return len(asked), sum(entry.items for entry in asked)


def _zoned(entry: Entry) -> bool:
    return dt.datetime.fromisoformat(entry.at).tzinfo is not None


def _sessions(checked: Checked) -> dict[str, dict[str, Entry]]:
    sessions: dict[str, dict[str, Entry]] = {}
    for entry in checked.entries:
        if entry.event in ("setup", "request", "response"):
            sessions.setdefault(entry.session, {})[entry.event] = entry
    return sessions


def _told(entry: Entry) -> tuple[object, ...]:
    return entry.message, entry.bytes, entry.items, entry.mode, entry.kind
