"""``/drill``: what a scan of this log would find, how soon, how to hide from it, and how many innocents it accuses."""

from __future__ import annotations

from stillwatch.console.page import Page, Role, Shown, Visit
from stillwatch.console.reading.drilled import drill_of
from stillwatch.drill import words

__all__ = ["PAGE"]


def show(visit: Visit) -> Shown:
    """The page; it says how to make a drill where none is known."""
    folder = visit.places.drill
    drilled = None if folder is None else drill_of(folder)
    return Shown("drill.html", {"drill": drilled, "said": words})


PAGE = Page("drill", "Drill", "/drill", Role.VIEWER, show)
