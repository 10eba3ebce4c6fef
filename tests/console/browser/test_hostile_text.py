"""Two hundred texts of strangers in every field that they can write: shown as text everywhere, and nowhere more."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import msgspec
import pytest

from stillwatch.campaigns import wording
from stillwatch.campaigns.report import Report
from stillwatch.cli.explain import explain
from stillwatch.console.reading.addresses import account_path
from stillwatch.console.reading.tables import PAGE
from tests.console.browser.driving import Browsers, Window
from tests.console.browser.hostile_worlds import TEXTS, clean_utf8, hostile_run
from tests.console.browser.process import Console, console
from tests.console.browser.worlds import World
from tests.hostile import HOSTILE

STEERING = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)
MADE = r"""() => {
  const own = new Set(["/static/graph.js", "/static/decide.js"]);
  const foreign = /^(img|iframe|object|embed|base|style|math|template|noscript|audio|video)$/;
  const acting = /^(on.*|style|autofocus)$/, leading = /^(href|src|action|formaction|xlink:href|data)$/;
  const found = [];
  for (const one of document.querySelectorAll("*")) {
    const name = one.localName;
    let made = foreign.test(name) || (name === "meta" && one.httpEquiv !== "");
    made ||= name === "script" && !own.has(new URL(one.src, location.href).pathname);
    for (const attribute of one.attributes) {
      made ||= acting.test(attribute.name);
      made ||= leading.test(attribute.name) && !/^(\/(?!\/)|#|data:,|\?)/.test(attribute.value);
    }
    if (made) found.push(one.outerHTML.slice(0, 200));
  }
  return found;
}"""
"""Elements and attributes of a page that no template of ours makes."""


class Hostile(NamedTuple):
    """The run, and the console that shows it."""

    run: Path
    console: Console
    said: Path

    @property
    def report(self) -> Report:
        return msgspec.json.decode((self.run / "report.json").read_bytes(), type=Report)


@pytest.fixture(scope="module")
def hostile(made_once: World, tmp_path_factory: pytest.TempPathFactory, chromium: object) -> Iterator[Hostile]:
    folder = tmp_path_factory.mktemp("hostile")
    run = hostile_run(made_once.log, folder)
    with console("--run", run, log=folder / "stderr") as running:
        yield Hostile(run, running, folder / "stderr")


def check_inert(window: Window) -> str:
    """No script ran, no element was made, nothing steers the display; the page's whole text, folded parts too."""
    window.check_quiet()
    assert window.page.evaluate(MADE) == []
    text = str(window.page.evaluate("document.documentElement.textContent"))
    assert not STEERING.search(text), window.path
    assert len(text) < 3_000_000
    return text


def squeezed(text: str) -> str:
    return " ".join(text.split())


def test_account_ids_are_text_on_every_list_page_and_address(browsers: Browsers, hostile: Hostile) -> None:
    window = browsers.window(hostile.console.url, "bo")
    ids = [account.account_id for account in hostile.report.accounts]
    assert sum(text in set(ids) for text in TEXTS) >= 200
    text = ""
    for page in range(-(-len(ids) // PAGE)):
        window.go(f"/accounts?page={page + 1}")
        text += squeezed(check_inert(window))
    for name in ids:
        assert squeezed(wording.visible(name, limit=48)) in text, repr(name[:80])
    for path in ("/", "/campaigns", "/campaigns/C1", "/campaigns/C1/graph", "/campaigns/C1/accounts", "/settings"):
        assert window.go(path) == 200
        check_inert(window)


def test_every_account_of_such_a_name_has_a_page_that_a_click_reaches(browsers: Browsers, hostile: Hostile) -> None:
    window = browsers.window(hostile.console.url, "bo")
    for account in [one for one in hostile.report.accounts if one.account_id in TEXTS][::3]:
        assert window.go(account_path(account.account_id)) == 200, repr(account.account_id[:80])
        heading = squeezed(str(window.page.locator("h1").text_content()))
        assert heading == squeezed(f"Account {wording.visible(account.account_id, limit=48)}")
        check_inert(window)


def test_prompts_and_exchange_ids_are_text_where_a_reason_shows_them(browsers: Browsers, hostile: Hostile) -> None:
    window = browsers.window(hostile.console.url, "bo")
    window.go("/campaigns/C1")
    window.page.get_by_label("Reason").fill("{{ 7 * 7 }} <script>window.__hit=1</script> \u202e")
    with window.page.expect_navigation():
        window.page.get_by_role("button", name="Show the text").click()
    text = squeezed(check_inert(window))
    assert "{{ 7 * 7 }} <script>window.__hit=1</script> ⟨U+202E⟩" in text
    for said in TEXTS:
        assert squeezed(wording.visible(clean_utf8(said), limit=4_000, lines=True)) in text, repr(said[:80])


def test_what_colleagues_wrote_is_text_on_the_pages_of_decisions(browsers: Browsers, hostile: Hostile) -> None:
    window = browsers.window(hostile.console.url, "bo")
    for path in ("/decide", "/decide/campaigns/C1", "/campaigns/C1"):
        window.go(path)
        text = squeezed(check_inert(window))
        assert "<script>window.__hit=1</script> ⟨U+202E⟩ {{ 7 * 7 }}" in text
    window.page.goto(f"{hostile.console.url}/decide/campaigns/C1")
    window.page.locator("#kind-dismiss").check()
    window.page.locator("#scope-words").fill("\u202e<script>window.__hit=1</script>")
    window.page.locator("#scope-all").check()
    window.page.get_by_role("button", name="Look at what that would do").click()
    window.page.locator("#counts").wait_for()
    check_inert(window)
    window.page.locator("#why").fill("\x1b[31m \u202e <script>window.__hit=1</script>")
    window.page.locator("#do").click()
    window.page.wait_for_url("**/decide/campaigns/C1")
    check_inert(window)
    admin = browsers.window(hostile.console.url, "root")
    for path in ("/audit", "/people"):
        admin.go(path)
        check_inert(admin)


def test_names_of_files_are_text_on_the_settings(browsers: Browsers, hostile: Hostile) -> None:
    window = browsers.window(hostile.console.url, "bo")
    window.go("/settings")
    text = squeezed(check_inert(window))
    assert "⟨U+202E⟩ <img src=x onerror=window.__hit=1> ⟨U+001B⟩[31m" in text
    assert text.count(".jsonl") >= 50


def test_addresses_that_are_attacks_are_pages_of_errors(browsers: Browsers, hostile: Hostile) -> None:
    window = browsers.window(hostile.console.url, "bo")
    for said in [text for text in HOSTILE if 0 < len(text) < 200][::4]:
        for path in ("/campaigns/{}", "/accounts?find={}&sort={}", "/campaigns/C1/graph?open={}", "/login?back={}"):
            status = window.go(path.replace("{}", quote(said, safe="", errors="replace")))
            assert status < 500, (path, said)
            check_inert(window)


def test_in_the_list_as_a_file_no_cell_runs(browsers: Browsers, hostile: Hostile) -> None:
    window = browsers.window(hostile.console.url, "bo", accept_downloads=True)
    window.go("/campaigns/C1/accounts")
    with window.page.expect_download() as kept:
        window.page.get_by_role("link", name="The list as a file (CSV)").click()
    data = Path(kept.value.path()).read_bytes().decode("utf-8")
    assert not STEERING.search(data.replace("\r\n", "\n"))
    rows = list(csv.reader(io.StringIO(data, newline="")))
    members = {a.account_id for a in hostile.report.accounts if a.campaign_id == "C1"}
    assert {json.loads(row[rows[0].index("account_id_exact")]) for row in rows[1:]} == members
    assert len(rows) == 1 + next(c.accounts for c in hostile.report.campaigns if c.campaign_id == "C1")
    for row in rows[1:]:
        for cell in row:
            assert not re.match(r"[\s\0]*[=+\-@|%\uff1d\uff0b\uff0d\uff20]", cell), cell


def test_in_a_terminal_they_move_nothing(hostile: Hostile, capsys: pytest.CaptureFixture[str]) -> None:
    for text in [*TEXTS, "C1"]:
        explain(text, run=hostile.run)
        told = capsys.readouterr()
        for said in (told.out, told.err):
            assert not STEERING.search(said), repr(text[:60])
    assert not STEERING.search(hostile.said.read_text("utf-8", "replace"))
