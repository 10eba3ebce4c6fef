"""``/accounts``: every account of the log, to be searched and sorted."""

from __future__ import annotations

from functools import partial

from stillwatch.console.page import Page, Role, Shown, Visit
from stillwatch.console.paths import link
from stillwatch.console.reading import Run
from stillwatch.console.reading.lists import account_list
from stillwatch.console.reading.tables import Wanted

__all__ = ["PAGE", "wanted_of"]


def show(visit: Visit) -> Shown:
    """The page."""
    run: Run = visit.run
    listed = account_list(run, wanted_of(visit), None, partial(link, "/accounts"))
    return Shown("accounts.html", {"list": listed, "of": None, "action": "/accounts", "export": ""})


def wanted_of(visit: Visit) -> Wanted:
    """The list that the query asks for."""
    query = visit.given.query
    return Wanted.read(*(query.get(name, "") for name in ("sort", "order", "find", "verdict", "page")))


PAGE = Page("accounts", "Accounts", "/accounts", Role.VIEWER, show)
