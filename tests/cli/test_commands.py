"""The command line: what it offers, how it fails, and what a scan says on one screen."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stillwatch import __version__
from stillwatch.campaigns.report import Account, Campaign, ErrorRate, Input, Reject, Report
from stillwatch.cli import COMMANDS, main
from stillwatch.cli.scan import summary
from stillwatch.cli.terminal import Style
from stillwatch.settings import SETTINGS

RATE = ErrorRate("false discovery rate", 0.01, "sessions dealt at random", 200)
NOON = dt.datetime(2026, 9, 7, 12, tzinfo=dt.UTC)


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, captured.out, captured.err


def test_version_and_help_name_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version") == (0, f"stillwatch {__version__}\n", "")
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert all(f" {name} " in out for name in COMMANDS)


def test_help_of_scan_has_every_setting_and_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "scan", "--help")
    assert [s.option for s in SETTINGS if s.option not in out] == []
    assert f"Example: {COMMANDS['scan'].example}" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["scan"], "requires an argument"),
        (["scan", "LOG"], "--out"),
        (["scan", "nowhere", "--out", "OUT"], "nowhere: no such file, folder or pattern"),
        (["scan", "LOG", "--out", "OUT", "--seed", "x"], "unable to convert"),
        (["scan", "LOG", "--out", "OUT", "--seed", "-1"], "--seed: -1 is too small"),
        (["scan", "LOG", "--out", "OUT", "--false-discovery", "1"], "give a number between 0 and 1"),
        (["scan", "LOG", "--out", "OUT", "--format", "xml"], "known: parquet, jsonl, csv, litellm"),
        (["scan", "LOG", "--out", "LOG"], "is a file"),
        (["scan", "DIARY", "--out", "OUT"], "(parquet, jsonl, csv, litellm"),
        (["scan", "LOG", "--out", "OUT", "--accounts", "nowhere"], "nowhere: cannot be opened"),
        (["scan", "LOG", "--out", "OUT", "--map", "nowhere"], "nowhere: cannot be read"),
        (["dance"], "there is no command 'dance'; known: scan, inspect"),
    ],
)
def test_what_cannot_run_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, diary = tmp_path / "log.jsonl", tmp_path / "diary"
    log.write_text('{"exchange_id": "r1", "started_at": "2026-09-07", "account_id": "a1"}\n')
    diary.write_text("Dear diary\n")
    places = {"LOG": str(log), "OUT": str(tmp_path / "run"), "DIARY": str(diary)}
    code, out, err = run(capsys, *[places.get(argument, argument) for argument in arguments])
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err
    assert "\x1b" not in err
    assert not (tmp_path / "run").exists()


def test_debug_shows_the_trace(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "--debug", "scan", "nowhere", "--out", "run")
    assert code == 2
    assert "Traceback" in err


def test_hostile_names_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    _, _, err = run(capsys, "scan", "no\x1b[2Jwhere\u202e", "--out", "run")
    assert "\\u{1b}[2Jwhere\\u{202e}" in err
    assert "\x1b" not in err


def test_reader_that_goes_away_is_no_error() -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    shell = f"{sys.executable} -m stillwatch --help | head -n 1"
    done = subprocess.run(["bash", "-c", shell], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage")
    assert done.stderr == ""


def campaign(name: str, verdict: str, value: float) -> Campaign:
    return Campaign(
        name, verdict, 12, 400, 350.0, 300.0, 390.0, 0.1, 1.0, 2.0, 3.0, value, "USD", 0.001, 500.0, 0.002, RATE, {},
        (), (), (), (), (), (), ("a1",),
    )  # fmt: skip


def report(*campaigns: Campaign) -> Report:
    account = Account("a1", "c1", "campaign", 0.001, 0.999, 30, 25.0, NOON, NOON, (), None)
    read = Input(2, "jsonl", 1000, 300, 40, NOON, NOON, (Reject("cut line", 3, "log\x1b[2J:7"),), ("No prompts.",))
    return Report(1, __version__, 0, {}, read, campaigns, (account,) if campaigns else (), (), RATE, 5, ())


def test_summary_of_a_find() -> None:
    found = [campaign("c1", "campaign", 10.0), campaign("c2", "campaign", 99.0), campaign("c3", "review", 5.0)]
    text = summary(report(*found), Path("run"), Style(sys.__stderr__ or sys.stderr))
    assert "2 campaigns, 1 accounts accused (false discovery rate at most 0.01)" in text
    assert text.index("c2:") < text.index("c1:"), "the greatest damage first"
    assert "350 exchanges taken (300 to 390)" in text
    assert "1 group for a person to look at" in text
    assert "Set aside 3; most for cut line, first at log\\u{1b}[2J:7." in text
    assert "Not seen: No prompts." in text
    assert text.endswith("Report: run/report.html\n")
    assert len(text.splitlines()) <= 24


def test_summary_of_many_campaigns_still_fits_on_a_screen() -> None:
    found = [campaign(f"c{i}", "campaign", float(i)) for i in range(500)]
    text = summary(report(*found), Path("run"), Style(sys.__stderr__ or sys.stderr))
    assert len(text.splitlines()) <= 24
    assert "and 492 more in the report" in text


def test_summary_of_nothing() -> None:
    text = summary(report(), Path("run"), Style(sys.__stderr__ or sys.stderr))
    assert "No campaign found (false discovery rate at most 0.01)." in text
