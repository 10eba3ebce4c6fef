"""Drawings that look the same on a page and on paper: shapes with their colours in them, no style sheet, no script.

Each drawing has its title and the same in words; the tables beside them hold the figures.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from stillwatch.campaigns import wording
from stillwatch.campaigns.plots import svg
from stillwatch.campaigns.report import Day

__all__ = ["AGAINST", "FOR", "Bars", "bars", "days"]

FOR, AGAINST, LINE, INK = "#0a6ea6", "#b5520b", "#85888c", "#1b1d20"
_WIDTH, _ROW = 170.0, 16.0
_DAYS_WIDTH, _DAYS_HEIGHT, _LEFT, _BOTTOM, _TOP = 640.0, 180.0, 52.0, 24.0, 14.0
_MOST_BARS = 120


class Bars(NamedTuple):
    """A drawing for each row, all on one scale."""

    rows: tuple[Markup, ...]


def bars(values: Sequence[float], *, cumulative: bool) -> Bars:
    """Bars of log-odds on one scale; of a waterfall (``cumulative``) each begins where the one before it ended."""
    spans: list[tuple[float, float]] = []
    at = 0.0
    for value in values:
        size = max(-1e6, min(1e6, value)) if value == value else 0.0
        spans.append((at, at + size) if cumulative else (0.0, size))
        at += size
    ends = [0.0, *(end for span in spans for end in span)]
    low, high = min(ends), max(ends)
    scale = _WIDTH / (high - low) if high > low else 0.0
    return Bars(tuple(_bar(start, end, low, scale) for start, end in spans))


def _bar(start: float, end: float, low: float, scale: float) -> Markup:
    left, width = (min(start, end) - low) * scale, max(abs(end - start) * scale, 1.0)
    zero = (0.0 - low) * scale
    box = {"x": left, "y": 3, "width": width, "height": _ROW - 6, "fill": FOR if end >= start else AGAINST}
    rule = {"x1": zero, "x2": zero, "y1": 0, "y2": _ROW, "stroke": LINE, "stroke-width": 1}
    frame = {
        "width": _WIDTH + 2, "height": _ROW, "viewBox": f"-1 0 {_WIDTH + 2:g} {_ROW:g}", "aria-hidden": "true",
        "focusable": "false",
    }  # fmt: skip
    return svg.element("svg", frame, svg.element("line", rule), svg.element("rect", box))


def days(timeline: Sequence[Day], name: str) -> Markup | None:
    """Exchanges for each day (or several, where there are many), and the line of those that were taken; None
    without."""
    if not timeline:
        return None
    ordered = sorted(timeline, key=lambda day: day.date)
    span = (ordered[-1].date - ordered[0].date).days + 1
    width = -(-span // _MOST_BARS)
    count = -(-span // width)
    made, taken = [0.0] * count, [0.0] * count
    for day in ordered:
        at = (day.date - ordered[0].date).days // width
        made[at] += sum(day.exchanges.values())
        taken[at] += day.taken if day.taken == day.taken else 0.0
    return _days(made, taken, ordered[0].date, width, name)


def _days(made: list[float], taken: list[float], first: dt.date, width: int, name: str) -> Markup:
    most = max(*made, *taken, 1.0) if len(made) > 1 else max(made[0], taken[0], 1.0)
    slot = (_DAYS_WIDTH - _LEFT - 6) / len(made)
    base, high = _DAYS_HEIGHT - _BOTTOM, _DAYS_HEIGHT - _BOTTOM - _TOP
    per = "day" if width == 1 else f"{width} days"
    parts = [svg.element("title", {}, f"Exchanges of {name} per {per}; the line: those that were taken")]
    for at in (0.0, most / 2, most):
        y = base - high * at / most
        rule = {"x1": _LEFT, "x2": _DAYS_WIDTH - 4, "y1": y, "y2": y, "stroke": "#dedbd3", "stroke-width": 1}
        parts += [svg.element("line", rule), _text(_LEFT - 6, y + 3, wording.short_count(at), "end")]
    line = []
    for at, value in enumerate(made):
        x, tall = _LEFT + at * slot, high * value / most
        box = {"x": x + slot * 0.1, "y": base - tall, "width": max(slot * 0.8, 0.5), "height": tall, "fill": "#93bfda"}
        parts.append(svg.element("rect", box))
        line.append(f"{x + slot / 2:.1f},{base - high * taken[at] / most:.1f}")
    drawn = {"points": " ".join(line), "fill": "none", "stroke": INK, "stroke-width": 1.5}
    parts.append(svg.element("polyline", drawn))
    every = max(1, -(-len(made) // 6))
    for at in range(0, len(made), every):
        day = first + dt.timedelta(days=at * width)
        parts.append(_text(_LEFT + at * slot + slot / 2, _DAYS_HEIGHT - 6, wording.short_date(day), "middle"))
    frame = {
        "width": _DAYS_WIDTH, "height": _DAYS_HEIGHT, "viewBox": f"0 0 {_DAYS_WIDTH:g} {_DAYS_HEIGHT:g}", "role": "img",
        "aria-label": f"Exchanges of {name} per {per}",
    }  # fmt: skip
    return svg.element("svg", frame, *parts)


def _text(x: float, y: float, words: str, anchor: str) -> Markup:
    frame = {"x": x, "y": y, "text-anchor": anchor, "font-size": 10, "font-family": "sans-serif", "fill": INK}
    return svg.element("text", frame, words)
