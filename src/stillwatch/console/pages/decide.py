"""``/decide``: campaigns to decide about, suspensions that wait for a second person, the newest decisions; undo."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stillwatch.campaigns import wording
from stillwatch.console.decisions import Entry
from stillwatch.console.decisions.derived import Suspension
from stillwatch.console.decisions.hand import Hand
from stillwatch.console.decisions.store import moment
from stillwatch.console.page import Moved, Page, PageError, Role, Shown, Visit
from stillwatch.console.pages.choosing import decisions_of, me, number, said_plainly, told
from stillwatch.console.pages.decided import KINDS as WORDS
from stillwatch.console.pages.decided import decide_path, undecided
from stillwatch.console.paths import is_own
from stillwatch.console.reading import Run
from stillwatch.console.reading.accusations import Accused
from stillwatch.console.reading.lists import AccountRow, rows_of
from stillwatch.errors import InputError

__all__ = ["PAGE", "PROPOSAL", "Row", "rows_about"]

MOST, MOST_ROWS, MOST_OPEN = 100, 100, 25


class Row(NamedTuple):
    """A decision as a page lists it: ``undone`` says by whom and why ("": nobody), ``may_undo`` whether it can be, by
    who has seen all lines up to ``version``."""

    entry: Entry
    at: str
    what: str
    accounts: int
    undone: str
    may_undo: bool
    version: int


def rows_about(visit: Visit, accounts: list[str] | None, most: int = MOST) -> tuple[Row, ...]:
    """The newest decisions about any of ``accounts`` (None: of all), the newest first."""
    decisions = decisions_of(visit)
    with decisions.reading() as derived:
        lines = derived.entries if accounts is None else derived.since(accounts, 0)
        rows, final = [], derived.told_rejected
        for entry in [one for one in lines if one.kind != "told"][: -most - 1 : -1]:
            about = derived.accounts_of(entry)
            undone = derived.undone.get(entry.line)
            by = "" if undone is None else f"by {undone.by} on {moment(undone.at):%Y-%m-%d %H:%M} UTC: {undone.why}"
            open_to = undone is None and entry.kind not in ("undo", "recovered") and entry.line not in final
            what = WORDS.get(entry.kind, entry.kind) + (f" (D{entry.about})" if entry.about else "")
            at = f"{moment(entry.at):%Y-%m-%d %H:%M} UTC"
            rows.append(Row(entry, at, what, len(about), by, open_to, len(derived.entries)))
        return tuple(rows)


def _show(visit: Visit) -> Shown:
    decisions = decisions_of(visit)
    with decisions.reading() as derived:
        waiting = len(derived.untold()) if visit.places.state is not None else 0
    open_ones = _undecided(visit)
    values = {
        "undecided": open_ones[:MOST_OPEN],
        "left_out": max(len(open_ones) - MOST_OPEN, 0),
        "proposals": [(one, _ends(one)) for one in decisions.suspensions("proposed")],
        "rows": rows_about(visit, None),
        "waiting": waiting,
        "last": decisions.last_hash,
    }
    return Shown("decide.html", values)


def _undecided(visit: Visit) -> list[tuple[Accused, str]]:
    """Campaigns to decide about, and where; none where a gateway made no run yet."""
    try:
        run: Run = visit.run
    except InputError:
        return []
    return [
        (run.accusation_of_group(group), decide_path(visit, "campaign", group.campaign.campaign_id))
        for group in undecided(visit)
    ]


def _ends(one: Suspension) -> str:
    return f"{moment(one.proposed.until):%Y-%m-%d %H:%M} UTC"


def _undo(visit: Visit) -> Moved:
    form, decisions = visit.given.form, decisions_of(visit)
    with said_plainly():
        line, version = number(form.get("line", "")), number(form.get("version", ""))
        entry = decisions.undo(line, me(visit), form.get("why", ""), version=version)
    return Moved(_back(visit), told(visit, entry, decisions))


def _approve(visit: Visit) -> Moved:
    form, decisions = visit.given.form, decisions_of(visit)
    with said_plainly():
        line, version = number(form.get("line", "")), number(form.get("version", ""))
        entry = decisions.approve(line, me(visit), form.get("why", ""), version=version)
    return Moved(_back(visit), told(visit, entry, decisions))


def _tell(visit: Visit) -> Moved:
    if visit.places.state is None:
        raise PageError("knows no gateway", "this console", "start it with --state")
    problem = Hand(visit.places.state).tell(decisions_of(visit))
    return Moved("/decide", problem or "The gateway knows every decision.")


def _back(visit: Visit) -> str:
    back = visit.given.form.get("back", "")
    return back if is_own(back) else "/decide"


def _proposal(visit: Visit) -> Shown:
    decisions, line = decisions_of(visit), number(visit.given.path["line"])
    run: Run = visit.run
    with decisions.reading() as derived:
        suspension = derived.suspensions.get(line)
        if suspension is None:
            raise PageError("is no proposal to suspend", f"D{line}", "look at the list of decisions")
        state = suspension.state(decisions.now)
        version = len(derived.entries)
    left = suspension.left
    places = [run.accounts.row(one.account_id) for one in left[:MOST_ROWS]]
    known = np.array([place for place in places if place is not None], dtype=np.int32)
    shown: tuple[AccountRow, ...] = tuple(rows_of(run, known))
    values = {
        "one": suspension,
        "state": state,
        "ends": _ends(suspension),
        "seen": version,
        "left": left,
        "gone": len(suspension.proposed.faced) - len(left),
        "rows": shown,
        "unknown": sum(place is None for place in places),
        "expected": wording.count(sum(one.innocent or 0.0 for one in left)),
        "own": suspension.proposed.by == visit.person.name,
        "approver": visit.person.role >= Role.APPROVER,
    }
    return Shown("proposal.html", values)


PAGE = Page(
    "decide", "Decide", "/decide", Role.ANALYST, _show,
    {"undo": (Role.ANALYST, _undo), "approve": (Role.APPROVER, _approve), "tell": (Role.ANALYST, _tell)},
)  # fmt: skip
PROPOSAL = Page("proposal", "", "/decide/proposals/{line}", Role.ANALYST, _proposal)
