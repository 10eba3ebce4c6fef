"""Where a server keeps its collections: SQLite, every version of an object once, in the order in which they came.

A request's objects and its status are one transaction in a write-ahead log that is flushed before the sender is told:
what was accepted survives ``kill -9`` and a power cut, and nothing half accepted does. The time at which an object was
added is the cursor of every client, so within a collection it is unique, only rises (also when the newest object was
deleted or the clock went back), and becomes visible in that order, because one writer at a time gives it out.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from stillwatch.errors import InputError, StorageError
from stillwatch.sharing.taxii.content import StixObject
from stillwatch.sharing.taxii.filters import Filters
from stillwatch.sharing.taxii.instants import now, stamp, version_key

__all__ = ["MOST_PAGE_BYTES", "Outcome", "Page", "Row", "Status", "Store", "TakenError"]

MOST_PAGE_BYTES = 8 * 1024 * 1024
"""Of objects in one answer; a page ends before it grows larger, but for a single object that does."""
KEPT = 7 * 24 * 3600 * 1_000_000
"""Microseconds for which a status is kept; section 4.3 asks for a day."""
MOST_VERSIONS = 1000
"""Of one object in one collection."""
EVERYBODYS = frozenset({"attack-pattern", "extension-definition", "marking-definition"})
"""Types whose objects are published for all and passed on by all: anybody may bring a newer version."""
_LAYOUT = 1
_TABLES = """
CREATE TABLE objects (
  collection TEXT NOT NULL, id TEXT NOT NULL, key TEXT NOT NULL, version TEXT NOT NULL, type TEXT NOT NULL,
  spec TEXT NOT NULL, added INTEGER NOT NULL, user TEXT NOT NULL, revoked INTEGER NOT NULL, body BLOB NOT NULL,
  digest BLOB NOT NULL, PRIMARY KEY (collection, id, key));
CREATE UNIQUE INDEX by_time ON objects (collection, added);
CREATE TABLE clocks (collection TEXT PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE statuses (
  id TEXT PRIMARY KEY, root TEXT NOT NULL, user TEXT NOT NULL, made INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX statuses_by_time ON statuses (made);
"""
_ROW = "o.id, o.type, o.spec, o.version, o.added"


class TakenError(Exception):
    """An object is another user's: they alone may delete it."""


class Outcome(NamedTuple):
    """What became of one object of a request; ``message`` None: it is there."""

    id: str
    version: str
    message: str | None


class Status(NamedTuple):
    """The status resource of a request in an API root, as it is told."""

    id: str
    root: str
    body: bytes


class Row(NamedTuple):
    """A version of an object in a collection. ``added`` is microseconds since 1970; ``body`` None: not asked for."""

    id: str
    type: str
    spec: str
    version: str
    added: int
    body: bytes | None


class Page(NamedTuple):
    """Rows in the order in which they were added, and whether the same request would have more."""

    rows: tuple[Row, ...]
    more: bool


class Store:
    """The collections of one server. Safe to call from several threads; several processes may open one file."""

    def __init__(self, path: Path) -> None:
        """Open or make the file ``path``. Raises `InputError` for one that is no store, `StorageError`."""
        self.path = path
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._writer, self._reader = _connected(path), _connected(path)
            self._made()
        except OSError as error:
            raise StorageError(f"cannot be opened: {error.strerror}", path, "name another --store") from error
        except sqlite3.Error as error:
            raise InputError("is no store of collections, or damaged", path, "name another --store") from error
        self._writing, self._reading = threading.Lock(), threading.Lock()

    def close(self) -> None:
        """Close the file."""
        self._reader.close()
        self._writer.close()

    def add(
        self,
        collection: str,
        user: str,
        objects: Sequence[StixObject],
        *,
        anyone: bool = False,
        report: Callable[[tuple[Outcome, ...]], Status] | None = None,
    ) -> tuple[Outcome, ...]:
        """Add objects, and the status that ``report`` makes of what became of them, all in one transaction.

        An object that is there already is no failure; one that would overwrite another is. Unless ``anyone``, only who
        brought an object's first version brings later ones (STIX 2.1 section 3.6.2: only its creator makes versions).
        """
        with self._transaction() as connection:
            outcomes = tuple(self._add(connection, collection, user, item, anyone) for item in objects)
            if report is not None:
                status = report(outcomes)
                connection.execute("DELETE FROM statuses WHERE made < ?", (now() - KEPT,))
                values = (status.id, status.root, user, now(), status.body)
                connection.execute("INSERT INTO statuses VALUES (?, ?, ?, ?, ?)", values)
        return outcomes

    def status(self, identifier: str, root: str, user: str) -> bytes | None:
        """The status of a request of this user, None where there is none."""
        found = self._read(
            "SELECT body FROM statuses WHERE id = ? AND root = ? AND user = ?", (identifier, root, user), 1
        )
        return found[0][0] if found else None

    def page(self, collection: str, filters: Filters, most: int, *, bodies: bool = True) -> Page:
        """The first objects that fit, at most ``most``, the client's limit, and `MOST_PAGE_BYTES`."""
        most = most if filters.limit is None else min(most, filters.limit)
        condition, values = _condition(collection, filters)
        columns = f"{_ROW}, o.body" if bodies else f"{_ROW}, NULL"
        query = f"SELECT {columns} FROM objects o WHERE {condition} ORDER BY {_added(filters)} LIMIT ?"
        rows: list[Row] = []
        size = 0
        with self._reading, _storage_errors(self.path):
            cursor = self._reader.execute(query, (*values, most + 1))
            try:
                for found in cursor:
                    row = Row(*found)
                    size += len(row.body or b"")
                    if len(rows) == most or (rows and size > MOST_PAGE_BYTES):
                        return Page(tuple(rows), True)
                    rows.append(row)
            finally:
                cursor.close()
        return Page(tuple(rows), False)

    def delete(self, collection: str, user: str, filters: Filters, *, anyone: bool = False) -> int:
        """Delete what fits and say how many versions that were. Raises `TakenError` where one of them is another
        user's, unless ``anyone``; then nothing is deleted."""
        condition, values = _condition(collection, filters)
        with self._transaction() as connection:
            found = connection.execute(f"SELECT o.rowid, o.user FROM objects o WHERE {condition}", values).fetchall()
            if not anyone and any(owner != user for _, owner in found):
                raise TakenError
            connection.executemany("DELETE FROM objects WHERE rowid = ?", [(row,) for row, _ in found])
            return len(found)

    def _add(
        self, connection: sqlite3.Connection, collection: str, user: str, item: StixObject, anyone: bool
    ) -> Outcome:
        known = connection.execute(
            "SELECT key, version, user, revoked, digest FROM objects WHERE collection = ? AND id = ? ORDER BY +added",
            (collection, item.id),
        ).fetchall()
        added = self._next(connection, collection)
        version = stamp(added) if item.version is None else item.version
        key = version_key(version) if item.key is None else item.key
        for other, there, _, _, digest in known:
            if digest == item.digest:
                return Outcome(item.id, there, None)
            if other == key:
                return Outcome(item.id, version, "another object with this id and version is here")
        if any(revoked and other < key for other, _, _, revoked, _ in known):
            return Outcome(item.id, version, "was revoked, and a revoked object has no later version")
        if known and not anyone and item.type not in EVERYBODYS and known[0][2] != user:
            return Outcome(item.id, version, "came from another user, who alone may bring versions of it")
        if len(known) >= MOST_VERSIONS:
            return Outcome(item.id, version, f"has {MOST_VERSIONS} versions already")
        connection.execute(
            "INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (collection, item.id, key, version, item.type, item.spec, added, user, *item[5:]),
        )
        connection.execute("INSERT OR REPLACE INTO clocks VALUES (?, ?)", (collection, added))
        return Outcome(item.id, version, None)

    def _next(self, connection: sqlite3.Connection, collection: str) -> int:
        last = connection.execute("SELECT last FROM clocks WHERE collection = ?", (collection,)).fetchone()
        return max(now(), last[0] + 1 if last else 0)

    def _made(self) -> None:
        layout = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if layout not in (0, _LAYOUT):
            raise InputError(f"is a store of layout {layout}; this Stillwatch reads {_LAYOUT}", self.path)
        if layout == 0:
            self._writer.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {_LAYOUT}; COMMIT;")

    def _read(self, query: str, values: Sequence[object], most: int) -> list[tuple[bytes]]:
        with self._reading, _storage_errors(self.path):
            return self._reader.execute(query, tuple(values)).fetchmany(most)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._writing, _storage_errors(self.path):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


@contextmanager
def _storage_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StorageError(f"the store cannot be used: {error}", path, "see whether its disk is full") from error


def _condition(collection: str, filters: Filters) -> tuple[str, list[object]]:
    """The rows that fit, as a condition on ``objects o`` and its values; nothing of a request is ever part of SQL."""
    parts, values = ["o.collection = ?", f"{_added(filters)} > ?"], [collection, filters.after]  # type: tuple[list[str], list[object]]
    for column, wanted in (("id", filters.ids), ("type", filters.types), ("spec", filters.specs)):
        if wanted is not None:
            parts.append(f"o.{column} IN ({_marks(wanted)})")
            values += wanted
    same = "v.collection = o.collection AND v.id = o.id"
    if filters.specs is None and not filters.all_specs:
        parts.append(f"o.spec = (SELECT max(v.spec) FROM objects v WHERE {same})")
    if not filters.every:
        among = f"{same} AND v.spec = o.spec"
        specs: tuple[str, ...] = ()
        if filters.specs is not None:
            among, specs = f"{same} AND v.spec IN ({_marks(filters.specs)})", filters.specs
        elif filters.all_specs:
            among = same
        either: list[str] = []
        for wanted_word, function in ((filters.first, "min"), (filters.last, "max")):
            if wanted_word:
                either.append(f"o.key = (SELECT {function}(v.key) FROM objects v WHERE {among})")
                values += specs
        if filters.versions:
            either.append(f"o.key IN ({_marks(filters.versions)})")
            values += filters.versions
        parts.append(f"({' OR '.join(either)})")
    return " AND ".join(parts), values


def _added(filters: Filters) -> str:
    """The date as a query names it; the plus keeps SQLite from going through a whole collection by date where a few
    ids are asked for."""
    return "o.added" if filters.ids is None else "+o.added"


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
