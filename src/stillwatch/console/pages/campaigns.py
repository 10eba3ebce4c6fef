"""``/campaigns``: every group of the run, the accused by damage, then those under review."""

from __future__ import annotations

from stillwatch.console.page import Page, Role, Shown, Visit
from stillwatch.console.reading import Run

__all__ = ["PAGE"]

MOST = 100


def show(visit: Visit) -> Shown:
    """The page; at most a hundred groups of each kind, for the rest `report.json` has all."""
    run: Run = visit.run
    return Shown(
        "campaigns.html",
        {
            "accused": [(run.accusation_of_group(group), group.campaign) for group in run.accused[:MOST]],
            "doubtful": [(run.accusation_of_group(group), group.campaign) for group in run.doubtful[:MOST]],
            "left_out": max(len(run.accused) - MOST, 0) + max(len(run.doubtful) - MOST, 0),
        },
    )


PAGE = Page("campaigns", "Campaigns", "/campaigns", Role.VIEWER, show)
