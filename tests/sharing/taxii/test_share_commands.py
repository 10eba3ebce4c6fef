"""`stillwatch share serve, user, push, pull, import`: as a user calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stillwatch.cli import main
from stillwatch.sharing.feed import Feed
from stillwatch.sharing.formats.own import FORMAT
from stillwatch.sharing.taxii.users import USERS, Users
from tests.sharing.taxii.offered import BULLETINS, Served
from tests.sharing.told import DAY, bulletin, changed


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["share", *(str(argument) for argument in arguments)])
    captured = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, captured.out, captured.err


def written(path: Path, *bulletins: object) -> Path:
    path.write_bytes(FORMAT.encode(bulletins))  # type: ignore[arg-type]
    return path


def test_push_and_pull_say_what_they_did_and_nothing_of_the_secret(
    served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLWATCH_TAXII_LOGIN", f"alpha:{served.secrets['alpha']}")
    one, feed = bulletin(1), tmp_path / "feed"
    where = ("--to", f"{served.url}/taxii2/", "--collection", "bulletins")
    code, out, err = run(capsys, "push", written(tmp_path / "b.json", one), *where)
    assert (code, err) == (0, "")
    assert out.endswith("objects are in Bulletins\n")
    (tmp_path / "login").write_text(f"beta:{served.secrets['beta']}")
    (tmp_path / "login").chmod(0o600)
    beta = ("--login", f"file:{tmp_path / 'login'}")
    fetch = ("pull", "--from", f"{served.url}/taxii2/", "--collection", BULLETINS, "--feed", feed, *beta)
    code, out, err = run(capsys, *fetch, "--as", "Alpha's exchange")
    assert (code, err) == (0, "")
    assert "1 new, 0 updated, 0 taken back" in out
    (received,) = Feed(feed).bulletins(DAY)
    assert (received.bulletin, received.source) == (one, "Alpha's exchange")
    code, out, _ = run(capsys, "push", written(tmp_path / "b.json", changed(one, revoked=True)), *where, "--json")
    assert (code, json.loads(out)["refused"], json.loads(out)["title"]) == (0, [], "Bulletins")
    code, out, _ = run(capsys, *fetch, "--as", "Alpha's exchange", "--json")
    assert (code, json.loads(out)["added"]["revoked"]) == (0, 1)
    assert Feed(feed).bulletins(DAY) == ()
    for path in feed.rglob("*"):
        if path.is_file():
            assert served.secrets["beta"] not in path.read_text()


def test_import_takes_any_format_and_refuses_a_document_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    feed, one, two = tmp_path / "feed", bulletin(1), bulletin(2)
    into = ("--feed", feed, "--from", "Example AI")
    code, out, err = run(capsys, "import", written(tmp_path / "a.json", one), written(tmp_path / "b.json", two), *into)
    assert (code, err) == (0, "")
    assert out == "2 new, 0 updated, 0 taken back, 0 known bulletins; 0 indicators of others\n"
    wrong = changed(one, hours=0, tlp="red")
    code, out, _ = run(capsys, "import", written(tmp_path / "c.json", wrong), *into)
    assert code == 1
    assert "refused: " in out
    assert "same version" in out
    (tmp_path / "d.json").write_bytes(FORMAT.encode((bulletin(3),))[:-9] + b"}")
    before = sorted((path, path.stat().st_mtime_ns) for path in feed.rglob("*"))
    code, out, err = run(capsys, "import", written(tmp_path / "e.json", bulletin(4)), tmp_path / "d.json", *into)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "d.json" in err
    assert sorted((path, path.stat().st_mtime_ns) for path in feed.rglob("*")) == before
    assert {received.source for received in Feed(feed).bulletins(DAY)} == {"Example AI"}
    code, out, _ = run(capsys, "import", tmp_path / "a.json", *into, "--json")
    nothing = {"new": 0, "updated": 0, "revoked": 0, "refused": [], "indicators": 0}
    assert (code, json.loads(out)) == (0, {**nothing, "known": 1})


def test_a_user_is_made_shown_once_and_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "store"
    code, out, err = run(capsys, "user", "alpha", "--store", store)
    name, secret = out.strip().split(":")
    assert (code, name) == (0, "alpha")
    assert secret not in err
    assert Users(store / USERS).right("alpha", secret)
    assert store.stat().st_mode & 0o077 == 0
    assert run(capsys, "user", "alpha", "--store", store, "--remove")[0] == 0
    assert not Users(store / USERS).right("alpha", secret)
    code, out, err = run(capsys, "user", "Alpha!", "--store", store)
    assert (code, out, err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["push", "FILE", "--to", "http://peer.example/", "--collection", "c"], "without TLS"),
        (["push", "FILE", "--to", "https://a:b@peer.example/", "--collection", "c"], "user or password"),
        (["push", "FILE", "--to", "https://peer.example/", "--collection", "c", "--login", "a:b"], "never stands on"),
        (["push", "nowhere", "--to", "http://127.0.0.1:9/", "--collection", "c"], "nowhere: cannot be read"),
        (["push", "--to", "http://127.0.0.1:9/", "--collection", "c"], "requires an argument"),
        (["pull", "--from", "nonsense", "--collection", "c", "--feed", "FEED"], "is no address"),
        (
            ["pull", "--from", "https://peer.example/", "--collection", "c", "--feed", "FEED", "--every", "0"],
            "give minutes",
        ),
        (["import", "nowhere", "--feed", "FEED", "--from", "A"], "nowhere: cannot be read"),
        (["import", "FILE", "--feed", "FEED", "--from", ""], "--from"),
        (["import", "FILE", "--feed", "FEED"], "--from"),
        (["serve", "--store", "FEED", "--config", "nowhere"], "nowhere: cannot be read"),
        (["serve", "--store", "FEED", "--config", "FILE"], "cannot be served"),
        (["serve", "--store", "FEED", "--config", "FILE", "--host", "192.0.2.1"], "without TLS"),
        (["serve", "--store", "FEED", "--config", "FILE", "--port", "70000"], "--port"),
        (["user", "alpha", "--store", "FEED", "--remove"], "no such user"),
    ],
)
def test_what_cannot_run_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"FILE": str(written(tmp_path / "b.json", bulletin(1))), "FEED": str(tmp_path / "feed")}
    code, out, err = run(capsys, *[places.get(argument, argument) for argument in arguments])
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err
    assert not (tmp_path / "feed").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('title = "x"', "roots"),
        ('title = "x"\n[roots]\n[collections]', "it names no root"),
        ('title = "x"\n[roots.taxii2]\ntitle = "x"\n[collections]', "taxii2"),
        ('title = "x"\n[roots."../x"]\ntitle = "x"\n[collections]', "is no name"),
        (
            'title = "x"\n[roots.a]\ntitle = "x"\n[collections.c]\nroot = "b"\ntitle = "c"\nid = "ID"',
            "in a root that is not named",
        ),
        ('title = "x"\n[roots.a]\ntitle = "x"\n[collections.c]\nroot = "a"\ntitle = "c"\nid = "1"', "id"),
        (
            'title = "x"\n[roots.a]\ntitle = "x"\n[collections.c]\nroot = "a"\ntitle = "c"\nid = "ID"\nread = ["A!"]',
            "names a user who cannot be",
        ),
        ('title = "x"\nport = 5\n[roots.a]\ntitle = "x"\n[collections]', "port"),
        ("title = ", "share.toml"),
    ],
)
def test_what_a_configuration_gets_wrong_is_said_in_one_line(
    line: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "share.toml").write_text(line.replace("ID", BULLETINS))
    code, _, err = run(capsys, "serve", "--store", tmp_path / "store", "--config", tmp_path / "share.toml")
    assert (code, err.count("\n")) == (2, 1)
    assert message in err


def test_an_address_that_is_taken_is_one_line(
    served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = served.url.rpartition(":")[2]
    (tmp_path / "share.toml").write_text('title = "x"\n[roots.a]\ntitle = "x"\n[collections]\n')
    arguments = ("serve", "--store", tmp_path / "other", "--config", tmp_path / "share.toml", "--port", port)
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert "cannot be listened on" in err
