"""The console's pages: one file each, one line here. The menu has their order."""

from __future__ import annotations

from stillwatch.console.page import Page
from stillwatch.registry import Registry

__all__ = ["PAGES"]

PAGES: Registry[Page] = Registry(
    "stillwatch.console.pages",
    {},
)
