"""Signing in with name and password, and signing out."""

from __future__ import annotations

import secrets

from stillwatch.console.page import Moved, Page, Role, Shown, Visit
from stillwatch.console.paths import is_own
from stillwatch.console.security.tokens import sign, unsign
from stillwatch.errors import UsageError

__all__ = ["PAGE", "device_cookie", "signed_in"]

DEVICE = "device"


def signed_in(visit: Visit, name: str, by: str) -> str:
    """A new session for a person who has shown who he is (``by`` says how), in place of the one the browser had."""
    old = "" if visit.session is None else visit.session.digest
    token = visit.desk.sessions.begin(name, visit.address, by, instead_of=old)
    visit.desk.audit("signed in", by=name, about=by, address=visit.address)
    return token


def device_cookie(visit: Visit, name: str) -> str:
    """What a browser that signed in under a name bears from then on (`stillwatch.console.security.attempts`)."""
    return sign(visit.desk.store.key, DEVICE, f"{name.casefold()} {secrets.token_hex(16)}")


def _show(visit: Visit) -> Shown | Moved:
    if visit.person.role:
        return Moved("/")
    return _form(visit, back=visit.given.query.get("back", ""))


def _form(visit: Visit, status: int = 200, **values: object) -> Shown:
    company = visit.desk.company
    shown = {
        "wrong": "",
        "name": "",
        "back": "",
        "anybody": visit.desk.people.anybody(),
        "button": "" if company is None else company.button,
    }
    return Shown("login.html", {**shown, **values}, status)


def _enter(visit: Visit) -> Shown | Moved:
    form, desk = visit.given.form, visit.desk
    name, password, back = form.get("name", "").strip()[:100], form.get("password", ""), form.get("back", "")
    kept = {"name": name, "back": back}
    held = unsign(desk.store.key, DEVICE, visit.cookies.get(DEVICE, "")) or ""
    device = held if held.partition(" ")[0] == name.casefold() else ""
    wait = desk.attempts.take(visit.address, name, device)
    if wait:
        if desk.attempts.is_news(visit.address, name, device):
            desk.audit("has to wait after wrong tries", about=_known(visit, name), address=visit.address)
        said = f"There were too many wrong tries. Wait {_told(wait)}, then try again; nothing is locked."
        return Shown("login.html", {**_form(visit).values, **kept, "wrong": said}, 429, wait)
    try:
        known = desk.people.known(name, password)
    except UsageError as busy:
        desk.attempts.right(visit.address, name, device)  # nothing was tried
        return Shown("login.html", {**_form(visit).values, **kept, "wrong": str(busy)}, 503, 5)
    if known is None:
        desk.audit("failed to sign in", about=_known(visit, name), address=visit.address)
        return _form(visit, 403, **kept, wrong="Name or password is not right.")
    desk.attempts.right(visit.address, name, device)
    token = signed_in(visit, known.name, "password")
    cookies = {} if device else {DEVICE: device_cookie(visit, known.name)}
    return Moved(back if is_own(back) else "/", session=token, cookies=cookies)


def _known(visit: Visit, name: str) -> str:
    """What the audit log says of a name that was tried: only one that is somebody's is written down, because people
    type passwords into the field of names."""
    person = visit.desk.people.get(name)
    return "a name that is nobody's" if person is None else person.name


def _told(seconds: int) -> str:
    return f"{seconds} seconds" if seconds < 120 else f"{-(-seconds // 60)} minutes"


def _leave(visit: Visit) -> Moved:
    if visit.session is not None:
        visit.desk.sessions.end(visit.session.digest)
        visit.audit("signed out")
    return Moved("/login", "You are signed out.", session="")


PAGE = Page(
    name="login",
    title="",
    path="/login",
    role=Role.ANYONE,
    show=_show,
    acts={"enter": (Role.ANYONE, _enter), "leave": (Role.VIEWER, _leave)},
)
