"""``stillwatch explain``: the page's sentences in the terminal, safe to print, with clear answers for everyone."""

from __future__ import annotations

import io
import json
import sys
import unicodedata
from pathlib import Path

import msgspec
import pytest

from stillwatch.campaigns import narrative
from stillwatch.campaigns.report import Report
from stillwatch.cli.explain import explain, near_matches
from tests.campaigns import made_reports

GOLDEN = Path(__file__).parent / "golden"


def run_folder(folder: Path, report: Report) -> Path:
    (folder / "report.json").write_bytes(msgspec.json.encode(report))
    return folder


@pytest.fixture
def ordinary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "80")
    return run_folder(tmp_path, made_reports.ordinary())


def subject_of(verdict: str) -> str:
    return next(account.account_id for account in made_reports.ordinary().accounts if account.verdict == verdict)


@pytest.mark.parametrize(
    ("golden", "subject", "code"),
    [
        ("campaign", "C1", 1),
        ("group_under_review", "C3", 0),
        ("account_accused", subject_of("campaign"), 1),
        ("account_under_review", subject_of("review"), 0),
        ("account_clear", "free_001", 0),
    ],
)
def test_golden_text(ordinary: Path, capsys: pytest.CaptureFixture[str], golden: str, subject: str, code: int) -> None:
    assert explain(subject, run=ordinary) == code
    printed = capsys.readouterr()
    assert printed.err == ""
    assert max(map(len, printed.out.splitlines())) <= 80
    assert "\x1b" not in printed.out
    assert printed.out == (GOLDEN / f"explain_{golden}.txt").read_text(encoding="utf-8")


def test_says_the_sentences_of_the_narrative(ordinary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    explain("C1", run=ordinary)
    printed = " ".join(capsys.readouterr().out.split())
    for passage in narrative.campaign_passages(made_reports.ordinary().campaigns[0]):
        for said in (*passage.sentences, *passage.points):
            assert " ".join(said.replace("\u00a0", " ").split()) in printed


def test_account_not_accused_gets_a_clear_answer(ordinary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("free_001", run=ordinary) == 0
    assert "free_001 is clear: this scan does not accuse it." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("subject", "near"),
    [("FREE_001", "“free_001”"), ("free_0011", "“free_001”"), ("free_", "“free_000”"), ("c1", "“C1”")],
)
def test_unknown_id_is_one_line_with_near_matches(
    ordinary: Path, capsys: pytest.CaptureFixture[str], subject: str, near: str
) -> None:
    assert explain(subject, run=ordinary) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert near in printed.err


def test_id_like_no_other_has_no_near_matches(ordinary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("\x1b[2Jzzz\u202e", run=ordinary) == 2
    printed = capsys.readouterr().err
    assert "near to it" not in printed
    assert "⟨U+001B⟩[2Jzzz⟨U+202E⟩" in printed


def test_near_matches_stay_quick_among_many_and_long_ids() -> None:
    known = [f"acct_{n * 2_654_435_761 % 2**32:08x}" for n in range(25_000)] + ["a" * 10_000]
    wanted = known[123]
    assert near_matches(wanted[:7] + wanted[8:], known)[0] == wanted
    assert near_matches("A" * 10_000, known) == ("a" * 10_000,)
    assert near_matches("x", []) == ()


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"version": 1}', b"\xff\xfe", b"[]"])
def test_run_without_a_readable_report_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "report.json").write_bytes(content)
    assert explain("C1", run=tmp_path) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "report.json" in printed.err


@pytest.mark.parametrize("text", made_reports.HOSTILE)
def test_hostile_text_cannot_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    report = made_reports.hostile()
    folder = run_folder(tmp_path, report)
    for subject in (text, f"{text}!"):
        assert explain(subject, run=folder) in (0, 1)
        out = capsys.readouterr().out
        assert not [c for c in out if unicodedata.category(c) in {"Cc", "Cf", "Cs"} and c != "\n"]
        assert len(out) < 200_000


def test_json_is_one_object_of_plain_ascii_that_keeps_the_true_id(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run_folder(tmp_path, made_reports.hostile())
    subject = "\u202eevil\u202c\u2066"
    assert explain(subject, run=folder, as_json=True) == 1
    out = capsys.readouterr().out
    assert out.isascii()
    assert "\x1b" not in out
    read = json.loads(out)
    assert read["subject"] == subject
    assert read["kind"] == "account"
    assert read["verdict"] == "campaign"
    assert read["record"]["account_id"] == subject
    assert [passage["name"] for passage in read["passages"]][:2] == ["verdict", "evidence"]


def test_json_of_a_campaign_leaves_no_text_of_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_folder(tmp_path, made_reports.hostile())
    assert explain(made_reports.HOSTILE[0], run=folder, as_json=True) == 1
    assert "samples" not in json.loads(capsys.readouterr().out)["record"]


def test_numbers_at_their_limits_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finite = made_reports.extreme()
    folder = run_folder(tmp_path, msgspec.structs.replace(finite, campaigns=finite.campaigns[2:], look_alikes=()))
    assert explain("N2", run=folder) == 1
    assert "rests on theory" not in capsys.readouterr().out
    assert explain("alone", run=folder) == 0


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_colour_only_on_a_terminal_and_never_with_no_color(ordinary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    explain("C1", run=ordinary)
    assert "\x1b[1;31m" in screen.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Terminal()
    monkeypatch.setattr(sys, "stdout", plain)
    explain("C1", run=ordinary)
    assert "\x1b[1;31m" not in plain.getvalue()


def test_terminal_that_knows_ascii_only_gets_ascii(ordinary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    explain("C1", run=ordinary)
    sys.stdout.flush()
    assert raw.getvalue().decode("ascii").startswith("C1  campaign")
