"""The default store: one SQLite file (write-ahead log) in the state's folder; several processes may open it.

A killed process loses nothing that `put` or `count` returned from; a machine that loses power may lose the last second
(``synchronous=NORMAL``), never the file.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from stillwatch.errors import InputError, StorageError
from stillwatch.gateway.profiles import MOST_ACCOUNTS, Profile
from stillwatch.gateway.stores.base import SCHEMA, Change, Counts, Elsewhere, News, Totals, check_schema

__all__ = ["EmbeddedStore"]

PATIENCE = 5.0
KEPT_GONE = 100_000
OURS = {"meta", "changes", "profiles", "totals"}
TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changes (
    kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, body BLOB, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS changes_by_version ON changes (version);
CREATE TABLE IF NOT EXISTS profiles (
    gateway TEXT NOT NULL, account INTEGER NOT NULL, exchanges INTEGER NOT NULL, tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL, touched INTEGER NOT NULL, first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL, PRIMARY KEY (gateway, account)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS totals (
    gateway TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (gateway, kind, name)) WITHOUT ROWID;
"""


class EmbeddedStore:
    """``path`` is the file (made where missing, mode 0600), ``gateway`` the name under which this gateway's totals are
    kept. Raises `InputError` for a file that is no store or that a newer version wrote."""

    def __init__(self, path: Path, gateway: str) -> None:
        self.path, self.gateway = path, gateway
        self._lock = threading.Lock()
        self._totals = Totals()
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        try:
            self._db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
            self._make()
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise StorageError(f"cannot be opened: {error}", path) from error
            raise InputError(
                f"is no store of Stillwatch's ({error})", path, "move it away, and a new one is made"
            ) from error

    def put(self, changes: Sequence[Change]) -> None:
        """See `Store.put`."""
        if not changes:
            return
        with self._transaction() as db:
            version = int(db.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()[0])
            for kind, key, body in changes:
                version += 1
                db.execute(
                    "INSERT INTO changes VALUES (?, ?, ?, ?) "
                    "ON CONFLICT (kind, id) DO UPDATE SET version = excluded.version, body = excluded.body",
                    (kind, key, version, body),
                )
            db.execute("UPDATE meta SET value = ? WHERE name = 'version'", (str(version),))

    def since(self, version: int) -> News:
        """See `Store.since`."""
        with self._transaction("BEGIN") as db:
            meta = dict(db.execute("SELECT name, value FROM meta"))
            rows = db.execute(
                "SELECT kind, id, body FROM changes WHERE version > ? AND (body IS NOT NULL OR ?) ORDER BY version",
                (version, version > 0),
            ).fetchall()
        return News([Change(*row) for row in rows], int(meta["version"]), meta["epoch"])

    def count(self, counts: Counts) -> Elsewhere:
        """See `Store.count`."""
        totals = [("budget", name, body) for name, body in counts.budgets.items()]
        totals += [("campaign", name, body) for name, body in counts.campaigns.items()]
        with self._transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO profiles VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                ((self.gateway, account, *profile) for account, profile in counts.profiles),
            )
            db.executemany(
                "INSERT OR REPLACE INTO totals VALUES (?, ?, ?, ?)", ((self.gateway, *total) for total in totals)
            )
            others = db.execute(
                "SELECT gateway, kind, name, body FROM totals WHERE gateway <> ?", (self.gateway,)
            ).fetchall()
        return self._totals.elsewhere(others)

    def kept(self) -> Counts:
        """See `Store.kept`."""
        with self._transaction("BEGIN") as db:
            rows = db.execute("SELECT kind, name, body FROM totals WHERE gateway = ?", (self.gateway,)).fetchall()
        return Counts(
            self._profiles(),
            {name: body for kind, name, body in rows if kind == "budget"},
            {name: body for kind, name, body in rows if kind == "campaign"},
        )

    def close(self) -> None:
        """See `Store.close`."""
        with self._lock:
            self._db.close()

    def _profiles(self) -> Iterator[tuple[int, Profile]]:
        after = -(2**63)
        while True:
            with self._transaction("BEGIN") as db:
                rows = db.execute(
                    "SELECT account, exchanges, tokens, reasoning_tokens, touched, first_seen, last_seen "
                    "FROM profiles WHERE gateway = ? AND account > ? ORDER BY account LIMIT 10000",
                    (self.gateway, after),
                ).fetchall()
            if not rows:
                return
            yield from ((row[0], Profile(*row[1:])) for row in rows)
            after = rows[-1][0]

    def _make(self) -> None:
        with self._transaction() as db:
            tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if tables:
                found = db.execute("SELECT value FROM meta WHERE name = 'schema'") if tables >= OURS else None
                check_schema("" if found is None else (found.fetchone() or ("",))[0], self.path)
                self._tidy(db)
                return
            for statement in TABLES.split(";"):
                db.execute(statement)
            first = (("schema", str(SCHEMA)), ("version", "0"), ("epoch", secrets.token_hex(16)))
            db.executemany("INSERT INTO meta VALUES (?, ?)", first)

    def _tidy(self, db: sqlite3.Connection) -> None:
        """Forget the oldest of what is gone, and of the accounts that no gateway could remember anyway."""
        db.execute(
            "DELETE FROM changes WHERE body IS NULL AND version <= "
            "(SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'version') - ?",
            (KEPT_GONE,),
        )
        count = db.execute("SELECT COUNT(*) FROM profiles WHERE gateway = ?", (self.gateway,)).fetchone()[0]
        if count > MOST_ACCOUNTS:
            db.execute(
                "DELETE FROM profiles WHERE gateway = ?1 AND last_seen < (SELECT last_seen FROM profiles "
                "WHERE gateway = ?1 ORDER BY last_seen DESC LIMIT 1 OFFSET ?2)",
                (self.gateway, MOST_ACCOUNTS),
            )

    @contextmanager
    def _transaction(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._db.execute(begin)
                try:
                    yield self._db
                except BaseException:
                    self._db.execute("ROLLBACK")
                    raise
                self._db.execute("COMMIT")
            except (sqlite3.OperationalError, sqlite3.ProgrammingError) as error:
                raise StorageError(f"the store cannot be used: {error}", self.path) from error
