"""The audit log, page by page, the newest first; and whether its chain holds."""

from __future__ import annotations

from stillwatch.console.page import Moved, Page, Role, Shown, Visit

__all__ = ["PAGE"]

HERE = "/audit"
ROWS = 100
_LAST_PAGE = 100_000


def _show(visit: Visit) -> Shown:
    asked = visit.given.query.get("page", "1")
    number = min(max(int(asked), 1), _LAST_PAGE) if asked.isascii() and asked.isdecimal() and len(asked) < 9 else 1
    entries, more = visit.desk.log.newest((number - 1) * ROWS, ROWS)
    return Shown(
        "audit.html",
        {"entries": entries, "more": more, "number": number, "path": HERE, "checked": visit.desk.checked},
    )


def _check(visit: Visit) -> Moved:
    found = visit.desk.check_log()
    visit.audit("checked the audit log", found.problems[0] if found.problems else f"{found.lines} lines hold")
    return Moved(HERE, found.problems[0] if found.problems else f"All {found.lines} lines hold.")


PAGE = Page(
    name="audit",
    title="Audit log",
    path=HERE,
    role=Role.ADMIN,
    show=_show,
    acts={"check": (Role.ADMIN, _check)},
)
