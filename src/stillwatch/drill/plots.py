"""Drawings of a drill: curves over a campaign's size or days, and bars and dots for the rows of tables.

A small chart has a fixed size in its own units and shrinks with its column. Lines are told apart by colour and by the
shape of their marks; intervals are whiskers, moved a little apart so that none hides another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec
from markupsafe import Markup

from stillwatch.campaigns import wording
from stillwatch.campaigns.plots import scales, svg
from stillwatch.drill.report import Bounded, Evasion
from stillwatch.drill.words import TARGET, known

__all__ = ["Curve", "Point", "cell_bar", "chance_axis", "chart", "instead", "legend_mark", "rate", "rate_axis"]

_WIDTH, _HEIGHT = 380, 264
_LEFT, _RIGHT, _TOP, _BOTTOM = 30, 10, 28, 46
_APART = 4.5
_LABEL_GAP = 30
_COLOURS = 4
_PER_MILLION = 1e6
# A circle (no corners), a square, a diamond, a triangle.
_SHAPES: tuple[tuple[tuple[float, float], ...], ...] = (
    (),
    ((-4, -4), (4, -4), (4, 4), (-4, 4)),
    ((0, -5.4), (5.4, 0), (0, 5.4), (-5.4, 0)),
    ((0, -5), (5, 4), (-5, 4)),
)


class Point(msgspec.Struct, frozen=True):
    """A place on a curve, its interval if it has one, and what it says in words when pointed at."""

    x: float
    y: float
    words: str
    low: float | None = None
    high: float | None = None


class Curve(msgspec.Struct, frozen=True):
    """A line of a chart: its name in the legend and its points, ordered by ``x``."""

    name: str
    points: tuple[Point, ...]


def chart(curves: Sequence[Curve], *, title: str, across: str, up: str, logarithmic: bool) -> Markup:
    """A small chart of probabilities from 0 to 1; ``across`` and ``up`` name its axes.

    ``logarithmic`` is for sizes (above 0). No points give an empty frame that says so.
    """
    curves = [
        Curve(curve.name, tuple(p for p in curve.points if known(p.y) and known(p.x) and (p.x > 0 or not logarithmic)))
        for curve in curves
    ]
    xs = sorted({point.x for curve in curves for point in curve.points})
    place = _along(xs, logarithmic)
    said = [f"{curve.name}: " + "; ".join(point.words for point in curve.points) for curve in curves if curve.points]
    parts = [
        svg.element("title", {}, title),
        svg.element("desc", {}, ". ".join(said) or "There is no trial yet."),
        *_frame(xs, place, across, up),
    ]
    if not xs:
        middle = {"x": (_LEFT + _WIDTH - _RIGHT) / 2, "y": _HEIGHT / 2, "text-anchor": "middle"}
        parts.append(svg.element("text", middle, "no trial yet"))
    for number, curve in enumerate(curves):
        aside = (number - (len(curves) - 1) / 2) * min(_APART, 24 / len(curves))
        parts += _curve(curve, number, place, aside)
    return svg.element("svg", {"class": "curves", "viewBox": f"0 0 {_WIDTH} {_HEIGHT}", "role": "img"}, *parts)


def legend_mark(number: int) -> Markup:
    """The mark of curve ``number`` (from 0) for the legend beside the chart."""
    frame = {"class": "key", "viewBox": "0 0 26 12", "width": 26, "height": 12, "aria-hidden": "true"}
    line = {"class": f"curve {_colour(number)}", "points": "0,6 26,6"}
    return svg.element("svg", frame, svg.element("polyline", line), _mark(number, 13, 6))


def _along(xs: Sequence[float], logarithmic: bool) -> Callable[[float], float]:
    """From a value to its place across the chart, with room for the whiskers at both ends."""
    bend = math.log if logarithmic else float
    low, high = (bend(xs[0]), bend(xs[-1])) if xs else (0.0, 1.0)
    left, right = _LEFT + 16, _WIDTH - _RIGHT - 16
    if high <= low:
        return lambda x: (left + right) / 2
    return lambda x: left + (right - left) * (bend(x) - low) / (high - low)


def _high(y: float) -> float:
    inside = min(max(y, 0.0), 1.0) if math.isfinite(y) else 0.0
    return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - inside)


def _frame(xs: Sequence[float], place: Callable[[float], float], across: str, up: str) -> list[Markup]:
    parts: list[Markup] = []
    for level, figure in ((0.0, "0"), (0.25, ""), (0.5, "0.5"), (0.75, ""), (TARGET, "0.9"), (1.0, "1")):
        y = _high(level)
        kind = "base" if level == 0 else "target" if level == TARGET else "grid"
        parts.append(svg.element("line", {"class": kind, "x1": _LEFT, "x2": _WIDTH - _RIGHT, "y1": y, "y2": y}))
        if figure:
            below = 6.5 if level == TARGET else 4
            parts.append(svg.element("text", {"x": _LEFT - 6, "y": y + below, "text-anchor": "end"}, figure))
    base, end = _high(0.0), -math.inf
    for x in xs:
        parts.append(svg.element("line", {"class": "base", "x1": place(x), "x2": place(x), "y1": base, "y2": base + 4}))
        if place(x) - end >= _LABEL_GAP:
            end = place(x)
            label = {"x": place(x), "y": base + 17, "text-anchor": "middle"}
            parts.append(svg.element("text", label, wording.short_count(x)))
    middle = {"class": "caption", "x": (_LEFT + _WIDTH - _RIGHT) / 2, "y": _HEIGHT - 10, "text-anchor": "middle"}
    parts.append(svg.element("text", middle, across))
    parts.append(svg.element("text", {"class": "caption", "x": 0, "y": 11}, up))
    return parts


def _curve(curve: Curve, number: int, along: Callable[[float], float], aside: float) -> list[Markup]:
    def place(x: float) -> float:
        return along(x) + aside

    colour = _colour(number)
    points = curve.points
    parts: list[Markup] = []
    for point in points:
        if point.low is None or point.high is None:
            continue
        x, ends = place(point.x), (_high(point.low), _high(point.high))
        parts.append(svg.element("line", {"class": f"reach {colour}", "x1": x, "x2": x, "y1": ends[0], "y2": ends[1]}))
        parts += [
            svg.element("line", {"class": f"reach {colour}", "x1": x - 2.5, "x2": x + 2.5, "y1": y, "y2": y})
            for y in ends
        ]
    if len(points) > 1:
        line = " ".join(f"{place(point.x):.1f},{_high(point.y):.1f}" for point in points)
        parts.append(svg.element("polyline", {"class": f"curve {colour}", "points": line}))
    parts += [_mark(number, place(p.x), _high(p.y), svg.element("title", {}, p.words)) for p in points]
    return parts


def _colour(number: int) -> str:
    return f"model-{number + 1}" if number < _COLOURS else "model-other"


def _mark(number: int, x: float, y: float, *children: Markup) -> Markup:
    """A mark by shape and colour, so that curves are told apart without colour too."""
    kind = f"mark {_colour(number)}"
    shape = _SHAPES[number % len(_SHAPES)]
    if not shape:
        return svg.element("circle", {"class": kind, "cx": x, "cy": y, "r": 4.3}, *children)
    points = " ".join(f"{x + right:.1f},{y + down:.1f}" for right, down in shape)
    return svg.element("polygon", {"class": kind, "points": points}, *children)


def cell_bar(value: float, most: float) -> Markup:
    """A bar of ``value`` against ``most`` (> 0) below a table cell's figure; the figure says the same in text."""
    size = min(abs(value) / most, 1.0) if known(value) and most > 0 else 0.0
    bar = {"class": f"bar {'plus' if value >= 0 else 'minus'}", "width": svg.per_cent(size), "height": 5, "rx": 1.5}
    rail = {"class": "rail", "width": "100%", "height": 5, "rx": 1.5}
    frame = {"class": "cell-bar", "width": "100%", "height": 5, "aria-hidden": "true", "focusable": "false"}
    return svg.element("svg", frame, svg.element("rect", rail), svg.element("rect", bar))


_CHANCES = scales.Scale(-0.03, 1.03)


def chance_axis() -> Markup:
    """The axis of the probabilities with and without an evasion."""
    return scales.axis(_CHANCES, unit="probability")


def instead(evasion: Evasion) -> Markup:
    """The probability without an evasion (hollow, above) and with it (full, below), each with its interval."""
    return scales.row_frame(
        *_dot(evasion.found_without, 7.5, "before", _CHANCES.at), *_dot(evasion.found, 18.5, "after", _CHANCES.at)
    )


def _dot(found: Bounded, y: float, kind: str, at: Callable[[float], float]) -> list[Markup]:
    if found.value is None or not known(found.value):
        return []
    ends = {"x1": svg.per_cent(at(found.low)), "x2": svg.per_cent(at(found.high)), "y1": y, "y2": y}
    dot = {"class": f"dot {kind}", "cx": svg.per_cent(at(found.value)), "cy": y, "r": 4.2}
    return [svg.element("line", {"class": f"whisker {kind}", **ends}), svg.element("circle", dot)]


def rate_axis(rates: Sequence[Bounded]) -> Markup:
    """The axis of rates per million: decades, with everything up to 1 at its left end."""
    decades = _decades(rates)
    parts: list[Markup] = []
    for power in range(decades + 1):
        x = svg.per_cent(_rate_place(10.0**power, decades))
        parts.append(svg.element("line", {"class": "tick", "x1": x, "x2": x, "y1": 18, "y2": 24}))
        if power == 0 or decades < 4 or (power > 1 and (decades - power) % 2 == 0):
            figure = "0 to 1" if power == 0 else wording.short_count(10.0**power)
            anchor = "start" if power == 0 else "end" if power == decades else "middle"
            text = {"class": "tick-text", "x": x if power else "0%", "y": 13, "text-anchor": anchor}
            parts.append(svg.element("text", text, figure))
    label = f"Axis per million accounts, logarithmic, from 1 to {wording.short_count(10.0**decades)}"
    frame = {"class": "axis", "width": "100%", "height": 24, "role": "img", "aria-label": label}
    return svg.element("svg", frame, *parts)


def rate(row: Bounded, rates: Sequence[Bounded]) -> Markup:
    """One rate per million with its interval on the axis of all ``rates``."""
    decades = _decades(rates)
    return scales.row_frame(*_dot(row, scales.ROW_HEIGHT / 2, "after", lambda value: _rate_place(value, decades)))


def _decades(rates: Sequence[Bounded]) -> int:
    top = max([10.0, *(r.high for r in rates if known(r.high))])
    return math.ceil(math.log10(min(top, _PER_MILLION)) - 1e-9)


def _rate_place(value: float, decades: int) -> float:
    inside = math.log10(max(value, 1.0)) / decades if math.isfinite(value) else float(value > 0)
    return 0.03 + 0.94 * min(inside, 1.0)
