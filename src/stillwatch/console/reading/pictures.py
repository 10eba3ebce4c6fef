"""Pictures of the console as inline SVG, drawn here and not in the browser: days, and stated against found.

Each has a title and a description that say in words what it shows; colours are classes of the style sheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from stillwatch.campaigns import wording
from stillwatch.campaigns.plots import svg
from stillwatch.console.reading.figures import DayTaken

__all__ = ["Bin", "calibration_picture", "days_picture"]

_WIDTH, _HEIGHT = 880, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 26, 34
_MOST = 180
_SIDE, _EDGE = 320, 44


class Bin(NamedTuple):
    """Accounts of which about the same had been stated: the mean probability of innocence ``stated``, how many people
    ``judged`` and found ``innocent``, that ``share`` and its interval."""

    stated: float
    judged: int
    innocent: int
    share: float
    low: float
    high: float


def days_picture(days: Sequence[DayTaken]) -> Markup | None:
    """Exchanges taken by the day as bars (above 180 days, by as many days as make it so few); None without days."""
    if not days:
        return None
    width = -(-len(days) // _MOST)
    bins = [(days[at].date, sum(day.taken for day in days[at : at + width])) for at in range(0, len(days), width)]
    most = max(max(taken for _, taken in bins), 1e-9)
    busiest = max(bins, key=lambda one: one[1])
    per = "day" if width == 1 else f"{width} days"
    said = (
        f"From {wording.period(bins[0][0], days[-1].date)}; the most, about "
        f"{wording.counted(busiest[1], 'exchange')}, {'on' if width == 1 else 'from'} {wording.date(busiest[0])}."
    )
    parts = [svg.element("title", {}, f"Exchanges taken per {per}"), svg.element("desc", {}, said)]
    parts.append(svg.element("text", {"class": "caption", "x": _LEFT, "y": 12}, f"Exchanges taken per {per}"))
    tall = _HEIGHT - _TOP - _BOTTOM
    step = max(svg.nice_step(most, 3), 1e-9)
    for tick in range(int(most / step + 1e-9) + 1):
        y = _TOP + tall * (1 - tick * step / most)
        line = {"class": "base" if tick == 0 else "grid", "x1": _LEFT, "x2": _WIDTH - _RIGHT, "y1": y, "y2": y}
        parts.append(svg.element("line", line))
        parts.append(
            svg.element("text", {"x": _LEFT - 8, "y": y + 4, "text-anchor": "end"}, wording.short_count(tick * step))
        )
    slot = (_WIDTH - _LEFT - _RIGHT) / len(bins)
    gap = min(1.5, slot * 0.15)
    every = max(1, -(-len(bins) // 8))
    for place, (date, taken) in enumerate(bins):
        x, high = _LEFT + place * slot, tall * taken / most
        box = {"class": "taken-bar", "x": x + gap / 2, "y": _TOP + tall - high, "width": slot - gap, "height": high}
        hint = f"{wording.date(date)}: about {wording.counted(taken, 'exchange')}"
        parts.append(svg.element("rect", box, svg.element("title", {}, hint)))
        if place % every == 0:
            label = {"x": x + slot / 2, "y": _HEIGHT - 12, "text-anchor": "middle"}
            parts.append(svg.element("text", label, wording.short_date(date)))
    return svg.element("svg", {"class": "days", "viewBox": f"0 0 {_WIDTH} {_HEIGHT}", "role": "img"}, *parts)


def calibration_picture(bins: Sequence[Bin]) -> Markup | None:
    """Innocents found against innocents stated, a point with its interval for each range; None without a judgement.

    On the diagonal the two agree; a point above it says that more were innocent than had been stated.
    """
    if not bins:
        return None
    said = "; ".join(
        f"stated {wording.percent(one.stated)}: {one.innocent} of {one.judged} were innocent, "
        f"{wording.percent(one.low)} to {wording.percent(one.high)}"
        for one in bins
    )
    title = "Share found innocent, by the probability of innocence that had been stated"
    parts = [svg.element("title", {}, title), svg.element("desc", {}, f"{said}.")]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = _across(tick), _up(tick)
        parts.append(svg.element("line", {"class": "grid", "x1": _across(0), "x2": _across(1), "y1": y, "y2": y}))
        parts.append(svg.element("text", {"x": _EDGE - 8, "y": y + 4, "text-anchor": "end"}, wording.percent(tick)))
        parts.append(
            svg.element("text", {"x": x, "y": _SIDE - _EDGE + 18, "text-anchor": "middle"}, wording.percent(tick))
        )
    diagonal = {"class": "switch", "x1": _across(0), "y1": _up(0), "x2": _across(1), "y2": _up(1)}
    parts.append(svg.element("line", diagonal))
    for one in bins:
        x = _across(one.stated)
        parts.append(
            svg.element("line", {"class": "whisker", "x1": x, "x2": x, "y1": _up(one.low), "y2": _up(one.high)})
        )
        hint = f"{one.innocent} of {one.judged} innocent where {wording.percent(one.stated)} was stated"
        dot = {"class": "dot", "cx": x, "cy": _up(one.share), "r": 4.5}
        parts.append(svg.element("circle", dot, svg.element("title", {}, hint)))
    parts.append(svg.element("text", {"class": "caption", "x": 0, "y": 12}, "found innocent"))
    parts.append(
        svg.element(
            "text", {"class": "caption", "x": _SIDE / 2, "y": _SIDE - 6, "text-anchor": "middle"}, "stated innocent"
        )
    )
    return svg.element("svg", {"class": "calibration", "viewBox": f"0 0 {_SIDE} {_SIDE}", "role": "img"}, *parts)


def _across(share: float) -> float:
    return _EDGE + (_SIDE - _EDGE - 12) * share


def _up(share: float) -> float:
    return _SIDE - _EDGE - (_SIDE - _EDGE - 24) * share
