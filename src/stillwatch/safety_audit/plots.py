"""Drawings of an audit: where the models stand, and how far the suspect is from the others.

Each drawing is a row of a table whose cells say the same in words, so screen readers pass over it. Models are told
apart by colour and by shape: the suspect is a full circle, the teacher a hollow square, the base a hollow diamond, of
different sizes, so that none hides another.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup

from stillwatch.campaigns.plots import scales, svg
from stillwatch.safety_audit.report import Bounded, Contrast, FigureResult, Side
from stillwatch.safety_audit.rounding import differing, known

__all__ = ["DRAWN", "Apart", "apart", "contrast", "dumbbell", "language", "legend_mark", "side", "standing_axis"]

_SHARES, _LEANINGS = scales.Scale(-3.0, 103.0), scales.Scale(-106.0, 106.0)
_MIDDLE = scales.ROW_HEIGHT / 2
DRAWN: tuple[Contrast, ...] = ("suspect-teacher", "suspect-base")
# Drawn in this order: what is large and hollow below what is small and full.
_ORDER = ("teacher", "base", "suspect")
_LEAST_REACH, _STEP = 20.0, 10.0
# A reach whose axis would have no figure but 0.
_BARE = 40.0
_TICKS = (0.0, 50.0, 100.0)


def legend_mark(role: str) -> Markup:
    """The mark of a model for the legend."""
    frame = {"class": "key", "viewBox": "-9 -9 18 18", "width": 18, "height": 18, "aria-hidden": "true"}
    return svg.element("svg", frame, _shape(role))


def standing_axis(*, paired: bool) -> Markup:
    """The axis of where models stand: per cent, or points from one side to the other."""
    return scales.axis(_LEANINGS, unit="points") if paired else scales.axis(_SHARES, unit="%")


def dumbbell(figure: FigureResult) -> Markup:
    """The models' estimates on one line."""
    return _marks({side.role: side.estimate.value for side in figure.sides if side.units}, _scale(figure))


def language(figure: FigureResult, estimates: Iterable[tuple[str, float]]) -> Markup:
    """The same for one language."""
    return _marks(dict(estimates), _scale(figure))


def side(figure: FigureResult, one: Side) -> Markup:
    """One model's estimate with its interval."""
    scale = _scale(figure)
    if not one.units or not known(one.estimate):
        return scales.row_frame(*_grid(scale))
    place = scale.at(one.estimate.value * 100)
    whisker = _whisker(one.estimate, scale, _MIDDLE, one.role)
    return scales.row_frame(*_grid(scale), whisker, _placed(one.role, place, _MIDDLE, small=True))


class Apart(NamedTuple):
    """How differences are drawn: the scale (points, as far to the left as to the right), its axis, the margin."""

    scale: scales.Scale
    axis: Markup
    ends: str
    margin: float


def apart(figures: Sequence[FigureResult], margin: float) -> Apart:
    """What all differences of these figures and the margin fit into, so that rows can be compared."""
    ends = [
        abs(end) * 100
        for figure in figures
        for difference in figure.differences
        if difference.contrast in DRAWN
        for end in _ends(differing(figure, difference))
    ]
    band = margin if math.isfinite(margin) else 0.0
    reach = max([_LEAST_REACH, 2 * band * 100, *ends])
    reach = min(math.ceil(reach / _STEP - 1e-9) * _STEP, 200.0)
    reach = 50.0 if reach == _BARE else reach
    scale = scales.Scale(-1.04 * reach, 1.04 * reach)
    return Apart(scale, scales.axis(scale, unit="points"), f"{reach:.0f} points to either side", band)


def _ends(bounded: Bounded) -> tuple[float, ...]:
    """The ends of an interval; of one that holds everything, which is drawn from edge to edge, none."""
    everything = bounded.low <= -1 and bounded.high >= 1
    return () if everything or not known(bounded) else (bounded.low, bounded.high)


def contrast(figure: FigureResult, contrasts: Sequence[Contrast], drawn: Apart) -> Markup:
    """Differences with their simultaneous intervals, one below the other; the margin is a band around zero.

    Of a safety figure, to the left is worse; of others, lower, or further from zero where zero is best.
    """
    scale, margin = drawn.scale, drawn.margin
    left, right = (svg.per_cent(scale.at(end * 100)) for end in (-margin, margin))
    width = svg.per_cent(max(scale.at(margin * 100) - scale.at(-margin * 100), 0.0))
    zero = svg.per_cent(scale.at(0.0))
    parts = [
        svg.element("rect", {"class": "margin", "x": left, "y": 0, "width": width, "height": scales.ROW_HEIGHT}),
        *(svg.element("line", {"class": "edge", **_upright(edge)}) for edge in (left, right)),
        svg.element("line", {"class": "zero", **_upright(zero)}),
    ]
    found = {each.contrast: differing(figure, each) for each in figure.differences if each.units}
    for place, name in enumerate(contrasts):
        bounded = found.get(name)
        if bounded is None or not known(bounded):
            continue
        y = scales.ROW_HEIGHT * (place + 0.5) / len(contrasts)
        against = name.partition("-")[2]
        parts.append(_whisker(bounded, scale, y, against))
        parts.append(_placed(against, scale.at(bounded.value * 100), y, small=True))
    return scales.row_frame(*parts)


def _scale(figure: FigureResult) -> scales.Scale:
    return _LEANINGS if figure.paired or figure.better == "zero" else _SHARES


def _grid(scale: scales.Scale) -> list[Markup]:
    ticks = _TICKS if scale is _SHARES else (-100.0, 0.0, 100.0)
    return [svg.element("line", {"class": "grid", **_upright(svg.per_cent(scale.at(tick)))}) for tick in ticks]


def _upright(x: str) -> dict[str, object]:
    return {"x1": x, "x2": x, "y1": 0, "y2": scales.ROW_HEIGHT}


def _marks(estimates: dict[str, float], scale: scales.Scale) -> Markup:
    told = {role: v * 100 for role, v in estimates.items() if role in _ORDER and math.isfinite(v)}
    parts = _grid(scale)
    if len(told) > 1:
        ends = (svg.per_cent(scale.at(end)) for end in (min(told.values()), max(told.values())))
        low, high = ends
        parts.append(svg.element("line", {"class": "between", "x1": low, "x2": high, "y1": _MIDDLE, "y2": _MIDDLE}))
    parts += [_placed(role, scale.at(told[role]), _MIDDLE) for role in _ORDER if role in told]
    return scales.row_frame(*parts)


def _whisker(bounded: Bounded, scale: scales.Scale, y: float, role: str) -> Markup:
    low, high = (svg.per_cent(scale.at(end * 100)) for end in (bounded.low, bounded.high))
    return svg.element("line", {"class": f"reach {role}", "x1": low, "x2": high, "y1": y, "y2": y})


def _placed(role: str, place: float, y: float, *, small: bool = False) -> Markup:
    """A mark at a share of the width: a drawing within the drawing, because a shape has no place in per cent."""
    return svg.element("svg", {"x": svg.per_cent(place), "y": y}, _shape(role, small=small))


def _shape(role: str, *, small: bool = False) -> Markup:
    kind = f"model {role}"
    if role == "suspect":
        return svg.element("circle", {"class": kind, "r": 4.8})
    if role == "teacher":
        half = 3.2 if small else 6.8
        return svg.element("rect", {"class": kind, "x": -half, "y": -half, "width": 2 * half, "height": 2 * half})
    tip = 4.2 if small else 8.0
    return svg.element("polygon", {"class": kind, "points": f"0,{-tip} {tip},0 0,{tip} {-tip},0"})
