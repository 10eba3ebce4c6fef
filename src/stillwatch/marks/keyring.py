"""The keys of a provider: a master, a register of commitments, and no use of a key that is not committed.

::

    KEYS/master.key       the secret that all others follow from; mode 0600, never printed
    KEYS/register.jsonl   the commitments, chained

Back up both, apart from each other: without the master no mark can ever be shown, without the register none proves
anything.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import msgspec

from stillwatch.errors import InputError, UsageError
from stillwatch.marks.base import MarkKey, Scope
from stillwatch.marks.commitments import LEAST_DECOYS, MOST_DECOYS, Entry, Register, entry_for
from stillwatch.marks.keys import Master, derive, make_master, read_master

__all__ = ["MASTER", "REGISTER", "Keyring", "Period"]

MASTER, REGISTER = "master.key", "register.jsonl"
Name = tuple[str, Scope, str]


class Period(NamedTuple):
    """A key's commitment, and the days on which it may have marked answers: ``since`` and ``until`` in microseconds
    UTC, ``until`` None while it is used."""

    entry: Entry
    since: int
    until: int | None
    why: str = ""

    def covers(self, at: int) -> bool:
        """Whether an answer given at ``at`` (microseconds UTC) may bear its mark."""
        return self.since <= at and (self.until is None or at < self.until)


class Keyring:
    """The keys in ``folder``. Reading it raises `InputError` where the master or the register is missing or spoilt."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.register = Register(folder / REGISTER)
        self._master: Master | None = None

    @classmethod
    def make(cls, folder: Path) -> Keyring:
        """A new keyring with a new master. Raises `UsageError` where there is one, `StorageError`."""
        register = Register(folder / REGISTER)
        if register.path.exists():
            raise UsageError("holds a register of keys already", folder, "name another folder")
        with register.writing():
            make_master(folder / MASTER)
        return cls(folder)

    def periods(self) -> tuple[Period, ...]:
        """Every key ever committed, in the order of their commitments."""
        found: dict[str, Period] = {}
        for entry in self.register.read().entries:
            if entry.kind == "committed":
                found[entry.key_id] = Period(entry, entry.at, None)
            elif entry.kind == "retired" and entry.key_id in found:
                found[entry.key_id] = found[entry.key_id]._replace(until=entry.at, why=entry.why)
        return tuple(found.values())

    def commit(
        self, scheme: str, scope: Scope, about: str = "", *, decoys: int = LEAST_DECOYS, at: int | None = None
    ) -> MarkKey:
        """Derive a key and commit to it: from now on it may be used.

        Args:
            scheme: the mark that it is for.
            scope: whose answers it marks.
            about: which campaign or tier; "" for all.
            decoys: how many keys tests compare with, 1,000 to 1,000,000; the smallest p-value that decoys alone can
                give is 1 / (decoys + 1).
            at: when, microseconds UTC; default now.

        Raises:
            UsageError: such a key is there, or was and is to be rotated; or a name or number is out of range.
        """
        self._enough(decoys)
        with self.register.writing() as read:
            if self._newest((scheme, scope, about)) is not None:
                raise UsageError("is committed already", _said((scheme, scope, about)), "use it, or rotate it")
            key = derive(self._secret(), scheme=scheme, scope=scope, about=about)
            self.register.append(read, [entry_for(key, at=_now(at), decoys=decoys)])
        return key

    def rotate(
        self, scheme: str, scope: Scope, about: str = "", *, why: str = "", at: int | None = None
    ) -> tuple[MarkKey, MarkKey]:
        """Commit to the next epoch's key and retire the one in use, in one step; tests of the old one go on.

        Returns the old and the new key; the new one has as many decoys. Raises `UsageError` where none is in use.
        """
        name = (scheme, scope, about)
        with self.register.writing() as read:
            newest = self._newest(name)
            if newest is None:
                raise UsageError("has no key to rotate", _said(name), "commit one: stillwatch marks key")
            old = self._derived(newest.entry)
            key = derive(self._secret(), scheme=scheme, scope=scope, about=about, epoch=newest.entry.epoch + 1)
            now = max(_now(at), newest.since)
            retired = Entry(at=now, kind="retired", key_id=old.id, why=" ".join(why.split())[:500])
            self.register.append(read, [entry_for(key, at=now, decoys=newest.entry.decoys), retired])
        return old, key

    def use(self, scheme: str, scope: Scope, about: str = "") -> MarkKey:
        """The key to mark with. Raises `UsageError` where none is committed, `InputError` where the master has changed
        since it was."""
        newest = self._newest((scheme, scope, about))
        if newest is None or newest.until is not None:
            raise UsageError(
                "has no committed key, so it cannot be used", _said((scheme, scope, about)), "stillwatch marks key"
            )
        return self._derived(newest.entry)

    def detect(self, key_id: str) -> tuple[MarkKey, Period]:
        """A key for a test, retired or not, with the days it was used. Raises `UsageError` for one that is not
        committed."""
        for period in self.periods():
            if period.entry.key_id == key_id:
                return self._derived(period.entry), period
        raise UsageError("is no key of this register", key_id, "see `stillwatch marks list`")

    def _newest(self, name: Name) -> Period | None:
        mine = [p for p in self.periods() if (p.entry.scheme, p.entry.scope, p.entry.about) == name]
        return max(mine, key=lambda p: p.entry.epoch, default=None)

    def _derived(self, entry: Entry) -> MarkKey:
        made = derive(self._secret(), scheme=entry.scheme, scope=entry.scope, about=entry.about, epoch=entry.epoch)
        expected = entry_for(made, at=entry.at, decoys=entry.decoys)
        if msgspec.structs.replace(expected, line=entry.line, hash=entry.hash) != entry:
            raise InputError(
                f"gives another key than the one committed as {entry.key_id}",
                self.folder / MASTER,
                "restore the master that the register was made with",
            )
        return made

    def _secret(self) -> Master:
        if self._master is None:
            self._master = read_master(self.folder / MASTER)
        return self._master

    @staticmethod
    def _enough(decoys: int) -> None:
        if not LEAST_DECOYS <= decoys <= MOST_DECOYS:
            raise UsageError(f"{decoys} is out of range", "decoys", f"{LEAST_DECOYS:,} to {MOST_DECOYS:,}")


def _said(name: Name) -> str:
    scheme, scope, about = name
    return f"{scheme} of {scope}{f' {about}' if about else ''}"


def _now(at: int | None) -> int:
    return time.time_ns() // 1000 if at is None else at
