"""Secrets on both sides: hashed at rest, compared in constant time, never shown; guessing has to wait."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from stillwatch.errors import InputError, UsageError
from stillwatch.sharing.taxii.login import read_login
from stillwatch.sharing.taxii.users import (
    MOST_WRONG,
    USERS,
    WINDOW,
    Attempts,
    Users,
    add_user,
    credentials,
    remove_user,
)
from tests.sharing.taxii.offered import Served, basic


def test_a_secret_is_long_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    path = tmp_path / USERS
    one, two = add_user(path, "alpha"), add_user(path, "beta")
    assert one != two
    assert len(one) >= 43
    kept = path.read_text()
    assert one not in kept
    assert two not in kept
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    users = Users(path)
    assert users.right("alpha", one)
    assert not users.right("alpha", two)
    assert not users.right("nobody", one)
    assert not users.right("nobody", "")


def test_a_new_secret_or_a_removal_counts_at_once(tmp_path: Path) -> None:
    path = tmp_path / USERS
    old = add_user(path, "alpha")
    users = Users(path)
    assert users.right("alpha", old)
    assert users.remembered("alpha", old)
    new = add_user(path, "alpha")
    assert not users.remembered("alpha", old)
    assert not users.right("alpha", old)
    assert users.right("alpha", new)
    remove_user(path, "alpha")
    assert not users.remembered("alpha", new)
    assert not users.right("alpha", new)
    with pytest.raises(UsageError, match="no such user"):
        remove_user(path, "alpha")


@pytest.mark.parametrize("name", ["", "Alpha", "a b", "a:b", "a.b", "-a", "a" * 64, "ä"])
def test_a_name_that_would_not_fit_a_header_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        add_user(tmp_path / USERS, name)


def test_a_damaged_file_of_users_is_one_line(tmp_path: Path) -> None:
    (tmp_path / USERS).write_text('{"users": {"alpha": "secret"}}')
    with pytest.raises(InputError, match="is no file of users"):
        Users(tmp_path / USERS)


def test_headers_that_are_none_are_no_credentials() -> None:
    assert credentials(basic("alpha", "x:y")) == ("alpha", "x:y")
    assert credentials("Bearer alpha.x.y") == ("alpha", "x.y")
    for header in (None, "", "Basic", "Basic ä", "Basic YWxwaGE=", "Bearer alpha", "Digest a", "Basic " + "A" * 600):
        assert credentials(header) is None


def test_ten_wrong_log_ins_from_one_place_have_to_wait_a_minute() -> None:
    clock = [0.0]
    attempts = Attempts(lambda: clock[0])
    for _ in range(MOST_WRONG):
        assert attempts.wait("192.0.2.1") == 0
        attempts.note("192.0.2.1")
    assert attempts.wait("192.0.2.1") == WINDOW
    assert attempts.wait("192.0.2.2") == 0
    clock[0] = WINDOW - 1
    assert attempts.wait("192.0.2.1") == 1
    clock[0] = WINDOW + 1
    assert attempts.wait("192.0.2.1") == 0
    for place in ("2001:db8::1", "2001:db8::2"):
        for _ in range(MOST_WRONG // 2):
            attempts.note(place)
    assert attempts.wait("2001:db8::ffff") > 0
    assert attempts.wait("2001:db8:0:1::1") == 0


def test_a_guesser_waits_while_who_is_logged_in_goes_on(served: Served) -> None:
    assert served.client().get("/taxii2/").status_code == 200
    said = [
        served.client(None, authorization=basic("alpha", f"guess{n}")).get("/taxii2/") for n in range(MOST_WRONG + 2)
    ]
    assert [one.status_code for one in said] == [401] * MOST_WRONG + [429] * 2
    assert 0 < int(said[-1].headers["retry-after"]) <= WINDOW + 1
    assert served.client().get("/taxii2/").status_code == 200
    forged = served.client(None, authorization=basic("beta", "x"), **{"x-forwarded-for": "192.0.2.9"})
    assert forged.get("/taxii2/").status_code == 429


def test_a_login_comes_from_the_environment_or_a_private_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEER", "alpha:s3cret-s3cret")
    assert read_login("env:PEER").header == basic("alpha", "s3cret-s3cret")
    path = tmp_path / "login"
    path.write_text("tok.en-token-token\n")
    path.chmod(0o600)
    login = read_login(f"file:{path}")
    assert login.header == "Bearer tok.en-token-token"
    assert "tok" not in repr(login)
    assert "s3cret" not in repr(read_login("env:PEER"))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "login"
    path.write_text("alpha:hidden-word")
    path.chmod(mode)
    with pytest.raises(UsageError) as error:
        read_login(f"file:{path}")
    assert "chmod 600" in str(error.value)
    assert "hidden-word" not in str(error.value)


def test_a_secret_on_the_command_line_is_refused_and_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").write_text("")
    (tmp_path / "two").write_text("a b")
    for path in tmp_path.iterdir():
        path.chmod(0o600)
    os.mkfifo(tmp_path / "pipe", 0o600)
    monkeypatch.setenv("ODD", "two words")
    for text in ("alpha:hidden-word", "hidden-word", "env:NOT_SET_HERE", "env:ODD", "file:/nowhere/at/all"):
        with pytest.raises(UsageError) as error:
            read_login(text)
        assert "hidden-word" not in str(error.value)
    for name in ("empty", "two", "pipe"):  # a pipe that nobody writes to must not hold us up
        with pytest.raises(UsageError):
            read_login(f"file:{tmp_path / name}")
