"""Hostile text is made visible; colour and progress come only where somebody sees them."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.cli.terminal import Style, TerminalProgress, clean


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@given(st.text())
def test_clean_text_holds_nothing_that_moves_or_hides(text: str) -> None:
    cleaned = clean(text)
    assert all(unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for c in cleaned)
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text", "plain text"),
        ("日本語 é", "日本語 é"),
        ("\x1b]0;title\x07", "\\u{1b}]0;title\\u{7}"),
        ("a\r\nb\tc", "a  b c"),
        ("\u202emoc.live\u202c", "\\u{202e}moc.live\\u{202c}"),
        ("zero\u200bwidth", "zero\\u{200b}width"),
        ("\x9b2J", "\\u{9b}2J"),
    ],
)
def test_clean(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_clean_text_is_bounded() -> None:
    assert clean("x" * 10_000, limit=10) == "x" * 10 + "…"


def test_colour_only_on_a_terminal_that_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert Style(Screen()).red("x") == "\x1b[31mx\x1b[0m"
    assert Style(io.StringIO()).red("x") == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert Style(Screen()).red("x") == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert Style(Screen()).red("x") == "x"


@pytest.mark.parametrize(("seconds", "shown"), [(1.0, False), (3.0, True)])
@pytest.mark.parametrize(("stream", "quiet"), [(Screen(), False), (Screen(), True), (io.StringIO(), False)])
def test_progress_shows_after_two_seconds_on_a_terminal(
    stream: io.StringIO, quiet: bool, seconds: float, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream.truncate(0)
    now = [100.0]
    monkeypatch.setattr("stillwatch.cli.terminal.time.monotonic", lambda: now[0])
    progress = TerminalProgress(stream, quiet=quiet)
    progress.step("reading the log", 4)
    now[0] += seconds
    progress.advance()
    progress.step("linking")
    progress.close()
    expected = shown and stream.isatty() and not quiet
    assert ("reading the log 25 %" in stream.getvalue()) == expected
    assert stream.getvalue().endswith("\r\x1b[2K") == expected
    assert progress.seconds == {"reading the log": seconds, "linking": 0.0}
