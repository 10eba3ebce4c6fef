"""Who may come in: an admin invites, changes roles, ends sessions, keeps people out."""

from __future__ import annotations

from collections import Counter

from stillwatch.console.page import Moved, Page, Role, Shown, Visit
from stillwatch.console.paths import link
from stillwatch.errors import UsageError

__all__ = ["PAGE"]

HERE = "/people"
ROLES = tuple(role for role in Role if role)
MEANS = {
    Role.VIEWER: "reads what was found",
    Role.ANALYST: "decides, and looks at text for a reason",
    Role.APPROVER: "confirms what an analyst wants suspended",
    Role.ADMIN: "lets people in, and reads the audit log",
}


def _show(visit: Visit) -> Shown:
    return _list(visit)


def _list(visit: Visit, url: str = "", whom: str = "") -> Shown:
    desk = visit.desk
    open_sessions = Counter(session.name for session in desk.sessions.all())
    values = {
        "people": desk.people.all(),
        "invitations": desk.people.invitations(),
        "sessions": open_sessions,
        "roles": ROLES,
        "means": MEANS,
        "role_of": Role,
        "url": url,
        "whom": whom,
    }
    return Shown("people.html", values)


def _role(visit: Visit) -> Role:
    word = visit.given.form.get("role", "")
    found = next((role for role in ROLES if role.word == word), None)
    if found is None:
        raise UsageError("is no role", word[:40] or "nothing", "choose one of the list")
    return found


def _name(visit: Visit) -> str:
    return visit.given.form.get("name", "")[:100]


def _invite(visit: Visit) -> Shown:
    role = _role(visit)
    token = visit.desk.people.invite(role, visit.person.name)
    visit.audit("invited somebody", role.word)
    return _list(visit, visit.origin + link("/welcome/{token}", {"token": token}), f"a new {role.word}")


def _reset(visit: Visit) -> Shown:
    name = _name(visit)
    if not name:
        raise UsageError("name somebody", "a new password")
    token = visit.desk.people.invite(Role.VIEWER, visit.person.name, name=name)
    visit.audit("made a one-time link for a new password", name)
    return _list(visit, visit.origin + link("/welcome/{token}", {"token": token}), name)


def _take_back(visit: Visit) -> Moved:
    visit.desk.people.take_back(visit.given.form.get("invitation", ""))
    visit.audit("took back a one-time link")
    return Moved(HERE, "The link works no more.")


def _change_role(visit: Visit) -> Moved:
    role = _role(visit)
    person = visit.desk.people.change_role(_name(visit), role)
    visit.audit("changed a role", f"{person.name}: {role.word}")
    return Moved(HERE, f"{person.name} is {role.word} now, and has to sign in again.")


def _end(visit: Visit) -> Moved:
    ended = visit.desk.sessions.end_all(_name(visit))
    visit.audit("ended sessions", f"{_name(visit)}: {ended}")
    return Moved(HERE, f"{ended} sessions were ended." if ended != 1 else "One session was ended.")


def _deactivate(visit: Visit) -> Moved:
    person = visit.desk.people.set_active(_name(visit), False)
    visit.audit("deactivated somebody", person.name)
    return Moved(HERE, f"{person.name} is kept out from now on.")


def _activate(visit: Visit) -> Moved:
    person = visit.desk.people.set_active(_name(visit), True)
    visit.audit("let somebody in again", person.name)
    return Moved(HERE, f"{person.name} may sign in again.")


PAGE = Page(
    name="people",
    title="People",
    path=HERE,
    role=Role.ADMIN,
    show=_show,
    acts={
        "invite": (Role.ADMIN, _invite),
        "reset": (Role.ADMIN, _reset),
        "take-back": (Role.ADMIN, _take_back),
        "role": (Role.ADMIN, _change_role),
        "end": (Role.ADMIN, _end),
        "deactivate": (Role.ADMIN, _deactivate),
        "activate": (Role.ADMIN, _activate),
    },
)
