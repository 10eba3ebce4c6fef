"""What an admin does with people; and that two processes on one folder lose nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stillwatch.console.page import Role
from stillwatch.console.security.desk import Desk
from stillwatch.console.security.people import Account
from stillwatch.errors import InputError, StorageError, UsageError
from tests.console.served import PASSWORD, Browser, Served

AT_ONCE = """
import sys
from pathlib import Path
from stillwatch.console.security.desk import Desk
desk = Desk(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    desk.people.from_company("https://idp.example", f"{sys.argv[2]}-{number}", f"{sys.argv[2]}.{number}", 1)
    desk.sessions.begin(f"{sys.argv[2]}.{number}", "192.0.2.1", "password")
    desk.audit("signed in", by=f"{sys.argv[2]}.{number}", about="at once")
desk.close()
"""


def link_of(text: str) -> str:
    return text.partition('<code id="link">')[2].partition("</code>")[0]


def test_an_admin_invites_somebody_who_gets_the_role_and_no_more(console: Served) -> None:
    console.let_in("ada", Role.ADMIN)
    page = console.browser("ada").post("/people/invite", {"role": "approver"}, shown_at="/people")
    path = link_of(page.text).removeprefix(console.url)
    assert path.startswith("/welcome/")
    browser = console.browser()
    fields = {"name": "bob", "password": PASSWORD, "again": PASSWORD, "role": "admin"}
    assert browser.post(f"{path}/come-in", fields, shown_at=path).status_code == 303
    assert console.desk.people.get("bob").role == Role.APPROVER  # type: ignore[union-attr]
    assert browser.get("/people").status_code == 403
    assert link_of(console.browser("ada").get("/people").text) == ""


def test_a_link_that_was_taken_back_works_no_more(console: Served) -> None:
    console.let_in("ada", Role.ADMIN)
    ada = console.browser("ada")
    path = link_of(ada.post("/people/invite", {"role": "viewer"}, shown_at="/people").text).removeprefix(console.url)
    (invited,) = console.desk.people.invitations()
    assert ada.post("/people/take-back", {"invitation": invited.digest}, shown_at="/people").status_code == 303
    assert console.browser().get(path).status_code == 404


def test_a_forgotten_password_is_chosen_anew_by_a_link_and_every_session_ends(console: Served) -> None:
    console.let_in("ada", Role.ADMIN)
    console.let_in("bob", Role.ANALYST)
    bob = console.browser("bob")
    page = console.browser("ada").post("/people/reset", {"name": "bob"}, shown_at="/people")
    path = link_of(page.text).removeprefix(console.url)
    other = console.browser()
    new = "quite another long password"
    fields = {"name": "ada", "password": new, "again": new}  # another's name in the form changes nothing
    assert other.post(f"{path}/come-in", fields, shown_at=path).status_code == 303
    assert bob.get("/settings").status_code == 303
    assert console.browser().sign_in("bob", new).status_code == 303
    assert console.browser().sign_in("ada").status_code == 303
    assert console.desk.people.get("bob").role == Role.ANALYST  # type: ignore[union-attr]


def test_who_is_kept_out_is_out_at_once_and_may_come_in_again(console: Served) -> None:
    console.let_in("ada", Role.ADMIN)
    console.let_in("bob", Role.ANALYST)
    ada, bob = console.browser("ada"), console.browser("bob")
    ada.post("/people/deactivate", {"name": "bob"}, shown_at="/people")
    assert bob.get("/settings").status_code == 303
    assert console.browser().sign_in("bob").status_code == 403
    ada.post("/people/activate", {"name": "bob"}, shown_at="/people")
    assert bob.get("/settings").status_code == 303
    assert console.browser().sign_in("bob").status_code == 303


def test_the_last_admin_can_neither_be_kept_out_nor_made_less(console: Served) -> None:
    console.let_in("ada", Role.ADMIN)
    ada = console.browser("ada")
    for path, fields in (
        ("/people/deactivate", {"name": "ada"}),
        ("/people/role", {"name": "ada", "role": "viewer"}),
    ):
        answer = ada.post(path, fields, shown_at="/people")
        assert answer.status_code == 400
        assert "is the last admin" in answer.text
    console.let_in("bob", Role.ADMIN)
    assert ada.post("/people/role", {"name": "ada", "role": "viewer"}, shown_at="/people").status_code == 303


@pytest.mark.parametrize(
    ("act", "fields"),
    [
        ("role", {"name": "nobody", "role": "viewer"}),
        ("role", {"name": "ada", "role": "anyone"}),
        ("role", {"name": "ada", "role": "root"}),
        ("role", {}),
        ("reset", {"name": "nobody"}),
        ("reset", {}),
        ("invite", {"role": ""}),
        ("deactivate", {"name": "<script>"}),
        ("take-back", {"invitation": "x"}),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(console: Served, act: str, fields: dict[str, str]) -> None:
    console.let_in("ada", Role.ADMIN)
    answer = console.browser("ada").post(f"/people/{act}", fields, shown_at="/people")
    assert answer.status_code == 400
    assert "<script>" not in answer.text
    assert [person.name for person in console.desk.people.all()] == ["ada"]


def test_a_name_of_the_companys_is_never_somebody_elses(console: Served) -> None:
    console.let_in("ada", Role.ADMIN)
    people = console.desk.people
    person, changed = people.from_company("https://idp.example", "1", "ADA", Role.VIEWER)
    assert (person.name, changed) == ("ADA-2", False)
    again, _ = people.from_company("https://idp.example", "1", "renamed", Role.VIEWER)
    assert again.name == "ADA-2"
    other, _ = people.from_company("https://other.example", "1", "ada@example.com\u202e<b>", Role.VIEWER)
    assert other.name == "ada@example.com--b-"
    assert people.known("ADA-2", "") is None
    with pytest.raises(UsageError, match="company's log-in"):
        people.invite(Role.VIEWER, "ada", name="ADA-2")
    with pytest.raises(UsageError, match="company's log-in"):
        people.change_role("ADA-2", Role.ADMIN)


def test_two_processes_on_one_folder_lose_nothing(tmp_path: Path) -> None:
    each = 25
    folder = tmp_path / "people"
    Desk(folder).close()
    command = [sys.executable, "-c", AT_ONCE, str(folder)]
    working = [subprocess.Popen([*command, name, str(each)]) for name in ("one", "two")]
    assert [process.wait(120) for process in working] == [0, 0]
    desk = Desk(folder)
    found = desk.log.verify()
    assert found.problems == ()
    assert found.lines == 2 * each
    assert len(desk.people.all()) == 2 * each
    assert len(desk.sessions.all()) == 2 * each
    desk.close()


def test_one_link_lets_one_in_however_many_try_at_once(console: Served) -> None:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    token = console.desk.people.invite(Role.VIEWER, "root")

    def attempt(number: int) -> Account | UsageError:
        try:
            return console.desk.people.accept(token, f"person.{number}", PASSWORD)
        except UsageError as error:
            return error

    with ThreadPoolExecutor(6) as pool:
        ended = list(pool.map(attempt, range(6)))
    assert sum(isinstance(one, Account) for one in ended) == 1
    assert len(console.desk.people.all()) == 1


def test_a_file_that_is_none_and_one_of_another_version_are_told(tmp_path: Path) -> None:
    for folder in ("broken", "later"):
        (tmp_path / folder).mkdir()
    (tmp_path / "broken" / "people.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(InputError, match="is no file of people"):
        Desk(tmp_path / "broken")
    desk = Desk(tmp_path / "later")
    with desk.store.reading() as db:
        db.execute("PRAGMA user_version = 99")
    desk.close()
    with pytest.raises(InputError, match="another version"):
        Desk(tmp_path / "later")
    (tmp_path / "file").write_text("")
    for place in ("file", "file/people"):
        with pytest.raises(StorageError, match="cannot be used"):
            Desk(tmp_path / place)


def test_a_transaction_that_fails_leaves_nothing(console: Served) -> None:
    def half() -> None:
        with console.desk.store.writing() as db:
            db.execute("INSERT INTO kept VALUES ('half', x'00')")
            raise RuntimeError("cut off")

    with pytest.raises(RuntimeError, match="cut off"):
        half()
    with console.desk.store.reading() as db:
        assert db.execute("SELECT count(*) FROM kept WHERE name = 'half'").fetchone() == (0,)


def test_pages_of_people_hold_what_a_screen_reader_needs(console: Served) -> None:
    console.let_in("ada", Role.ADMIN)
    console.let_in("bob", Role.VIEWER)
    text = Browser.get(console.browser("ada"), "/people").text
    assert 'aria-current="page">People<' in text
    assert '<a class="skip" href="#main">' in text
    assert '<label class="hidden" for="role-2">Role of bob</label>' in text
    assert text.count("<h1>") == 1
    assert 'scope="col"' in text
    assert 'scope="row"' in text
