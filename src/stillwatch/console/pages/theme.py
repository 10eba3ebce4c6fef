"""The switch of colours, which a browser keeps in a cookie."""

from __future__ import annotations

from stillwatch.console.page import Moved, Page, Role, Visit
from stillwatch.console.paths import is_own

__all__ = ["PAGE"]


def _show(visit: Visit) -> Moved:
    return Moved("/")


def _set(visit: Visit) -> Moved:
    chosen, back = visit.given.form.get("theme", ""), visit.given.form.get("back", "/")
    return Moved(back if is_own(back) else "/", cookies={"theme": chosen if chosen in ("light", "dark") else ""})


PAGE = Page(
    name="theme",
    title="",
    path="/theme",
    role=Role.ANYONE,
    show=_show,
    acts={"set": (Role.ANYONE, _set)},
)
