"""The console's pages: one file each, one line here. The menu has their order."""

from __future__ import annotations

from stillwatch.console.page import Page
from stillwatch.registry import Registry

__all__ = ["PAGES"]

PAGES: Registry[Page] = Registry(
    "stillwatch.console.pages",
    {
        "today": "stillwatch.console.pages.today:PAGE",
        "campaigns": "stillwatch.console.pages.campaigns:PAGE",
        "campaign": "stillwatch.console.pages.campaign:PAGE",
        "campaign_accounts": "stillwatch.console.pages.campaign_accounts:PAGE",
        "campaign_export": "stillwatch.console.pages.campaign_export:PAGE",
        "graph": "stillwatch.console.pages.graph:PAGE",
        "graph_data": "stillwatch.console.pages.graph_data:PAGE",
        "dossier": "stillwatch.console.pages.dossier:PAGE",
        "dossier_making": "stillwatch.console.pages.dossier:MAKING",
        "dossier_file": "stillwatch.console.pages.dossier:FILE",
        "accounts": "stillwatch.console.pages.accounts:PAGE",
        "account": "stillwatch.console.pages.account:PAGE",
        "decide": "stillwatch.console.pages.decide:PAGE",
        "proposal": "stillwatch.console.pages.decide:PROPOSAL",
        "decide_campaign": "stillwatch.console.pages.decide_about:CAMPAIGN",
        "decide_account": "stillwatch.console.pages.decide_about:ACCOUNT",
        "decide_news": "stillwatch.console.pages.decide_about:NEWS",
        "appeals": "stillwatch.console.pages.appeals:PAGE",
        "appeal": "stillwatch.console.pages.appeals:APPEAL",
        "false_accusations": "stillwatch.console.pages.false_accusations:PAGE",
        "drill": "stillwatch.console.pages.drill:PAGE",
        "login": "stillwatch.console.pages.login:PAGE",
        "company": "stillwatch.console.pages.company:PAGE",
        "company-back": "stillwatch.console.pages.company:BACK",
        "welcome": "stillwatch.console.pages.welcome:PAGE",
        "theme": "stillwatch.console.pages.theme:PAGE",
        "settings": "stillwatch.console.pages.settings:PAGE",
        "people": "stillwatch.console.pages.people:PAGE",
        "audit": "stillwatch.console.pages.audit:PAGE",
    },
)
