"""Sessions: a random id in a cookie, its hash here, with an end when nobody uses it and an end for good."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from stillwatch.console.security.store import Store
from stillwatch.console.security.tokens import digest, new_token

__all__ = ["ENDS_AFTER", "IDLE", "Session", "Sessions"]

IDLE = 3600.0
ENDS_AFTER = 12 * 3600.0
"""Seconds without a request, and seconds in all, after which somebody has to sign in again."""
MOST_OF_ONE = 20
_NOTED_EVERY = 60.0


class Session(NamedTuple):
    """A session that holds. ``digest`` names it to us and lets nobody in; ``by`` says how the person signed in."""

    digest: str
    name: str
    role: int
    made_at: float
    seen_at: float
    address: str
    by: str


class Sessions:
    """All sessions; ``clock`` gives seconds since 1970."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store, self._clock = store, clock

    def begin(self, name: str, address: str, by: str, *, instead_of: str = "") -> str:
        """A new session of a person: its id, told only now. The one with the digest ``instead_of`` is ended; of more
        than twenty of one person the oldest are."""
        token, now = new_token(), self._clock()
        with self._store.writing() as db:
            db.execute("DELETE FROM sessions WHERE digest = ?", (instead_of,))
            db.execute("DELETE FROM sessions WHERE seen_at <= ? OR made_at <= ?", (now - IDLE, now - ENDS_AFTER))
            row = (digest(token), name.casefold(), now, now, address[:100], by)
            db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)", row)
            db.execute(
                "DELETE FROM sessions WHERE folded = ? AND digest NOT IN "
                "(SELECT digest FROM sessions WHERE folded = ? ORDER BY made_at DESC, digest LIMIT ?)",
                (name.casefold(), name.casefold(), MOST_OF_ONE),
            )
        return token

    def find(self, token: str) -> Session | None:
        """Whose session an id is, if it holds and the person may still come in; it was used just now."""
        now = self._clock()
        with self._store.reading() as db:
            row = db.execute(_SESSION + "WHERE digest = ? AND active = 1", (digest(token),)).fetchone()
        if row is None:
            return None
        found = Session(*row)
        if found.seen_at <= now - IDLE or found.made_at <= now - ENDS_AFTER:
            self.end(found.digest)
            return None
        if found.seen_at <= now - _NOTED_EVERY:  # a page must not wait for the disk each time
            with self._store.writing() as db:
                db.execute("UPDATE sessions SET seen_at = ? WHERE digest = ?", (now, found.digest))
        return found

    def all(self, name: str | None = None) -> tuple[Session, ...]:
        """Those that hold, of one person or of all, the last used first."""
        now = self._clock()
        with self._store.reading() as db:
            rows = db.execute(
                _SESSION + "WHERE active = 1 AND seen_at > ? AND made_at > ? AND (? IS NULL OR folded = ?) "
                "ORDER BY seen_at DESC, digest",
                (now - IDLE, now - ENDS_AFTER, name, (name or "").casefold()),
            ).fetchall()
        return tuple(Session(*row) for row in rows)

    def end(self, kept: str, name: str | None = None) -> bool:
        """End the session with a digest, or do nothing where it is another's than ``name``'s; whether there was one."""
        with self._store.writing() as db:
            done = db.execute(
                "DELETE FROM sessions WHERE digest = ? AND (? IS NULL OR folded = ?)",
                (kept, name, (name or "").casefold()),
            )
            return done.rowcount > 0

    def end_all(self, name: str) -> int:
        """End every session of a person; returns how many."""
        with self._store.writing() as db:
            return db.execute("DELETE FROM sessions WHERE folded = ?", (name.casefold(),)).rowcount


_SESSION = "SELECT digest, name, role, sessions.made_at, seen_at, address, by FROM sessions JOIN people USING (folded) "
