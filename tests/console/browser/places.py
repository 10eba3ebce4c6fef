"""Where each page of the registry is, in a world."""

from __future__ import annotations

from stillwatch.console.pages import PAGES
from stillwatch.console.reading.addresses import account_path, campaign_path
from tests.console.browser.worlds import World

__all__ = ["DOWNLOADS", "NOT_SET_UP", "addresses"]

DOWNLOADS = frozenset({"campaign_export", "graph_data", "decide_news"})
"""Pages that are files."""
NOT_SET_UP = frozenset({"company", "company-back"})
"""Pages that say that this console has no log-in of a company."""


def addresses(world: World) -> dict[str, list[str]]:
    """Addresses of every page, by its name in the registry; the first is that of an ordinary visit."""
    member, clear = world.members()[0], next(a.account_id for a in world.report.accounts if a.verdict == "clear")
    appeal = next(path.stem for path in sorted((world.state / "appeals").glob("*.json")))
    c1 = campaign_path("C1")
    found = {
        "today": ["/"],
        "campaigns": ["/campaigns"],
        "campaign": [c1, campaign_path("C2")],
        "campaign_accounts": [f"{c1}/accounts", f"{c1}/accounts?find=a&sort=q&order=up"],
        "campaign_export": [f"{c1}/accounts.csv"],
        "dossier": [f"{c1}/dossier"],
        "dossier_making": ["/dossiers/none-such"],
        "dossier_file": ["/dossiers/none-such/file"],
        "graph": [f"{c1}/graph", f"{c1}/graph?kind=payment"],
        "graph_data": [f"{c1}/graph.json"],
        "accounts": ["/accounts", "/accounts?verdict=campaign", "/accounts?find=no-such-account"],
        "account": [account_path(member), account_path(clear)],
        "decide": ["/decide"],
        "proposal": ["/decide/proposals/3"],
        "decide_campaign": ["/decide/campaigns/C1", "/decide/campaigns/C2"],
        "decide_account": [f"/decide{account_path(member)}"],
        "decide_news": ["/decide/news/C1?version=0"],
        "appeals": ["/appeals"],
        "appeal": [f"/appeals/{appeal}"],
        "false_accusations": ["/false-accusations"],
        "drill": ["/drill"],
        "login": ["/login"],
        "company": ["/company"],
        "company-back": ["/company/back"],
        "welcome": ["/welcome/none-such"],
        "theme": ["/theme"],
        "settings": ["/settings"],
        "people": ["/people"],
        "audit": ["/audit"],
    }
    named = {name for name, _ in PAGES.all()}
    assert found.keys() >= named, f"write down where {named - found.keys()} is, so that a browser visits it"
    return {name: paths for name, paths in found.items() if name in named}
