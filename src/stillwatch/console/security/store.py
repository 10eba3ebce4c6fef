"""The file in which people, invitations and sessions are kept: SQLite, so that several processes lose nothing.

Nothing in it lets its reader in: passwords are argon2id hashes, ids of sessions and invitations SHA-256 of 256 random
bits. The key signs what a browser keeps for us (the form's token, what is said once), and is worth nothing elsewhere.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stillwatch.errors import InputError, StorageError
from stillwatch.storage.disk import disk_errors

__all__ = ["PEOPLE", "Store"]

PEOPLE = "people.sqlite"
_PATIENCE = 10.0
_VERSION = 1
_SCHEMA = """
CREATE TABLE people (
  folded TEXT PRIMARY KEY, name TEXT NOT NULL, role INTEGER NOT NULL, password TEXT NOT NULL,
  issuer TEXT NOT NULL, subject TEXT NOT NULL, made_at REAL NOT NULL, made_by TEXT NOT NULL, active INTEGER NOT NULL);
CREATE UNIQUE INDEX subjects ON people (issuer, subject) WHERE issuer <> '';
CREATE TABLE invitations (
  digest TEXT PRIMARY KEY, role INTEGER NOT NULL, folded TEXT NOT NULL, made_by TEXT NOT NULL, ends_at REAL NOT NULL);
CREATE TABLE sessions (
  digest TEXT PRIMARY KEY, folded TEXT NOT NULL, made_at REAL NOT NULL, seen_at REAL NOT NULL,
  address TEXT NOT NULL, by TEXT NOT NULL);
CREATE INDEX sessions_of ON sessions (folded);
CREATE TABLE pending (
  digest TEXT PRIMARY KEY, browser TEXT NOT NULL, nonce TEXT NOT NULL, verifier TEXT NOT NULL, ends_at REAL NOT NULL);
CREATE TABLE kept (name TEXT PRIMARY KEY, value BLOB NOT NULL);
"""


class Store:
    """The folder of people, made where missing (mode 0700). Raises `StorageError` for one that cannot be written and
    `InputError` for a file that is none of ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / PEOPLE
        with disk_errors(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite's own files beside it get its mode
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(
                path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False, cached_statements=64
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            with self.writing() as db:
                self._prepare(db, path)
        except sqlite3.DatabaseError as error:
            raise InputError(
                f"is no file of people ({error})", path, "move it away, or name another --people"
            ) from error

    def _prepare(self, db: sqlite3.Connection, path: Path) -> None:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            for statement in _SCHEMA.split(";"):
                db.execute(statement)
            db.execute("INSERT INTO kept VALUES ('key', ?)", (secrets.token_bytes(32),))
            db.execute(f"PRAGMA user_version = {_VERSION}")
        elif version != _VERSION:
            raise InputError("was written by another version of Stillwatch", path, "use that one")
        self.key: bytes = db.execute("SELECT value FROM kept WHERE name = 'key'").fetchone()[0]

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The database, for one thread at a time."""
        with self._lock:
            yield self._connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The database inside a transaction of this process alone: all is kept, or nothing where the block raises.

        Raises `StorageError` where the disk is full, or another process holds the file for ten seconds.
        """
        with self._lock:
            db = self._connection
            try:
                db.execute("BEGIN IMMEDIATE")
                try:
                    yield db
                except BaseException:
                    db.execute("ROLLBACK")
                    raise
                db.execute("COMMIT")
            except sqlite3.OperationalError as error:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise StorageError(f"cannot be written: {error}", self.folder / PEOPLE, "free some space") from error

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()
