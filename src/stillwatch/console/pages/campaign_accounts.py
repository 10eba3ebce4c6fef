"""``/campaigns/{campaign}/accounts``: the accounts of one group, by the hundred."""

from __future__ import annotations

from functools import partial

from stillwatch.console.page import Page, PageError, Role, Shown, Visit
from stillwatch.console.pages.accounts import wanted_of
from stillwatch.console.reading import Run
from stillwatch.console.reading.addresses import campaign_path
from stillwatch.console.reading.groups import Group
from stillwatch.console.reading.lists import account_list

__all__ = ["PAGE", "asked_group"]


def asked_group(visit: Visit) -> Group:
    """The group that the address names. Raises `PageError` where this run has none of that name."""
    run: Run = visit.run
    group = run.group(visit.given.path["campaign"])
    if group is None:
        raise PageError(
            "is no campaign of this run", visit.given.path["campaign"][:60], "look at the list of campaigns"
        )
    return group


def show(visit: Visit) -> Shown:
    """The page."""
    run: Run = visit.run
    group = asked_group(visit)
    address = partial(campaign_path, group.campaign.campaign_id, "/accounts")
    export = campaign_path(group.campaign.campaign_id, "/accounts.csv")
    return Shown(
        "accounts.html",
        {
            "list": account_list(run, wanted_of(visit), group, address),
            "of": run.accusation_of_group(group),
            "action": address(),
            "export": export if visit.person.role >= Role.APPROVER else "",
        },
    )


PAGE = Page("campaign_accounts", "", "/campaigns/{campaign}/accounts", Role.VIEWER, show)
