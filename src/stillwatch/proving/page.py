"""``prove.html`` and ``statement.html``: a `ProofReport` as self-contained pages, in the frame of a scan's page.

The first is for whoever checks, tier by tier and test by test; the second is the statement alone, on one printed page.
Both load nothing, read the same without script, and hold no time of their own. All names and answers in them were
written by strangers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from markupsafe import Markup

from stillwatch.campaigns import wording
from stillwatch.campaigns.page import asset, environment, policy_hash
from stillwatch.proving import plots, statement
from stillwatch.proving.evidence import Tier
from stillwatch.proving.report import Control, ModelRead, ProofReport, Tested

__all__ = ["render_page", "render_statement"]

_PACKAGE = "stillwatch.proving"
EXAMPLE_LENGTH = 1_200
_LINE = 700
_ABOUT: dict[Tier, str] = {
    "marks": "A key that was fixed beforehand chose how answers were worded. Who did not learn from them cannot know "
    "its choices, whatever model it is.",
    "twins": "For each prompt the same model could have given another answer. Who never saw the one that was handed "
    "out is as near to the other.",
    "style": "Whom a model writes like, beside models that are known to be unrelated. Nobody threw a coin here: "
    "corroboration, not proof.",
}


class Row(msgspec.Struct, frozen=True):
    """A row of a drawing: its label, the drawing, and the same in words."""

    label: str
    drawing: Markup
    words: str


class Drawn(msgspec.Struct, frozen=True):
    """A table of drawings on one axis."""

    title: str
    note: str
    head: str
    axis: Markup
    rows: tuple[Row, ...]


class ControlRow(msgspec.Struct, frozen=True):
    """A control in words."""

    what: str
    n: str
    p: str
    told: str


class TestView(msgspec.Struct, frozen=True):
    """All that the page shows of one test."""

    __test__ = False  # no test of pytest's

    anchor: str
    title: str
    tone: str
    short: str
    finding: str
    bar: Markup
    p: str
    adjusted: str
    facts: tuple[tuple[str, str], ...]
    controls: tuple[ControlRow, ...]
    drawn: tuple[Drawn, ...]
    caveats: tuple[str, ...]
    withheld: tuple[str, ...]


class TierView(msgspec.Struct, frozen=True):
    """A tier: what it is, what it found, its tests."""

    anchor: str
    title: str
    about: str
    finding: str
    tests: tuple[TestView, ...]


def render_page(report: ProofReport) -> str:
    """``prove.html``: the same report gives the same page, byte for byte."""
    tiers = _tiers(report)
    strength = _strength(report)
    return _rendered(
        "prove.html",
        report,
        tiers=tiers,
        overview=[test for tier in tiers if tier.anchor != "tier-style" for test in tier.tests],
        axis=strength.axis(),
        about=_about(report),
        texts=tuple(
            tuple((name, _text(text)) for name, text in zip(_PARTS, _parts(each), strict=True))
            for each in report.examples
        ),
        files=tuple((wording.visible(name, limit=80), digest[:64]) for name, digest in report.files.items()),
    )


def render_statement(report: ProofReport) -> str:
    """``statement.html``: one printed page."""
    return _rendered("statement.html", report)


def _rendered(template: str, report: ProofReport, **more: object) -> str:
    style, script = asset("style.css") + asset("prove.css", _PACKAGE), asset("script.js")
    return (
        environment(_PACKAGE)
        .get_template(template)
        .render(
            report=report,
            style=Markup(style),
            script=Markup(script),
            style_hash=policy_hash(style),
            script_hash=policy_hash(script),
            headline=report.headline,
            words=wording,
            **more,
        )
    )


def _strength(report: ProofReport) -> plots.Strength:
    return plots.Strength([t.adjusted for t in report.tests if t.adjusted is not None], report.claim.level)


def _tiers(report: ProofReport) -> tuple[TierView, ...]:
    return tuple(
        TierView(
            anchor=f"tier-{tier}",
            title=name,
            about=_ABOUT[tier],
            finding=statement.tier_finding(report, tier),
            tests=tuple(_test(report, test) for test in statement.of_tier(report, tier)),
        )
        for tier, name in statement.TIERS.items()
        if statement.of_tier(report, tier)
    )


def _test(report: ProofReport, test: Tested) -> TestView:
    tone, short = _tone(test)
    found = test.evidence
    return TestView(
        anchor=f"test-{report.tests.index(test) + 1}",
        title=statement.title(test),
        tone=tone,
        short=short,
        finding=statement.finding(test, report.claim.level),
        bar=_strength(report).bar(test.adjusted, shown=test.shown),
        p="–" if found.p_value is None else wording.probability(found.p_value),
        adjusted="–" if test.adjusted is None else wording.probability(test.adjusted),
        facts=tuple(_facts(test)),
        controls=tuple(_control(each) for each in test.controls),
        drawn=tuple(_drawn(test)),
        caveats=tuple(wording.visible(each, limit=_LINE) for each in found.caveats),
        withheld=tuple(wording.visible(each, limit=_LINE) for each in test.withheld),
    )


def _tone(test: Tested) -> tuple[str, str]:
    if test.withheld:
        return "doubt", "withheld"
    if test.evidence.tier == "style":
        named = bool(test.evidence.numbers.get("nearest"))
        return "untried", f"{'nearest to one' if named else 'like none of these'}: {statement.CORROBORATION}"
    return ("loss", "shown") if test.shown else ("clear", "not shown")


def _facts(test: Tested) -> Iterator[tuple[str, str]]:
    """What a statistician asks of a test, in order."""
    found = test.evidence
    yield "Claim", found.claim
    yield "What the p-value assumes" if found.tier != "style" else "What the error rate assumes", found.null
    yield "What was randomised, by whom, when", found.randomised or "Nothing: nobody threw a coin."
    if found.error_rate is not None:
        yield "Error rate", f"{wording.percent(found.error_rate)}; {statement.CORROBORATION}"
    if found.n or found.unit:
        yield "Units", f"{found.n:,}; a unit is: {found.unit}"
    if found.statistic is not None:
        yield "Statistic", f"{found.statistic:.6g}"
    if found.seed is not None:
        yield "Seed", str(found.seed)
    if found.chosen_on:
        yield "Choices were made on", found.chosen_on
    if found.tested_on:
        yield "Tested on", found.tested_on
    split = found.numbers.get("split")
    if isinstance(split, Mapping):
        yield "Commitment of the split", str(split.get("commitment", ""))
    fixed = test.fixed
    if fixed is not None:
        yield "Commitment of the key", fixed.commitment
        since = fixed.stamped or fixed.said
        who = "by a timestamping authority" if fixed.stamped else "by its maker's word"
        yield "Fixed since", f"{since}, {who}" if since else "nothing says since when"
        yield "Had to be fixed before", fixed.before or "the case does not say"


def _control(control: Control) -> ControlRow:
    told = "too few to say" if control.p_value is None else "failed" if control.failed else "shows nothing, as it must"
    return ControlRow(
        what=control.what,
        n=f"{control.n:,}",
        p="–" if control.p_value is None else wording.probability(control.p_value),
        told=told,
    )


def _drawn(test: Tested) -> Iterator[Drawn]:
    """What lies behind a result, as drawings; none of a withheld one."""
    if test.withheld:
        return
    numbers = test.evidence.numbers
    by_mark, near, excess = numbers.get("marks"), numbers.get("nearest"), numbers.get("excess")
    if isinstance(by_mark, Mapping):
        rows = tuple(_rates(by_mark))
        if rows:
            note = "Full: prompts whose answer we marked. Hollow: the others. To look at: marks are tested together."
            yield Drawn("By mark", note, "How often the key's variant stands", plots.share_axis(), rows)
    if isinstance(near, Sequence) and not isinstance(near, str) and len(near) == 3:
        yield from _nearest(near, numbers.get("nearest_by_chance"))
    if isinstance(excess, Mapping) and excess:
        yield _families(excess, str(numbers.get("leads", "")))


def _rates(by_mark: Mapping[str, Any]) -> Iterator[Row]:
    for name, each in by_mark.items():
        marked, other = each.get("rate marked"), each.get("rate not marked")
        if marked is None or other is None:
            continue
        words = (
            f"{wording.percent(marked)} of {each['prompts marked']:,} marked, {wording.percent(other)} of "
            f"{each['prompts not marked']:,} others"
        )
        yield Row(wording.visible(str(name).replace("_", " "), limit=60), plots.rates(marked, other), words)


def _nearest(near: Sequence[Any], chance: Any) -> Iterator[Drawn]:
    value, low, high = (float(each) if each is not None else math.nan for each in near)
    if not all(map(math.isfinite, (value, low, high))) or not isinstance(chance, int | float):
        return
    words = (
        f"{wording.percent(value)} ({wording.percent(low)} to {wording.percent(high)} at 95\u00a0%), by chance "
        f"{wording.percent(chance)}"
    )
    row = Row("The taken answer is the nearest", plots.nearest(value, low, high, chance), words)
    yield Drawn("How often", "The line is chance.", "Share of deciding prompts", plots.share_axis(), (row,))


def _families(excess: Mapping[str, Any], leads: str) -> Drawn:
    values = {str(name): float(value) for name, value in excess.items() if value is not None}
    axis, scale = plots.excess_axis(list(values.values()))
    rows = tuple(
        Row(
            wording.visible(name, limit=60),
            plots.excess(value, scale, leads=name == leads),
            f"{value:+.3f}".replace("-", "−"),
        )
        for name, value in sorted(values.items(), key=lambda item: -item[1])
    )
    note = "How much of the suspect's likeness is this family's alone, beyond the median model's."
    return Drawn("By family", note, "Share beyond the median", axis, rows)


_PARTS = ("Prompt", "Handed out", "Might have been", "The suspect says")


def _parts(example: Any) -> tuple[str, str, str, str]:
    return example.prompt, example.taken, example.twin, example.said


def _text(text: str) -> str:
    return wording.visible(text, limit=EXAMPLE_LENGTH, lines=True)


def _about(report: ProofReport) -> tuple[tuple[str, str], ...]:
    """Where the answers come from, in rows."""
    found = report.answered
    rows = [
        ("Endpoint", found.endpoint),
        ("Calls itself", ", ".join(wording.visible(name, limit=60) for name in found.says_it_is) or "nothing"),
        ("Questions planned", f"{found.planned:,}"),
        ("Answers", f"{found.answered:,}"),
        ("Given up", f"{found.failed:,}"),
        ("Tokens", f"{found.tokens_in:,} in, {found.tokens_out:,} out"),
        ("Sealed since", found.began or "unknown"),
        ("First and last answer", f"{found.first or 'unknown'} – {found.last or 'unknown'}"),
        ("Seal of the answers", found.seal),
        ("SHA-256 of the case", report.case),
        ("Stillwatch", report.stillwatch),
    ]
    if found.prepared:
        rows.insert(1, ("Taken from files", ", ".join(found.prepared)))
    rows += _read(report)
    return tuple((wording.visible(name, limit=120), wording.visible(value, limit=300)) for name, value in rows)


def _read(report: ProofReport) -> Iterator[tuple[str, str]]:
    """What was read of a suspect in a folder, and of which files, in rows."""
    read, beside = report.read, report.beside
    if beside is not None:
        yield "Our own model, read along the answers, since", beside.began
        yield "Seal of that", beside.seal
        yield from _files("Our own model", beside.plan.model)
    if read is None:
        return
    yield "Read of the suspect itself", statement.what_was_read(read.plan) or "nothing"
    yield "Read since", read.began
    yield "Seal of the readings", read.seal
    plan = read.plan
    models = (
        ("Suspect", plan.suspect),
        ("Reference for marks", plan.marks_reference),
        ("Reference for twins", plan.twins_reference),
    )
    for name, model in models:
        if model is not None:
            yield from _files(name, model)


def _files(name: str, model: ModelRead) -> Iterator[tuple[str, str]]:
    yield from ((f"{name}: {model.folder}/{file}", digest) for file, digest in model.files.items())
