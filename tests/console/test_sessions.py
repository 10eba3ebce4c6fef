"""Sessions end when they should, cannot be planted, and no form of another site acts in them."""

from __future__ import annotations

import pytest

from stillwatch.console.cookies import Cookies
from stillwatch.console.page import Role
from stillwatch.console.security.sessions import ENDS_AFTER, IDLE, MOST_OF_ONE
from tests.console.served import PASSWORD, Browser, Served


def stolen_from(console: Served, browser: Browser) -> Browser:
    other = Browser(console.url)
    other.client.cookies.update(browser.client.cookies)
    return other


def is_in(browser: Browser) -> bool:
    return browser.get("/settings").status_code == 200


def test_a_session_ends_when_it_was_not_used_for_an_hour(console: Served) -> None:
    console.let_in("ada", Role.VIEWER)
    browser = console.browser("ada")
    for _ in range(3):
        console.clock.ahead += IDLE - 120
        assert is_in(browser)
    console.clock.ahead += IDLE + 1
    assert not is_in(browser)


def test_a_session_ends_after_twelve_hours_however_much_it_is_used(console: Served) -> None:
    console.let_in("ada", Role.VIEWER)
    browser = console.browser("ada")
    while console.clock.ahead < ENDS_AFTER - IDLE:
        console.clock.ahead += IDLE / 2
        assert is_in(browser)
    console.clock.ahead = ENDS_AFTER + 1
    assert not is_in(browser)


def test_an_id_that_somebody_planted_before_is_no_session_after(console: Served) -> None:
    console.let_in("ada", Role.VIEWER)
    console.let_in("eve", Role.VIEWER)
    victim = console.browser("eve")  # as if an attacker had planted his own session in her browser
    planted = victim.cookie("session")
    attacker = stolen_from(console, victim)
    fields = {"name": "ada", "password": PASSWORD}
    assert victim.post("/login/enter", fields, shown_at="/settings").status_code == 303
    assert victim.cookie("session") != planted
    assert "<bdi>ada</bdi>" in victim.get("/settings").text
    assert not is_in(attacker)


def test_a_changed_password_ends_all_other_sessions_and_gives_this_one_a_new_id(console: Served) -> None:
    console.let_in("ada", Role.VIEWER)
    here, elsewhere = console.browser("ada"), console.browser("ada")
    copied = stolen_from(console, here)
    fields = {"old": PASSWORD, "new": "another four random words", "again": "another four random words"}
    answer = here.post("/settings/password", fields, shown_at="/settings")
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings")
    assert is_in(here)
    assert not is_in(elsewhere)
    assert not is_in(copied)
    assert console.browser().sign_in("ada").status_code == 403
    assert console.browser().sign_in("ada", "another four random words").status_code == 303


def test_the_present_password_is_asked_for_and_can_not_be_guessed_at_leisure(console: Served) -> None:
    console.let_in("ada", Role.VIEWER)
    browser = console.browser("ada")
    fields = {"old": "not the password", "new": "another four random words", "again": "another four random words"}
    answers = [browser.post("/settings/password", fields, shown_at="/settings").status_code for _ in range(12)]
    assert set(answers[:9]) == {400}
    assert answers[-1] == 429
    assert is_in(browser)


def test_another_role_ends_all_sessions(console: Served) -> None:
    console.let_in("ada", Role.ADMIN)
    console.let_in("bob", Role.VIEWER)
    browser = console.browser("bob")
    answer = console.browser("ada").post("/people/role", {"name": "bob", "role": "analyst"}, shown_at="/people")
    assert answer.status_code == 303
    assert not is_in(browser)
    assert "analyst" in console.browser("bob").get("/settings").text


def test_a_person_ends_his_own_sessions_and_nobody_elses(console: Served) -> None:
    for name in ("ada", "bob"):
        console.let_in(name, Role.VIEWER)
    ada, lost, bob = console.browser("ada"), console.browser("ada"), console.browser("bob")
    (other,) = (
        s
        for s in console.desk.sessions.all("ada")
        if s.digest != console.desk.sessions.find(ada.cookie("session")).digest
    )  # type: ignore[union-attr]
    assert bob.post("/settings/end", {"session": other.digest}, shown_at="/settings").status_code == 303
    assert is_in(lost)
    assert ada.post("/settings/end", {"session": other.digest}, shown_at="/settings").status_code == 303
    assert not is_in(lost)
    assert is_in(ada)


def test_of_very_many_sessions_the_oldest_end(console: Served) -> None:
    console.let_in("ada", Role.VIEWER)
    for _ in range(MOST_OF_ONE + 5):
        console.clock.ahead += 1
        console.desk.sessions.begin("ada", "192.0.2.1", "password")
    assert len(console.desk.sessions.all("ada")) == MOST_OF_ONE


@pytest.mark.parametrize("secure", [False, True])
def test_the_sessions_cookie_is_out_of_reach_of_scripts_and_other_sites(secure: bool) -> None:
    written = Cookies(bytes(32), secure=secure).write("session", "x")
    assert "HttpOnly" in written
    assert "SameSite=Strict" in written
    assert "Path=/" in written
    assert ("Secure" in written) == secure
    assert written.startswith("__Host-stillwatch-") == secure
    assert "Max-Age" not in written
    assert "Domain" not in written
    assert "Max-Age=0" in Cookies(bytes(32), secure=secure).write("session", "")


def test_two_consoles_on_one_machine_do_not_sign_each_other_out() -> None:
    one, other = Cookies(bytes(32), secure=False), Cookies(b"x" * 32, secure=False)
    sent = one.write("session", "mine").partition(";")[0]
    assert one.read(sent) == {"session": "mine"}
    assert other.read(sent) == {}
    with pytest.raises(ValueError, match="no cookie"):
        one.write("other", "x")


@pytest.mark.parametrize("token", ["", "wrong", "é" * 43, "x" * 5000])
def test_a_form_without_our_token_does_nothing(console: Served, token: str) -> None:
    console.let_in("ada", Role.ADMIN)
    browser = console.browser("ada")
    answer = browser.post("/people/invite", {"role": "admin"}, token=token)
    assert answer.status_code == 403
    assert "its token is missing, or of another session" in answer.text
    assert console.desk.people.invitations() == ()


def test_a_token_of_another_session_of_an_older_one_or_of_a_stranger_does_nothing(console: Served) -> None:
    console.let_in("ada", Role.ADMIN)
    console.let_in("eve", Role.ADMIN)
    ada, eve, stranger = console.browser("ada"), console.browser("eve"), console.browser()
    old = ada.token("/people")
    ada.post("/login/leave", token=old)
    ada.sign_in("ada")
    for token in (eve.token("/people"), stranger.token("/login"), old):
        assert ada.post("/people/invite", {"role": "admin"}, token=token).status_code == 403
    assert ada.post("/people/invite", {"role": "admin"}, shown_at="/people").status_code == 200


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://127.0.0.1", "http://localhost:1"])
def test_a_form_of_another_site_does_nothing_even_with_the_token(console: Served, origin: str | None) -> None:
    console.let_in("ada", Role.ADMIN)
    browser = console.browser("ada")
    answer = browser.post("/people/invite", {"role": "admin"}, origin=origin, shown_at="/people")
    assert answer.status_code == 403
    assert console.desk.people.invitations() == ()
    assert console.desk.log.newest(0, 1)[0][0].what == "refused a form"


def test_signing_in_is_a_form_of_ours_too(console: Served) -> None:
    console.let_in("eve", Role.VIEWER)
    answer = console.browser().post("/login/enter", {"name": "eve", "password": PASSWORD}, token="planted")
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers or "session" not in answer.headers["set-cookie"]


def test_what_is_said_once_is_ours_and_said_once(console: Served) -> None:
    console.let_in("ada", Role.VIEWER)
    browser = console.browser("ada")
    browser.post("/login/leave", shown_at="/settings")
    assert "You are signed out." in browser.get("/login").text
    assert "You are signed out." not in browser.get("/login").text
    name = next(c.name for c in browser.client.cookies.jar).rpartition("-")[0] + "-said"
    browser.client.cookies.set(name, "eW91IHdvbg.x")
    assert 'role="status"' not in browser.get("/login").text


def test_colours_are_chosen_without_script_and_kept(console: Served) -> None:
    browser = console.browser()
    assert "data-theme" not in browser.get("/login").text
    answer = browser.post("/theme/set", {"theme": "dark", "back": "/login?back=/settings"})
    assert answer.headers["location"] == "/login?back=/settings"
    assert '<html lang="en" data-theme="dark">' in browser.get("/login").text
    browser.post("/theme/set", {"theme": "<script>", "back": "https://evil.example"})
    assert "data-theme" not in browser.get("/login").text
