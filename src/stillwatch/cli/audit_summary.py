"""An audit on one screen: the headline, every figure in a line, the losses first, how sure it is, where it lies."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from stillwatch.cli.terminal import Style, clean
from stillwatch.safety_audit import rounding, statement, words
from stillwatch.safety_audit.report import AuditReport, FigureResult

__all__ = ["summary"]

WIDTH = 100
FIGURES_SHOWN = 12
_LABEL, _GAP, _NAME = 46, 48, 60
_SENTENCE = 600


def summary(report: AuditReport, out: Path, style: Style) -> str:
    """What the audit found; ``out`` is where its files lie. Lines have at most 100 columns, but for that path."""
    lost = bool(words.losses(report))
    lines = [style.red(line) if lost else style.bold(line) for line in _wrapped(statement.headline(report))]
    lines += ["", *(f"  {model.role:8} {_cut(model.name, _NAME)}" for model in report.models)]
    ranked = words.ranked(report.figures)
    lines += _figures(ranked[:FIGURES_SHOWN], words.labels(report.figures), style)
    if len(ranked) > FIGURES_SHOWN:
        lines.append(f"  and {len(ranked) - FIGURES_SHOWN} more in the report")
    lines += ["", *(style.dim(line) for line in _wrapped(words.false_alarm(report)))]
    lines += _wrapped(f"What else could explain it, and what it cannot show: {out / 'audit.html'}")
    lines.append(f"On one page: {out / 'statement.html'}")
    return "\n".join(lines) + "\n"


def _figures(ranked: Sequence[FigureResult], named: Mapping[tuple[str, str], str], style: Style) -> list[str]:
    """Figures below their reading, each with how far the suspect is from the teacher."""
    lines = ["", style.dim("  The suspect against the teacher")] if ranked else []
    for (safety, told), found in itertools.groupby(ranked, key=lambda f: (f.safety, words.told(f))):
        reading = told.short if safety else f"beside safety: {told.short}"
        lines.append(f"  {style.red(reading) if told.tone == 'loss' else style.bold(reading)}")
        lines += [_line(figure, named[figure.property, figure.figure]) for figure in found]
    return lines


def _line(figure: FigureResult, label: str) -> str:
    against = words.difference(figure, "suspect-teacher")
    gap = rounding.gap(figure, against) if words.measured(figure) and against is not None else ""
    if len(gap) > _GAP:
        gap = gap.replace(" from even", "").replace(" to even", "")
    return f"    {_cut(label, _LABEL):{_LABEL}}  {gap}".rstrip()


def _cut(text: str, limit: int) -> str:
    shown = clean(text) or "(empty)"
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(clean(text, _SENTENCE), WIDTH)
