"""The page in a real browser: quiet, sortable, filterable, usable by keyboard, in both colour schemes.

Skipped where Playwright or Chromium is absent. The accessibility check runs where the environment variable
``AXE_CORE`` names an ``axe.min.js`` (npm install axe-core, outside this repository).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stillwatch.campaigns.page import render_page
from stillwatch.drill.page import render_page as render_drill
from stillwatch.safety_audit.page import render_page as render_audit
from stillwatch.safety_audit.page import render_statement
from tests.campaigns import made_reports
from tests.drill import made_reports as made_drills
from tests.safety_audit import made_reports as made_audits

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = os.environ.get("AXE_CORE", "")
KINDS = ("empty", "ordinary", "huge", "hostile", "extreme")
DRILLS = ("full", "hardly_any", "none_found", "nulls", "empty", "hostile")
DRILL_PAGES = tuple(f"drill-{kind}" for kind in DRILLS)
AUDIT_PAGES = tuple(f"audit-{kind}" for kind in made_audits.KINDS)
CHECKED_ALOUD = (
    *("empty", "ordinary", "hostile", "drill-full", "drill-hardly_any", "drill-hostile"),
    *("audit-stripped", "audit-one_unit", "audit-hostile", "statement-stripped"),
)
STATEMENTS = tuple(f"statement-{kind}" for kind in made_audits.KINDS)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield started
        started.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    made = {kind: render_page(getattr(made_reports, kind)()) for kind in KINDS}
    made |= {f"drill-{kind}": render_drill(getattr(made_drills, kind)()) for kind in DRILLS}
    made |= {f"audit-{kind}": render_audit(getattr(made_audits, kind)()) for kind in made_audits.KINDS}
    made |= {f"statement-{kind}": render_statement(getattr(made_audits, kind)()) for kind in made_audits.KINDS}
    written = {kind: folder / f"{kind}.html" for kind in made}
    for kind, path in written.items():
        path.write_text(made[kind], encoding="utf-8")
    return written


@pytest.fixture
def visit(browser: Any, files: dict[str, Path]) -> Iterator[Any]:
    contexts = []

    def open_page(kind: str, **options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("dialog", lambda dialog: (page.said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(files[kind].as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("kind", KINDS + DRILL_PAGES + AUDIT_PAGES + STATEMENTS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_is_quiet_fits_its_width_and_asks_for_nothing(
    visit: Any, files: dict[str, Path], kind: str, scheme: str, width: int
) -> None:
    page = visit(kind, color_scheme=scheme, viewport={"width": width, "height": 800})
    page.wait_for_load_state("networkidle")
    assert page.said == []
    assert [url for url in page.asked if url not in (files[kind].as_uri(), "data:,")] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_both_colour_schemes_render(visit: Any) -> None:
    colours = {
        scheme: visit("ordinary", color_scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    }
    assert colours == {"light": "rgb(255, 255, 255)", "dark": "rgb(19, 22, 25)"}


def column(page: Any, number: int) -> list[float]:
    cells = page.locator("#campaign-1-accounts tbody tr")
    found = cells.evaluate_all(f"rows => rows.map(row => parseFloat(row.cells[{number}].dataset.sort))")
    return [float(value) for value in found]


def test_sorts_both_ways_by_keyboard_and_says_so(visit: Any) -> None:
    page = visit("ordinary")
    button = page.locator("#campaign-1-accounts thead button", has_text="Probability")
    button.focus()
    page.keyboard.press("Enter")
    assert column(page, 2) == sorted(column(page, 2), reverse=True)
    head = page.locator("#campaign-1-accounts thead th").nth(2)
    assert head.get_attribute("aria-sort") == "descending"
    page.keyboard.press("Space")
    assert column(page, 2) == sorted(column(page, 2))
    assert len(set(column(page, 2))) > 100
    assert head.get_attribute("aria-sort") == "ascending"


def test_numbers_of_a_drill_sort_with_the_unknown_last(visit: Any) -> None:
    page = visit("drill-hardly_any")
    page.locator("#cells thead button", has_text="Found").click()
    found = page.locator("#cells tbody tr").evaluate_all("rows => rows.map(row => row.cells[5].dataset.sort)")
    assert [value != "" for value in found] == [True] * 9 + [False] * 86


def test_filter_leaves_what_was_typed_and_counts_it(visit: Any) -> None:
    page = visit("ordinary")
    wanted = page.locator("#campaign-1-accounts tbody th").nth(7).inner_text()
    page.get_by_label("Show rows with").first.fill(wanted)
    visible = page.locator("#campaign-1-accounts tbody tr:visible")
    assert visible.count() == 1
    assert wanted in visible.inner_text()
    assert page.locator(".filter [role=status]").first.inner_text() == "1 of 300 rows"


def test_first_tab_skips_to_the_result_and_focus_shows(visit: Any) -> None:
    page = visit("ordinary")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    box = page.locator(".skip").bounding_box()
    assert box["x"] >= 0
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    for _ in range(40):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"


def test_reads_without_script(visit: Any) -> None:
    page = visit("ordinary", java_script_enabled=False)
    assert page.locator("#campaign-1-accounts tbody tr").count() == 300
    assert not page.locator(".filter").first.is_visible()
    assert page.locator("thead button").count() == 0


def test_hostile_text_runs_nowhere(visit: Any) -> None:
    page = visit("hostile")
    for details in page.locator("details summary").all():
        details.click()
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 1
    assert page.said == []


def test_prints_with_every_part_open(visit: Any) -> None:
    page = visit("ordinary")
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert page.locator(".scroll.tall").first.evaluate("e => e.scrollHeight <= e.clientHeight + 1")


@pytest.mark.parametrize("kind", STATEMENTS)
def test_a_statement_prints_on_one_page(visit: Any, kind: str) -> None:
    printed = visit(kind).pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1


def test_examples_of_an_audit_wait_for_a_click_and_are_not_printed(visit: Any) -> None:
    page = visit("audit-stripped")
    text = page.get_by_text("A question of truthfulness?").first
    assert not text.is_visible()
    page.locator("details.example summary", has_text="truthfulness-0").focus()
    page.keyboard.press("Enter")
    assert text.is_visible()
    page.emulate_media(media="print")
    assert not text.is_visible()


@pytest.mark.skipif(not Path(AXE).is_file(), reason="AXE_CORE names no axe.min.js")
@pytest.mark.parametrize("kind", CHECKED_ALOUD)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_has_no_accessibility_violation(visit: Any, kind: str, scheme: str) -> None:
    page = visit(kind, color_scheme=scheme, bypass_csp=True)
    page.add_script_tag(path=AXE)
    found = page.evaluate(
        "async () => (await axe.run({runOnly:"
        " ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})).violations"
    )
    assert [(v["id"], [node["target"] for node in v["nodes"]][:3]) for v in found] == []
