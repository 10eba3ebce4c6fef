"""Every page of the registry in a real browser: for whom it is, readable by all, on a phone, asking nobody else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from stillwatch.console.page import Page, Role
from stillwatch.console.pages import PAGES
from tests.campaigns import made_reports
from tests.console.browser.driving import AXE, OF_COLOURS, PHONE, WIDE, Browsers, Window
from tests.console.browser.places import DOWNLOADS, NOT_SET_UP, addresses
from tests.console.browser.process import Console, console, surroundings
from tests.console.browser.worlds import PEOPLE, World, let_in
from tests.console.reading.made_runs import written

ALL: dict[str, Page] = dict(PAGES.all())
GONE = frozenset({"welcome", "dossier_making", "dossier_file", *NOT_SET_UP})
"""Pages that are not there in this console (a link or a dossier that nobody made, a log-in that is not set up)."""
READ = [name for name in ALL if name not in DOWNLOADS | {"theme"}]
needs_axe = pytest.mark.skipif(AXE is None or not AXE.is_file(), reason="axe-core-python is not installed")


def person(role: Role) -> str:
    """Somebody who has this role."""
    return next(name for name, held in PEOPLE.items() if held is role)


@pytest.mark.parametrize("name", ["vera", "ada", "bo", "root"])
def test_every_page_is_shown_to_whoever_may_see_it_and_refused_to_others(
    browsers: Browsers, served: Console, made_once: World, name: str
) -> None:
    window, role = browsers.window(served.url, name), PEOPLE[name]
    for page, paths in addresses(made_once).items():
        if page in DOWNLOADS:
            continue
        for path in paths:
            status = window.go(path)
            if role < ALL[page].role:
                assert status == 403, path
                assert f"needs the role {ALL[page].role.word}, and yours is {role.word}" in window.text
            else:
                assert status == (404 if page in GONE else 200), path
                assert window.page.locator("h1").count() == 1
            shown = {link.get_attribute("href") for link in window.page.locator(".menu a").all()}
            assert shown == {one.path for one in ALL.values() if one.title and one.role <= role}, path
        window.check_quiet()


def test_a_stranger_is_led_to_the_log_in_and_from_there_to_what_was_asked(
    browsers: Browsers, served: Console, made_once: World
) -> None:
    window = browsers.window(served.url)
    for page, paths in addresses(made_once).items():
        if ALL[page].role > Role.ANYONE:
            window.go(paths[0])
            assert window.path.startswith("/login"), page
            assert window.page.locator(".menu").count() == 0
    window.go("/campaigns/C1/graph")
    window.page.get_by_label("Name").fill("vera")
    window.page.get_by_label("Password").fill("four random words do")
    window.page.get_by_role("button", name="Sign in").click()
    assert window.path == "/campaigns/C1/graph"


def test_files_are_kept_by_the_browser_and_hold_what_they_say(
    browsers: Browsers, served: Console, made_once: World
) -> None:
    window = browsers.window(served.url, "bo", accept_downloads=True)
    window.go("/campaigns/C1/accounts")
    with window.page.expect_download() as kept:
        window.page.get_by_role("link", name="The list as a file (CSV)").click()
    assert Path(kept.value.path()).read_text("utf-8").count("\n") == 1 + len(made_once.members())
    assert kept.value.suggested_filename.endswith(".csv")


@needs_axe
@pytest.mark.parametrize("page", READ)
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1280", "360"])
def test_axe_finds_nothing_in_light_and_dark_and_nothing_is_wider_than_the_window(
    browsers: Browsers, served: Console, made_once: World, page: str, size: dict[str, int]
) -> None:
    who = "" if page == "login" else person(max(ALL[page].role, Role.APPROVER))
    window = browsers.window(served.url, who, viewport=size)
    for path in addresses(made_once)[page]:
        window.go(path)
        check_for_all(window)


def check_for_all(window: Window) -> None:
    """The page in the window, with all that can be opened in it open, in both colours."""
    assert window.too_wide() <= 0, window.path
    window.page.locator("details:not([open])").evaluate_all("all => all.forEach(one => { one.open = true; })")
    for scheme, rules in (("light", ()), ("dark", OF_COLOURS)):  # the other rules look at nothing that changes
        window.page.emulate_media(color_scheme=scheme)
        assert (window.path, scheme, window.violations(*rules)) == (window.path, scheme, [])
    assert window.too_wide() <= 0, window.path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, chromium: object) -> Iterator[Console]:
    """A run that is made, with groups under review and many accounts, read without a gateway."""
    folder = tmp_path_factory.mktemp("made")
    run = written(made_reports.ordinary(), folder / "run")
    let_in(folder / "run.console")
    with console("--run", run, log=folder / "stderr") as running:
        yield running


@needs_axe
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1280", "360"])
def test_groups_under_review_long_lists_and_previews_are_readable_by_all(
    browsers: Browsers, made: Console, size: dict[str, int]
) -> None:
    window = browsers.window(made.url, "bo", viewport=size)
    for path in ("/", "/campaigns", "/campaigns/C3", "/campaigns/C1/accounts?page=2", "/accounts?verdict=review"):
        window.go(path)
        check_for_all(window)
    for kind in ("dismiss", "suspend", "merge"):
        window.go("/decide/campaigns/C1")
        window.page.locator(f"#kind-{kind}").check()
        if kind == "merge":
            window.page.get_by_label("To merge with").select_option(index=1)
        window.page.get_by_role("button", name="Look at what that would do").click()
        window.page.locator("#counts").wait_for()
        check_for_all(window)


@needs_axe
def test_the_switch_of_colours_holds_on_every_page(browsers: Browsers, served: Console) -> None:
    window = browsers.window(served.url, "vera")
    window.go("/campaigns")
    for theme, paper in (("Dark", "rgb(19, 22, 25)"), ("Light", "rgb(255, 255, 255)")):
        here = window.path
        window.page.get_by_label("Colours").select_option(label=theme)
        window.page.get_by_role("button", name="Set colours").click()
        assert window.path == here
        for path in ("/campaigns", "/"):
            window.go(path)
            assert window.page.evaluate("getComputedStyle(document.body).backgroundColor") == paper
            assert window.violations() == []


def test_the_browsers_own_log_of_its_network_names_nobody_but_the_console(
    served: Console, made_once: World, tmp_path: Path, chromium: object
) -> None:
    """Below what a page could hide or a test could miss: Chromium's own log of every request it was about to make."""
    script = f"""
import sys
from tests.console.browser.driving import Browsers, started
with started("--log-net-log={tmp_path / "net.json"}", "--net-log-capture-mode=Everything") as chromium:
    browsers = Browsers(chromium)
    window = browsers.window({served.url!r}, "root")
    for path in sys.argv[1:]:
        window.go(path)
        window.page.wait_for_load_state("networkidle")
    browsers.close()
"""
    paths = [path for name, found in addresses(made_once).items() if name not in DOWNLOADS for path in found]
    where = surroundings() | {"PYTHONPATH": f"{surroundings()['PYTHONPATH']}:{Path.cwd()}"}
    subprocess.run([sys.executable, "-c", script, *paths], env=where, check=True, timeout=300)
    asked = requests_of(tmp_path / "net.json")
    own = {url for url, _ in asked if url.startswith(served.url + "/")}
    assert {urlsplit(url).path for url in own} >= {"/", "/campaigns", "/static/console.css", "/campaigns/C1/graph.json"}
    others = {(url, who) for url, who in asked if url not in own}
    assert {(url, who) for url, who in others if who != CHROMIUM_ITSELF} == set()
    # What Chromium asks its own maker, whatever page is open; docs/console.md tells of it.
    hosts = {urlsplit(url).hostname or "" for url, _ in others}
    assert {host for host in hosts if not host.endswith((".google.com", ".googleapis.com", ".gvt1.com"))} == set()


CHROMIUM_ITSELF = "not an origin"
"""Who began a request that no page began, in Chromium's log."""


def requests_of(log: Path) -> set[tuple[str, str]]:
    """The addresses of all requests in a log of Chromium's network, each with the page's origin that began it."""
    told = json.loads(log.read_bytes())
    begun = told["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    found = {
        (event["params"].get("url", ""), event["params"].get("initiator", ""))
        for event in told["events"]
        if event["type"] == begun and "params" in event
    }
    return {(url, who) for url, who in found if url and not url.startswith(("data:", "chrome", "about:"))}
