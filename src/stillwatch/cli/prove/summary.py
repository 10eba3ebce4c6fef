"""A proof on one screen: the headline, every test in two lines by tier, and where the report lies."""

from __future__ import annotations

import textwrap
from pathlib import Path

from stillwatch.cli.terminal import Style, clean
from stillwatch.proving import statement
from stillwatch.proving.report import ProofReport, Tested

__all__ = ["summary"]

WIDTH = 100


def summary(report: ProofReport, out: Path, style: Style) -> str:
    """What was found; ``out`` is where its files lie. Lines have at most 100 columns, but for that path."""
    shown = any(test.shown for test in report.tests)
    lines = [style.red(line) if shown else style.bold(line) for line in _wrapped(report.headline)]
    for tier, title in statement.TIERS.items():
        tests = statement.of_tier(report, tier)
        if tests:
            lines += ["", style.dim(title)]
            for test in tests:
                lines += _test(test, report.claim.level, style)
    lines += ["", *_wrapped(f"What each rests on, and does not show: {out / 'prove.html'}")]
    lines += _wrapped(f"On one page: {out / 'statement.html'}. To check: stillwatch prove check {out}")
    return "\n".join(lines) + "\n"


def _test(test: Tested, level: float, style: Style) -> list[str]:
    title = clean(statement.title(test), 90)
    said = _wrapped(statement.finding(test, level), "    ")
    return [f"  {style.red(title) if test.shown else style.bold(title)}", *said]


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(clean(text, 800), WIDTH, initial_indent=indent, subsequent_indent=indent)
