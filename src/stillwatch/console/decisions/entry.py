"""What one decision is, as a line of the chain: who, when, why, about whom, on what was stated of them then."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from stillwatch.errors import UsageError

__all__ = [
    "ABOUT_ACCOUNTS",
    "LONGEST",
    "MOST_ACCOUNTS",
    "MOST_WHY",
    "ChangedMeanwhile",
    "Entry",
    "Faced",
    "Kind",
    "NotAllowed",
    "NotWhatWasShown",
    "Person",
    "rank",
    "same_person",
]

Kind = Literal[
    "confirm", "dismiss", "split", "merge", "hold", "suspend", "note", "reject", "approve", "undo", "told", "recovered"
]
"""``confirm``: they are of this campaign; ``dismiss``: they have no part in it (cleared); ``split``: two operators or
more; ``merge``: one operator; ``hold``: leave them alone while somebody looks; ``suspend``: a proposal, in force only
once another person wrote ``approve``; ``note``: words; ``reject``: an appeal is not upheld; ``undo`` of another line.
``told``: the gateway was told of a line, ``recovered``: a torn line was taken away; no person writes these."""
ABOUT_ACCOUNTS: frozenset[Kind] = frozenset({"confirm", "dismiss", "split", "merge", "hold", "suspend"})
"""The kinds that a person decides about accounts after a preview."""
MOST_ACCOUNTS = 200_000
MOST_WHY = 4_000
LONGEST = 64 * 2**20
"""Bytes of the longest line: a decision names each account that it is about."""
RANKS: Mapping[str, int] = {"viewer": 0, "analyst": 1, "approver": 2, "admin": 3}


class ChangedMeanwhile(UsageError):
    """Somebody decided about one of these accounts after the page was loaded; ``entry`` is what he decided."""

    def __init__(self, entry: Entry, at: str) -> None:
        super().__init__(
            f"changed by {entry.by or 'the console'} at {at}", f"D{entry.line} ({entry.kind})", "look again"
        )
        self.entry = entry


class NotWhatWasShown(UsageError):
    """What would be applied is not what the preview showed."""

    def __init__(self) -> None:
        super().__init__(
            "what would be applied is not what was shown; nothing was done", do="look at the preview again"
        )


class NotAllowed(UsageError):
    """This person may not decide this."""


class Person(NamedTuple):
    """Who decides: his name as the console knows it, and his role (its name, or an enum's member of that name)."""

    name: str
    role: object


class Faced(msgspec.Struct, frozen=True, array_like=True):
    """What was stated of one account when somebody decided about it.

    ``innocent`` is the stated probability of innocence (None: never measured, as for an account under review),
    ``nearest`` the name of the innocent explanation that came closest, ``part`` the number of the account's group in a
    split, or of its campaign in a merge.
    """

    account_id: str
    campaign_id: str = ""
    verdict: Literal["campaign", "review", "clear"] = "clear"
    q_value: float = 1.0
    innocent: float | None = None
    nearest: str = ""
    part: int = 0


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line. ``at`` in microseconds, never before the line above; ``run`` the id of the run that was looked at;
    ``version`` the line that the person had seen last about these accounts; ``about`` the line that is undone,
    approved or told of; ``reference`` that of an appeal; ``preview`` the digest of what he was shown; ``until`` when a
    proposal ends by itself; ``explanation`` the innocent explanation that he found true, by its name."""

    line: int = 0
    at: int
    kind: Kind
    by: str = ""
    role: str = ""
    why: str = ""
    run: str = ""
    campaign: str = ""
    faced: tuple[Faced, ...] = ()
    version: int = 0
    about: int = 0
    reference: str = ""
    preview: str = ""
    until: int = 0
    explanation: str = ""
    hash: str = ""

    @property
    def id(self) -> str:
        """What people call it: D and its line."""
        return f"D{self.line}"

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts that it names."""
        return tuple(one.account_id for one in self.faced)


def fits(entry: Entry) -> bool:
    """Whether a line holds what its type cannot say: rates in [0, 1], and a person and a reason where one decided."""
    if entry.kind not in ("told", "recovered") and not (entry.by and entry.why):
        return False
    rates = (rate for one in entry.faced for rate in (one.q_value, one.innocent) if rate is not None)
    return all(math.isfinite(rate) and 0 <= rate <= 1 for rate in rates)


def rank(role: object) -> int:
    """How much a role may, 0 (viewer) to 3 (admin); -1 for one that is not known. ``role`` is its name or an enum's
    member of that name."""
    return RANKS.get(str(getattr(role, "name", role)).lower(), -1)


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's, however they are written."""
    first, second = (unicodedata.normalize("NFKC", name).strip().casefold() for name in (one, other))
    return first == second
