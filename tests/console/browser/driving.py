"""A real browser without a window, and what it did: whom it asked, what it said, whether a script of strangers ran."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.console.served import PASSWORD
from tests.hostile import HIT

__all__ = ["AXE", "CHROMIUM", "OF_COLOURS", "PATIENCE", "PHONE", "WIDE", "Browsers", "Window", "started"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 60_000
"""Milliseconds that a busy machine is given for anything."""
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
OF_COLOURS = ("color-contrast", "link-in-text-block")
"""The rules that look at colours."""
_AXE_RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
_REFUSED = "Failed to load resource: the server responded with a status of "


def axe_file() -> Path | None:
    """The file that ``AXE_CORE`` names, else that of the package axe-core-python; None: neither is there."""
    named = os.environ.get("AXE_CORE")
    if named:
        return Path(named)
    found = find_spec("axe_core_python")
    return None if found is None or found.origin is None else Path(found.origin).with_name("axe.min.js")


AXE = axe_file()


class Window:
    """A person's window: one page of a browser that shares nothing with others."""

    def __init__(self, context: Any, url: str) -> None:
        self.context, self.url = context, url
        self.foreign: list[str] = []
        self.said: list[str] = []
        context.set_default_timeout(PATIENCE)
        context.route("**/*", self._through)
        context.on("request", lambda request: self._asked(request.url))
        self.page = context.new_page()
        self.page.on("console", lambda message: self._heard(message.text))
        self.page.on("pageerror", lambda error: self._heard(f"error: {error}"))
        self.page.on("dialog", lambda dialog: (self._heard(f"dialog: {dialog.message}"), dialog.dismiss()))

    def _own(self, url: str) -> bool:
        return url.startswith((f"{self.url}/", "data:,"))

    def _through(self, route: Any) -> None:
        if self._own(route.request.url):
            route.continue_()
        else:
            self._asked(route.request.url)
            route.abort()

    def _asked(self, url: str) -> None:
        if not self._own(url):
            self.foreign.append(url)

    def _heard(self, text: str) -> None:
        if not text.startswith(_REFUSED):  # an error page's status, which tests look at themselves
            self.said.append(text)

    def go(self, path: str) -> int:
        """Open a path; its status."""
        answer = self.page.goto(self.url + path)
        return answer.status if answer is not None else 0

    def sign_in(self, name: str, password: str = PASSWORD) -> None:
        """By the form, as people do."""
        self.go("/login")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        with self.page.expect_navigation():
            self.page.get_by_role("button", name="Sign in").click()

    @property
    def text(self) -> str:
        """What the page's body shows."""
        return str(self.page.locator("body").inner_text())

    @property
    def path(self) -> str:
        """Where the window is."""
        return str(self.page.url.removeprefix(self.url))

    def check_quiet(self) -> None:
        """Nobody else was asked for anything, nothing failed in a script, and no script of strangers ran."""
        assert self.foreign == [], self.foreign
        assert self.said == [], self.said
        assert self.page.evaluate(f"typeof window.{HIT}") == "undefined"

    def violations(self, *rules: str) -> list[tuple[str, list[Any]]]:
        """What axe-core finds: rules and where they are broken; of all ``rules`` where none is named. The page's own
        policy stays on: axe comes in by the browser's debugger, not by the page."""
        assert AXE is not None
        if self.page.evaluate("typeof window.axe") == "undefined":
            self.page.evaluate(AXE.read_text("utf-8"))
        found = self.page.evaluate(
            "async only => (await axe.run({runOnly: only, resultTypes: ['violations']})).violations",
            {"type": "rule", "values": rules} if rules else {"type": "tag", "values": _AXE_RULES},
        )
        return [(one["id"], [node["target"] for node in one["nodes"]][:3]) for one in found]

    def too_wide(self) -> int:
        """By how many pixels the page is wider than its window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


class Browsers:
    """One Chromium, in which each person has a window; what was signed in once is kept."""

    def __init__(self, chromium: Any) -> None:
        self.chromium = chromium
        self._kept: dict[tuple[str, str], Any] = {}
        self._open: list[Window] = []

    def window(self, url: str, name: str = "", **options: Any) -> Window:
        """A window onto the console at ``url``, in which ``name`` has signed in."""
        if name:
            options["storage_state"] = self.signed_in(url, name)
        made = Window(self.chromium.new_context(**{"viewport": WIDE, **options}), url)
        self._open.append(made)
        return made

    def signed_in(self, url: str, name: str) -> Any:
        """What a browser keeps of somebody who has signed in."""
        key = (url, name)
        if key not in self._kept:
            first = Window(self.chromium.new_context(viewport=WIDE), url)
            first.sign_in(name)
            self._kept[key] = first.context.storage_state()
            first.context.close()
        return self._kept[key]

    def close(self) -> None:
        """Close all windows; each must have been quiet."""
        opened, self._open = self._open, []
        for window in opened:
            foreign, said = window.foreign, window.said
            window.context.close()
            assert (foreign, said) == ([], []), (foreign, said)


@contextmanager
def started(*flags: str) -> Iterator[Any]:
    """Chromium, while the block runs."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*_FLAGS, *flags], timeout=PATIENCE)
        yield chromium
        chromium.close()
