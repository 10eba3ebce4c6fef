"""``stillwatch console`` as a user starts it: a process of its own, its first words, its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stillwatch.cli import main
from tests.console.served import PASSWORD, Browser, made_places


@contextmanager
def started(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "stillwatch", "console", *map(str, arguments), "--at", "127.0.0.1:0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ended(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ending:
        main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return int(ending.value.code or 0), out, err


def test_the_whole_way_from_the_first_start_to_the_checked_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = made_places(tmp_path).run
    assert run is not None
    with started("--run", run) as process:
        url = said(process).removeprefix("serving ").rstrip("/")
        link = said(process).partition(": ")[2]
        assert link.startswith(f"{url}/welcome/")
        browser, path = Browser(url), link.removeprefix(url)
        fields = {"name": "ada", "password": PASSWORD, "again": PASSWORD}
        assert browser.post(f"{path}/come-in", fields, shown_at=path).status_code == 303
        assert "a log &lt;b&gt;with markup&lt;/b&gt;" in browser.get("/settings").text
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")
    with started("--run", run) as process:
        url = said(process).removeprefix("serving ").rstrip("/")
        assert Browser(url).sign_in("ada").status_code == 303
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")  # no link: somebody is here
    code, out, _ = ended(capsys, "console", "check", "--run", run)
    assert code == 0
    assert "5 lines hold, in 1 files; last hash " in out
    log = tmp_path / "run.console" / "audit" / "audit-000001.jsonl"
    log.write_bytes(log.read_bytes().replace(b"one-time link", b"one-time wink"))
    code, out, _ = ended(capsys, "console", "check", "--run", run)
    assert code == 1
    assert "DOES NOT HOLD: audit-000001.jsonl: line 2 was changed" in out
    code, out, _ = ended(capsys, "console", "check", "--run", run, "--json")
    assert code == 1
    assert '"problems":["audit-000001.jsonl: line 2 was changed' in out


def test_the_only_admin_who_forgot_the_password_is_let_in_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = made_places(tmp_path)
    assert places.run is not None
    with started("--run", places.run) as process:
        url = said(process).removeprefix("serving ").rstrip("/")
        path = said(process).partition(": ")[2].removeprefix(url)
        fields = {"name": "ada", "password": PASSWORD, "again": PASSWORD}
        Browser(url).post(f"{path}/come-in", fields, shown_at=path)
        code, out, _ = ended(capsys, "console", "rescue", "ada", "--run", places.run)
        assert code == 0
        path = out.strip().partition(": ")[2]
        browser, new = Browser(url), "quite another long password"
        fields = {"password": new, "again": new}
        assert browser.post(f"{path}/come-in", fields, shown_at=path).status_code == 303
        assert browser.get("/people").status_code == 200
    assert ended(capsys, "console", "rescue", "bob", "--run", places.run)[2].endswith("bob: is nobody here\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give --run or --state"),
        (["--run", "none"], "is no run of Stillwatch"),
        (["--state", "none"], "is no gateway's folder"),
        (["--run", "run", "--state", "run"], "give --run or --state"),
        (["--run", "run", "--appeals", "none"], "name another with --appeals"),
        (["--run", "run", "--drill", "none"], "name another with --drill"),
        (["--run", "run", "--at", "8491"], "write one like 127.0.0.1:8491"),
        (["--run", "run", "--at", "127.0.0.1:99999"], "write one like 127.0.0.1:8491"),
        (["--run", "run", "--at", "0.0.0.0:0"], "would serve passwords without TLS"),
        (["--run", "run", "--tls-cert", "run/manifest.json"], "give both --tls-cert and --tls-key"),
        (["--run", "run", "--behind-proxy", "console"], "write https://console.example.com"),
        (["--run", "run", "--oidc", "none.toml"], "none.toml: cannot be read"),
        (["check", "--run", "run"], "is no folder of people"),
        (["check", "--people", "run"], "is no folder of people"),
        (["rescue", "ada", "--run", "run"], "is no folder of people"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made_places(tmp_path)
    monkeypatch.chdir(tmp_path)
    code, out, err = ended(capsys, "console", *arguments)
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert words in err


def test_an_address_that_is_taken_and_a_broken_certificate_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = made_places(tmp_path).run
    assert run is not None
    with started("--run", run) as process:
        address = said(process).removeprefix("serving http://").rstrip("/")
        code, _, err = ended(capsys, "console", "--run", run, "--at", address)
    assert code == 2
    assert "is something else serving there?" in err
    (tmp_path / "cert.pem").write_text("no certificate")
    code, _, err = ended(
        capsys, "console", "--run", run, "--at", "127.0.0.1:0", "--tls-cert", tmp_path / "cert.pem",
        "--tls-key", tmp_path / "cert.pem",
    )  # fmt: skip
    assert code == 2
    assert "cannot be used as certificate and key" in err
