"""The audit log: all that people did is in it, nothing secret is, and no change of it goes unseen."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from stillwatch.console.page import Role
from stillwatch.console.security import audit
from stillwatch.console.security.desk import Desk
from stillwatch.console.security.store import PEOPLE
from tests.console.served import PASSWORD, Served


def told(console: Served) -> list[tuple[str, str, str]]:
    """What stands in the log: (who, what, about), the oldest first."""
    entries, _ = console.desk.log.newest(0, 1000)
    return [(entry.by, entry.what, entry.about) for entry in reversed(entries)]


def test_all_that_people_do_is_in_it(console: Served) -> None:
    console.let_in("ada", Role.ADMIN)
    console.let_in("bob", Role.VIEWER)
    console.browser().sign_in("BOB", "not the password")
    bob = console.browser("bob")
    bob.get("/people")
    bob.post("/people/invite", {"role": "admin"}, shown_at="/settings")
    bob.post("/people/invite", {"role": "admin"}, token="none")
    ada = console.browser("ada")
    ada.post("/people/invite", {"role": "viewer"}, shown_at="/people")
    ada.post("/people/role", {"name": "bob", "role": "analyst"}, shown_at="/people")
    ada.post("/people/deactivate", {"name": "bob"}, shown_at="/people")
    ada.post("/login/leave", shown_at="/people")
    assert told(console) == [
        ("", "failed to sign in", "bob"),
        ("bob", "signed in", "password"),
        ("bob", "refused", "People: needs admin, is viewer"),
        ("bob", "refused", "invite: needs admin, is viewer"),
        ("bob", "refused a form", "people: its token is missing, or of another session"),
        ("ada", "signed in", "password"),
        ("ada", "invited somebody", "viewer"),
        ("ada", "changed a role", "bob: analyst"),
        ("ada", "deactivated somebody", "bob"),
        ("ada", "signed out", ""),
    ]
    assert {entry.address for entry in console.desk.log.newest(0, 100)[0]} == {"127.0.0.1"}


def test_nothing_that_was_typed_into_the_login_is_in_it(console: Served) -> None:
    console.let_in("ada", Role.ADMIN)
    browser = console.browser()
    browser.sign_in("my password, in the wrong field", "secret one")
    browser.sign_in("ada", "secret two, mistyped")
    browser.sign_in("<script>\x1b[31m\u202e", "secret three")
    invited = console.browser("ada").post("/people/invite", {"role": "viewer"}, shown_at="/people").text
    token = invited.partition("/welcome/")[2].partition("<")[0]
    held = b"".join(path.read_bytes() for path in console.desk.log.folder.glob("*.jsonl"))
    for secret in ("wrong field", "secret", PASSWORD, token, browser.cookie("form"), "script"):
        assert secret
        assert secret.encode() not in held
    assert ("", "failed to sign in", "a name that is nobody's") in told(console)


def test_its_page_is_for_admins_shows_hostile_text_inert_and_turns_pages(console: Served) -> None:
    console.let_in("ada", Role.ADMIN)
    for number in range(250):
        console.desk.audit(
            "looked at text", by="eve", about=f"<script>alert({number})</script>\u202e\x1b[2J{{{{7*7}}}}"
        )
    browser = console.browser("ada")
    first = browser.get("/audit").text
    assert "<script>alert" not in first
    assert "&lt;script&gt;alert(249)&lt;/script&gt;⟨U+202E⟩⟨U+001B⟩[2J{{7*7}}" in first
    assert "Newer" not in first
    second, third = browser.get("/audit?page=2").text, browser.get("/audit?page=3").text
    assert second.count("<bdi>&lt;script") == 100
    assert "Older" in second
    assert "alert(0)" in third
    assert "Older" not in third
    for odd in ("0", "-1", "x", "9" * 50, "²", "1e3", ""):
        assert browser.get(f"/audit?page={odd}").status_code == 200
    assert browser.get("/audit?page=99999").text.count("No lines here.") == 1


def filled(folder: Path, lines: int = 20) -> Path:
    desk = Desk(folder)
    for number in range(lines):
        desk.audit("looked at text", by="ada", about=f"acct_{number}")
    desk.close()
    return desk.log.folder / "audit-000001.jsonl"


def problems(folder: Path) -> tuple[str, ...]:
    desk = Desk(folder)
    try:
        return desk.checked[1].problems
    finally:
        desk.close()


def test_a_changed_byte_anywhere_is_found_and_named(tmp_path: Path) -> None:
    path = filled(tmp_path)
    good = path.read_bytes()
    assert problems(tmp_path) == ()
    ends = [place for place, byte in enumerate(good) if byte == 10]
    for place in range(0, len(good), 97):
        broken = bytearray(good)
        broken[place] ^= 1
        path.write_bytes(broken)
        line = sum(end < place for end in ends) + 1
        (problem,) = problems(tmp_path)
        assert problem.startswith(f"audit-000001.jsonl: line {line}"), (place, problem)
    path.write_bytes(good)
    assert problems(tmp_path) == ()


def test_lines_taken_out_put_in_or_cut_off_at_the_end_are_missed(tmp_path: Path) -> None:
    path = filled(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    for changed, said in (
        (lines[:5] + lines[6:], "line 6"),
        (lines[:5] + lines[4:], "line 6"),
        (lines[:-1], "lines are missing at the end"),
        ([], "lines are missing at the end"),
        ([*lines, lines[-1][:20]], "line 21 is cut short"),
    ):
        path.write_bytes(b"".join(changed))
        assert said in problems(tmp_path)[0]
    os.remove(path)
    assert "lines are missing" in problems(tmp_path)[0]


def test_a_line_that_a_killed_process_began_is_taken_away_by_the_next(tmp_path: Path) -> None:
    path = filled(tmp_path)
    with path.open("ab") as file:
        file.write(b'{"line":21,"at":')
    desk = Desk(tmp_path)
    assert "cut short" in desk.checked[1].problems[0]
    desk.audit("the console was started")
    found = desk.check_log()
    assert (found.problems, found.lines) == ((), 21)
    desk.close()


def test_it_goes_on_in_a_new_file_and_old_files_can_be_put_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "LARGEST", 1000)
    filled(tmp_path)
    files = sorted((tmp_path / "audit").glob("*.jsonl"))
    assert len(files) > 3
    desk = Desk(tmp_path)
    assert desk.checked[1].problems == ()
    assert desk.checked[1].lines == 20
    entries, more = desk.log.newest(0, 1000)
    assert [entry.about for entry in reversed(entries)] == [f"acct_{number}" for number in range(20)]
    assert not more
    files[0].unlink()
    assert desk.check_log().problems == ()
    files[2].unlink()
    assert desk.check_log().problems[0].startswith(files[3].name)
    desk.close()


def test_a_process_killed_as_it_began_a_file_breaks_no_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "LARGEST", 1000)
    filled(tmp_path, 7)
    newest = sorted((tmp_path / "audit").glob("*.jsonl"))[-1]
    newest.with_name(f"audit-{int(newest.stem[-6:]) + 1:06d}.jsonl").write_bytes(b'{"line":1,"at')
    desk = Desk(tmp_path)
    desk.audit("the console was started")
    assert desk.check_log() == (len(list((tmp_path / "audit").glob("*.jsonl"))), 8, desk.checked[1].last, ())
    desk.close()


def test_the_settings_show_a_broken_chain_to_everybody(console: Served) -> None:
    console.let_in("ada", Role.VIEWER)
    browser = console.browser("ada")
    assert 'id="holds"' in browser.get("/settings").text
    path = console.desk.log.folder / "audit-000001.jsonl"
    path.write_bytes(path.read_bytes().replace(b"ada", b"eve"))
    console.desk.check_log()
    text = browser.get("/settings").text
    assert "The chain is broken. audit-000001.jsonl: line 1 was changed" in text


def test_lines_of_the_longest_text_are_read_back(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    hostile = "\U000e0001" * 100_000 + "\udc80"
    desk.audit(hostile, by=hostile, about=hostile, address=hostile)
    desk.audit("after it")
    assert desk.check_log().problems == ()
    entry = desk.log.newest(1, 1)[0][0]
    assert entry.about.startswith("⟨U+E0001⟩")
    assert len(msgspec.json.encode(entry)) <= audit.LONGEST_LINE
    desk.close()
    assert (tmp_path / PEOPLE).stat().st_mode & 0o077 == 0
