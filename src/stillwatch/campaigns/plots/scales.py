"""Bars on a shared scale, one drawing per table row, so that the table *is* the plot.

A drawing's height is fixed and its positions are per cents, so that it fits a phone and a wide screen alike
while its text keeps its size. The numbers stand in the neighbouring cells, so drawings of bars are hidden
from screen readers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
from markupsafe import Markup

from stillwatch.campaigns import wording
from stillwatch.campaigns.plots import svg
from stillwatch.campaigns.report import Evidence, LookAlike, Rival

ROW_HEIGHT = 26


class Scale(msgspec.Struct, frozen=True):
    """A linear axis from ``low`` to ``high`` (``low`` < ``high``)."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """The place of a value from 0 (left) to 1 (right), held inside."""
        if not math.isfinite(value):
            return 0.0 if value < 0 else 1.0
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


class Bar(msgspec.Struct, frozen=True):
    """One row of the plot: its label and words, its figures, and its drawing."""

    title: str
    plain: str
    figure: str
    words: str
    drawing: Markup
    note: str = ""
    total: bool = False


def waterfall(evidence: Sequence[Evidence]) -> tuple[Markup, tuple[Bar, ...]]:
    """The axis and the bars of a waterfall of log-odds, in the order given, its total last.

    Units: nats. No evidence gives an axis and a total of nothing; log-odds that are not finite are drawn as
    nothing and named "unknown".
    """
    steps = [item.log_odds if math.isfinite(item.log_odds) else 0.0 for item in evidence]
    levels = [0.0]
    for step in steps:
        levels.append(levels[-1] + step)
    scale = _around(levels)
    bars = [
        Bar(
            wording.visible(item.title, limit=120),
            wording.sentence(item.plain),
            wording.signed(item.log_odds),
            wording.times(item.log_odds),
            _drawing(scale, levels[place], levels[place + 1], "plus" if steps[place] >= 0 else "minus"),
            wording.sentence(item.innocent_reading),
        )
        for place, item in enumerate(evidence)
    ]
    total = levels[-1]
    words = wording.times(total)
    bars.append(Bar("Together", "", wording.signed(total), words, _drawing(scale, 0.0, total, "total"), total=True))
    return axis(scale, unit="nats"), tuple(bars)


def rival_bars(rivals: Sequence[Rival]) -> tuple[Markup, tuple[Bar, ...]]:
    """The axis and one bar per rival in the order given: how far the campaign beat it (nats)."""
    scale = _around([0.0, *(rival.log_odds for rival in rivals if math.isfinite(rival.log_odds))])
    bars = tuple(
        Bar(
            wording.visible(rival.title, limit=120),
            wording.sentence(rival.plain),
            wording.signed(rival.log_odds),
            f"lost, {wording.odds(rival.log_odds)}" if rival.log_odds > 0 else "not ruled out",
            _drawing(scale, 0.0, rival.log_odds, "plus" if rival.log_odds > 0 else "minus"),
        )
        for rival in rivals
    )
    return axis(scale, unit="nats"), bars


def interval_rows(kinds: Sequence[LookAlike]) -> tuple[Markup, tuple[tuple[LookAlike, Markup], ...]]:
    """The axis (per cent of accounts) and one dot with its interval per look-alike.

    A verdict's false discovery rate is a share of the accused and these are shares of a kind's accounts, so no
    line for the stated rate is drawn among them.
    """
    top = max([*(kind.high for kind in kinds if math.isfinite(kind.high)), 1e-4]) * 100
    scale = Scale(-0.03 * top, min(top * 1.08, 100.0))
    rows = tuple((kind, _dot(scale, kind)) for kind in kinds)
    return axis(scale, unit="%"), rows


def axis(scale: Scale, *, unit: str) -> Markup:
    """The axis of a column of drawings, for its header cell: round ticks, the unit after the last."""
    step = svg.nice_step(scale.high - scale.low, 4)
    first = math.ceil(scale.low / step - 1e-9)
    parts: list[Markup] = []
    ticks = [k * step for k in range(first, math.floor(scale.high / step + 1e-9) + 1)]
    for tick in ticks:
        place = scale.at(tick)
        anchor = "start" if place < 0.08 else "end" if place > 0.92 else "middle"
        x = svg.per_cent(place)
        figure = f"{tick:g}".replace("-", "−")
        parts.append(svg.element("line", {"class": "tick", "x1": x, "x2": x, "y1": 18, "y2": 24}))
        parts.append(svg.element("text", {"class": "tick-text", "x": x, "y": 13, "text-anchor": anchor}, figure))
    label = f"Axis in {'per cent' if unit == '%' else unit}, from {ticks[0]:g} to {ticks[-1]:g}" if ticks else unit
    frame = {"class": "axis", "width": "100%", "height": 24, "role": "img", "aria-label": label}
    return svg.element("svg", frame, *parts)


def _around(values: Sequence[float]) -> Scale:
    low, high = min(values), max(values)
    span = high - low
    if span <= 0:
        return Scale(low - 1.0, high + 1.0)
    return Scale(low - 0.02 * span * (low < 0), high + 0.04 * span)


def _drawing(scale: Scale, start: float, end: float, kind: str) -> Markup:
    left, right = sorted((scale.at(start), scale.at(end)))
    zero = svg.per_cent(scale.at(0.0))
    width = svg.per_cent(max(right - left, 0.004))
    bar = {
        "class": f"bar {kind}",
        "x": svg.per_cent(left),
        "y": 5,
        "width": width,
        "height": ROW_HEIGHT - 10,
        "rx": 1.5,
    }
    return row_frame(
        svg.element("line", {"class": "zero", "x1": zero, "x2": zero, "y1": 0, "y2": ROW_HEIGHT}),
        svg.element("rect", bar),
    )


def _dot(scale: Scale, kind: LookAlike) -> Markup:
    middle, zero = ROW_HEIGHT / 2, svg.per_cent(scale.at(0.0))
    low, high, place = (svg.per_cent(scale.at(share * 100)) for share in (kind.low, kind.high, kind.false_rate))
    return row_frame(
        svg.element("line", {"class": "zero", "x1": zero, "x2": zero, "y1": 0, "y2": ROW_HEIGHT}),
        svg.element("line", {"class": "whisker", "x1": low, "x2": high, "y1": middle, "y2": middle}),
        svg.element("circle", {"class": "dot", "cx": place, "cy": middle, "r": 4.5}),
    )


def row_frame(*children: Markup) -> Markup:
    """The drawing of one table row; hidden from screen readers, which read the neighbouring cells."""
    frame = {"class": "row-plot", "width": "100%", "height": ROW_HEIGHT, "aria-hidden": "true", "focusable": "false"}
    return svg.element("svg", frame, *children)
