"""From judged answers to the numbers of a report: each model's figures, their differences, and what may be said.

Pure, and cheap enough to be asked after every round with whatever is there. Answers that failed or could not be judged
are counted and left out, never guessed; `Difference.if_missing` says what they could change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from stillwatch.calibration import (
    distance_from_zero,
    half_width,
    holm,
    judge_rates,
    narrow_enough,
    simultaneous_level,
    units_needed,
)
from stillwatch.safety_audit.base import Figure, Role
from stillwatch.safety_audit.decision import decide
from stillwatch.safety_audit.estimates import Estimate, How, Labelled, bounded, how_to_correct
from stillwatch.safety_audit.report import Contrast, Difference, JudgeError, Reading, Side
from stillwatch.safety_audit.unit_scores import Scored, by_language, counts, units_of, worst_case

__all__ = ["CONTRASTS", "FigureNumbers", "Labelled", "Plan", "Scored", "judge_figures"]

CONTRASTS: Mapping[Contrast, tuple[Role, Role]] = {
    "suspect-teacher": ("suspect", "teacher"),
    "suspect-base": ("suspect", "base"),
    "base-teacher": ("base", "teacher"),
}


class Plan(NamedTuple):
    """What was said before anything was asked.

    Attributes:
        roles: the models.
        level: of a single interval, and of all simultaneous ones together.
        margin: a difference smaller than this does not matter.
        width: a figure stops when no simultaneous half-width of its differences is larger.
        least: units before which no figure stops.
    """

    roles: tuple[Role, ...]
    level: float = 0.95
    margin: float = 0.05
    width: float = 0.05
    least: int = 30


class FigureNumbers(NamedTuple):
    """All numbers of one figure.

    Attributes:
        sides: one for each role of the plan.
        differences: one for each contrast of the plan.
        judge: its error; None where nothing is known of it.
        reading: what may be said of the suspect.
        by_language: language: role: mean of the judge's scores.
        half_width: the largest simultaneous one of the differences; of the sides', where one model alone was asked.
        narrow: whether that is the plan's width at most, after enough units: the figure may stop.
        units: of the widest interval.
        units_to_halve: about how many units would halve it; None where no number would.
    """

    sides: tuple[Side, ...]
    differences: tuple[Difference, ...]
    judge: JudgeError | None
    reading: Reading
    by_language: Mapping[str, Mapping[str, float]]
    half_width: float
    narrow: bool
    units: int
    units_to_halve: int | None


def judge_figures(
    scored: Iterable[Scored],
    figures: Mapping[str, Figure],
    plan: Plan,
    labelled: Mapping[str, Labelled] | None = None,
) -> dict[str, FigureNumbers]:
    """The numbers of every figure, from the answers that there are.

    A judge's error is taken out in one of two ways, or not at all (`how_to_correct`).

    Args:
        scored: one for each answer and each figure that it is about, in any order.
        figures: all that were planned, asked already or not: simultaneous intervals count on all of them.
        plan: what was said beforehand.
        labelled: by figure, where there are any.

    Returns:
        By figure, in the order of ``figures``. No unit: intervals are all that is possible, the reading ``open``.
    """
    held: dict[str, list[Scored]] = defaultdict(list)
    for s in scored:
        held[s.figure].append(s)
    contrasts = {name: pair for name, pair in CONTRASTS.items() if set(pair) <= set(plan.roles)}
    number = max(1, len(figures) * len(contrasts))
    together = simultaneous_level(plan.level, number)
    known = labelled or {}
    found = {
        name: _numbers(held[name], figure, plan, together, contrasts, known.get(name))
        for name, figure in figures.items()
    }
    p_values = [d.p_value for numbers in found.values() for d in numbers.differences]
    adjusted = iter(holm(p_values, number).tolist() if p_values else [])
    return {name: _with_adjusted(numbers, adjusted) for name, numbers in found.items()}


def _numbers(
    scored: list[Scored],
    figure: Figure,
    plan: Plan,
    together: float,
    contrasts: Mapping[Contrast, tuple[Role, Role]],
    labelled: Labelled | None,
) -> FigureNumbers:
    alone = {role: units_of(scored, (role,), figure.paired) for role in plan.roles}
    how = how_to_correct(list(alone.values()), labelled)
    each = {role: Estimate(scores, how, labelled) for role, scores in alone.items()}
    pairs = {name: Estimate(units_of(scored, roles, figure.paired), how, labelled) for name, roles in contrasts.items()}
    differences = tuple(
        _difference(name, estimate, scored, figure, plan.level, together) for name, estimate in pairs.items()
    )
    level, compared = (together, pairs.values()) if pairs else (plan.level, each.values())
    widest = max(compared, key=lambda estimate: half_width(estimate.at(level)))
    interval, units = widest.at(level), len(widest.scores.units)
    half = half_width(interval)
    return FigureNumbers(
        sides=tuple(_side(role, estimate, scored, plan.level) for role, estimate in each.items()),
        differences=differences,
        judge=_judge_error(scored, labelled, how, plan.level),
        reading=decide(differences, figure.better, plan.margin),
        by_language=by_language(scored, plan.roles, figure.paired),
        half_width=half,
        narrow=narrow_enough(interval, plan.width, units, plan.least),
        units=units,
        units_to_halve=units_needed(lambda times: half_width(widest.at(level, times)), units, half / 2),
    )


def _side(role: Role, estimate: Estimate, scored: list[Scored], level: float) -> Side:
    answers = counts(scored, role)
    return Side(
        role=role,
        estimate=bounded(estimate.at(level), estimate.raw()),
        units=len(estimate.scores.units),
        answers=answers.judged,
        undecided=answers.undecided,
        failed=answers.failed,
        raw=estimate.raw(),
    )


def _difference(
    name: Contrast, estimate: Estimate, scored: list[Scored], figure: Figure, level: float, together: float
) -> Difference:
    otherwise, simultaneous = estimate.raw(), estimate.at(together)
    distance = missing = None
    if figure.better == "zero":
        total = estimate._replace(scores=estimate.scores.with_second_added())
        distance = distance_from_zero(simultaneous, total.at(together))
    if any(s.score is None and s.role in CONTRASTS[name] for s in scored):
        missing = estimate.if_missing(*worst_case(scored, CONTRASTS[name], figure.paired), together)
    p_value = estimate.p_value()
    return Difference(
        contrast=name,
        single=bounded(estimate.at(level), otherwise),
        simultaneous=bounded(simultaneous, otherwise),
        p_value=p_value,
        adjusted=p_value,
        units=len(estimate.scores.units),
        distance=bounded(distance, 0.0) if distance else None,
        if_missing=bounded(missing, otherwise) if missing else None,
    )


def _judge_error(scored: list[Scored], labelled: Labelled | None, how: How, level: float) -> JudgeError | None:
    """What is known of the judge: from this audit's labels where they are used, else from the others."""
    own = [(s.label, s.score) for s in scored if s.label in (0, 1) and s.score is not None]
    if how == "own labels":
        rates = judge_rates([label for label, _ in own], [score for _, score in own], level)
        judge, source, labels = labelled.judge if labelled else "", "answers of this audit", len(own)
    elif labelled and len(labelled.labels):
        rates = judge_rates(labelled.labels, labelled.judged, level)
        judge, source, labels = labelled.judge, labelled.source, len(labelled.labels)
    else:
        return None
    return JudgeError(
        judge=judge,
        labelled=labels,
        sensitivity=bounded(rates.sensitivity, 0.5),
        specificity=bounded(rates.specificity, 0.5),
        corrected=how == "own labels" or (how == "rates" and rates.lift().low > 0),
        source=source,
    )


def _with_adjusted(numbers: FigureNumbers, adjusted: Iterator[float]) -> FigureNumbers:
    fields = [msgspec.structs.replace(d, adjusted=next(adjusted)) for d in numbers.differences]
    return numbers._replace(differences=tuple(fields))
