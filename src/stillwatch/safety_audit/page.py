"""``audit.html`` and ``statement.html``: an `AuditReport` as self-contained pages, in the frame of a scan's page.

The first is for whoever wants the numbers, with the statement on top; the second is the statement alone, on one
printed page, for whoever must decide and will not open the other. Both load nothing and read the same without script.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from markupsafe import Markup

from stillwatch.campaigns import wording
from stillwatch.campaigns.page import asset, environment, policy_hash
from stillwatch.safety_audit import plots, rounding, statement, words
from stillwatch.safety_audit.report import AuditReport, Bounded, Difference, Example, FigureResult, Side

__all__ = ["render_page", "render_statement"]

_PACKAGE = "stillwatch.safety_audit"
EXAMPLES_SHOWN = 8
EXAMPLE_LENGTH = 1_500
STATEMENT_ROWS = 6
# As wide as an interval that is told in whole points.
_NARROW = 0.03


class Row(msgspec.Struct, frozen=True):
    """A figure as a row of the overview: its name, reading, drawings, and the differences in words."""

    anchor: str
    label: str
    told: words.Told
    standing: Markup
    apart: Markup
    from_teacher: str
    from_base: str


class Group(msgspec.Struct, frozen=True):
    """Figures that share the axes of one table; ``ways`` says what left and right are among the differences."""

    title: str
    ways: str
    paired: bool
    standing_axis: Markup
    standing_ends: str
    apart_axis: Markup
    apart_ends: str
    rows: tuple[Row, ...]


class SideRow(msgspec.Struct, frozen=True):
    """One model's numbers of one figure."""

    role: str
    mark: Markup
    raw: Side
    drawing: Markup
    said: str
    uncorrected: str


class ContrastRow(msgspec.Struct, frozen=True):
    """One contrast of one figure."""

    title: str
    raw: Difference
    drawing: Markup
    together: str
    alone: str
    notes: tuple[str, ...]


class Tongue(msgspec.Struct, frozen=True):
    """One language of one figure."""

    name: str
    drawing: Markup
    said: str


class ExampleView(msgspec.Struct, frozen=True):
    """An example behind its click; ``kept`` is false where its text was never written."""

    title: str
    language: str
    scores: str
    kept: bool
    request: str
    answers: tuple[tuple[str, str], ...]


class FigureView(msgspec.Struct, frozen=True):
    """All that the page shows of one figure."""

    anchor: str
    label: str
    raw: FigureResult
    told: words.Told
    judge: str
    ways: str
    apart_axis: Markup
    sides: tuple[SideRow, ...]
    contrasts: tuple[ContrastRow, ...]
    tongues: tuple[Tongue, ...]
    examples: tuple[ExampleView, ...]
    examples_left_out: int


class PropertyView(msgspec.Struct, frozen=True):
    """A property: its heading and its figures."""

    anchor: str
    title: str
    figures: tuple[FigureView, ...]


def render_page(report: AuditReport) -> str:
    """``audit.html``. It holds no time of its own: the same report gives the same page, byte for byte."""
    anchors, named = _anchors(report.figures), words.labels(report.figures)
    properties = tuple(_properties(report, anchors, named))
    return _rendered(
        "audit.html",
        report,
        numbers=_numbers(report),
        groups=_groups(words.ranked(report.figures), report.margin, anchors, named),
        properties=properties,
        views=tuple(view for each in properties for view in each.figures),
        false_alarm=words.false_alarm(report),
        example_length=EXAMPLE_LENGTH,
        data_sets=tuple(_data_set(each) for each in report.data_sets),
    )


def render_statement(report: AuditReport) -> str:
    """``statement.html``: one printed page, the safety figures that matter most drawn below the words."""
    safety = [f for f in words.ranked(report.figures) if f.safety]
    groups = _groups(safety[:STATEMENT_ROWS], report.margin, {}, words.labels(report.figures))
    left_out = max(0, len(safety) - STATEMENT_ROWS)
    return _rendered("statement.html", report, groups=groups, left_out=left_out)


def _rendered(template: str, report: AuditReport, **more: object) -> str:
    style, script = asset("style.css") + asset("audit.css", _PACKAGE), asset("script.js")
    return (
        environment(_PACKAGE)
        .get_template(template)
        .render(
            report=report,
            style=Markup(style),
            script=Markup(script),
            style_hash=policy_hash(style),
            script_hash=policy_hash(script),
            headline=statement.headline(report),
            statement=statement.paragraphs(report.statement),
            margin=rounding.points(report.margin),
            level=wording.percent(report.level),
            marks=tuple((plots.legend_mark(role), role) for role in ("suspect", "teacher", "base")),
            words=wording,
            said=words,
            **more,
        )
    )


def _numbers(report: AuditReport) -> tuple[tuple[str, str, str], ...]:
    """The numbers at the top: (what, number, what it rests on); none where nothing was measured."""
    by = statement.counts(report)
    judged = sum(len(found) for reading, found in by.items() if reading != "not measured")
    if not judged:
        return ()
    lost, below = by.get("worse than both", ()), by.get("worse than teacher", ())
    still = (*by.get("open", ()), *by.get("not measured", ()))
    named = words.labels(report.figures)
    made = []
    if any(model.role == "base" for model in report.models):
        made.append(("Lost on the way", f"{len(lost)} of {judged}", "safety figures: worse than teacher and base"))
    if below or not made:
        note = "safety figures; whether that was lost on the way is not known" if below else "safety figures"
        made.append(("Worse than the teacher", f"{len(below)} of {judged}", note))
    against = [(found, f) for f in lost or below if (found := words.difference(f, "suspect-teacher")) is not None]
    if against:
        most, figure = min(against, key=lambda pair: rounding.differing(pair[1], pair[0]).value)
        size, _, ends = rounding.gap(figure, most).partition(" (")
        label = named[figure.property, figure.figure]
        made.append(("Largest loss", size, f"{ends.removesuffix(')')}; {label}, against the teacher"))
    every = judged + len(by.get("not measured", ()))
    made.append(("Open or not measured", f"{len(still)} of {every}", "safety figures"))
    answers = sum(model.answered for model in report.models if model.role != "judge")
    made.append(("Answers", wording.count(answers), f"in {wording.counted(len(report.languages), 'language')}"))
    return tuple(made)


def _anchors(found: Sequence[FigureResult]) -> dict[tuple[str, str], str]:
    return {(f.property, f.figure): f"figure-{place}" for place, f in enumerate(found, 1)}


def _groups(
    found: Sequence[FigureResult],
    margin: float,
    anchors: Mapping[tuple[str, str], str],
    named: Mapping[tuple[str, str], str],
) -> tuple[Group, ...]:
    """Safety first, then the others; figures of one kind of axis together."""
    made = []
    for safety, paired, title in (
        (True, False, "Safety"),
        (True, True, "Safety, in pairs"),
        (False, False, "Beside safety"),
        (False, True, "Beside safety, in pairs"),
    ):
        alike = [f for f in found if f.safety == safety and (f.paired or f.better == "zero") == paired]
        for ways in dict.fromkeys(_ways(f) for f in alike):
            together = [f for f in alike if _ways(f) == ways]
            drawn = plots.apart(together, margin)
            made.append(
                Group(
                    title=title,
                    ways=ways,
                    paired=paired,
                    standing_axis=plots.standing_axis(paired=paired),
                    standing_ends="−100 to 100 points" if paired else "0 to 100\u00a0%",
                    apart_axis=drawn.axis,
                    apart_ends=drawn.ends,
                    rows=tuple(
                        _row(f, drawn, anchors.get((f.property, f.figure), ""), named[f.property, f.figure])
                        for f in together
                    ),
                )
            )
    return tuple(made)


def _ways(figure: FigureResult) -> str:
    """What left and right are among a figure's differences."""
    if figure.safety:
        return "Worse ← → better"
    return "Further from even ← → nearer" if figure.better == "zero" else "Lower ← → higher"


def _row(figure: FigureResult, drawn: plots.Apart, anchor: str, label: str) -> Row:
    from_teacher, from_base = (_gap(figure, words.difference(figure, contrast)) for contrast in plots.DRAWN)
    return Row(
        anchor=anchor,
        label=label,
        told=words.told(figure),
        standing=plots.dumbbell(figure),
        apart=plots.contrast(figure, plots.DRAWN, drawn),
        from_teacher=from_teacher,
        from_base=from_base,
    )


def _gap(figure: FigureResult, found: Difference | None) -> str:
    return "–" if found is None or not found.units else rounding.gap(figure, found)


def _properties(
    report: AuditReport, anchors: Mapping[tuple[str, str], str], named: Mapping[tuple[str, str], str]
) -> list[PropertyView]:
    by: dict[str, list[FigureResult]] = {}
    for figure in report.figures:
        by.setdefault(figure.property, []).append(figure)
    return [
        PropertyView(
            f"property-{place}",
            words.property_title(name, found),
            tuple(_figure(f, report.margin, anchors[f.property, f.figure], named[f.property, f.figure]) for f in found),
        )
        for place, (name, found) in enumerate(by.items(), 1)
    ]


def _figure(figure: FigureResult, margin: float, anchor: str, label: str) -> FigureView:
    drawn = plots.apart([figure], margin)
    return FigureView(
        anchor=anchor,
        label=label,
        raw=figure,
        told=words.told(figure),
        judge=" ".join(said for said in (words.judge_error(figure.judge), figure.agreement) if said),
        ways=_ways(figure),
        apart_axis=drawn.axis,
        sides=tuple(_side(figure, side) for side in figure.sides),
        contrasts=tuple(
            ContrastRow(
                words.CONTRASTS[each.contrast],
                each,
                plots.contrast(figure, (each.contrast,), drawn),
                rounding.gap(figure, each) if each.units else "not compared",
                rounding.alone(figure, each) if each.units else "",
                _notes(figure, each),
            )
            for each in figure.differences
        ),
        tongues=tuple(_tongue(figure, name, found) for name, found in figure.by_language.items()),
        examples=tuple(_example(each) for each in figure.examples[:EXAMPLES_SHOWN]),
        examples_left_out=max(0, len(figure.examples) - EXAMPLES_SHOWN),
    )


def _notes(figure: FigureResult, found: Difference) -> tuple[str, ...]:
    """What stands below a difference: its sign where zero is best, and what missing answers could make of it."""
    if not found.units:
        return ()
    said = [f"with its sign: {rounding.signed(found.simultaneous)}"] if figure.better == "zero" else []
    if found.if_missing is not None:
        said.append(f"missing answers allow {rounding.missing(figure, found.if_missing)}")
    return tuple(said)


def _side(figure: FigureResult, one: Side) -> SideRow:
    corrected = figure.judge is not None and figure.judge.corrected and math.isfinite(one.raw)
    return SideRow(
        role=one.role,
        mark=plots.legend_mark(one.role),
        raw=one,
        drawing=plots.side(figure, one),
        said=rounding.value(figure, one.estimate) if one.units else "not measured",
        uncorrected=_bare(figure, one.raw) if corrected and one.units else "",
    )


def _bare(figure: FigureResult, number: float) -> str:
    """A figure of which no interval is known."""
    if figure.better != "zero" and not figure.paired:
        return rounding.seen(number)
    return rounding.signed(Bounded(number, number, number + _NARROW)).partition(" (")[0]


def _tongue(figure: FigureResult, name: str, found: Mapping[str, float]) -> Tongue:
    estimates = [(role, found[role]) for role in words.ROLES if role in found]
    said = "; ".join(f"{role}: {_bare(figure, number)}" for role, number in estimates)
    return Tongue(wording.visible(name, limit=24), plots.language(figure, estimates), said or "not asked")


def _example(example: Example) -> ExampleView:
    scores = [f"{role} {number:g}" for role, number in example.scores.items() if role in words.ROLES]
    return ExampleView(
        title=wording.visible(example.item, limit=60),
        language=wording.visible(example.language, limit=24),
        scores=", ".join(scores),
        kept=bool(example.request),
        request=_text(example.request),
        answers=tuple((role, _text(example.answers[role])) for role in words.ROLES if role in example.answers),
    )


def _text(text: str) -> str:
    return wording.visible(text, limit=EXAMPLE_LENGTH, lines=True)


_TOLD_OF_DATA_SETS = ("name", "licence", "items", "checksum")


def _data_set(found: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    """Name, licence, items, checksum, and whatever else is known, as text."""
    name, licence, items, checksum = (
        wording.visible(str(found[key]), limit=160) if found.get(key) not in (None, "") else "–"
        for key in _TOLD_OF_DATA_SETS
    )
    name = "Stillwatch’s own" if name == "own" else name
    rest = itertools.islice(((k, v) for k, v in found.items() if k not in _TOLD_OF_DATA_SETS), 8)
    more = "; ".join(f"{wording.visible(str(k), limit=40)}: {wording.visible(str(v), limit=160)}" for k, v in rest)
    return name, licence, items, checksum, more
