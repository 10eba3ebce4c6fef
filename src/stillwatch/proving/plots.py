"""Drawings of a proof: how small each p-value is, and what lies behind it; each is a cell, told in words beside it."""

from __future__ import annotations

import math

from markupsafe import Markup

from stillwatch.campaigns.plots import scales, svg

__all__ = ["Strength", "excess", "excess_axis", "nearest", "rates", "share_axis"]

_SHARES = scales.Scale(-3.0, 103.0)
_MIDDLE = scales.ROW_HEIGHT / 2
_LEAST, _MOST = 6.0, 40.0


class Strength:
    """p-values on one scale of powers of ten, with the level as a line: the longer the bar, the smaller the p-value.

    ``p_values`` are all that are drawn; beyond 10⁻⁴⁰ bars end at the edge.
    """

    def __init__(self, p_values: list[float], level: float) -> None:
        reach = max([_LEAST, _power(level) * 1.5, *(_power(p) for p in p_values)])
        self._scale = scales.Scale(0.0, min(reach, _MOST) * 1.04)
        self._level = level

    def axis(self) -> Markup:
        """The axis, in powers of ten."""
        return scales.axis(self._scale, unit="powers of ten below 1")

    def bar(self, p_value: float | None, *, shown: bool) -> Markup:
        """The bar of one p-value; None: none."""
        line = svg.per_cent(self._scale.at(_power(self._level)))
        parts = []
        if p_value is not None:
            width = svg.per_cent(max(self._scale.at(_power(p_value)), 0.004))
            kind = "bar shown" if shown else "bar open"
            box = {"class": kind, "x": 0, "y": 5, "width": width, "height": scales.ROW_HEIGHT - 10, "rx": 1.5}
            parts.append(svg.element("rect", box))
        upright = {"class": "level", "x1": line, "x2": line, "y1": 0, "y2": scales.ROW_HEIGHT}
        return scales.row_frame(*parts, svg.element("line", upright))


def share_axis() -> Markup:
    """The axis of shares in per cent."""
    return scales.axis(_SHARES, unit="%")


def nearest(value: float, low: float, high: float, chance: float) -> Markup:
    """The share of prompts where the taken answer is the nearest, with its interval, and what chance gives."""
    ends = [svg.per_cent(_SHARES.at(100 * end)) for end in (low, high)]
    reach = {"class": "whisker", "x1": ends[0], "x2": ends[1], "y1": _MIDDLE, "y2": _MIDDLE}
    return scales.row_frame(_upright("level", chance), svg.element("line", reach), _dot("dot", value))


def rates(marked: float, other: float) -> Markup:
    """How often the key's variant stands where our answer was marked (full) and where not (hollow)."""
    ends = [svg.per_cent(_SHARES.at(100 * end)) for end in sorted((marked, other))]
    between = {"class": "between", "x1": ends[0], "x2": ends[1], "y1": _MIDDLE, "y2": _MIDDLE}
    return scales.row_frame(
        *(_upright("grid", tick) for tick in (0.0, 0.5, 1.0)),
        svg.element("line", between),
        _dot("other", other),
        _dot("dot", marked),
    )


def excess_axis(values: list[float]) -> tuple[Markup, scales.Scale]:
    """The axis of a suspect's likeness to families, and its scale."""
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(0.0, *finite), max(0.0, *finite)
    span = (high - low) or 1.0
    scale = scales.Scale(low - 0.05 * span, high + 0.05 * span)
    return scales.axis(scale, unit="share of likeness"), scale


def excess(value: float, scale: scales.Scale, *, leads: bool) -> Markup:
    """One family's bar."""
    left, right = sorted((scale.at(0.0), scale.at(value if math.isfinite(value) else 0.0)))
    width = svg.per_cent(max(right - left, 0.004))
    kind = "bar plus" if leads else "bar open"
    box = {"class": kind, "x": svg.per_cent(left), "y": 5, "width": width, "height": scales.ROW_HEIGHT - 10, "rx": 1.5}
    zero = svg.per_cent(scale.at(0.0))
    line = {"class": "zero", "x1": zero, "x2": zero, "y1": 0, "y2": scales.ROW_HEIGHT}
    return scales.row_frame(svg.element("line", line), svg.element("rect", box))


def _power(p: float) -> float:
    """-log10(p), 0 for what is no p-value."""
    if not 0 < p <= 1:
        return 0.0 if p != 0 else 324.0
    return -math.log10(p)


def _upright(kind: str, share: float) -> Markup:
    x = svg.per_cent(_SHARES.at(100 * share))
    return svg.element("line", {"class": kind, "x1": x, "x2": x, "y1": 0, "y2": scales.ROW_HEIGHT})


def _dot(kind: str, share: float) -> Markup:
    return svg.element("circle", {"class": kind, "cx": svg.per_cent(_SHARES.at(100 * share)), "cy": _MIDDLE, "r": 4.5})
