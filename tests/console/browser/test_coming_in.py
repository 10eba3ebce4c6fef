"""From the link in the terminal to the first admin, from an invitation to a colleague, and what becomes of guessing."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest

from tests.console.browser.driving import Browsers, Window
from tests.console.browser.process import Console, console
from tests.console.browser.worlds import World
from tests.console.served import PASSWORD

OTHER = "quite other four words"


@pytest.fixture(scope="module")
def new(made_once: World, tmp_path_factory: pytest.TempPathFactory, chromium: object) -> Iterator[Console]:
    """A console in which nobody has an account."""
    folder = tmp_path_factory.mktemp("new")
    shutil.copytree(made_once.run, folder / "run")
    with console("--run", folder / "run", log=folder / "stderr", new=True) as running:
        yield running


def come_in(window: Window, name: str, password: str = PASSWORD, again: str = "") -> None:
    """Fill in the form of a one-time link."""
    if name:
        window.page.get_by_label("Name").fill(name)
    window.page.get_by_label(re.compile("^Password")).fill(password)
    window.page.get_by_label("The same password again").fill(again or password)
    with window.page.expect_navigation():
        window.page.get_by_role("button", name="Come in").click()


def press(window: Window, button: str | re.Pattern[str]) -> None:
    with window.page.expect_navigation():
        window.page.get_by_role("button", name=button).click()


def invited(admin: Window, role: str) -> str:
    """Invite somebody; the path of the one-time link."""
    admin.go("/people")
    admin.page.get_by_label("Role", exact=True).select_option(role)
    press(admin, "Make a one-time link")
    return str(admin.page.locator("#link").inner_text().removeprefix(admin.url))


def test_the_first_admin_invites_and_changes_and_keeps_out(browsers: Browsers, new: Console) -> None:
    stranger, admin = browsers.window(new.url), browsers.window(new.url)
    stranger.go("/")
    assert "Nobody has an account here yet" in stranger.text
    link = new.first.removeprefix(new.url)
    admin.go(link)
    assert "you become the first admin" in admin.page.locator("h1").inner_text()
    come_in(admin, "root", again="not the same four words")
    assert admin.page.get_by_role("alert").is_visible()
    come_in(admin, "root")
    assert admin.path == "/"
    assert "root admin" in admin.page.locator(".who").inner_text()
    assert stranger.go(link) == 404

    ada = browsers.window(new.url)
    invitation = invited(admin, "analyst")
    ada.go(invitation)
    assert "Your role will be analyst" in ada.text
    come_in(ada, "ada")
    assert ada.page.locator(".menu a", has_text="Decide").count() == 1
    assert ada.page.locator(".menu a", has_text="People").count() == 0
    assert stranger.go(invitation) == 404
    for path in ("/people", "/audit"):
        assert ada.go(path) == 403

    admin.go("/people")
    admin.page.get_by_label("Role of ada").select_option("viewer")
    press(admin, "Change the role of ada")
    ada.go("/decide")  # a changed role ends what was open
    assert ada.path.startswith("/login")
    ada.sign_in("ada")
    ada.page.wait_for_url(f"{new.url}/")
    assert ada.go("/decide") == 403

    admin.go("/people")
    press(admin, "New password for ada")
    reset = admin.page.locator("#link").inner_text().removeprefix(new.url)
    ada.go(reset)
    come_in(ada, "", OTHER)
    assert "ada viewer" in ada.page.locator(".who").inner_text()
    ada.go("/settings")
    press(ada, "Sign out")
    assert ada.go("/") == 200
    assert ada.path.startswith("/login")

    admin.go("/people")
    press(admin, re.compile("Keep out.*ada"))
    assert "kept out" in admin.text
    ada.sign_in("ada", OTHER)
    assert ada.page.get_by_role("alert").is_visible()
    admin.go("/audit")
    assert admin.page.locator("#holds").is_visible()
    for said in ("ada", "root"):
        assert said in admin.page.locator("#lines").inner_text()
    for window in (stranger, admin, ada):
        window.check_quiet()


def test_after_ten_wrong_passwords_one_waits_and_the_right_one_does_not_help(browsers: Browsers, new: Console) -> None:
    guesser = browsers.window(new.url)
    for _ in range(12):
        guesser.sign_in("root", "not the password at all")
        said = guesser.page.get_by_role("alert").inner_text()
        if "Wait" in said:
            break
        assert "nobody" not in said.lower()
    assert "Wait" in said
    guesser.sign_in("root")
    assert "Wait" in guesser.page.get_by_role("alert").inner_text()
    assert guesser.go("/campaigns") == 200
    assert guesser.path.startswith("/login")
    guesser.check_quiet()
