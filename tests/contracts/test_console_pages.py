"""Whoever adds a page of the console promises this: nobody below its role sees it or does anything on it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from stillwatch.console.page import Page, Role
from stillwatch.console.pages import PAGES
from stillwatch.console.paths import link
from tests.console.served import Browser, Served, serving

ALL: tuple[Page, ...] = tuple(page for _, page in PAGES.all())
ROLES = tuple(Role)
ACTS = [(page, act) for page in ALL for act in page.acts]


def here(page: Page, act: str = "") -> str:
    """The address of a page or of what is done on it, with something in the place of its parameters."""
    names = [part.partition("}")[0] for part in page.path.split("{")[1:]]
    path = link(page.path, dict.fromkeys(names, "none-such"))
    return f"{path.rstrip('/')}/{act}" if act else path


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("console")) as served:
        for role in ROLES:
            if role:
                served.let_in(role.word, role)
        served.let_in("another-admin", Role.ADMIN)
        yield served


@pytest.fixture(scope="module")
def browsers(console: Served) -> dict[Role, Browser]:
    return {role: console.browser(role.word) if role else console.browser() for role in ROLES}


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.word)
def test_a_page_is_seen_by_its_role_and_those_above_only(page: Page, role: Role, browsers: dict[Role, Browser]) -> None:
    answer = browsers[role].get(here(page))
    if role >= page.role:
        assert answer.status_code != 403 or page.role is Role.ANYONE
        assert "needs the role" not in answer.text
    elif role is Role.ANYONE:
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login")
    else:
        assert answer.status_code == 403
        assert f"needs the role {page.role.word}, and yours is {role.word}" in answer.text


@pytest.mark.parametrize(("page", "act"), ACTS, ids=lambda one: getattr(one, "name", one))
@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.word)
def test_what_is_done_on_a_page_is_done_by_its_role_and_those_above_only(
    page: Page, act: str, role: Role, console: Served
) -> None:
    needed = max(page.acts[act][0], page.role)
    if role >= needed:
        return  # what it does is for the tests of the page
    browser = console.browser()
    where = "/login"
    if role:
        token = console.desk.sessions.begin(role.word, "192.0.2.1", "password")
        browser.client.cookies.set(console_cookie(console), token)
        where = "/settings"
    answer = browser.post(here(page, act), {}, shown_at=where)
    if role is Role.ANYONE:
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login")
    else:
        assert answer.status_code == 403
        assert f"needs the role {needed.word}, and yours is {role.word}" in answer.text


@pytest.mark.parametrize(("page", "act"), ACTS, ids=lambda one: getattr(one, "name", one))
def test_nothing_is_done_without_the_forms_token_or_for_another_site(
    page: Page, act: str, browsers: dict[Role, Browser]
) -> None:
    admin = browsers[Role.ADMIN]
    assert admin.post(here(page, act), {}, token="none").status_code == 403
    assert admin.post(here(page, act), {}, shown_at="/settings", origin="https://evil.example").status_code == 403
    assert admin.get(here(page, act)).status_code in (404, 405)


def console_cookie(console: Served) -> str:
    browser = console.browser("another-admin")
    return next(cookie.name for cookie in browser.client.cookies.jar if cookie.name.endswith("-session"))


def test_every_page_says_what_it_is() -> None:
    for name, page in PAGES.all():
        assert page.name == name
        assert page.path.startswith("/")
        assert not page.path.startswith(("/static", "//"))
        if page.title:
            assert "{" not in page.path, "the menu leads to one place"
        for act, (role, _) in page.acts.items():
            assert role >= page.role, act
            assert act.replace("-", "").isalnum()


def test_no_two_pages_are_at_one_address() -> None:
    def shape(path: str) -> tuple[str, ...]:
        return tuple("*" if part.startswith("{") else part for part in path.split("/"))

    addresses = [("GET", shape(page.path)) for page in ALL]
    addresses += [("POST", shape(f"{page.path.rstrip('/')}/{act}")) for page, act in ACTS]
    assert [a for a, b in itertools.combinations(addresses, 2) if a == b] == []


@pytest.mark.parametrize("page", [page for page in ALL if page.title], ids=lambda page: page.name)
def test_a_page_of_the_menu_is_marked_there_and_has_one_heading(
    page: Page, browsers: dict[Role, Browser], tmp_path: Path
) -> None:
    answer = browsers[Role.ADMIN].get(page.path)
    if answer.status_code != 200:
        return  # there is nothing to show in an empty run
    assert f'href="{page.path}" aria-current="page"' in answer.text
    assert answer.text.count("<h1") == 1
    assert "<script>" not in answer.text
    assert " style=" not in answer.text
    assert " onclick=" not in answer.text
