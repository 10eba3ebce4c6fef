"""A campaign's days: exchanges by model above, sign-ups in the middle, accounts first and last seen below.

The drawing has a fixed size in its own units and scrolls sideways on a phone. Above `_DAYS` days the days are
added up by week, above `_WEEKS` weeks by thirty days; the title says which.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Sequence

import msgspec
from markupsafe import Markup

from stillwatch.campaigns import wording
from stillwatch.campaigns.plots import svg
from stillwatch.campaigns.report import Day

MODELS = 4
OTHER = "other models"
_DAYS = 120
_WEEKS = 150
_WIDTH = 880
_LEFT, _RIGHT = 64, 16
_PANELS = ((48, 170), (268, 52), (366, 84))
_HEIGHT = 484


class Timeline(msgspec.Struct, frozen=True):
    """The drawing, its legend (model in words, its class), and what it shows in sentences."""

    drawing: Markup
    legend: tuple[tuple[str, str], ...]
    sentences: tuple[str, ...]


class _Bin(msgspec.Struct):
    date: dt.date
    exchanges: dict[str, int]
    taken: float
    sign_ups: int
    first_seen: int
    last_seen: int


def timeline(days: Sequence[Day], name: str) -> Timeline | None:
    """The timeline of a campaign called ``name`` (words, for the title); None where no day is recorded."""
    if not days:
        return None
    bins, width = _binned(sorted(days, key=lambda day: day.date))
    totals: dict[str, int] = {}
    for day in bins:
        for model, exchanges in day.exchanges.items():
            totals[model] = totals.get(model, 0) + exchanges
    ranked = sorted(totals, key=lambda model: (-totals[model], model))
    shown = ranked[:MODELS]
    for day in bins:
        rest = sum(value for model, value in day.exchanges.items() if model not in shown)
        day.exchanges = {model: day.exchanges.get(model, 0) for model in shown} | ({OTHER: rest} if rest else {})
    classes = {model: f"model-{place + 1}" for place, model in enumerate(shown)}
    if len(ranked) > MODELS:
        classes[OTHER] = "model-other"
    switches = model_switches([(day.date, day.exchanges) for day in bins])
    sentences = _sentences(bins, switches, width)
    legend = tuple((wording.visible(model, limit=40), kind) for model, kind in classes.items())
    return Timeline(_draw(bins, classes, switches, width, name, sentences), legend, sentences)


def model_switches(days: Sequence[tuple[dt.date, dict[str, int]]]) -> tuple[tuple[dt.date, str], ...]:
    """Where the model asked most changes and stays changed for two days (or bins): (first day, new model).

    Days without exchanges are passed over. Fewer than three days with exchanges show no switch.
    """
    leaders = [(date, max(sorted(used), key=lambda m: used[m])) for date, used in days if sum(used.values()) > 0]
    if len(leaders) < 3:
        return ()
    switches: list[tuple[dt.date, str]] = []
    current = leaders[0][1]
    for (date, leader), (_, following) in itertools.pairwise(leaders[1:]):
        if leader != current and following == leader:
            switches.append((date, leader))
            current = leader
    return tuple(switches)


def _binned(days: Sequence[Day]) -> tuple[list[_Bin], int]:
    span = (days[-1].date - days[0].date).days + 1
    width = 1 if span <= _DAYS else 7 if span <= 7 * _WEEKS else 30
    while span > width * _WEEKS * 2:
        width *= 2
    bins = [
        _Bin(days[0].date + dt.timedelta(days=place * width), {}, 0.0, 0, 0, 0) for place in range(-(-span // width))
    ]
    for day in days:
        target = bins[(day.date - days[0].date).days // width]
        for model, exchanges in day.exchanges.items():
            target.exchanges[model] = target.exchanges.get(model, 0) + exchanges
        target.taken += day.taken if math.isfinite(day.taken) else 0.0
        target.sign_ups += day.sign_ups
        target.first_seen += day.first_seen
        target.last_seen += day.last_seen
    return bins, width


def _sentences(bins: Sequence[_Bin], switches: Sequence[tuple[dt.date, str]], width: int) -> tuple[str, ...]:
    per = "day" if width == 1 else "week" if width == 7 else f"{width} days"
    which = "" if width == 1 else "the one from "
    busiest = max(bins, key=lambda day: sum(day.exchanges.values()))
    used = wording.counted(sum(busiest.exchanges.values()), "exchange")
    said = [f"The busiest {per} was {which}{wording.date(busiest.date)} with {used}."]
    for title, values in (
        ("Sign-ups", [day.sign_ups for day in bins]),
        ("Accounts first seen", [day.first_seen for day in bins]),
        ("Accounts last seen", [day.last_seen for day in bins]),
    ):
        top = max(range(len(bins)), key=lambda place: values[place])
        if values[top]:
            total = wording.count(sum(values))
            when = f"{'on' if width == 1 else 'from'} {wording.date(bins[top].date)}"
            said.append(f"{title}: {total} in all, most ({wording.count(values[top])}) {when}.")
    for date, model in switches[:3]:
        said.append(f"From {wording.date(date)} on, most exchanges go to {wording.visible(model, limit=40)}.")
    return tuple(said)


def _draw(
    bins: Sequence[_Bin],
    classes: dict[str, str],
    switches: Sequence[tuple[dt.date, str]],
    width: int,
    name: str,
    sentences: Sequence[str],
) -> Markup:
    per = "day" if width == 1 else "week" if width == 7 else f"{width} days"
    slot = (_WIDTH - _LEFT - _RIGHT) / len(bins)
    parts = [
        svg.element("title", {}, f"Timeline of {name}, per {per}"),
        svg.element("desc", {}, " ".join(sentences)),
    ]
    parts += _traffic(bins, classes, slot, per)
    parts += _counts(bins, [("sign-up", [day.sign_ups for day in bins])], slot, _PANELS[1], f"Sign-ups per {per}")
    waves = [("first-seen", [day.first_seen for day in bins]), ("last-seen", [-day.last_seen for day in bins])]
    parts += _counts(bins, waves, slot, _PANELS[2], f"Accounts per {per}: first seen (up), last seen (down)")
    parts += _switch_marks(bins, switches, slot, width)
    parts += _dates(bins, slot)
    frame = {"class": "timeline", "viewBox": f"0 0 {_WIDTH} {_HEIGHT}", "role": "img"}
    return svg.element("svg", frame, *parts)


def _traffic(bins: Sequence[_Bin], classes: dict[str, str], slot: float, per: str) -> list[Markup]:
    top, height = _PANELS[0]
    most = max([1, *(sum(day.exchanges.values()) for day in bins)])
    parts = [_caption(top - 20, f"Exchanges per {per}, by model; line: those that fed the copy")]
    parts += _gridlines(0, most, top, height)
    gap = min(1.5, slot * 0.15)
    line: list[str] = []
    for place, day in enumerate(bins):
        x = _LEFT + place * slot
        base = float(top + height)
        for model, kind in classes.items():
            tall = height * day.exchanges.get(model, 0) / most
            if tall <= 0:
                continue
            base -= tall
            box = {"class": kind, "x": x + gap / 2, "y": base, "width": slot - gap, "height": tall}
            hint = f"{wording.date(day.date)}, {wording.visible(model, limit=40)}: {day.exchanges[model]:,} exchanges"
            parts.append(svg.element("rect", box, svg.element("title", {}, hint)))
        line.append(f"{x + slot / 2:.1f},{top + height - height * min(day.taken / most, 1.0):.1f}")
    parts.append(svg.element("polyline", {"class": "taken-halo", "points": " ".join(line)}))
    parts.append(svg.element("polyline", {"class": "taken-line", "points": " ".join(line)}))
    return parts


def _counts(
    bins: Sequence[_Bin], series: Sequence[tuple[str, list[int]]], slot: float, panel: tuple[int, int], caption: str
) -> list[Markup]:
    top, height = panel
    high = max([0, *(value for _, values in series for value in values)])
    low = min([0, *(value for _, values in series for value in values)])
    span = max(high - low, 1)
    zero = top + height * high / span if high or low else top + height
    parts = [_caption(top, caption), *_ends(top, height, zero, high, low)]
    gap = min(1.5, slot * 0.15)
    for kind, values in series:
        for place, value in enumerate(values):
            if not value:
                continue
            tall = max(height * abs(value) / span, 1.0)
            x, y = _LEFT + place * slot + gap / 2, zero - tall if value > 0 else zero
            box = {"class": kind, "x": x, "y": y, "width": slot - gap, "height": tall}
            hint = f"{wording.date(bins[place].date)}: {abs(value):,} {kind.replace('-', ' ')}"
            parts.append(svg.element("rect", box, svg.element("title", {}, hint)))
    return parts


def _ends(top: int, height: int, zero: float, high: int, low: int) -> list[Markup]:
    parts = [_rule("base", zero)]
    if high:
        parts += [_figure(top, wording.short_count(high))]
    if low:
        parts += [_figure(top + height, wording.short_count(-low))]
    free = abs(zero - top) > 12 and (not low or abs(top + height - zero) > 12)
    return [*parts, _figure(zero, "0")] if free else parts


def _gridlines(low: float, high: float, top: int, height: int) -> list[Markup]:
    step = max(svg.nice_step(high - low, 4), 1.0)
    parts: list[Markup] = []
    tick = 0.0
    while tick <= high:
        y = top + height - height * tick / high
        parts += [_rule("base" if tick == 0 else "grid", y), _figure(y, wording.short_count(tick))]
        tick += step
    return parts


def _rule(kind: str, y: float) -> Markup:
    return svg.element("line", {"class": kind, "x1": _LEFT, "x2": _WIDTH - _RIGHT, "y1": y, "y2": y})


def _figure(y: float, figure: str) -> Markup:
    return svg.element("text", {"class": "figure", "x": _LEFT - 8, "y": y + 4, "text-anchor": "end"}, figure)


def _caption(top: int, words: str) -> Markup:
    return svg.element("text", {"class": "caption", "x": _LEFT, "y": top - 14}, words)


def _switch_marks(
    bins: Sequence[_Bin], switches: Sequence[tuple[dt.date, str]], slot: float, width: int
) -> list[Markup]:
    top, height = _PANELS[0]
    parts: list[Markup] = []
    for date, model in switches[:3]:
        x = _LEFT + ((date - bins[0].date).days // width) * slot
        right = x > _WIDTH * 0.7
        label = {
            "class": "switch-text",
            "x": x - 6 if right else x + 6,
            "y": top - 5,
            "text-anchor": "end" if right else "start",
        }
        parts.append(svg.element("line", {"class": "switch", "x1": x, "x2": x, "y1": top - 14, "y2": top + height}))
        parts.append(svg.element("text", label, f"switch to {wording.visible(model, limit=28)}"))
    return parts


def _dates(bins: Sequence[_Bin], slot: float) -> list[Markup]:
    every = max(1, -(-len(bins) // 8))
    years = bins[0].date.year != bins[-1].date.year
    parts: list[Markup] = []
    for place in range(0, len(bins), every):
        x = _LEFT + place * slot + slot / 2
        day = bins[place].date
        label = f"{wording.short_date(day)} {day.year}" if years else wording.short_date(day)
        parts.append(svg.element("line", {"class": "base", "x1": x, "x2": x, "y1": _HEIGHT - 30, "y2": _HEIGHT - 25}))
        frame = {"class": "figure", "x": x, "y": _HEIGHT - 10, "text-anchor": "middle"}
        parts.append(svg.element("text", frame, label))
    return parts
