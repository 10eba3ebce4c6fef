"""``/appeals``: people whom the gateway touched, heard by somebody who did not accuse them."""

from __future__ import annotations

import numpy as np

from stillwatch.console.decisions import Faced
from stillwatch.console.decisions.hand import Hand
from stillwatch.console.decisions.hearing import Case, Hearing
from stillwatch.console.page import Moved, Page, PageError, Role, Shown, Visit
from stillwatch.console.pages.choosing import decisions_of, faced_rows, me, number, run_id, said_plainly
from stillwatch.console.pages.decide import rows_about
from stillwatch.console.pages.decided import appeals_of
from stillwatch.console.paths import link
from stillwatch.console.reading import Run
from stillwatch.console.reading.lists import rows_of
from stillwatch.errors import InputError
from stillwatch.gateway.appeals.hearing import APPEALS
from stillwatch.gateway.appeals.record import Appeals

__all__ = ["APPEAL", "PAGE"]

PATH, MOST = "/appeals/{reference}", 200


def _show(visit: Visit) -> Shown:
    held = appeals_of(visit)
    if visit.appeals is None and visit.places.state is not None:  # the first came after the console had started
        folder = visit.places.state / APPEALS
        held = Appeals(folder).all() if folder.is_dir() else ()
    values = {
        "open": [one for one in held if one.status == "open"][:MOST],
        "decided": [one for one in held if one.status != "open"][:MOST],
        "total": len(held),
        "known": visit.places.state is not None,
        "address": lambda one: link(PATH, {"reference": one.reference}),
    }
    return Shown("appeals.html", values)


def _hearing(visit: Visit) -> Hearing:
    if visit.places.state is None:
        raise PageError("knows no gateway, and so hears no appeal", "this console", "start it with --state")
    return Hearing(decisions_of(visit), Hand(visit.places.state))


def _one(visit: Visit) -> Shown:
    case = _hearing(visit).case(visit.given.path["reference"])
    visit.audit("read an appeal", f"{case.appeal.reference}, {case.appeal.account_id}")
    run, row = _row(visit, case)
    accused = None
    if run is not None and row is not None:
        (shown,) = rows_of(run, np.array([row], dtype=np.int32))
        accused = shown.accused
    values = {
        "case": case,
        "appeal": case.appeal,
        "accused": accused,
        "mine": case.accused_by(visit.person.name),
        "rows": rows_about(visit, [case.appeal.account_id]),
        "at": link(PATH, {"reference": case.appeal.reference}),
    }
    return Shown("appeal.html", values)


def _row(visit: Visit, case: Case) -> tuple[Run | None, int | None]:
    try:
        run: Run = visit.run
    except InputError:  # a gateway that has made no run yet
        return None, None
    return run, run.accounts.row(case.appeal.account_id)


def _decide(visit: Visit, upheld: bool) -> Moved:
    hearing, form = _hearing(visit), visit.given.form
    case = hearing.case(visit.given.path["reference"])
    appeal = case.appeal
    run, row = _row(visit, case)
    stated = Faced(appeal.account_id, campaign_id=appeal.campaign_id, innocent=appeal.innocent)
    if run is not None and row is not None:
        (found,) = faced_rows(run, np.array([row], dtype=np.int32))
        stated = found if found.verdict == "campaign" else stated
    decide = hearing.uphold if upheld else hearing.reject
    with said_plainly():
        outcome = decide(
            appeal.reference,
            me(visit),
            form.get("why", ""),
            form.get("answer", ""),
            stated=stated,
            run="" if run is None else run_id(run),
            version=number(form.get("version", "")),
        )
    visit.audit(f"heard an appeal: {outcome.status}", f"{appeal.reference}, {appeal.account_id}")
    return Moved(link(PATH, {"reference": appeal.reference}), outcome.said)


def _uphold(visit: Visit) -> Moved:
    return _decide(visit, True)


def _reject(visit: Visit) -> Moved:
    return _decide(visit, False)


PAGE = Page("appeals", "Appeals", "/appeals", Role.ANALYST, _show)
APPEAL = Page(
    "appeal", "", PATH, Role.ANALYST, _one, {"uphold": (Role.ANALYST, _uphold), "reject": (Role.ANALYST, _reject)}
)
