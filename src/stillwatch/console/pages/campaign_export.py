"""``/campaigns/{campaign}/accounts.csv``: a group's accounts for a spreadsheet, each with its error rate."""

from __future__ import annotations

from stillwatch.console.page import Download, Page, Role, Visit
from stillwatch.console.pages.campaign_accounts import asked_group
from stillwatch.console.reading import Run
from stillwatch.console.reading.lists import exported

__all__ = ["PAGE"]


def show(visit: Visit) -> Download:
    """The file. Who took it is in the audit log."""
    run: Run = visit.run
    group = asked_group(visit)
    visit.audit("exported accounts", group.campaign.campaign_id)
    name = f"accounts-{group.campaign.campaign_id}.csv"
    return Download(exported(run, group), name, "text/csv; charset=utf-8")


PAGE = Page("campaign_export", "", "/campaigns/{campaign}/accounts.csv", Role.APPROVER, show)
