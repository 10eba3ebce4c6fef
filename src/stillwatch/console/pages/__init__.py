"""The console's pages: one file each, one line here. The menu has their order."""

from __future__ import annotations

from stillwatch.console.page import Page
from stillwatch.registry import Registry

__all__ = ["PAGES"]

PAGES: Registry[Page] = Registry(
    "stillwatch.console.pages",
    {
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
