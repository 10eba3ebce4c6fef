"""An audit fits one screen, says the same as its page, and lets no model's text move the cursor."""

from __future__ import annotations

import io
import unicodedata
from pathlib import Path

import msgspec
import pytest

from stillwatch.cli.audit_summary import FIGURES_SHOWN, summary
from stillwatch.cli.terminal import Style
from stillwatch.safety_audit import rounding, statement, words
from stillwatch.safety_audit.report import AuditReport
from tests.safety_audit import made_reports


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(report: AuditReport) -> str:
    return summary(report, Path("audit"), Style(io.StringIO()))


def joined(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("kind", made_reports.KINDS)
def test_fits_one_screen(kind: str) -> None:
    lines = told(getattr(made_reports, kind)()).splitlines()
    assert len(lines) <= 35
    assert max(len(line) for line in lines) <= 100


def test_many_figures_fit_too_and_those_left_out_are_counted() -> None:
    figures = made_reports.stripped().figures
    many = tuple(msgspec.structs.replace(f, property=f"{f.property}-{n}") for n in range(5) for f in figures)
    text = told(made_reports.report(many))
    assert len(text.splitlines()) <= 35
    assert f"and {len(many) - FIGURES_SHOWN} more in the report" in text


def test_says_what_the_page_says() -> None:
    report = made_reports.stripped()
    text = joined(told(report))
    for figure in report.figures:
        found = words.difference(figure, "suspect-teacher")
        assert found is not None
        assert joined(rounding.gap(figure, found)) in text
    for said in (statement.headline(report), words.false_alarm(report), "audit/audit.html", "audit/statement.html"):
        assert joined(said) in text
    assert text.index("lost on the way") < text.index("as its base") < text.index("beside safety")


def test_a_wide_interval_of_an_even_figure_is_cut_to_its_line() -> None:
    figure = made_reports.figure(3, (0.2, 0.1), 12)
    row = next(line for line in told(made_reports.report((figure,))).splitlines() if "Even-handedness" in line)
    assert "further (from" in row
    assert len(row) <= 100


def test_says_that_nothing_is_known_where_nothing_is() -> None:
    for kind in ("not_measured", "empty", "unknown"):
        text = told(getattr(made_reports, kind)())
        assert "Nothing can be said" in text
        assert "nan" not in text.lower()


def test_text_of_a_model_neither_moves_nor_hides() -> None:
    text = told(made_reports.hostile())
    assert all(c == "\n" or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for c in text)


def test_a_loss_is_red_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[31mOn 3 of 7" in summary(made_reports.stripped(), Path("audit"), Style(Screen()))
    assert "\x1b[31m" not in summary(made_reports.nothing_found(), Path("audit"), Style(Screen()))
    assert "\x1b" not in told(made_reports.stripped())
