"""A drill fits one screen, says the same as its page, and lets no text of a user's file move the cursor."""

from __future__ import annotations

import io
import re
import unicodedata
from pathlib import Path

import msgspec
import pytest

from stillwatch.cli.drill_summary import ADVERSARIES_SHOWN, summary
from stillwatch.cli.terminal import Style
from stillwatch.drill import evasion_words, words
from stillwatch.drill.report import DrillReport
from tests.drill import made_reports

KINDS = ("full", "hardly_any", "none_found", "nulls", "empty", "hostile")


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(report: DrillReport) -> str:
    return summary(report, Path("run"), Style(io.StringIO()))


def joined(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("kind", KINDS)
def test_fits_one_screen(kind: str) -> None:
    lines = told(getattr(made_reports, kind)()).splitlines()
    assert len(lines) <= 35
    assert max(len(line) for line in lines) <= 100


def many(report: DrillReport) -> DrillReport:
    copies = [(f"{a.name}-{n}", a) for n in range(6) for a in report.adversaries]
    cells = tuple(
        msgspec.structs.replace(c, adversary=new) for new, a in copies for c in report.cells if c.adversary == a.name
    )
    adversaries = tuple(msgspec.structs.replace(a, name=new) for new, a in copies)
    return msgspec.structs.replace(report, adversaries=adversaries, cells=cells)


def test_many_adversaries_fit_too_and_those_left_out_are_counted() -> None:
    text = told(many(made_reports.full()))
    assert len(text.splitlines()) <= 35
    assert f"and {30 - ADVERSARIES_SHOWN} more that are easier to find" in text


def test_says_what_the_page_says() -> None:
    report = made_reports.full()
    text = joined(told(report))
    for said in (words.headline(report), evasion_words.cheapest(report), *words.openness(report)):
        assert joined(said) in text
    assert "Innocent accounts accused, per million: 0 (at most 1,400)." in text
    assert "Report: run/drill.html" in text
    row = next(line for line in told(report).splitlines() if line.strip().startswith("thin"))
    assert re.search(r"50 +30.% +0 \(0 to 0\.21\) +at no size tried +not measured", row)


def test_says_that_nothing_is_known_where_nothing_is() -> None:
    text = joined(told(made_reports.nulls()))
    assert "Nothing can be said yet" in text
    assert "nan" not in text.lower()
    assert "per million: unknown" in text


def test_text_of_a_users_file_neither_moves_nor_hides() -> None:
    text = told(made_reports.hostile())
    assert all(c == "\n" or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for c in text)


def test_headline_is_bold_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1mIn your traffic" in summary(made_reports.full(), Path("run"), Style(Screen()))
    assert "\x1b" not in told(made_reports.full())
