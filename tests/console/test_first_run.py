"""Who comes first has the link of the terminal; who comes later has one that an admin made. Nobody has a default."""

from __future__ import annotations

from pathlib import Path

import pytest

from stillwatch.console.page import Role
from stillwatch.console.security.desk import Desk
from stillwatch.console.security.people import INVITED_FOR
from stillwatch.errors import UsageError
from tests.console.served import PASSWORD, Served

COME_IN = {"name": "ada", "password": PASSWORD, "again": PASSWORD}


def come_in(console: Served, token: str, **changed: str) -> tuple[int, str]:
    browser = console.browser()
    path = f"/welcome/{token}"
    answer = browser.post(f"{path}/come-in", {**COME_IN, **changed}, shown_at=path)
    return answer.status_code, answer.text


def test_before_anybody_is_here_no_page_opens_and_the_login_says_what_to_do(console: Served) -> None:
    browser = console.browser()
    assert browser.get("/").headers["location"] == "/login"
    assert browser.get("/settings").headers["location"] == "/login?back=/settings"
    text = browser.get("/login").text
    assert "one-time link in its terminal" in text
    assert 'name="password"' not in text


def test_the_first_admin_chooses_name_and_password_and_is_signed_in(console: Served) -> None:
    browser = console.browser()
    path = f"/welcome/{console.desk.people.set_up()}"
    assert "first admin" in browser.get(path).text
    answer = browser.post(f"{path}/come-in", COME_IN, shown_at=path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "ada" in browser.get("/people").text
    assert console.browser("ada").get("/people").status_code == 200


def test_the_link_works_once_and_only_the_last_that_was_printed(console: Served) -> None:
    people = console.desk.people
    old, new = people.set_up(), people.set_up()
    assert console.browser().get(f"/welcome/{old}").status_code == 404
    assert come_in(console, new)[0] == 303
    assert console.browser().get(f"/welcome/{new}").status_code == 404
    with pytest.raises(UsageError, match="somebody is here already"):
        people.set_up()


def test_an_invitation_ends_after_three_days(console: Served) -> None:
    token = console.desk.people.invite(Role.VIEWER, "ada")
    console.clock.ahead = INVITED_FOR - 60
    assert console.browser().get(f"/welcome/{token}").status_code == 200
    console.clock.ahead = INVITED_FOR + 60
    assert console.browser().get(f"/welcome/{token}").status_code == 404


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short", "needs 12 characters"),
        ("elevenchars", "needs 12 characters"),
        ("ada-lovelace", "little more than the name"),
        ("ADA-LOVELACEada", "little more than the name"),
        ("aaaaaaaaaaaaaaaaaaaa", "little more than the name"),
        ("x" * 600, "may have 512"),
    ],
)
def test_a_weak_password_is_refused_and_the_link_still_works(console: Served, password: str, said: str) -> None:
    token = console.desk.people.invite(Role.ANALYST, "root")
    status, text = come_in(console, token, name="ada-lovelace", password=password, again=password)
    assert status == 400
    assert said in text
    assert password not in text.replace('value="ada-lovelace"', "")  # the name is kept in its field
    assert come_in(console, token)[0] == 303


@pytest.mark.parametrize("name", ["", "a b", "<script>", "áda", "-ada", "x" * 101, "ada\u202e"])
def test_a_name_that_could_deceive_is_refused(console: Served, name: str) -> None:
    token = console.desk.people.invite(Role.ANALYST, "root")
    status, text = come_in(console, token, name=name)
    assert status == 400
    assert "<script>" not in text


def test_two_names_that_differ_in_case_only_are_one(console: Served) -> None:
    assert come_in(console, console.desk.people.invite(Role.VIEWER, "root"))[0] == 303
    status, text = come_in(console, console.desk.people.invite(Role.ADMIN, "root"), name="ADA")
    assert status == 400
    assert "has this name already" in text


def test_unequal_passwords_are_told(console: Served) -> None:
    status, text = come_in(console, console.desk.people.invite(Role.VIEWER, "root"), again=PASSWORD + "!")
    assert status == 400
    assert "not the same" in text


def test_nothing_kept_lets_a_thief_of_the_folder_in(console: Served, tmp_path: Path) -> None:
    token = console.desk.people.set_up()
    come_in(console, token)
    invited = console.desk.people.invite(Role.ADMIN, "ada")
    session = console.browser("ada").cookie("session")
    assert len(session) >= 43  # 256 bits
    held = b"".join(path.read_bytes() for path in console.places.people.rglob("*") if path.is_file())
    for secret in (PASSWORD, token, invited, session):
        assert secret.encode() not in held
    assert b"$argon2id$v=19$m=65536,t=3,p=4$" in held
    readable = [path for path in console.places.people.rglob("*") if path.is_file() and path.stat().st_mode & 0o077]
    assert readable == []


def test_an_older_folder_is_opened_again_with_everybody_in_it(console: Served) -> None:
    console.let_in("ada", Role.ADMIN)
    again = Desk(console.places.people)
    assert [person.name for person in again.people.all()] == ["ada"]
    again.close()
