"""What is kept where and for how long, what made the run that is shown, and a person's own password and sessions."""

from __future__ import annotations

from pathlib import Path

from stillwatch.console.page import Moved, Page, Role, Shown, Visit
from stillwatch.console.places import MOST_DOSSIERS
from stillwatch.console.security.audit import AUDIT
from stillwatch.console.security.passwords import FEWEST
from stillwatch.console.security.people import INVITED_FOR
from stillwatch.console.security.sessions import ENDS_AFTER, IDLE
from stillwatch.console.security.store import PEOPLE
from stillwatch.errors import InputError, UsageError
from stillwatch.storage.manifest import Manifest, read_manifest

__all__ = ["PAGE"]

HERE = "/settings"


def _show(visit: Visit) -> Shown:
    return _page(visit)


def _page(visit: Visit, status: int = 200, wrong: str = "") -> Shown:
    desk = visit.desk
    account = desk.people.get(visit.person.name)
    folder: Path | None = None
    manifest: Manifest | None = None
    unread = ""
    try:
        folder = visit.places.newest_run()
        manifest = read_manifest(folder)
    except InputError as error:
        unread = str(error)
    values = {
        "kept": _kept(visit, folder, manifest),
        "folder": folder,
        "manifest": manifest,
        "unread": unread,
        "checked": desk.checked,
        "own": account is not None and bool(account.password),
        "sessions": desk.sessions.all(visit.person.name),
        "session": visit.session,
        "fewest": FEWEST,
        "idle": round(IDLE / 60),
        "ends": round(ENDS_AFTER / 3600),
        "wrong": wrong,
    }
    return Shown("settings.html", values, status)


def _kept(visit: Visit, run: Path | None, manifest: Manifest | None) -> list[tuple[str, str, str]]:
    """What is kept, where, and for how long."""
    places = visit.places
    rows = [
        ("The run that is shown", str(run or "none yet"), "until " + str(manifest.delete_after) if manifest else ""),
        ("Decisions of people", str(places.decisions), "as long as somebody may ask why"),
        (
            "People and their sessions",
            str(places.people / PEOPLE),
            f"sessions {round(ENDS_AFTER / 3600)} hours at most",
        ),
        ("One-time links", "there, as hashes", f"{round(INVITED_FOR / 86_400)} days, or until used"),
        ("Audit log", str(places.people / AUDIT), "for good; whole files of it can be put away by hand"),
    ]
    rows.append(("Dossiers", str(places.people / "dossiers"), f"the newest {MOST_DOSSIERS}"))
    if places.appeals is not None:
        rows.append(("Appeals", str(places.appeals), "a person's words until 30 days after the decision"))
    if places.drill is not None:
        rows.append(("Drill", str(places.drill), "until you delete it"))
    if places.state is not None:
        rows.append(("The gateway's memory", str(places.state), "see docs/gateway.md"))
    return rows


def _password(visit: Visit) -> Shown | Moved:
    form, desk, name = visit.given.form, visit.desk, visit.person.name
    if form.get("new", "") != form.get("again", ""):
        return _page(visit, 400, "The two new passwords are not the same.")
    if desk.attempts.take(visit.address, device=f"own {name.casefold()}"):
        return _page(visit, 429, "There were too many wrong tries. Wait five minutes.")
    try:
        desk.people.change_password(name, form.get("old", ""), form.get("new", ""))
    except UsageError as error:
        visit.audit("failed to change the own password")
        return _page(visit, 400, f"{str(error)[:1].upper()}{str(error)[1:]}.")
    desk.attempts.right(visit.address, device=f"own {name.casefold()}")
    visit.audit("changed the own password")
    token = desk.sessions.begin(name, visit.address, "password")
    return Moved(HERE, "The password is changed, and all other sessions were ended.", session=token)


def _end(visit: Visit) -> Moved:
    ended = visit.desk.sessions.end(visit.given.form.get("session", ""), visit.person.name)
    if ended:
        visit.audit("ended an own session")
    return Moved(HERE, "The session was ended." if ended else "That session had ended already.")


PAGE = Page(
    name="settings",
    title="Settings",
    path=HERE,
    role=Role.VIEWER,
    show=_show,
    acts={"password": (Role.VIEWER, _password), "end": (Role.VIEWER, _end)},
)
