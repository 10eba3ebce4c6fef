"""Where a one-time link leads: the first admin, or somebody invited, chooses a name and a password."""

from __future__ import annotations

from stillwatch.console.page import Moved, Page, PageError, Role, Shown, Visit
from stillwatch.console.pages.login import DEVICE, device_cookie, signed_in
from stillwatch.console.paths import link
from stillwatch.console.security.people import Invitation
from stillwatch.errors import UsageError

__all__ = ["HERE", "PAGE"]

HERE = "/welcome/{token}"


def _show(visit: Visit) -> Shown:
    return _form(visit, _invited(visit))


def _invited(visit: Visit) -> Invitation:
    """The open invitation of the address. Raises `PageError`."""
    found = visit.desk.people.invitation(visit.given.path["token"])
    if found is None:
        raise PageError("works no more, or never did", "this one-time link", "ask an admin for a new one")
    return found


def _form(visit: Visit, invited: Invitation, status: int = 200, name: str = "", wrong: str = "") -> Shown:
    values = {
        "action": link(HERE + "/come-in", visit.given.path),
        "role": Role(invited.role).word,
        "first": not invited.made_by,
        "renamed": invited.name,
        "name": name,
        "wrong": wrong,
    }
    return Shown("welcome.html", values, status)


def _come_in(visit: Visit) -> Shown | Moved:
    invited, form = _invited(visit), visit.given.form
    name, password = form.get("name", "").strip()[:200], form.get("password", "")
    if password != form.get("again", ""):
        return _form(visit, invited, 400, name, "The two passwords are not the same.")
    try:
        person = visit.desk.people.accept(visit.given.path["token"], name, password)
    except UsageError as error:
        return _form(visit, invited, 400, name, f"{str(error)[:1].upper()}{str(error)[1:]}.")
    what = "chose a new password by a one-time link" if invited.name else "came in by a one-time link"
    visit.desk.audit(what, by=person.name, about=Role(person.role).word, address=visit.address)
    token = signed_in(visit, person.name, "one-time link")
    return Moved("/", f"Welcome, {person.name}.", session=token, cookies={DEVICE: device_cookie(visit, person.name)})


PAGE = Page(
    name="welcome",
    title="",
    path=HERE,
    role=Role.ANYONE,
    show=_show,
    acts={"come-in": (Role.ANYONE, _come_in)},
)
