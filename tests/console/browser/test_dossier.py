"""A dossier is made by a button, tells how far it is, is taken as a file, and holds before whoever checks it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stillwatch.cli.dossier.verifying import verify
from tests.console.browser.driving import AXE, Browsers, Window
from tests.console.browser.process import Console, console
from tests.console.browser.worlds import World

ABOUT = "/campaigns/C1/dossier"


@pytest.fixture(scope="module")
def with_log(made_once: World, tmp_path_factory: pytest.TempPathFactory, chromium: object) -> Iterator[Console]:
    """A console that knows the log that was scanned."""
    folder = tmp_path_factory.mktemp("dossier")
    world = made_once.copy(folder)
    with console(*world.arguments, "--log", made_once.log, log=folder / "stderr") as running:
        yield running


def made(window: Window) -> None:
    """Wait, without a hand on it, until the page says that it is made; it loads itself."""
    window.page.locator("#state[data-state=made], #state[data-state=failed]").wait_for(timeout=180_000)
    assert window.page.locator("#state").get_attribute("data-state") == "made", window.text


def test_an_approver_makes_one_takes_it_and_it_verifies(browsers: Browsers, with_log: Console, tmp_path: Path) -> None:
    window = browsers.window(with_log.url, "bo", accept_downloads=True)
    window.go("/campaigns/C1")
    window.page.get_by_role("link", name="Make a dossier").click()
    window.page.get_by_role("radio", name="Whole").check()
    window.page.get_by_label("Why text is shown whole").fill("counsel asked, ticket <b>4711</b>")
    window.page.get_by_role("checkbox", name="The paper").uncheck()
    with window.page.expect_navigation():
        window.page.get_by_role("button", name="Make a dossier").click()
    assert window.path.startswith("/dossiers/")
    made(window)
    if AXE is not None:
        assert window.violations() == []
    with window.page.expect_download() as kept:
        window.page.get_by_role("link", name="Take it").click()
    assert kept.value.suggested_filename.endswith(".zip")
    with zipfile.ZipFile(kept.value.path()) as packed:
        packed.extractall(tmp_path)
    (folder,) = tmp_path.iterdir()
    told = json.loads((folder / "dossier.json").read_bytes())
    assert len(told["exhibits"]) == 10
    assert "ticket <b>4711</b>" in json.loads((folder / "manifest.json").read_bytes())["predicate"]["choices"]["reason"]
    assert verify(folder) == 0
    window.go(ABOUT)
    assert "exhibits whole: made" in window.text
    admin = browsers.window(with_log.url, "root")
    admin.go("/audit")
    lines = admin.page.locator("#lines").inner_text()
    assert "ticket <b>4711</b>" in lines
    assert "took a dossier" in lines
    window.check_quiet()


def test_with_its_paper_and_without_a_script(browsers: Browsers, with_log: Console, tmp_path: Path) -> None:
    pytest.importorskip("weasyprint", reason="the extra dossier is not installed")
    window = browsers.window(with_log.url, "cy", java_script_enabled=False, accept_downloads=True)
    window.go("/campaigns/C2/dossier")
    window.page.get_by_role("radio", name="None").check()
    with window.page.expect_navigation():
        window.page.get_by_role("button", name="Make a dossier").click()
    made(window)
    with window.page.expect_download() as kept:
        window.page.get_by_role("link", name="Take it").click()
    with zipfile.ZipFile(kept.value.path()) as packed:
        names = {name.partition("/")[2] for name in packed.namelist()}
    assert {"dossier.pdf", "dossier.html", "accounts.csv", "manifest.json", "SHA256SUMS"} <= names


def test_text_shown_whole_needs_a_reason(browsers: Browsers, with_log: Console) -> None:
    window = browsers.window(with_log.url, "bo")
    window.go(ABOUT)
    window.page.get_by_role("radio", name="Whole").check()
    window.page.get_by_role("button", name="Make a dossier").click()
    window.page.get_by_text("say why").wait_for()
    assert window.page.locator("h1").count() == 1


def test_who_is_no_approver_makes_none_and_without_a_log_none_shows_text(
    browsers: Browsers, with_log: Console, served: Console
) -> None:
    analyst = browsers.window(with_log.url, "ada")
    analyst.go("/campaigns/C1")
    assert analyst.page.get_by_role("link", name="Make a dossier").count() == 0
    assert analyst.go(ABOUT) == 403
    window = browsers.window(served.url, "bo")
    window.go(ABOUT)
    assert window.page.locator("#make input[name=exhibits]").count() == 1
    assert "Start the console with --log" in window.text
