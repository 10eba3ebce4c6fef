"""A drill on one screen: the headline, every adversary in a line, the innocent, the cheapest evasion, what is open."""

from __future__ import annotations

import textwrap
from pathlib import Path

from stillwatch.campaigns.wording import percent
from stillwatch.cli.terminal import Style, clean
from stillwatch.drill import evasion_words, words
from stillwatch.drill.report import Cell, DrillReport

__all__ = ["summary"]

WIDTH = 100
ADVERSARIES_SHOWN = 8
_NAME = 16
_SENTENCE = 500
_COLUMNS = f"  {{:{_NAME}}}  {{:>8}}  {{:>6}}  {{:24}}  {{:16}}  {{}}"


def summary(report: DrillReport, out: Path, style: Style) -> str:
    """What the drill found; ``out`` is where its files lie. Lines have at most 100 columns, but for that path."""
    log = report.traffic
    lines = _wrapped(
        f"Planted in memory, in {log.sampled_exchanges:,} exchanges of {log.sampled_accounts:,} of your "
        f"{log.accounts:,} accounts ({clean(log.format, 40)})."
    )
    lines += ["", *(style.bold(line) for line in _wrapped(words.headline(report)))]
    lines += _adversaries(report, style)
    lines += ["", *_wrapped(f"Innocent accounts accused, per million: {words.innocents(report.innocents)}.")]
    if report.shuffled:
        lines += _wrapped(f"Where nobody works with anybody: {words.innocents(report.shuffled)}.")
    lines += ["", *_wrapped(evasion_words.cheapest(report))]
    advice = words.recommended(report)
    if advice:
        lines += ["", *_wrapped(advice[0])]
    lines += ["", *(style.dim(line) for line in _wrapped(" ".join(words.openness(report))))]
    lines += ["", f"Report: {out / 'drill.html'}"]
    return "\n".join(lines) + "\n"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(clean(text, _SENTENCE), WIDTH)


def _adversaries(report: DrillReport, style: Style) -> list[str]:
    """A line for each adversary, the least found first, near the size and cover that the headline speaks of."""
    cells = words.usual(report)
    if not cells:
        return []
    head = _COLUMNS.format(
        "adversary", "accounts", "cover", "found with probability", "0.9 is reached", "half found within"
    )
    lines = ["", style.dim(head.rstrip()), *(_line(report, cell) for cell in cells[:ADVERSARIES_SHOWN])]
    if len(cells) > ADVERSARIES_SHOWN:
        lines.append(f"  and {len(cells) - ADVERSARIES_SHOWN} more that are easier to find, in the report")
    return lines


def _line(report: DrillReport, cell: Cell) -> str:
    least = next((s for s in report.smallest if (s.adversary, s.cover) == (cell.adversary, cell.cover)), None)
    if least is None:
        reached = words.UNKNOWN
    else:
        reached = "at no size tried" if least.accounts is None else f"from {least.accounts:,}"
    row = words.worked(report, cell.adversary)
    if row is None:
        half = "not measured"
    else:
        half = words.day(row.median) if row.median is not None else f"over {words.day(max(row.days))}"
    name = clean(cell.adversary) or "(empty)"
    return _COLUMNS.format(
        name if len(name) <= _NAME else name[: _NAME - 1] + "…",
        f"{cell.accounts:,}",
        percent(cell.cover),
        words.bounded(cell.found),
        reached,
        half,
    )
