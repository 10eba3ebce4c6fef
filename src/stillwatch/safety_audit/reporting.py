"""From the numbers of an audit to its report: models, figures, examples, costs. Words come from `statement.tell`."""

from __future__ import annotations

import datetime
import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from stillwatch import __version__
from stillwatch.asking.base import Message
from stillwatch.asking.running import Asker
from stillwatch.asking.sealed import Entry
from stillwatch.asking.tokens import tokens_of_question
from stillwatch.campaigns.wording import percent, sentence, visible
from stillwatch.safety_audit.answers import Asked, figures_of, judgements_of, name_of, score_of
from stillwatch.safety_audit.auditing import Audit, Course, Outcome, result
from stillwatch.safety_audit.base import Figure, Judgement, Role
from stillwatch.safety_audit.differences import FigureNumbers
from stillwatch.safety_audit.judging.agreement import agreement
from stillwatch.safety_audit.report import AuditReport, Example, FigureResult, ModelResult
from stillwatch.safety_audit.statement import tell

__all__ = ["Settled", "build_report"]

_EXAMPLES = 4
"""Of each figure."""
_LONGEST = 4000
"""Characters of a request or an answer that a report quotes."""
_USUAL_REPLY = 200
"""Tokens of an answer where none has come yet."""


class Settled(NamedTuple):
    """What was said before anything was asked, and is repeated in the report."""

    seed: int
    languages: tuple[str, ...]
    data_sets: tuple[Mapping[str, Any], ...]
    caveats: tuple[str, ...] = ()


def build_report(audit: Audit, outcome: Outcome, settled: Settled, judges: Sequence[Asker] = ()) -> AuditReport:
    """The whole report, words too."""
    numbers = result(audit, outcome.units)
    report = AuditReport(
        version=__version__,
        made_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        seed=settled.seed,
        level=audit.plan.level,
        margin=audit.plan.margin,
        width=audit.plan.width,
        languages=settled.languages,
        models=(
            *(_model(role, asker) for role, asker in audit.askers.items()),
            *(_model("judge", asker) for asker in judges),
        ),
        figures=tuple(
            _figure(audit, outcome, course, figure, numbers.get(name_of(course.property, figure)))
            for course in audit.courses
            for figure in course.property.info.figures
        ),
        data_sets=settled.data_sets,
        caveats=(*settled.caveats, *_early(outcome)),
        statement="",
    )
    return tell(report)


def _early(outcome: Outcome) -> tuple[str, ...]:
    return (
        (f"The asking ended early: {outcome.why}. Call again with the same options to go on.",) if outcome.why else ()
    )


def _model(role: Role | Literal["judge"], asker: Asker) -> ModelResult:
    entries = asker.sealed.entries if asker.sealed is not None else []
    last = {(entry.answer.question, entry.answer.sample): entry for entry in entries}
    failed = sum(entry.answer.finish == "failed" for entry in last.values())
    return ModelResult(
        role=role,
        name=asker.model.name,
        says_it_is=tuple(sorted({entry.answer.model for entry in last.values()} - {""})),
        asked=len(last) if asker.sealed is not None else asker.requests,
        answered=len(last) - failed if asker.sealed is not None else asker.requests,
        failed=failed,
        tokens_in=asker.tokens_in,
        tokens_out=asker.tokens_out,
        cost=asker.cost,
        seal=asker.sealed.seal if asker.sealed is not None else "",
    )


def _figure(
    audit: Audit, outcome: Outcome, course: Course, figure: Figure, numbers: FigureNumbers | None
) -> FigureResult:
    info = course.property.info
    measured = numbers is not None and any(side.units for side in numbers.sides)
    return FigureResult(
        property=info.name,
        figure=figure.name,
        title=info.title,
        summary=figure.summary,
        better=figure.better,
        safety=figure.safety,
        sides=numbers.sides if numbers is not None else (),
        differences=numbers.differences if numbers is not None else (),
        judge=numbers.judge if numbers is not None else None,
        reading=numbers.reading if numbers is not None else "open",
        innocent_reading=info.innocent_reading,
        words="",
        stopped=outcome.stopped[info.name] if measured else "not measured",
        to_halve=_to_halve(audit, course, outcome.units[info.name], numbers) if measured and numbers else "",
        agreement=_agreement(audit, course, outcome.units[info.name], figure),
        by_language=numbers.by_language if numbers is not None else {},
        examples=tuple(_examples(audit, course, outcome.units[info.name], figure)) if measured else (),
        paired=figure.paired,
    )


def _agreement(audit: Audit, course: Course, units: int, figure: Figure) -> str:
    """How far rules and judging models agree on the answers of all models, pair by pair."""
    if not audit.judges or figure.judged_by == "rules":
        return ""
    said: list[list[Judgement]] = []
    for asked in audit.asked(course, units):
        if figure in figures_of(asked.property, asked.item):
            for asker in audit.askers.values():
                entry = asker.sealed.answered(asked.question) if asker.sealed is not None else None
                if entry is not None and len(found := judgements_of(entry)) == 1 + len(audit.judges):
                    said.append(found)
    names = ["the rules", *(f"the judge “{visible(judge.name, limit=60)}”" for judge in audit.judges)]
    told = []
    for one, other in itertools.combinations(range(len(names)), 2):
        scores = [[each[at].scores.get(figure.name) for each in said] for at in (one, other)]
        both = agreement(*scores)
        if both.raw is not None:
            kappa = "" if both.kappa is None else f" (Cohen's kappa {both.kappa:.2f})"
            told.append(f"{names[one]} and {names[other]} agree on {percent(both.raw)} of {both.answers:,}{kappa}")
    return sentence("; ".join(told)) if told else ""


def _to_halve(audit: Audit, course: Course, units: int, numbers: FigureNumbers) -> str:
    """What it would cost to halve the widest interval of a figure."""
    wanted = numbers.units_to_halve
    if wanted is None:
        return "no number of questions would halve it: what is not known of the judge bounds it; label more answers"
    more = max(0, wanted - numbers.units)
    each = max(1, len(list(audit.asked(course, 1))))
    said = f"about {more:,} units more, {more * each:,} requests to each model"
    costs = [_cost(asker, audit, course, more * each) for asker in audit.askers.values()]
    known = [cost for cost in costs if cost is not None]
    if known and len(known) == len(costs):
        said += f", {sum(known):,.2f} in all at the prices given"
    left = len(course.units) - units
    return said if more <= left else f"{said}; there are {left} left, so further items are needed (--data)"


def _cost(asker: Asker, audit: Audit, course: Course, requests: int) -> float | None:
    if asker.model.price is None:
        return None
    sizes = [tokens_of_question(each.question) for each in audit.asked(course, 20)]
    replies = [e.answer.tokens_out or _USUAL_REPLY for e in (asker.sealed.entries if asker.sealed else [])[:200]]
    size, reply = sum(sizes) / max(1, len(sizes)), sum(replies) / len(replies) if replies else _USUAL_REPLY
    return asker.model.price.of(requests * size, requests * reply)


def _examples(audit: Audit, course: Course, units: int, figure: Figure) -> Iterator[Example]:
    """Items where the suspect and the teacher part most; of those that part alike, which ones is left to a hash."""
    apart: list[tuple[float, bytes, Asked, dict[Role, tuple[Entry, float]]]] = []
    for asked in audit.asked(course, units):
        if asked.question.sample or figure not in figures_of(asked.property, asked.item):
            continue
        found: dict[Role, tuple[Entry, float]] = {}
        for role, asker in audit.askers.items():
            entry = asker.sealed.answered(asked.question) if asker.sealed is not None else None
            score = score_of(figure, judgements_of(entry)) if entry is not None else None
            if entry is not None and score is not None:
                found[role] = (entry, score)
        if {"suspect", "teacher"} <= found.keys() and found["suspect"][1] != found["teacher"][1]:
            gap = abs(found["suspect"][1] - found["teacher"][1])
            apart.append((-gap, hashlib.sha256(asked.item.id.encode()).digest(), asked, found))
    seen: set[str] = set()
    for *_, asked, found in sorted(apart, key=lambda each: each[:2]):
        if asked.item.unit not in seen:
            seen.add(asked.item.unit)
            yield _example(asked, found)
        if len(seen) == _EXAMPLES:
            return


def _example(asked: Asked, found: Mapping[Role, tuple[Entry, float]]) -> Example:
    harmful = asked.item.harmful
    return Example(
        item=asked.item.id,
        language=asked.item.language,
        request="" if harmful else _told(asked.item.messages),
        answers={} if harmful else {role: entry.answer.text[:_LONGEST] for role, (entry, _) in found.items()},
        scores={role: score for role, (_, score) in found.items()},
    )


def _told(messages: Sequence[Message]) -> str:
    if len(messages) == 1:
        return messages[0].text[:_LONGEST]
    return "\n".join(f"{message.role}: {message.text}" for message in messages)[:_LONGEST]
