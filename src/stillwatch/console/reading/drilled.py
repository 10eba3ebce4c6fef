"""A drill's answers for its page: what would be found, how soon, how to hide, and how many innocents are accused.

The drawings and the words are those of ``drill.html`` (`stillwatch.drill`), so that the two cannot disagree.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from markupsafe import Markup

from stillwatch.campaigns import wording
from stillwatch.drill import caveats, evasion_words, plots, words
from stillwatch.drill.report import Bounded, Cell, DrillReport, Evasion, Innocents, Timing
from stillwatch.errors import InputError

__all__ = ["Curves", "Drilled", "drill_of"]

NAME = "drill.json"
LARGEST = 64 * 2**20
_UP = "probability of being found"


class Curves(msgspec.Struct, frozen=True):
    """A chart with its legend, and the rows of figures that say the same: (campaign in words, figure, trials)."""

    name: str
    sentences: tuple[str, ...]
    drawing: Markup
    legend: tuple[tuple[Markup, str], ...]
    rows: tuple[tuple[str, str, str], ...]


class Drilled(msgspec.Struct, frozen=True):
    """All that the page shows of a drill."""

    headline: str
    answers: tuple[str, ...]
    recommended: tuple[str, ...]
    openness: tuple[str, ...]
    power: tuple[Curves, ...]
    soon: tuple[Curves, ...]
    evasions: tuple[tuple[Evasion, str, Markup], ...]
    chance_axis: Markup
    innocents: tuple[tuple[Innocents, Markup], ...]
    shuffled: tuple[tuple[Innocents, Markup], ...]
    rate_axis: Markup
    innocents_note: tuple[str, ...]
    ground: tuple[str, ...]
    notes: tuple[str, ...]
    blind: tuple[str, ...]
    currency: str


def drill_of(folder: Path) -> Drilled:
    """The drill in ``folder``, read again when its file was written anew. Raises `InputError` where it has none."""
    path = folder / NAME
    try:
        told = path.stat()
    except OSError as error:
        raise InputError(
            f"holds no {NAME}", folder, "name the folder that was given to: stillwatch drill --out"
        ) from error
    return _drill(path, told.st_mtime_ns, told.st_size)


@functools.lru_cache(maxsize=4)
def _drill(path: Path, written: int, size: int) -> Drilled:
    if size > LARGEST:
        raise InputError(f"is larger than {LARGEST // 2**20} MiB, which no drill is", path, "name another drill")
    try:
        report = msgspec.json.decode(path.read_bytes(), type=DrillReport)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        said = str(error)[:160]
        raise InputError(f"cannot be read by this version of Stillwatch ({said})", path, "drill again") from error
    return drilled(report)


def drilled(report: DrillReport) -> Drilled:
    """A drill's report as its page shows it."""
    rates = [row.per_million for row in (*report.innocents, *report.shuffled)]
    adversaries = words.adversaries(report)
    return Drilled(
        headline=words.headline(report),
        answers=words.answers(report),
        recommended=words.recommended(report),
        openness=words.openness(report),
        power=tuple(_power(report, a.name, [c for c in report.cells if c.adversary == a.name]) for a in adversaries),
        soon=tuple(
            _soon(a.name, rows)
            for a in adversaries
            if (rows := [timing for timing in report.timing if timing.adversary == a.name])
        ),
        evasions=tuple(
            (evasion, evasion_words.effect(evasion), plots.instead(evasion))
            for evasion in evasion_words.by_price(report.evasions)
        ),
        chance_axis=plots.chance_axis(),
        innocents=_rates(report.innocents, rates),
        shuffled=_rates(report.shuffled, rates),
        rate_axis=plots.rate_axis(rates),
        innocents_note=caveats.innocents_note(report),
        ground=caveats.ground(report),
        notes=caveats.notes(report),
        blind=caveats.blind(report),
        currency=report.currency,
    )


def _rates(rows: Sequence[Innocents], rates: Sequence[Bounded]) -> tuple[tuple[Innocents, Markup], ...]:
    return tuple((row, plots.rate(row.per_million, rates)) for row in rows)


def _power(report: DrillReport, adversary: str, cells: Sequence[Cell]) -> Curves:
    """The probability of being found over the number of accounts, a curve for each cover, at the load that was tried
    with the most sizes."""
    sizes: dict[float, int] = {}
    for cell in cells:
        sizes[cell.exchanges] = sizes.get(cell.exchanges, 0) + 1
    load = min(sizes, key=lambda m: (-sizes[m], m), default=0.0)
    covers = sorted({cell.cover for cell in cells if cell.exchanges == load})
    curves = [
        plots.Curve(
            "no cover" if cover <= 0 else f"{wording.percent(cover)} cover",
            tuple(_point(cell) for cell in _by_size(cells) if (cell.exchanges, cell.cover) == (load, cover)),
        )
        for cover in covers
    ]
    title = wording.visible(adversary, limit=60)
    each = f"{wording.counted(load, 'exchange')} each"
    drawing = plots.chart(
        curves,
        title=f"{title}: {_UP} by number of accounts, {each}",
        across=f"accounts, {each}",
        up=_UP,
        logarithmic=True,
    )
    rows = tuple(
        (words.campaign(c), words.bounded(c.found), wording.counted(c.trials, "trial")) for c in _by_size(cells)
    )
    return Curves(title, words.smallest(report, adversary), drawing, _legend(curves), rows)


def _by_size(cells: Iterable[Cell]) -> list[Cell]:
    return sorted(cells, key=lambda cell: (cell.exchanges, cell.cover, cell.accounts))


def _point(cell: Cell) -> plots.Point:
    value = cell.found.value if cell.trials and cell.found.value is not None else float("nan")
    said = f"{words.campaign(cell)}: {words.bounded(cell.found)}, {wording.counted(cell.trials, 'trial')}"
    return plots.Point(float(cell.accounts), value, said, cell.found.low, cell.found.high)


def _soon(adversary: str, rows: Sequence[Timing]) -> Curves:
    """The share found by the day since a campaign began, a curve for each size."""
    title = wording.visible(adversary, limit=60)
    curves = [
        plots.Curve(
            words.campaign(row),
            tuple(
                plots.Point(day, share, f"{words.campaign(row)}: {words.chance(share)} after {words.day(day)}")
                for day, share in sorted(zip(row.days, row.found, strict=False))
                if row.trials
            ),
        )
        for row in rows
    ]
    drawing = plots.chart(
        curves,
        title=f"{title}: found by day",
        across="days since it began",
        up="share found",
        logarithmic=all(day > 0 for row in rows for day in row.days),
    )
    told = tuple((words.campaign(row), _half(row), wording.counted(row.trials, "trial")) for row in rows)
    return Curves(title, (), drawing, _legend(curves), told)


def _half(row: Timing) -> str:
    if not row.trials:
        return "no trial yet"
    return words.day(row.median) if row.median is not None and words.known(row.median) else "not reached"


def _legend(curves: Sequence[plots.Curve]) -> tuple[tuple[Markup, str], ...]:
    return tuple((plots.legend_mark(number), curve.name) for number, curve in enumerate(curves))
