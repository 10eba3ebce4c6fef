"""What people decided, as pages about a run tell it: about somebody, and what still waits for a person."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from stillwatch.campaigns import wording
from stillwatch.console.decisions import Decisions, Entry
from stillwatch.console.page import Role, Visit
from stillwatch.console.paths import link
from stillwatch.console.reading import Run
from stillwatch.console.reading.groups import Group
from stillwatch.gateway.appeals.record import Appeal, Appeals

__all__ = ["KINDS", "Line", "Waits", "appeals_of", "decide_path", "decisions_about", "undecided", "waiting"]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
KINDS = {
    "confirm": "confirmed",
    "dismiss": "dismissed (cleared)",
    "split": "split",
    "merge": "merged",
    "hold": "on hold",
    "suspend": "suspension proposed",
    "approve": "suspension confirmed by a second person",
    "undo": "taken back",
    "note": "note",
    "reject": "appeal not upheld",
    "told": "the gateway was told",
    "recovered": "a torn line was taken away",
}


class Line(NamedTuple):
    """One thing that happened, in words: when, what, by whom, why. ``why`` and ``by`` are people's words."""

    at: str
    what: str
    by: str
    why: str


class Waits(NamedTuple):
    """Something that waits for a person: what, and where to do it ("" for who may not)."""

    words: str
    url: str


def decisions_about(visit: Visit, accounts: Collection[str], most: int = 50) -> tuple[Line, ...]:
    """The newest decisions about any of the accounts, the newest first."""
    decisions: Decisions = visit.decisions
    return tuple(_line(entry, undone) for entry, undone in decisions.history(accounts, most))


def _line(entry: Entry, undone: Entry | None) -> Line:
    what = KINDS.get(entry.kind, entry.kind)
    if len(entry.accounts) > 1:
        what += f", {wording.counted(len(entry.accounts), 'account')}"
    if undone is not None:
        what += f"; taken back by {wording.visible(undone.by, limit=60)} on {_moment(undone.at)}"
    return Line(_moment(entry.at), f"{entry.id}: {what}", entry.by, entry.why)


def _moment(at: int) -> str:
    return f"{_EPOCH + dt.timedelta(microseconds=at):%Y-%m-%d %H:%M} UTC"


def decide_path(visit: Visit, what: str, key: str) -> str:
    """Where one decides on a ``campaign`` or an ``account``; "" for who may not."""
    return link(f"/decide/{what}s/{{{what}}}", {what: key}) if visit.person.role >= Role.ANALYST else ""


def waiting(visit: Visit) -> tuple[Waits, ...]:
    """What waits: campaigns about which nobody decided, suspensions that want a second person, appeals."""
    decisions: Decisions = visit.decisions
    deciding = visit.person.role >= Role.ANALYST
    found = []
    groups = len(undecided(visit))
    if groups:
        those = wording.counted(groups, "accused campaign")
        words = f"{those}: nobody decided about any of {'its' if groups == 1 else 'their'} accounts yet"
        found.append(Waits(words, "/decide" if deciding else "/campaigns"))
    proposed = decisions.suspensions("proposed")
    if proposed:
        those = wording.counted(len(proposed), "proposed suspension")
        verb = "wants" if len(proposed) == 1 else "want"
        found.append(Waits(f"{those} {verb} a second person", "/decide" if deciding else ""))
    held = sum(appeal.status == "open" for appeal in appeals_of(visit))
    if held:
        found.append(Waits(f"{wording.counted(held, 'appeal')} to be heard", "/appeals" if deciding else ""))
    return tuple(found)


def undecided(visit: Visit) -> tuple[Group, ...]:
    """The accused campaigns about none of whose accounts anybody decided, the most taken first."""
    run: Run = visit.run
    decisions: Decisions = visit.decisions
    with decisions.reading() as derived:
        decided = frozenset(derived.decided_accounts())
    return tuple(group for group in run.accused if not _decided(run, group, decided))


def _decided(run: Run, group: Group, decided: frozenset[str]) -> bool:
    return bool(decided) and any(name in decided for name in run.ids(group))


def appeals_of(visit: Visit, account_id: str | None = None) -> Sequence[Appeal]:
    """The appeals of an account (None: all), the open ones first. None where no folder of appeals is known."""
    folder = visit.appeals
    if folder is None or not folder.is_dir():
        return ()
    every = _appeals(folder, folder.stat().st_mtime_ns)
    return every if account_id is None else [appeal for appeal in every if appeal.account_id == account_id]


@functools.lru_cache(maxsize=2)
def _appeals(folder: Path, changed: int) -> tuple[Appeal, ...]:
    """Every appeal, read again only when a file of the folder was replaced."""
    return Appeals(folder).all()
