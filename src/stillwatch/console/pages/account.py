"""``/accounts/{account}``: why an account is in a group, why it might be innocent, and what was done and decided."""

from __future__ import annotations

import datetime as dt
import functools
from pathlib import Path

from stillwatch.campaigns import narrative, wording
from stillwatch.campaigns.plots import scales
from stillwatch.console.page import Page, PageError, Role, Shown, Visit
from stillwatch.console.pages.decided import Line, appeals_of, decide_path, decisions_about
from stillwatch.console.reading import Run
from stillwatch.console.reading.addresses import named
from stillwatch.console.reading.history import History
from stillwatch.gateway.ledger import LedgerEntry

__all__ = ["PAGE"]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_APPEALS = {"open": "appeal, waits to be heard", "upheld": "appeal, upheld", "rejected": "appeal, not upheld"}


def show(visit: Visit) -> Shown:
    """The page. Raises `PageError` where the log has no such account."""
    run: Run = visit.run
    asked = visit.given.path["account"]
    account = run.account(asked)
    if account is None:
        raise PageError("is no account of this log", asked[:60], "look for it in the list of accounts")
    group = run.group_named(account.campaign_id)
    passages = narrative.account_passages(account, None if group is None else group.campaign)
    axis, evidence = scales.waterfall(account.evidence)
    ledger = None if visit.places.state is None else _ledger(visit.places.state / "ledger")
    return Shown(
        "account.html",
        {
            "accused": run.accusation_of(account),
            "account": account,
            "group": None if group is None else run.accusation_of_group(group),
            "passages": {passage.name: passage for passage in passages},
            "evidence_axis": axis,
            "evidence": evidence if account.evidence else (),
            "decide": decide_path(visit, "account", named(account.account_id)),
            "decided": decisions_about(visit, [account.account_id]),
            "appeals": _appeals(visit, account.account_id),
            "ledger": None if ledger is None else tuple(_line(entry) for entry in ledger.of(account.account_id)),
            "ledger_whole": ledger is None or ledger.complete,
        },
    )


@functools.lru_cache(maxsize=4)
def _ledger(folder: Path) -> History:
    return History(folder)


def _line(entry: LedgerEntry) -> Line:
    at = f"{_EPOCH + dt.timedelta(microseconds=entry.at):%Y-%m-%d %H:%M} UTC"
    what = wording.listed([part for part in (entry.kind.replace("_", " "), entry.what, *entry.actions) if part])
    return Line(at, wording.visible(what, limit=200), entry.by, entry.why or "; ".join(entry.reasons))


def _appeals(visit: Visit, account_id: str) -> tuple[Line, ...]:
    """Appeals without the person's own words, which are for those who hear them."""
    found = []
    for appeal in appeals_of(visit, account_id):
        at = f"{appeal.decided_at or appeal.opened_at:%Y-%m-%d %H:%M} UTC"
        found.append(Line(at, f"{_APPEALS[appeal.status]} ({appeal.reference})", appeal.by, appeal.why))
    return tuple(found)


PAGE = Page("account", "", "/accounts/{account}", Role.VIEWER, show)
