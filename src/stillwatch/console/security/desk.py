"""All that the console knows of people, together: who they are, their sessions, how they sign in, and the audit log."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from stillwatch.console.security.attempts import Attempts
from stillwatch.console.security.audit import AuditLog
from stillwatch.console.security.passwords import Passwords
from stillwatch.console.security.people import People
from stillwatch.console.security.sessions import Sessions
from stillwatch.console.security.store import Store

__all__ = ["Desk"]


class Desk:
    """Opens the folder of people. ``clock`` gives seconds since 1970.

    Raises `StorageError` and `InputError` for a folder that cannot be used.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self.store = Store(folder)
        self.passwords = Passwords()
        self.people = People(self.store, self.passwords, clock)
        self.sessions = Sessions(self.store, clock)
        self.log = AuditLog(self.store, clock)
        self.attempts = Attempts()
        self.clock = clock

    def audit(self, what: str, *, by: str = "", about: str = "", address: str = "") -> None:
        """Write a line of the audit log. Raises `StorageError`."""
        self.log.note(what, by=by, about=about, address=address)

    def close(self) -> None:
        """Let go of the files."""
        self.store.close()
