"""People: their names, roles and passwords, and the one-time links by which somebody is let in."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable
from typing import NamedTuple

from stillwatch.console.security.passwords import Passwords, check_password
from stillwatch.console.security.store import Store
from stillwatch.console.security.tokens import digest, new_token
from stillwatch.errors import UsageError

__all__ = ["INVITED_FOR", "Account", "Invitation", "People", "is_name"]

INVITED_FOR = 3 * 86_400.0
"""Seconds for which a one-time link works."""
MOST_INVITATIONS = 200
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}", re.ASCII)
_ROLES = range(1, 5)
ADMIN = 4


class Account(NamedTuple):
    """A person as kept. ``role`` is a number, 1 (viewer) to 4 (admin); ``password`` the hash, "" for who signs in with
    the company's own log-in (then ``issuer`` and ``subject`` are whom it names)."""

    name: str
    role: int
    password: str
    issuer: str
    subject: str
    made_at: float
    made_by: str
    active: bool


class Invitation(NamedTuple):
    """A one-time link that is open. ``name`` is "" where a new person may choose one; ``digest`` names it to us."""

    digest: str
    role: int
    name: str
    made_by: str
    ends_at: float


def is_name(text: str) -> bool:
    """Whether ``text`` can be a person's name: letters, digits and ``._@+-`` of ASCII, so that no two look alike."""
    return _NAME.fullmatch(text) is not None


class People:
    """Everybody who may come in. Raises `UsageError` for what may not be done, such as taking away the last admin."""

    def __init__(self, store: Store, passwords: Passwords, clock: Callable[[], float] = time.time) -> None:
        self._store, self._passwords, self._clock = store, passwords, clock

    def anybody(self) -> bool:
        """Whether somebody was let in already: before that, only the link of the terminal helps."""
        with self._store.reading() as db:
            return db.execute("SELECT 1 FROM people LIMIT 1").fetchone() is not None

    def get(self, name: str) -> Account | None:
        """The person of a name, in whatever case it is written; None: nobody."""
        with self._store.reading() as db:
            return _get(db, name)

    def all(self) -> tuple[Account, ...]:
        """Everybody, by name."""
        with self._store.reading() as db:
            rows = db.execute(f"SELECT {_FIELDS} FROM people ORDER BY folded").fetchall()
        return tuple(_account(row) for row in rows)

    def known(self, name: str, password: str) -> Account | None:
        """The person whose name and password these are. An unknown name takes as long as a known one."""
        found = self.get(name) if is_name(name) else None
        kept = found.password if found is not None and found.active else ""
        right = self._passwords.right(kept, password)
        if not right or found is None:
            return None
        if self._passwords.stale(kept):
            self._keep_password(found.name, self._passwords.hash(password))
        return found

    def invite(self, role: int, by: str, *, name: str = "") -> str:
        """A token that lets one person in once within three days: with ``role``, under a name of his own; or, where
        ``name`` is somebody's, to choose a new password. It is told now and kept nowhere."""
        if role not in _ROLES:
            raise UsageError("is no role", str(role)[:20])
        token, now = new_token(), self._clock()
        with self._store.writing() as db:
            db.execute("DELETE FROM invitations WHERE ends_at <= ?", (now,))
            if db.execute("SELECT count(*) FROM invitations").fetchone()[0] >= MOST_INVITATIONS:
                raise UsageError(f"{MOST_INVITATIONS} one-time links are open", do="take some back")
            if name:
                person = _there(db, name)
                if person.issuer:
                    raise UsageError("signs in with the company's log-in", person.name, "change the password there")
                role = person.role
            row = (digest(token), role, name.casefold(), by, now + INVITED_FOR)
            db.execute("INSERT INTO invitations VALUES (?, ?, ?, ?, ?)", row)
        return token

    def set_up(self) -> str:
        """The token of the first admin; one that was printed before and not used works no more. Raises `UsageError`
        where there is somebody already."""
        token = new_token()
        with self._store.writing() as db:
            if db.execute("SELECT 1 FROM people LIMIT 1").fetchone() is not None:
                raise UsageError("somebody is here already; an admin invites others", "the first admin")
            db.execute("DELETE FROM invitations WHERE made_by = ''")
            row = (digest(token), ADMIN, "", "", self._clock() + INVITED_FOR)
            db.execute("INSERT INTO invitations VALUES (?, ?, ?, ?, ?)", row)
        return token

    def invitation(self, token: str) -> Invitation | None:
        """The open invitation that a token is; None: it was used, taken back, is too old, or never was."""
        with self._store.reading() as db:
            row = db.execute(_INVITATION + "WHERE digest = ?", (digest(token),)).fetchone()
        found = None if row is None else Invitation(*row)
        return found if found is not None and found.ends_at > self._clock() else None

    def invitations(self) -> tuple[Invitation, ...]:
        """Those that are open, the newest first."""
        with self._store.reading() as db:
            rows = db.execute(_INVITATION + "WHERE ends_at > ? ORDER BY ends_at DESC", (self._clock(),)).fetchall()
        return tuple(Invitation(*row) for row in rows)

    def take_back(self, kept: str) -> None:
        """An invitation, by its digest, works no more."""
        with self._store.writing() as db:
            if not db.execute("DELETE FROM invitations WHERE digest = ?", (kept,)).rowcount:
                raise UsageError("is open no more", "the one-time link")

    def accept(self, token: str, name: str, password: str) -> Account:
        """Whoever holds a token comes in, with the name and password that he chose. The token is used up.

        Raises `UsageError` where it does not work, or name or password may not be; it can be tried again then.
        """
        invited = self.invitation(token)
        if invited is None:
            raise UsageError("works no more, or never did", "the one-time link", "ask an admin for a new one")
        name = invited.name or name.strip()
        if not is_name(name):
            raise UsageError("takes 1 to 100 letters, digits or . _ @ + -", "the name", "begin with a letter or digit")
        check_password(password, name)
        kept = self._passwords.hash(password)
        with self._store.writing() as db:
            if not db.execute("DELETE FROM invitations WHERE digest = ?", (invited.digest,)).rowcount:
                raise UsageError("was used a moment ago", "the one-time link", "ask an admin for a new one")
            if invited.name:
                db.execute("UPDATE people SET password = ? WHERE folded = ?", (kept, invited.name))
                db.execute("DELETE FROM sessions WHERE folded = ?", (invited.name,))
                return _there(db, invited.name)
            if _get(db, name) is not None:
                raise UsageError("has this name already", "somebody", "choose another")
            if invited.made_by == "" and db.execute("SELECT 1 FROM people LIMIT 1").fetchone() is not None:
                raise UsageError("somebody was faster", "the first admin", "ask that person to invite you")
            row = (name.casefold(), name, invited.role, kept, "", "", self._clock(), invited.made_by or "first run", 1)
            db.execute("INSERT INTO people VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            return _there(db, name)

    def from_company(self, issuer: str, subject: str, name: str, role: int) -> tuple[Account, bool]:
        """The person whom a company's log-in names, made where new, with the role that it gives; and whether the role
        is another than before, in which case all sessions are ended.

        A name is only a name: who bears one that is somebody else's here gets a number behind it.
        """
        with self._store.writing() as db:
            row = db.execute(
                f"SELECT {_FIELDS} FROM people WHERE issuer = ? AND subject = ?", (issuer, subject)
            ).fetchone()
            if row is not None:
                person = _account(row)
                if not person.active:
                    raise UsageError("was deactivated here", person.name, "ask an admin")
                changed = person.role != role
                if changed:
                    db.execute("UPDATE people SET role = ? WHERE folded = ?", (role, person.name.casefold()))
                    db.execute("DELETE FROM sessions WHERE folded = ?", (person.name.casefold(),))
                return person._replace(role=role), changed
            name = _free_name(db, name)
            made = (name.casefold(), name, role, "", issuer, subject, self._clock(), "the company's log-in", 1)
            db.execute("INSERT INTO people VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", made)
            return _there(db, name), False

    def change_role(self, name: str, role: int) -> Account:
        """Give somebody another role; he signs in again. Raises `UsageError` for the last admin, and for who has his
        role from the company's log-in."""
        if role not in _ROLES:
            raise UsageError("is no role", str(role)[:20])
        with self._store.writing() as db:
            person = _there(db, name)
            if person.issuer:
                raise UsageError("has the role that the company's log-in gives", person.name, "change it there")
            _keep_an_admin(db, person, stays=role == ADMIN and person.active)
            db.execute("UPDATE people SET role = ? WHERE folded = ?", (role, person.name.casefold()))
            db.execute("DELETE FROM sessions WHERE folded = ?", (person.name.casefold(),))
            return person._replace(role=role)

    def set_active(self, name: str, active: bool) -> Account:
        """Keep somebody out, at once, or let him in again. Nobody is deleted: the audit log names people."""
        with self._store.writing() as db:
            person = _there(db, name)
            _keep_an_admin(db, person, stays=active)
            db.execute("UPDATE people SET active = ? WHERE folded = ?", (int(active), person.name.casefold()))
            db.execute("DELETE FROM sessions WHERE folded = ?", (person.name.casefold(),))
            db.execute("DELETE FROM invitations WHERE folded = ?", (person.name.casefold(),))
            return person._replace(active=active)

    def change_password(self, name: str, old: str, new: str) -> None:
        """A person changes his own password; every session of his is ended. Raises `UsageError` where the old one is
        wrong or the new one may not be."""
        if self.known(name, old) is None:
            raise UsageError("is not right", "the present password")
        check_password(new, name)
        self._keep_password(name, self._passwords.hash(new))
        with self._store.writing() as db:
            db.execute("DELETE FROM sessions WHERE folded = ?", (name.casefold(),))

    def _keep_password(self, name: str, kept: str) -> None:
        with self._store.writing() as db:
            db.execute("UPDATE people SET password = ? WHERE folded = ?", (kept, name.casefold()))


_FIELDS = "name, role, password, issuer, subject, made_at, made_by, active"
_INVITATION = "SELECT digest, role, folded, made_by, ends_at FROM invitations "


def _account(row: tuple[str, int, str, str, str, float, str, int]) -> Account:
    return Account(*row[:7], bool(row[7]))


def _get(db: sqlite3.Connection, name: str) -> Account | None:
    row = db.execute(f"SELECT {_FIELDS} FROM people WHERE folded = ?", (name.casefold(),)).fetchone()
    return None if row is None else _account(row)


def _there(db: sqlite3.Connection, name: str) -> Account:
    found = _get(db, name)
    if found is None:
        raise UsageError("is nobody here", name[:100])
    return found


def _keep_an_admin(db: sqlite3.Connection, person: Account, *, stays: bool) -> None:
    """Raises `UsageError` where nobody would be left who can let others in."""
    if stays or person.role != ADMIN or not person.active:
        return
    others = db.execute(
        "SELECT count(*) FROM people WHERE role = ? AND active = 1 AND folded <> ?", (ADMIN, person.name.casefold())
    ).fetchone()[0]
    if not others:
        raise UsageError("is the last admin", person.name, "make somebody else one first")


def _free_name(db: sqlite3.Connection, name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9._@+-]", "-", name)[:90].lstrip("._@+-") or "person"
    tried, number = plain, 1
    while _get(db, tried) is not None:
        number += 1
        tried = f"{plain}-{number}"
    return tried
