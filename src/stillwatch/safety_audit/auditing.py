"""The asking of an audit: in rounds, each property until it is settled.

Every model is asked the same questions. After each round the differences are worked out from all answers so far, and
properties whose intervals are narrow enough are asked no more: the rule sees widths only, so the intervals keep their
coverage (`stillwatch.calibration.fixed_width`). What was answered is sealed, so an audit that was stopped or killed
goes through the same rounds again and asks only what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from stillwatch.asking.running import Asker, Work, ask
from stillwatch.asking.sealed import SealedFile
from stillwatch.progress import Progress
from stillwatch.safety_audit.answers import Asked, figures_of, keeper, name_of, scores
from stillwatch.safety_audit.base import Figure, Property, Role
from stillwatch.safety_audit.choosing import Unit, questions, rounds
from stillwatch.safety_audit.differences import FigureNumbers, Labelled, Plan, judge_figures
from stillwatch.safety_audit.judging.labels import LabelBook
from stillwatch.safety_audit.judging.panel import Judge

__all__ = ["Audit", "Course", "Outcome", "Stopped", "carry_out", "early", "figures_asked", "result"]

Stopped = Literal["narrow enough", "all asked", "budget"]
NO_LABELS = LabelBook(())


class Course(NamedTuple):
    """What may be asked of one property: its units in the order of asking."""

    property: Property
    units: tuple[Unit, ...]


class Audit(NamedTuple):
    """All that does not change while an audit runs.

    ``labelled`` (by figure) is what is known of judges, ``labels`` what people said of this audit's own answers.
    """

    askers: Mapping[Role, Asker]
    judges: Sequence[Judge]
    courses: Sequence[Course]
    plan: Plan
    samples: int = 1
    temperature: float | None = None
    labelled: Mapping[str, Labelled] = {}
    labels: LabelBook = NO_LABELS

    def asked(self, course: Course, end: int | None = None, begin: int = 0) -> Iterator[Asked]:
        """The questions of some of a course's units."""
        for unit in course.units[begin:end]:
            items = {item.id: item for item in unit.items}
            for question in questions(unit, self.samples, self.temperature):
                yield Asked(course.property, items[question.id], question)


class Outcome(NamedTuple):
    """How the asking ended: by property, why, and after how many units; ``why`` names what ended it early."""

    stopped: Mapping[str, Stopped]
    units: Mapping[str, int]
    why: str


def figures_asked(audit: Audit) -> dict[str, Figure]:
    """Every figure that this audit can measure, by the name that statistics give it."""
    judged = {"rules", "either"} | ({"model"} if audit.judges else set())
    return {
        name_of(course.property, figure): figure
        for course in audit.courses
        for figure in course.property.info.figures
        if figure.judged_by in judged
        and any(figure in figures_of(course.property, item) for unit in course.units for item in unit.items)
    }


def result(audit: Audit, units: Mapping[str, int]) -> dict[str, FigureNumbers]:
    """The numbers of every figure from the first ``units`` of each property."""
    scored = [
        score
        for course in audit.courses
        for role, asker in audit.askers.items()
        for score in scores(
            role,
            _file(asker),
            audit.asked(course, units.get(course.property.info.name, 0)),
            audit.labels,
        )
    ]
    return judge_figures(scored, figures_asked(audit), audit.plan, audit.labelled)


async def carry_out(audit: Audit, units: dict[str, int], progress: Progress) -> Outcome:
    """Ask until every property is settled or the budget is spent.

    ``units`` is brought forward as units are asked, so that an interrupted audit knows how far it came.

    Raises `StorageError` where answers cannot be sealed. Endpoints that fail end the asking early, with `Outcome.why`.
    """
    ends = {course.property.info.name: rounds(len(course.units)) for course in audit.courses}
    units.update(dict.fromkeys(ends, 0))
    stopped: dict[str, Stopped] = {name: "all asked" for name, each in ends.items() if not each}
    number = 0
    while len(stopped) < len(ends):
        running = [course for course in audit.courses if course.property.info.name not in stopped]
        why = await _round(
            audit, running, units, {c.property.info.name: ends[c.property.info.name][number] for c in running}, progress
        )
        if why:
            return early(audit, units, why, stopped)
        narrow = _narrow(audit, units)
        for course in running:
            name = course.property.info.name
            if narrow[name]:
                stopped[name] = "narrow enough"
            elif units[name] == len(course.units):
                stopped[name] = "all asked"
        number += 1
    return Outcome(stopped, dict(units), "")


def early(audit: Audit, units: Mapping[str, int], why: str, stopped: Mapping[str, Stopped] | None = None) -> Outcome:
    """The outcome of asking that ended early."""
    names = [course.property.info.name for course in audit.courses]
    return Outcome({**dict.fromkeys(names, "budget"), **(stopped or {})}, {n: units.get(n, 0) for n in names}, why)


async def _round(
    audit: Audit, running: Sequence[Course], units: dict[str, int], ends: Mapping[str, int], progress: Progress
) -> str:
    """Ask the next units of the properties that run; ``units`` is brought forward. Why it ended early, or nothing."""
    asked = [
        each
        for course in running
        for each in audit.asked(course, ends[course.property.info.name], units[course.property.info.name])
    ]
    units.update(ends)
    by_id = {each.question.id: each for each in asked}
    keep = keeper(by_id, audit.judges)
    works = [Work(asker, [each.question for each in asked], keep) for asker in audit.askers.values()]
    results = await ask(works, progress, f"Asking {len(audit.askers)} models")
    return next((each.stopped for each in results if each.stopped), "")


def _narrow(audit: Audit, units: Mapping[str, int]) -> dict[str, bool]:
    """By property, whether all its figures are narrow enough."""
    numbers = result(audit, units)
    return {
        course.property.info.name: all(
            numbers[name].narrow
            for name in (name_of(course.property, figure) for figure in course.property.info.figures)
            if name in numbers
        )
        for course in audit.courses
    }


def _file(asker: Asker) -> SealedFile:
    if asker.sealed is None:
        raise ValueError(f"{asker.model.name} has no file for its answers")
    return asker.sealed
