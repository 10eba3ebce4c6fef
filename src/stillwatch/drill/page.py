"""``drill.html``: a `DrillReport` as one self-contained page, for an executive at the top and an analyst below.

It has the frame, the style and the policy of a scan's page (`stillwatch.campaigns.page`): it loads nothing, and reads
the same without script.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec
from markupsafe import Markup

from stillwatch.campaigns import wording
from stillwatch.campaigns.page import asset, environment, policy_hash
from stillwatch.drill import caveats, evasion_words, plots, words
from stillwatch.drill.report import Adversary, Bounded, Cell, DrillReport, Evasion, Innocents, Timing

__all__ = ["render_page"]

_PACKAGE = "stillwatch.drill"
# Evidence that no adversary's accounts got more than this from (nats) has no row of its own.
_FAINT = 0.05
_UP = "probability of being found"
_Key = TypeVar("_Key", bound=Any)


class Row(msgspec.Struct, frozen=True):
    """One campaign size as a row under a chart: a cell, or none, for each column."""

    accounts: int
    exchanges: float
    cells: tuple[Cell | None, ...]


class Picture(msgspec.Struct, frozen=True):
    """A chart and the names of its curves with their marks."""

    drawing: Markup
    legend: tuple[tuple[Markup, str], ...]


class AdversaryView(msgspec.Struct, frozen=True):
    """All that the page shows of one adversary's power."""

    anchor: str
    name: str
    raw: Adversary
    sentences: tuple[str, ...]
    pictures: tuple[Picture, ...]
    covers: tuple[float, ...]
    rows: tuple[Row, ...]


class Soon(msgspec.Struct, frozen=True):
    """How soon an adversary's campaigns are found: the chart and its rows."""

    name: str
    picture: Picture
    rows: tuple[Timing, ...]


class EvidenceRow(msgspec.Struct, frozen=True):
    """A kind of evidence: for each adversary its log-odds with a bar, or nothing."""

    title: str
    cells: tuple[tuple[str, Markup] | None, ...]


class EvasionRow(msgspec.Struct, frozen=True):
    """An evasion: what it does to the odds, in words and as a drawing."""

    raw: Evasion
    effect: str
    drawing: Markup


def render_page(report: DrillReport) -> str:
    """The whole page. It holds no time of its own: the same report gives the same page, byte for byte."""
    style = asset("style.css") + asset("drill.css", _PACKAGE)
    script = asset("script.js")
    rates = [row.per_million for row in (*report.innocents, *report.shuffled)]
    return (
        environment(_PACKAGE)
        .get_template("drill.html")
        .render(
            report=report,
            style=Markup(style),
            script=Markup(script),
            style_hash=policy_hash(style),
            script_hash=policy_hash(script),
            headline=words.headline(report),
            figures=_figures(report),
            answers=(*words.answers(report), evasion_words.cheapest(report)),
            openness=words.openness(report),
            recommended=words.recommended(report),
            views=tuple(_view(report, adversary, n + 1) for n, adversary in enumerate(words.adversaries(report))),
            soon=_soon(report),
            days=_days(report.timing),
            carriers=_carriers(report),
            evidence=_evidence(report),
            chance_axis=plots.chance_axis(),
            evasions=tuple(
                EvasionRow(e, evasion_words.effect(e), plots.instead(e))
                for e in evasion_words.by_price(report.evasions)
            ),
            cheapest=evasion_words.cheapest(report),
            rate_axis=plots.rate_axis(rates),
            innocents=_rates(report.innocents, rates),
            shuffled=_rates(report.shuffled, rates),
            innocents_note=caveats.innocents_note(report),
            ground=caveats.ground(report),
            blind=caveats.blind(report),
            notes=caveats.notes(report),
            words=wording,
            said=words,
        )
    )


def _figures(report: DrillReport) -> tuple[tuple[str, str, str], ...]:
    """The figures at the top: (what, figure, what it rests on)."""
    cell = words.reference(report)
    if cell is None:
        return ()
    found = [*_least(report, cell), *_half(report, cell.adversary)]
    everyone = words.everyone(report.innocents)
    if everyone is not None and words.known(everyone.per_million.value):
        rate = everyone.per_million
        upper = f"at most {words.outwards(rate.high)}" if not rate.low > 0 else words.per_million(rate)
        found.append(
            (
                "Innocents accused per million",
                wording.count(rate.value or 0.0),
                f"{upper}; judged on {wording.counted(everyone.accounts, 'different account')}",
            )
        )
    evasion = next(
        (e for e in evasion_words.by_price(report.evasions) if evasion_words.effect(e) == evasion_words.HIDES), None
    )
    if evasion is not None:
        added = evasion.cost - evasion.cost_without
        found.append(
            (
                "Cheapest evasion that works",
                f"{'+' if added >= 0 else '−'}{wording.money(abs(added), report.currency)}",
                f"for 1,000 harvested exchanges: {words.name(evasion.name)}",
            )
        )
    return tuple(found)


def _least(report: DrillReport, cell: Cell) -> list[tuple[str, str, str]]:
    """The smallest size that is found with probability 0.9, of the headline's adversary and cover."""
    row = next((s for s in report.smallest if (s.adversary, s.cover) == (cell.adversary, cell.cover)), None)
    if row is None:
        return []
    tried = sorted({c.accounts for c in report.cells if (c.adversary, c.cover) == (cell.adversary, cell.cover)})
    figure = f"over {tried[-1]:,} accounts" if row.accounts is None else wording.counted(row.accounts, "account")
    note = f"{words.name(cell.adversary)}, {_cover(cell.cover)}; sizes tried: {tried[0]:,} to {tried[-1]:,}"
    return [("Smallest found with probability 0.9", figure, note)]


def _half(report: DrillReport, adversary: str) -> list[tuple[str, str, str]]:
    row = words.worked(report, adversary)
    if row is None:
        return []
    reached = row.median is not None and words.known(row.median)
    figure = words.day(row.median or 0.0) if reached else f"over {words.day(max(row.days))}"
    return [("Half of them found within", figure, f"of their beginning; {words.name(adversary)}, {_worked(row)}")]


def _view(report: DrillReport, adversary: Adversary, place: int) -> AdversaryView:
    cells = [cell for cell in report.cells if cell.adversary == adversary.name]
    covers = tuple(sorted({cell.cover for cell in cells}))
    sizes = sorted({(cell.exchanges, cell.accounts) for cell in cells})
    at = {(cell.exchanges, cell.accounts, cell.cover): cell for cell in cells}
    carrier = words.carrier(report.carried, adversary.name)
    return AdversaryView(
        anchor=f"adversary-{place}",
        name=wording.visible(adversary.name, limit=60),
        raw=adversary,
        sentences=(*words.smallest(report, adversary.name), *([carrier] if carrier else [])),
        pictures=_pictures(adversary, cells),
        covers=covers,
        rows=tuple(Row(n, m, tuple(at.get((m, n, cover)) for cover in covers)) for m, n in sizes),
    )


def _pictures(adversary: Adversary, cells: Sequence[Cell]) -> tuple[Picture, ...]:
    """Over the number of accounts at the exchanges tried with most sizes; over exchanges where several were tried."""
    sizes: dict[float, set[int]] = {}
    for cell in cells:
        sizes.setdefault(cell.exchanges, set()).add(cell.accounts)
    if not sizes:
        return ()
    main = min(sizes, key=lambda m: (-len(sizes[m]), abs(m - adversary.exchanges), m))
    title = wording.visible(adversary.name, limit=60)
    each = f"{wording.counted(main, 'exchange')} each"
    by_size = [
        (_cover(cover), [(float(cell.accounts), cell) for cell in found])
        for cover, found in _grouped([c for c in cells if c.exchanges == main], lambda c: c.cover)
    ]
    made = [_power(by_size, f"{title}: {_UP} by number of accounts, {each}", f"accounts, {each}")]
    # One cover for each size, or there would be more curves than an eye can follow; the table has them all.
    by_load: dict[int, list[Cell]] = {}
    for (size, _), found in _grouped(cells, lambda c: (c.accounts, abs(c.cover - words.USUAL_COVER))):
        if len({cell.exchanges for cell in found}) > max(1, len(by_load.get(size, ()))):
            by_load[size] = found
    if by_load:
        curves = [
            (
                f"{wording.counted(size, 'account')}, {_cover(found[0].cover)}",
                [(cell.exchanges, cell) for cell in found],
            )
            for size, found in by_load.items()
        ]
        made.append(_power(curves, f"{title}: {_UP} by exchanges of each account", "exchanges of each account"))
    return tuple(made)


def _power(curves: Sequence[tuple[str, list[tuple[float, Cell]]]], title: str, across: str) -> Picture:
    drawn = [plots.Curve(name, tuple(_point(x, cell) for x, cell in sorted(found))) for name, found in curves]
    return _picture(drawn, plots.chart(drawn, title=title, across=across, up=_UP, logarithmic=True))


def _point(x: float, cell: Cell) -> plots.Point:
    value = cell.found.value if cell.trials and words.known(cell.found.value) else None
    told = f"{words.campaign(cell)}: {words.bounded(cell.found)}, {wording.counted(cell.trials, 'trial')}"
    return plots.Point(x, float("nan") if value is None else value, told, cell.found.low, cell.found.high)


def _picture(curves: Sequence[plots.Curve], drawing: Markup) -> Picture:
    return Picture(drawing, tuple((plots.legend_mark(n), curve.name) for n, curve in enumerate(curves)))


def _grouped(cells: Iterable[Cell], key: Callable[[Cell], _Key]) -> list[tuple[_Key, list[Cell]]]:
    return [(value, list(found)) for value, found in itertools.groupby(sorted(cells, key=key), key=key)]


def _cover(cover: float) -> str:
    return "no cover" if cover <= 0 else f"{wording.percent(cover)} cover"


def _soon(report: DrillReport) -> tuple[Soon, ...]:
    made: list[Soon] = []
    for adversary in words.adversaries(report):
        rows = tuple(timing for timing in report.timing if timing.adversary == adversary.name)
        if not rows:
            continue
        title = wording.visible(adversary.name, limit=60)
        curves = [plots.Curve(_worked(row), _days_found(row)) for row in rows]
        drawing = plots.chart(
            curves,
            title=f"{title}: found by day",
            across="days since it began",
            up="share found",
            logarithmic=all(day > 0 for day in _days(rows)),
        )
        made.append(Soon(title, _picture(curves, drawing), rows))
    return tuple(made)


def _worked(row: Timing) -> str:
    return f"{wording.counted(row.accounts, 'account')}, {_cover(row.cover)}"


def _days_found(row: Timing) -> tuple[plots.Point, ...]:
    if not row.trials:
        return ()
    return tuple(
        plots.Point(day, share, f"{_worked(row)}: {words.chance(share)} after {words.day(day)}")
        for day, share in sorted(zip(row.days, row.found, strict=False))
    )


def _days(timing: Sequence[Timing]) -> tuple[float, ...]:
    return tuple(sorted({day for row in timing for day in row.days}))


def _carriers(report: DrillReport) -> tuple[str, ...]:
    """The adversaries that have evidence, in the report's order."""
    have = {row.adversary for row in report.carried}
    return tuple(adversary.name for adversary in words.adversaries(report) if adversary.name in have)


def _evidence(report: DrillReport) -> tuple[EvidenceRow, ...]:
    """Kinds of evidence as rows, the one that carries most first, adversaries as columns."""
    columns = _carriers(report)
    titles = {row.kind: row.title for row in report.carried}
    at = {(row.kind, row.adversary): row.log_odds for row in report.carried if words.known(row.log_odds)}
    most = max([abs(value) for value in at.values()], default=0.0)
    strength = {kind: sum(at.get((kind, adversary), 0.0) for adversary in columns) for kind in titles}
    told = [kind for kind in titles if any(abs(at.get((kind, a), 0.0)) >= _FAINT for a in columns)]
    rows: list[EvidenceRow] = []
    for kind in sorted(told, key=lambda kind: (-strength[kind], kind)):
        values = [at.get((kind, adversary)) for adversary in columns]
        cells = tuple(None if v is None else (wording.signed(v), plots.cell_bar(v, most)) for v in values)
        rows.append(EvidenceRow(wording.visible(titles[kind], limit=100), cells))
    return tuple(rows)


def _rates(rows: Sequence[Innocents], rates: Sequence[Bounded]) -> tuple[tuple[Innocents, Markup], ...]:
    """All innocents together first, then the kinds by their upper ends."""
    ranked = sorted(rows, key=lambda row: (row.kind not in ("all", "shuffled"), -row.per_million.high, row.kind))
    return tuple((row, plots.rate(row.per_million, rates)) for row in ranked)
