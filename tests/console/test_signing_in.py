"""Signing in: who may, how often one may try, and that nobody is locked out by strangers."""

from __future__ import annotations

import html

import pytest

from stillwatch.console.page import Role
from stillwatch.console.security.attempts import ADDRESS, DEVICE, NAME, Attempts
from tests.console.served import PASSWORD, Browser, Served


def test_the_right_password_signs_in_and_leads_back(console: Served) -> None:
    console.let_in("ada", Role.VIEWER)
    browser = console.browser()
    answer = browser.sign_in("Ada", back="/settings?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings?x=1")
    page = browser.get("/settings").text
    assert "<bdi>ada</bdi>" in page
    assert browser.get("/login").headers["location"] == "/"


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/\\evil.example", "/a\r\nset-cookie: x=1"]
)
def test_nobody_is_sent_elsewhere_after_signing_in(console: Served, back: str) -> None:
    console.let_in("ada", Role.VIEWER)
    answer = console.browser().sign_in("ada", back=back)
    assert answer.headers["location"] == "/"


def test_wrong_name_and_wrong_password_look_the_same(console: Served) -> None:
    console.let_in("ada", Role.VIEWER)
    texts = []
    for name in ("ada", "bob"):
        answer = console.browser().sign_in(name, "not the password")
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
        token = html.escape(answer.text.partition('name="csrf" value="')[2].partition('"')[0])
        texts.append(answer.text.replace(token, "").replace(f'value="{name}"', ""))
    assert texts[0] == texts[1]
    assert "Name or password is not right." in texts[0]


def test_an_unknown_name_costs_the_same_work(console: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    console.let_in("ada", Role.VIEWER)
    hashed: list[str] = []
    verify = console.desk.passwords._verify

    def counted(kept: str, password: str) -> bool:
        hashed.append(kept.rpartition("$")[0].rpartition("$")[0])  # the settings, without salt and hash
        return verify(kept, password)

    monkeypatch.setattr(console.desk.passwords, "_verify", counted)
    for name in ("ada", "bob", "no name at all <>"):
        console.browser().sign_in(name, "not the password")
    assert len(hashed) == 3
    assert len(set(hashed)) == 1


def test_bytes_that_are_no_text_break_no_page(console: Served) -> None:
    console.let_in("ada", Role.ADMIN)
    stranger, ada = console.browser(), console.browser("ada")
    for browser, path, where, status in (
        (stranger, "/login/enter", "/login", 403),
        (ada, "/people/reset", "/people", 400),
        (ada, "/people/end", "/people", 303),
        (ada, "/people/take-back", "/people", 400),
        (ada, "/settings/end", "/settings", 303),
        (ada, "/theme/set", "/settings", 303),
    ):
        odd = "&".join(f"{field}=%FF%00%ED%A0%80" for field in ("name", "password", "back", "invitation", "session"))
        content = f"csrf={browser.token(where)}&{odd}".encode()
        headers = {"origin": console.url, "content-type": "application/x-www-form-urlencoded"}
        assert browser.client.post(path, content=content, headers=headers).status_code == status, path
    assert stranger.get("/login?back=%FF%00").status_code == 200
    assert stranger.get("/company/back?state=%FF&code=%FF").status_code == 404
    assert ada.get("/audit?page=%FF").status_code == 200


def test_after_ten_wrong_tries_an_address_waits_as_long_as_it_is_told(console: Served) -> None:
    console.let_in("ada", Role.VIEWER)
    browser = console.browser()
    for _ in range(ADDRESS.most):
        assert browser.sign_in("ada", "not the password").status_code == 403
    answer = browser.sign_in("ada")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= ADDRESS.seconds
    assert "nothing is locked" in answer.text
    for _ in range(3):
        browser.sign_in("ada")
    told = [entry.what for entry in console.desk.log.newest(0, 100)[0]]
    assert told == ["has to wait after wrong tries"] + ADDRESS.most * ["failed to sign in"]


class Seconds:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_wait_is_true_to_the_second() -> None:
    clock = Seconds()
    attempts = Attempts(clock)
    for _ in range(ADDRESS.most):
        assert attempts.take("192.0.2.1") == 0
        clock.now += 1
    wait = attempts.take("192.0.2.1")
    assert wait == ADDRESS.seconds - ADDRESS.most
    clock.now += wait - 1
    assert attempts.take("192.0.2.1") == 1
    clock.now += 1
    assert attempts.take("192.0.2.1") == 0


def test_strangers_who_guess_at_a_name_make_strangers_wait_and_not_its_owner() -> None:
    attempts = Attempts(Seconds())
    for number in range(NAME.most):
        assert attempts.take(f"198.51.100.{number}", "ada") == 0
    assert attempts.take("203.0.113.9", "ADA") > 0
    assert attempts.take("203.0.113.9", "bob") == 0
    assert attempts.take("203.0.113.10", "ada", "a browser in which she signed in before") == 0


def test_strangers_behind_her_own_address_do_not_make_her_wait_either() -> None:
    attempts = Attempts(Seconds())
    for _ in range(ADDRESS.most):
        assert attempts.take("203.0.113.9", "ada") == 0
    assert attempts.take("203.0.113.9", "bob") > 0
    assert attempts.take("203.0.113.9", "ada", "a browser in which she signed in before") == 0


def test_a_stolen_device_mark_gives_no_more_tries_than_a_few() -> None:
    attempts = Attempts(Seconds())
    for number in range(DEVICE.most):
        assert attempts.take(f"198.51.100.{number}", "ada", "mark") == 0
    assert attempts.take("203.0.113.9", "ada", "mark") > 0


def test_one_ipv6_household_is_one_address_and_right_tries_do_not_count() -> None:
    attempts = Attempts(Seconds())
    for number in range(ADDRESS.most):
        assert attempts.take(f"2001:db8::{number:x}") == 0
    assert attempts.take("2001:db8::ffff:1") > 0
    assert attempts.take("2001:db8:0:1::1") == 0
    for _ in range(3 * ADDRESS.most):
        assert attempts.take("192.0.2.7", "ada") == 0
        attempts.right("192.0.2.7", "ada")


def test_a_browser_that_signed_in_before_has_a_count_of_its_own(console: Served) -> None:
    console.let_in("ada", Role.VIEWER)
    known = console.browser("ada")
    assert known.cookie("device")
    for number in range(NAME.most):
        console.desk.attempts.take(f"198.51.100.{number}", "ada")
    assert console.browser().sign_in("ada").status_code == 429
    known.post("/login/leave", shown_at="/settings")
    assert known.sign_in("ada").status_code == 303


def test_the_mark_of_a_device_is_of_no_use_for_another_name_or_when_it_was_changed(console: Served) -> None:
    for name in ("ada", "bob"):
        console.let_in(name, Role.VIEWER)
    browser = console.browser("bob")
    browser.post("/login/leave", shown_at="/settings")
    for number in range(NAME.most):
        console.desk.attempts.take(f"198.51.100.{number}", "ada")
    assert browser.sign_in("ada").status_code == 429


def test_who_was_kept_out_does_not_come_in_and_signing_out_ends_the_session(console: Served) -> None:
    for name in ("ada", "eve"):
        console.let_in(name, Role.ADMIN)
    browser = console.browser("ada")
    stolen = Browser(console.url)
    stolen.client.cookies.update(browser.client.cookies)
    assert stolen.get("/settings").status_code == 200
    assert browser.post("/login/leave", shown_at="/settings").headers["location"] == "/login"
    assert stolen.get("/settings").status_code == 303
    console.desk.people.set_active("ada", False)
    assert console.browser().sign_in("ada").status_code == 403


def test_a_password_of_half_characters_and_one_in_another_normal_form(console: Served) -> None:
    token = console.desk.people.invite(Role.VIEWER, "root")
    console.desk.people.accept(token, "zoë".replace("ë", "e"), "caf\u00e9 au lait noir")
    browser = console.browser()
    assert browser.sign_in("zoe", "cafe\u0301 au lait noir").status_code == 303
    assert console.desk.people.known("zoe", "\ud800" * 20) is None
    assert console.desk.people.known("zoe", PASSWORD * 1000) is None
