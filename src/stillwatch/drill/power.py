"""From trials to answers: how likely each kind of campaign is found, how soon, and what carries it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from stillwatch.calibration import Interval, cluster_bootstrap_interval, rate_sequence
from stillwatch.campaigns.explanations import evidence_words
from stillwatch.drill.questions import Asked, Question, settled
from stillwatch.drill.report import Bounded, Carried, Cell, Smallest, Timing
from stillwatch.drill.trial import Accused, Trial, accused_by

__all__ = ["Outcomes", "answers", "bounded", "carried", "cells", "outcomes", "smallest", "timings"]

WANTED = 0.9
"""Probability of being found that the smallest campaign is asked for."""
DAYS = (1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 14.0, 21.0, 30.0)
_COMPLETE = 0.7  # share of the accounts, and of the exchanges, below which a planting has not answered its question

Outcomes = Mapping[str, Sequence[tuple[bool, float]]]
"""For each question, by name: whether its campaign was found, and the share of its accounts accused."""


def outcomes(trials: Iterable[Trial], firm: float, sees: frozenset[str], questions: Mapping[str, Question]) -> Outcomes:
    """What came of every campaign that was planted as asked for; those that the material ran out for are left out."""
    found: dict[str, list[tuple[bool, float]]] = defaultdict(list)
    for trial in trials:
        if not trial.planted:
            continue
        told = accused_by(trial, trial.groups, firm, sees)
        for planted, caught, hit in zip(trial.planted, told.caught, told.found, strict=True):
            question = questions.get(planted.question)
            if question is None or planted.accounts < _COMPLETE * question.accounts:
                continue
            if planted.exchanges < _COMPLETE * question.accounts * question.exchanges:
                continue
            found[planted.question].append((hit, caught / planted.accounts))
    return found


def answers(questions: Iterable[Question], known: Outcomes) -> dict[Question, Asked]:
    """Trials and finds of every question."""
    return {q: Asked(len(known.get(q.name, ())), sum(hit for hit, _ in known.get(q.name, ()))) for q in questions}


def bounded(interval: Interval) -> Bounded:
    """An interval as it is reported."""
    value = float(interval.value)
    return Bounded(None if np.isnan(value) else value, float(interval.low), float(interval.high))


def cells(questions: Sequence[Question], known: Outcomes) -> tuple[Cell, ...]:
    """Every question with its answer, in their order.

    More accounts of the same kind are no harder to find: a cell's lower end may rest on the trials of smaller campaigns
    too, taken together, and its upper end on those of larger ones. Each end is then one of two, at half the error.
    """
    told = answers(questions, known)
    result = []
    for question, asked in told.items():
        alike = [q for q in questions if q[0] == question[0] and q[2:4] == question[2:4]]
        smaller = _together(told[q] for q in alike if q.accounts <= question.accounts)
        larger = _together(told[q] for q in alike if q.accounts >= question.accounts)
        level = 0.95 if len(alike) == 1 else 0.975
        own = rate_sequence(asked.found, asked.trials, level)
        low = max(own.low, rate_sequence(smaller.found, smaller.trials, level).low)
        high = min(own.high, rate_sequence(larger.found, larger.trials, level).high)
        if low > high:  # the larger were found less often: what is pooled does not hold here
            low, high = own.low, own.high
        recall = _recall([share for _, share in known.get(question.name, ())])
        value = None if not asked.trials else min(max(asked.found / asked.trials, low), high)
        result.append(
            Cell(question.adversary, question.accounts, question.exchanges, question.cover, asked.trials,
                 Bounded(value, low, high), recall, settled(asked))
        )  # fmt: skip
    return tuple(result)


def _together(many: Iterable[Asked]) -> Asked:
    listed = list(many)
    return Asked(sum(a.trials for a in listed), sum(a.found for a in listed))


def _recall(shares: Sequence[float]) -> Bounded:
    if not shares:
        return Bounded(None, 0.0, 1.0)
    ends = cluster_bootstrap_interval(shares, np.arange(len(shares)))
    return Bounded(float(ends.value), max(0.0, float(ends.low)), min(1.0, float(ends.high)))


def smallest(found: Sequence[Cell]) -> tuple[Smallest, ...]:
    """For each adversary and cover, at its usual exchanges: the smallest size from which all are found often enough."""
    groups: dict[tuple[str, float], list[Cell]] = defaultdict(list)
    usual: dict[str, float] = {}
    for cell in found:
        usual.setdefault(cell.adversary, cell.exchanges)
        if cell.exchanges == usual[cell.adversary]:
            groups[cell.adversary, cell.cover].append(cell)
    result = []
    for (adversary, cover), sizes in groups.items():
        ordered = sorted(sizes, key=lambda cell: cell.accounts)
        point = _from([(c.accounts, c.found.value is not None and c.found.value >= WANTED) for c in ordered])
        sure = _from([(c.accounts, c.found.low >= WANTED) for c in ordered])
        result.append(Smallest(adversary, cover, point, sure))
    return tuple(result)


def _from(sizes: Sequence[tuple[int, bool]]) -> int | None:
    """The first size from which all hold."""
    chosen = None
    for size, holds in reversed(sizes):
        if not holds:
            break
        chosen = size
    return chosen


def timings(
    trials: Iterable[Trial], firm: float, sees: frozenset[str], questions: Mapping[str, Question]
) -> tuple[Timing, ...]:
    """How many days after it began each kind of campaign was found, from trials that looked at parts of the log."""
    first: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for trial in trials:
        if not trial.cuts:
            continue
        looks = [(until, accused_by(trial, groups, firm, sees)) for until, groups in trial.cuts]
        for number, planted in enumerate(trial.planted):
            if planted.question in questions and planted.accounts:
                lived = max(planted.last - planted.first, 0.0)
                first[planted.question].append((_days_until(looks, number, planted.first), lived))
    result = []
    for name, times in sorted(first.items()):
        question = questions[name]
        days = tuple(day for day in DAYS if day <= max(lived for _, lived in times)) or DAYS[:1]
        found = tuple(sum(until <= day for until, _ in times) / len(times) for day in days)
        middle = sorted(until for until, _ in times)[(len(times) - 1) // 2]
        result.append(
            Timing(question.adversary, question.accounts, question.exchanges, question.cover, len(times), days, found,
                   round(middle, 1) if np.isfinite(middle) else None)
        )  # fmt: skip
    return tuple(result)


def _days_until(looks: Sequence[tuple[float, Accused]], number: int, began: float) -> float:
    return next((max(until - began, 0.0) for until, told in looks if told.found[number]), np.inf)


def carried(trials: Iterable[Trial], questions: Mapping[str, Question]) -> tuple[Carried, ...]:
    """Mean log-odds by kind of evidence over the groups that are mostly an adversary's, strongest first."""
    moved: dict[str, list[Mapping[str, float]]] = defaultdict(list)
    for trial in trials:
        for group in trial.groups:
            own = [-1 - member for member in group.members if member < 0]
            if 2 * len(own) <= len(group.members):
                continue
            question = questions.get(trial.planted[max(set(own), key=own.count)].question)
            if question is not None:
                moved[question.adversary].append(group.evidence)
    result = []
    for adversary, groups in sorted(moved.items()):
        kinds = sorted({kind for group in groups for kind in group})
        means = {kind: float(np.mean([group.get(kind, 0.0) for group in groups])) for kind in kinds}
        for kind, value in sorted(means.items(), key=lambda item: -item[1]):
            result.append(Carried(adversary, kind, evidence_words(kind).title, round(value, 3)))
    return tuple(result)
