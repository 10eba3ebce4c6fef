"""All that the console knows of people, together: who they are, their sessions, how they sign in, and the audit log."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from stillwatch.console.security.attempts import Attempts
from stillwatch.console.security.audit import AuditLog, Verified
from stillwatch.console.security.company import Company
from stillwatch.console.security.passwords import Passwords
from stillwatch.console.security.people import People
from stillwatch.console.security.sessions import Sessions
from stillwatch.console.security.store import Store

__all__ = ["Desk"]


class Desk:
    """Opens the folder of people, and checks its audit log: ``checked`` is when that was last done (seconds since 1970)
    and what was found. ``company`` is the company's log-in where there is one.

    Raises `StorageError` and `InputError` for a folder that cannot be used.
    """

    def __init__(self, folder: Path, *, company: Company | None = None, clock: Callable[[], float] = time.time) -> None:
        self.store = Store(folder)
        self.passwords = Passwords()
        self.people = People(self.store, self.passwords, clock)
        self.sessions = Sessions(self.store, clock)
        self.log = AuditLog(self.store, clock)
        self.attempts = Attempts()
        self.company = company
        self.clock = clock
        self.checked: tuple[float, Verified] = (clock(), self.log.verify())

    def check_log(self) -> Verified:
        """Check the audit log anew."""
        self.checked = (self.clock(), self.log.verify())
        return self.checked[1]

    def audit(self, what: str, *, by: str = "", about: str = "", address: str = "") -> None:
        """Write a line of the audit log. Raises `StorageError`."""
        self.log.note(what, by=by, about=about, address=address)

    def close(self) -> None:
        """Let go of the files."""
        self.store.close()
