"""Signing in with the company's own log-in: the way there, and the way back."""

from __future__ import annotations

from stillwatch.console.page import Elsewhere, Moved, Page, PageError, Role, Visit
from stillwatch.console.pages.login import signed_in
from stillwatch.console.paths import is_own
from stillwatch.console.security.company import BACK as THE_WAY_BACK
from stillwatch.console.security.company import Company
from stillwatch.errors import PeerError, UsageError

__all__ = ["BACK", "PAGE"]

COOKIE = "company"


def _company(visit: Visit) -> Company:
    """The company's log-in. Raises `PageError` where none is set up."""
    if visit.desk.company is None:
        raise PageError("is set up here", "no log-in of a company", "sign in with name and password")
    return visit.desk.company


def _go(visit: Visit) -> Elsewhere:
    back = visit.given.query.get("back", "")
    try:
        url, kept = _company(visit).begin(visit.desk.store.key, visit.origin, back if is_own(back) else "/")
    except PeerError as error:
        raise PageError(error.what, "the company's log-in", "try again later", status=503) from error
    return Elsewhere(url, cookies={COOKIE: kept})


def _back(visit: Visit) -> Moved:
    desk = visit.desk
    wait = desk.attempts.take(visit.address)
    if wait:
        raise PageError(f"many tries came from here; wait {wait} seconds", status=429)
    try:
        admitted = _company(visit).finish(
            desk.store.key, visit.origin, visit.cookies.get(COOKIE, ""), visit.given.query
        )
        person, changed = desk.people.from_company(
            admitted.issuer, admitted.named.subject, admitted.named.name, admitted.role
        )
    except UsageError as error:
        desk.audit("failed to sign in", about=f"company's log-in: {error}", address=visit.address)
        raise PageError(str(error), status=403) from error
    except PeerError as error:
        desk.audit("failed to sign in", about="company's log-in: its server failed", address=visit.address)
        raise PageError(error.what, "the company's log-in", "try again later", status=503) from error
    desk.attempts.right(visit.address)
    if changed:
        desk.audit("changed a role", by=person.name, about=f"company's log-in: {Role(person.role).word}")
    token = signed_in(visit, person.name, "company's log-in")
    back = admitted.back if is_own(admitted.back) else "/"
    return Moved(back, session=token, cookies={COOKIE: ""}, across=True)


PAGE = Page(name="company", title="", path="/company", role=Role.ANYONE, show=_go)
BACK = Page(name="company-back", title="", path=THE_WAY_BACK, role=Role.ANYONE, show=_back)
