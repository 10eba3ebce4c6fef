"""The feed: a folder of bulletins received, each from one source, the newest version of each, none that was taken back.

::

    FEED/sources/NAME-HASH/source.json       whose it is, what it took back
    FEED/sources/NAME-HASH/UUID.json         one bulletin, a document of our own format: `stillwatch match` reads it
    FEED/sources/NAME-HASH/indicators.json   others' indicators, which are no bulletins
    FEED/pulled/                             how far `stillwatch share pull` is with each server

Every file is written whole. A bulletin belongs to the source that brought it first: another source can neither change
it nor take it back, so a peer who means harm spoils only what they said themselves. To forget a source, delete its
folder.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from stillwatch.errors import InputError, StorageError, UsageError
from stillwatch.sharing.base import MOST_OBJECTS, Decoded, ForeignIndicator, Reject
from stillwatch.sharing.bulletin import Bulletin
from stillwatch.sharing.formats.own import FORMAT
from stillwatch.storage.disk import disk_errors
from stillwatch.storage.whole import write_whole

__all__ = ["NOTHING", "Added", "Feed", "Received", "ReceivedIndicator"]

_SOURCE, _INDICATORS = "source.json", "indicators.json"
_LONGEST_NAME = 200
MOST_BULLETINS = 20_000
MOST_WITHDRAWN = 100_000
"""Of one source."""
T = TypeVar("T")


class Added(NamedTuple):
    """What became of a document: numbers of bulletins that are new, that replaced an older version, that were taken
    back, and that were here already; what was refused and why; and how many of others' indicators are new."""

    new: int
    updated: int
    revoked: int
    known: int
    refused: tuple[Reject, ...]
    indicators: int

    def plus(self, other: Added) -> Added:
        """Both together."""
        return Added(
            self.new + other.new,
            self.updated + other.updated,
            self.revoked + other.revoked,
            self.known + other.known,
            self.refused + other.refused,
            self.indicators + other.indicators,
        )


NOTHING = Added(0, 0, 0, 0, (), 0)
"""What became of no document."""


class Received(NamedTuple):
    """A bulletin and the source that brought it."""

    bulletin: Bulletin
    source: str


class ReceivedIndicator(NamedTuple):
    """Somebody else's indicator and the source that brought it."""

    indicator: ForeignIndicator
    source: str


class _Withdrawal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bulletin that was taken back: its version, and whether it was here from this source; else it binds no other."""

    modified: dt.datetime
    held: bool


class _Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A source: its name as the user wrote it, and what it took back."""

    name: str
    revoked: dict[str, _Withdrawal] = {}


class _Indicator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`ForeignIndicator` as it is kept."""

    kind: str
    value: str
    source: str
    valid_until: dt.date | None = None


class Feed:
    """A feed in a folder, which need not exist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, decoded: Decoded, *, source: str, about: Collection[str] = ()) -> Added:
        """Take what a document holds into the feed, as said by ``source``.

        ``about`` are ids of objects of which the document tells all: indicators that came from them earlier and are
        not in it are gone. Nothing in the document: nothing changes. Raises `UsageError` for a name that cannot be,
        `InputError` for a damaged feed, `StorageError`; adding the same again finishes what was cut short.
        """
        if not source or len(source) > _LONGEST_NAME or not source.isprintable():
            raise UsageError("is no name of a source", "--from", "give a short name without control characters")
        with self._locked():
            return _Addition(self, source, set(about)).take(decoded)

    def bulletins(self, today: dt.date) -> tuple[Received, ...]:
        """Every bulletin that may be used on ``today``, by id. An expired one is no longer among them. No folder: none.

        Raises `InputError` naming a file that is damaged.
        """
        found = [received for received, _ in self._held().values() if today <= received.bulletin.expires]
        return tuple(sorted(found, key=lambda received: received.bulletin.id))

    def indicators(self, today: dt.date) -> tuple[ReceivedIndicator, ...]:
        """Others' indicators that may be used on ``today``; they are beside the bulletins, never part of one."""
        found = []
        for folder in self._sources():
            name = _read_source(folder).name
            for one in _read_indicators(folder):
                if one.valid_until is None or today <= one.valid_until:
                    found.append(ReceivedIndicator(one, name))
        return tuple(found)

    def place(self, source: str) -> Path:
        """The folder of a source."""
        slug = re.sub(r"[^a-z0-9]+", "-", source.lower()[:40], flags=re.ASCII).strip("-") or "source"
        return self.folder / "sources" / f"{slug}-{hashlib.sha256(source.encode()).hexdigest()[:12]}"

    def _sources(self) -> list[Path]:
        folder = self.folder / "sources"
        return sorted(path.parent for path in folder.glob(f"*/{_SOURCE}")) if folder.is_dir() else []

    def _held(self) -> dict[str, tuple[Received, Path]]:
        held: dict[str, tuple[Received, Path]] = {}
        for folder in self._sources():
            source = _read_source(folder)
            for path in sorted(folder.glob("*.json")):
                if path.name not in {_SOURCE, _INDICATORS} and path.stem not in source.revoked:
                    held.setdefault(path.stem, (Received(_read_bulletin(path), source.name), path))
        return held

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One addition at a time, whichever process makes it."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self.folder / ".lock").open("w")
        except OSError as error:
            raise StorageError(f"cannot be written: {error.strerror}", self.folder, "name another --feed") from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class _Addition:
    """One document on its way into a feed."""

    def __init__(self, feed: Feed, source: str, about: set[str]) -> None:
        self._name, self._about = source, about
        self._folder = feed.place(source)
        self._held = feed._held()
        self._others = {
            identifier: (withdrawal, _read_source(folder).name)
            for folder in feed._sources()
            if folder != self._folder
            for identifier, withdrawal in _read_source(folder).revoked.items()
            if withdrawal.held
        }
        known = self._folder / _SOURCE
        self._source = _read_source(self._folder) if known.exists() else _Source(source)
        self._own = sum(received.source == source for received, _ in self._held.values())
        self._gone: list[Path] = []
        self._refused: list[Reject] = []
        self._counts = {"new": 0, "updated": 0, "revoked": 0, "known": 0}

    def take(self, decoded: Decoded) -> Added:
        """Everything in it, one by one."""
        with disk_errors(self._folder):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (self._folder / _SOURCE).exists():
            self._note()
        for bulletin in decoded.bulletins:
            try:
                self._counts[self._take(_checked(bulletin))] += 1
            except _RefusedError as why:
                self._refused.append(Reject(str(why), bulletin.id[:80]))
        if self._counts["revoked"]:  # first noted, then removed: cut short in between, it is gone all the same
            self._note()
        for path in self._gone:
            path.unlink(missing_ok=True)
        indicators = self._indicators(decoded.foreign)
        counts = self._counts
        return Added(
            counts["new"], counts["updated"], counts["revoked"], counts["known"], tuple(self._refused), indicators
        )

    def _take(self, bulletin: Bulletin) -> str:
        if self._is_taken_back(bulletin):
            return "known"
        held = self._held.get(bulletin.id)
        if held is None:
            if bulletin.revoked:
                return self._withdrawn(bulletin, held=False)
            if self._own >= MOST_BULLETINS:
                raise _RefusedError(f"would be one of more than {MOST_BULLETINS} bulletins of one source")
            return self._written(bulletin, "new")
        there = held[0].bulletin
        if there.producer.identity != bulletin.producer.identity:
            raise _RefusedError("has the id of a bulletin of another producer")
        if bulletin.modified < there.modified or bulletin == there:
            return "known"
        if bulletin.modified == there.modified and not bulletin.revoked:
            raise _RefusedError("differs from the bulletin here, though it is of the same version")
        if held[0].source != self._name:
            raise _RefusedError(f"came first from {held[0].source}, who alone may change it")
        if bulletin.revoked:
            return self._withdrawn(bulletin, held=True)
        return self._written(bulletin, "updated")

    def _is_taken_back(self, bulletin: Bulletin) -> bool:
        """Whether it is what was taken back before, by this source or by the one that had brought it."""
        withdrawn, name = self._source.revoked.get(bulletin.id), self._name
        if withdrawn is None and bulletin.id in self._others and bulletin.id not in self._held:
            withdrawn, name = self._others[bulletin.id]
        if withdrawn is None:
            return False
        if bulletin.modified > withdrawn.modified and not bulletin.revoked:
            raise _RefusedError(f"was taken back by {name}, and what was taken back has no later version")
        return True

    def _written(self, bulletin: Bulletin, what: str) -> str:
        path = self._folder / f"{bulletin.id}.json"
        write_whole(path, FORMAT.encode((bulletin,)))
        self._own += what == "new"
        self._held[bulletin.id] = (Received(bulletin, self._name), path)
        return what

    def _withdrawn(self, bulletin: Bulletin, *, held: bool) -> str:
        if len(self._source.revoked) >= MOST_WITHDRAWN:
            raise _RefusedError(f"would be one of more than {MOST_WITHDRAWN} that one source took back")
        self._source.revoked[bulletin.id] = _Withdrawal(bulletin.modified, held)
        self._own -= self._held.pop(bulletin.id, None) is not None
        self._gone.append(self._folder / f"{bulletin.id}.json")
        return "revoked"

    def _note(self) -> None:
        write_whole(self._folder / _SOURCE, msgspec.json.encode(self._source) + b"\n")

    def _indicators(self, told: tuple[ForeignIndicator, ...]) -> int:
        before = {(one.kind, one.value, one.source): one for one in _read_indicators(self._folder)}
        kept = {key: one for key, one in before.items() if one.source not in self._about}
        after = kept | {(one.kind, one.value, one.source): one for one in told}
        if len(after) > MOST_OBJECTS:
            self._refused.append(Reject(f"would be more than {MOST_OBJECTS} indicators of one source", "indicators"))
            return 0
        if after != before:
            rows = [_Indicator(*one) for _, one in sorted(after.items(), key=lambda item: item[0])]
            write_whole(self._folder / _INDICATORS, msgspec.json.encode(rows) + b"\n")
        return len(after.keys() - before.keys())


class _RefusedError(Exception):
    """Why a bulletin does not come in."""


def _checked(bulletin: Bulletin) -> Bulletin:
    """The bulletin as its own document says it: a format's mistake must not come past the types."""
    try:
        return FORMAT.decode(FORMAT.encode((bulletin,))).bulletins[0]
    except (InputError, ValueError, TypeError) as error:
        raise _RefusedError("is no bulletin of this version") from error


def _read_source(folder: Path) -> _Source:
    return _read(folder / _SOURCE, _Source)


def _read_indicators(folder: Path) -> list[ForeignIndicator]:
    path = folder / _INDICATORS
    if not path.exists():
        return []
    rows = _read(path, list[_Indicator])
    return [ForeignIndicator(row.kind, row.value, row.source, row.valid_until) for row in rows]


def _read_bulletin(path: Path) -> Bulletin:
    try:
        read = FORMAT.decode(path.read_bytes()).bulletins
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path) from error
    except InputError as error:
        raise InputError(error.what, path, "delete it and import it again") from error
    if len(read) != 1 or read[0].id != path.stem:
        raise InputError("holds another bulletin than its name says", path, "delete it and import it again")
    return read[0]


def _read(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError("is no file of a feed", path, "delete its folder and import it again") from error
