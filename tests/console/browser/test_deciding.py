"""People decide in a real browser: with the keyboard alone, by two, at the same time, and take it back."""

from __future__ import annotations

import pytest

from stillwatch.console.decisions import Decisions, Entry
from stillwatch.console.pages.choosing import tick as box
from stillwatch.console.reading.addresses import account_path
from tests.console.browser.driving import Browsers, Window
from tests.console.browser.process import Console
from tests.console.browser.worlds import World

C1 = "/decide/campaigns/C1"
Desk = tuple[Console, World]
KINDS = ("confirm", "dismiss", "hold", "split", "merge", "suspend")


def kept(world: World) -> Decisions:
    return Decisions(world.state / "console" / "decisions")


def newest(world: World) -> Entry:
    """What a person decided last; the console itself notes what it told the gateway."""
    return next(entry for entry in reversed(kept(world).entries) if entry.by)


def reach(window: Window, css: str, most: int = 300) -> None:
    """Press Tab until the focus, which must be visible, is on what ``css`` says."""
    for _ in range(most):
        window.page.keyboard.press("Tab")
        if window.page.evaluate("css => document.activeElement.matches(css)", css):
            assert window.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    raise AssertionError(f"the keyboard does not reach {css}")


def choose(window: Window, group: str, wanted: str) -> None:
    """Choose one of a group of radio buttons: Tab to the group, arrows within it."""
    reach(window, f"input[name={group}]")
    window.page.keyboard.press("Space")
    for _ in range(10):
        if window.page.evaluate("document.activeElement.id") == wanted:
            return
        window.page.keyboard.press("ArrowDown")
    raise AssertionError(f"arrows do not reach {wanted}")


def go_on(window: Window, css: str, key: str = "Enter") -> None:
    """Press a button with the keyboard and wait for the page that comes."""
    reach(window, css)
    with window.page.expect_navigation():
        window.page.keyboard.press(key)


def send(window: Window, css: str) -> None:
    """Send a form by a click on its button, and wait for the page that comes."""
    with window.page.expect_navigation():
        window.page.locator(css).click()


def click(window: Window, button: str) -> None:
    with window.page.expect_navigation():
        window.page.get_by_role("button", name=button).click()


def tick(window: Window, account: str) -> None:
    window.page.locator("#scope-ticked").check()
    window.page.locator(f'input[name=account][value="{box(account)}"]').check()


@pytest.mark.parametrize("kind", KINDS)
def test_every_decision_is_made_and_taken_back_with_the_keyboard_alone(
    browsers: Browsers, desk: Desk, kind: str
) -> None:
    console, world = desk
    window = browsers.window(console.url, "ada")
    window.go("/campaigns/C1")
    go_on(window, "#decided a.button")
    assert window.path == C1
    chosen = world.members()[KINDS.index(kind)]
    choose(window, "kind", f"kind-{kind}")
    if kind == "merge":
        reach(window, "#other")
        window.page.keyboard.press("ArrowDown")
        reach(window, "#choose button")
    else:
        choose(window, "scope", "scope-ticked")
        reach(window, f'input[name=account][value="{box(chosen)}"]')
        window.page.keyboard.press("Space")
    before = len(kept(world).entries)
    with window.page.expect_navigation():
        window.page.keyboard.press("Enter")
    assert window.page.locator("#counts").is_visible()
    assert len(kept(world).entries) == before
    reach(window, "#why")
    window.page.keyboard.type(f"one of a class: {kind}")
    go_on(window, "#do")
    assert window.path == C1
    entry = newest(world)
    assert (entry.kind, entry.by, entry.why) == (kind, "ada", f"one of a class: {kind}")
    assert window.page.get_by_role("status").first.inner_text().startswith(f"Kept as {entry.id}")
    assert f"one of a class: {kind}" in window.text
    reach(window, f"#d{entry.line} summary")
    window.page.keyboard.press("Enter")
    reach(window, f"#undo-{entry.line}")
    window.page.keyboard.type("wrong class")
    go_on(window, f"#d{entry.line} button")
    assert newest(world).kind == "undo"
    assert "taken back by ada" in window.page.locator(f"#d{entry.line}").inner_text()
    assert kept(world).standing(chosen).state == "open"
    window.check_quiet()


def test_one_proposes_to_suspend_another_approves_anybody_takes_it_back(browsers: Browsers, desk: Desk) -> None:
    console, world = desk
    ada, bo, name = browsers.window(console.url, "ada"), browsers.window(console.url, "bo"), world.members()[10]
    ada.go(C1)
    ada.page.locator("#kind-suspend").check()
    tick(ada, name)
    click(ada, "Look at what that would do")
    ada.page.locator("#why").fill("It goes on in spite of two warnings.")
    send(ada, "#do")
    assert ada.path == C1
    line = newest(world).line
    ada.go(f"/decide/proposals/{line}")
    assert ada.page.locator("#own").is_visible()
    assert ada.page.locator("#approve").count() == 0
    assert kept(world).standing(name).suspension is not None
    assert name not in {one for each in kept(world).suspensions("in force") for one in each.left}
    bo.go("/decide")
    bo.page.locator(f"#proposals a[href='/decide/proposals/{line}']").click()
    bo.page.locator("#approve #why").fill("I looked myself.")
    send(bo, "#approve button")
    bo.go(f"/decide/proposals/{line}")
    assert "confirmed by bo" in bo.text
    assert "It is in force" in bo.page.locator("#state").inner_text()
    assert len(kept(world).suspensions("in force")) == 1
    ada.go(account_path(name))
    assert "I looked myself." in ada.text
    ada.go(f"/decide/proposals/{line}")
    ada.page.locator("#undo #undo-why").fill("Their dean wrote.")
    send(ada, "#undo button")
    assert kept(world).suspensions("in force") == ()


def test_the_second_of_two_browsers_is_told_who_changed_what(browsers: Browsers, desk: Desk) -> None:
    console, world = desk
    ada, bo, names = browsers.window(console.url, "ada"), browsers.window(console.url, "bo"), world.members()[12:15]
    bo.page.clock.install()
    bo.go(C1)
    late = browsers.window(console.url, "cy")
    late.go(C1)
    late.page.locator("#kind-hold").check()
    tick(late, names[0])
    click(late, "Look at what that would do")
    late.page.locator("#why").fill("wait for the lawyers")

    ada.go(C1)
    ada.page.locator("#kind-dismiss").check()
    tick(ada, names[0])
    click(ada, "Look at what that would do")
    ada.page.locator("#why").fill("a class")
    send(ada, "#do")
    assert ada.path == C1
    line = newest(world).line

    bo.page.clock.fast_forward(10_500)  # told while he reads, without doing anything
    bo.page.locator("#news.wrong li").first.wait_for()
    assert "by ada at" in bo.page.locator("#news").inner_text()
    bo.page.locator("#kind-confirm").check()
    tick(bo, names[1])
    tick(bo, names[0])
    click(bo, "Look at what that would do")
    assert "by ada at" in bo.page.locator("#since").inner_text()
    assert "a class" in bo.page.locator("#since").inner_text()
    assert bo.page.locator("#confirm").count() == 0
    bo.page.get_by_role("link", name="Look again").click()
    assert bo.page.locator(f"#d{line}").is_visible()

    send(late, "#do")
    late.page.get_by_text("changed by ada at").wait_for()
    assert newest(world).line == line
    assert kept(world).standing(names[0]).state == "dismissed"


def test_an_account_is_held_noted_and_its_page_tells_the_history(browsers: Browsers, desk: Desk) -> None:
    console, world = desk
    window, name = browsers.window(console.url, "ada"), world.members()[20]
    window.go(account_path(name))
    window.page.get_by_role("link", name="Decide", exact=True).last.click()
    window.page.locator("#kind-hold").check()
    click(window, "Look at what that would do")
    window.page.locator("#why").fill("asked their teacher")
    send(window, "#do")
    assert window.path == f"/decide{account_path(name)}"
    window.page.locator("#note summary").click()
    window.page.locator("#note-text").fill("the teacher calls back on Monday")
    click(window, "Keep the note")
    window.go(account_path(name))
    history = window.page.locator("#decided").inner_text()
    assert "asked their teacher" in history
    assert "the teacher calls back on Monday" in history
    assert kept(world).standing(name).state == "held"


def test_an_appeal_is_heard_and_counts_against_the_detector(browsers: Browsers, desk: Desk) -> None:
    console, world = desk
    window, name = browsers.window(console.url, "cy"), world.members()[-1]
    window.go("/appeals")
    window.page.locator("#open tbody a").click()
    assert "We are a class of thirty. <script>" in window.page.locator("#says").inner_text()
    window.page.locator("#uphold-why").fill("They are a class.")
    window.page.locator("#uphold-answer").fill("Sorry.")
    click(window, "Uphold the appeal")
    window.page.get_by_text("It was upheld by").wait_for()
    assert kept(world).standing(name).state == "dismissed"
    window.go("/false-accusations")
    assert "Found innocent" in window.text
    window.go(account_path(name))
    assert "upheld" in window.page.locator("#appeals").inner_text()
    window.check_quiet()


def test_text_is_masked_until_a_reason_is_given_which_the_audit_log_keeps(browsers: Browsers, desk: Desk) -> None:
    console, world = desk
    window = browsers.window(console.url, "ada")
    sample = world.report.campaigns[0].samples[0]
    window.go("/campaigns/C1")
    assert sample.exchange_id not in window.page.content()
    window.page.get_by_label("Reason").fill("ticket 4711: is it a class?")
    click(window, "Show the text")
    assert sample.exchange_id in window.text
    assert max(sample.text.split(), key=len) in window.text
    admin = browsers.window(console.url, "root")
    admin.go("/audit")
    assert "ticket 4711: is it a class?" in admin.page.locator("#lines").inner_text()
    click(admin, "Check it now")
    assert admin.page.locator("#holds").is_visible()


def test_where_scripts_are_off_the_same_forms_and_tables_work(browsers: Browsers, desk: Desk) -> None:
    console, world = desk
    window, name = browsers.window(console.url, "ada", java_script_enabled=False), world.members()[22]
    window.go("/campaigns/C1/graph")
    assert not window.page.locator("canvas").is_visible()
    assert window.page.get_by_text("Artefacts (keyed hashes)").is_visible()
    window.go(C1)
    window.page.locator("#kind-dismiss").check()
    tick(window, name)
    click(window, "Look at what that would do")
    window.page.locator("#explanation").select_option("class")
    window.page.locator("#why").fill("a class")
    send(window, "#do")
    assert window.path == C1
    assert kept(world).standing(name).state == "dismissed"
    entry = newest(world)
    window.page.locator(f"#d{entry.line} summary").click()
    window.page.locator(f"#undo-{entry.line}").fill("wrong class")
    click(window, f"Take back {entry.id}")
    assert kept(world).standing(name).state == "open"
    window.page.get_by_label("Colours").select_option("dark")
    click(window, "Set colours")
    assert window.page.locator("html").get_attribute("data-theme") == "dark"
