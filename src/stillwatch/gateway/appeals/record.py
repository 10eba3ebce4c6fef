"""Appeals as they are kept: one file each in ``STATE/appeals``, readable by the gateway's user alone.

A person's own words and how to reach him are kept while his appeal is open and for thirty days after it was decided;
then they are taken out, and what was decided stays. The ticket by which he follows his appeal is kept as a hash.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from stillwatch.errors import InputError, UsageError
from stillwatch.storage.disk import disk_errors
from stillwatch.storage.whole import write_whole

__all__ = ["KEPT", "MOST_CONTACT", "MOST_STATEMENT", "Appeal", "Appeals", "Touched"]

KEPT = dt.timedelta(days=30)
MOST_STATEMENT, MOST_CONTACT = 4000, 200
_REFERENCE = re.compile(r"[A-Z2-7]{10}\Z")
Status = Literal["open", "upheld", "rejected"]


class Appeal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One appeal. ``statement`` and ``contact`` are the person's words (hostile text; "" once forgotten); ``innocent``
    the probability of innocence that was stated when he was touched. ``answer`` is what he is told of the decision, in
    plain words; ``why`` is for colleagues. ``again`` counts the times that he was heard before."""

    reference: str
    account_id: str
    campaign_id: str
    opened_at: dt.datetime
    ticket: str
    statement: str
    contact: str = ""
    innocent: float | None = None
    status: Status = "open"
    decided_at: dt.datetime | None = None
    by: str = ""
    why: str = ""
    answer: str = ""
    again: int = 0


class Touched(NamedTuple):
    """Whom a reference belongs to, and what had been stated of him."""

    account_id: str
    campaign_id: str
    innocent: float | None


class Appeals:
    """The folder of appeals; several processes may use it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with disk_errors(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def open(
        self,
        reference: str,
        account_id: str,
        campaign_id: str,
        statement: str,
        contact: str = "",
        *,
        innocent: float | None = None,
        now: dt.datetime,
    ) -> str:
        """Take an appeal; returns the ticket by which the person follows it, which is told only now.

        Raises `UsageError` where the statement is empty or too long, or one under that reference is open already (the
        first is the one that will be heard); a decided one may be followed by another.
        """
        statement, contact = statement.strip(), contact.strip()
        if not statement:
            raise UsageError("says nothing", "the statement", "say in your own words why the decision is wrong")
        if len(statement) > MOST_STATEMENT or len(contact) > MOST_CONTACT:
            raise UsageError(f"is longer than {MOST_STATEMENT} characters", "the statement", "shorten it")
        with self._locked():
            before = self.get(reference)
            if before is not None and before.status == "open":
                raise UsageError("an appeal is open already", reference, "follow it with the ticket you were given")
            ticket = secrets.token_urlsafe(18)
            self._keep(
                Appeal(
                    reference=reference,
                    account_id=account_id,
                    campaign_id=campaign_id,
                    opened_at=now,
                    ticket=_digest(ticket),
                    statement=statement,
                    contact=contact,
                    innocent=innocent,
                    again=0 if before is None else before.again + 1,
                )
            )
        return ticket

    def get(self, reference: str) -> Appeal | None:
        """The appeal under a reference; None: there is none. Raises `InputError` for a file that cannot be read."""
        if not _REFERENCE.match(reference):
            return None
        path = self.folder / f"{reference}.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=Appeal)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise InputError(f"is no appeal ({error})", path, "move it away") from error

    def followed(self, reference: str, ticket: str) -> Appeal | None:
        """The appeal under a reference, for whoever holds its ticket; None for everybody else."""
        appeal = self.get(reference)
        if appeal is None or not hmac.compare_digest(appeal.ticket, _digest(ticket)):
            return None
        return appeal

    def all(self) -> tuple[Appeal, ...]:
        """Every appeal: open ones first, the oldest first."""
        found = [a for a in (self.get(path.stem) for path in sorted(self.folder.glob("*.json"))) if a is not None]
        return tuple(sorted(found, key=lambda a: (a.status != "open", a.opened_at, a.reference)))

    def decide(
        self, reference: str, status: Literal["upheld", "rejected"], *, by: str, why: str, answer: str, now: dt.datetime
    ) -> Appeal:
        """Write down what a person decided. Raises `UsageError` where no appeal is open under that reference."""
        with self._locked():
            appeal = self.get(reference)
            if appeal is None or appeal.status != "open":
                raise UsageError(
                    "no appeal is open under this reference", reference, "see: stillwatch gate appeals list"
                )
            decided = msgspec.structs.replace(
                appeal, status=status, decided_at=now, by=by.strip(), why=why.strip(), answer=answer.strip()
            )
            self._keep(decided)
        return decided

    def forget(self, now: dt.datetime) -> int:
        """Take the person's words out of appeals decided more than thirty days ago; returns of how many."""
        forgotten = 0
        with self._locked():
            for appeal in self.all():
                old = appeal.decided_at is not None and appeal.decided_at + KEPT <= now
                if old and (appeal.statement or appeal.contact):
                    self._keep(msgspec.structs.replace(appeal, statement="", contact=""))
                    forgotten += 1
        return forgotten

    def _keep(self, appeal: Appeal) -> None:
        path = self.folder / f"{appeal.reference}.json"
        write_whole(path, msgspec.json.encode(appeal) + b"\n", private=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with disk_errors(self.folder):
            descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode("utf-8", "surrogatepass")).hexdigest()
