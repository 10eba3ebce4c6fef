"""The drill itself: plantings one after another until the budget is spent, each asking what is known least.

Which planting comes next hangs on the answers of those at least four before it, however many are at work at a time, so
that the same log, seed and number of plantings give the same drill.
"""

from __future__ import annotations

import pickle
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from stillwatch.beside import crew
from stillwatch.drill import power, questions
from stillwatch.drill.adversaries import Adversary
from stillwatch.drill.material import Material
from stillwatch.drill.questions import Question, Supply
from stillwatch.drill.record import Record
from stillwatch.drill.trial import Trial, try_campaigns, try_shuffled
from stillwatch.linkage.certainty import FIRM
from stillwatch.linkage.confirmation import search_part
from stillwatch.linkage.finding import judge_groups, packaged_models
from stillwatch.progress import Progress, Silent
from stillwatch.simulation.operators.campaign import Campaign

__all__ = ["Drill", "Task", "carry_out", "suspects"]

LAG = 4
"""Plantings that may be under way, and whose answers the next one does not wait for."""
_SHUFFLED, _IN_TIME = (16, 2), (8, 3)
"""Of sixteen plantings the third is a shuffled log; of eight the fourth also looks at parts of the log."""
_RECENT, _SLOWER, _TO_REPORT = 4, 1.2, 0.02
"""A planting may take so many times the longest of the last four of its kind: the machine may be getting busier; so
much of the budget is kept for what comes after the last one."""


@dataclass(frozen=True)
class Drill:
    """What is asked of which material: ``questions`` about ``adversaries`` (by name), from one seed."""

    material: Material
    adversaries: Mapping[str, Adversary]
    questions: Sequence[Question]
    seed: int
    workers: int


class Task(NamedTuple):
    """One planting to be made."""

    number: int
    kind: str
    seed: int
    campaigns: tuple[tuple[str, Campaign], ...]
    given_up: float


def suspects(material: Material, names: Sequence[str]) -> Material:
    """The material with the accounts set apart that a scan of the log itself accuses or asks a person to look at."""
    groups, _, _ = judge_groups(
        material.activity, search_part(names, 0), packaged_models(), seed=0, false_discovery=0.01, progress=Silent()
    )
    suspected = np.zeros(material.activity.accounts, dtype=bool)
    for group in groups:
        suspected[group.accounts] = True
    return replace(material, suspected=suspected)


def carry_out(
    drill: Drill,
    record: Record,
    *,
    minutes: float,
    progress: Progress,
    most: int | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> float:
    """Plant until ``minutes`` are spent, or until there are ``most`` plantings; those in ``record`` are not made again.

    Returns the minutes that it took.

    A planting that is under way at the end is finished; none is begun that is not likely to end in time.
    """
    started = clock()
    has = questions.supply(drill.material)
    asked = [q for q in drill.questions if questions.possible(q, drill.adversaries[q.adversary], has)]
    budget = minutes * 60
    progress.step("planting campaigns in the log, in memory", max(int(budget), 1))
    told = 0
    with crew(drill.workers, _begin, pickle.dumps(drill.material, protocol=5)) as hand_over:
        under_way: deque[tuple[Task, Future[tuple[Trial, float]]]] = deque()
        number = 0
        while True:
            while number in record.trials:
                number += 1
            time_is_left = (most is None or number < most) and _may_begin(
                clock() - started, budget, record, number, len(under_way) / drill.workers
            )
            if time_is_left and len(under_way) < min(drill.workers + 1, LAG):
                task = _next(drill, record, asked, has, number, [each for each, _ in under_way])
                if task is not None:
                    under_way.append((task, hand_over(_work, (task,))))
                    number += 1
                    continue
            if not under_way:
                break
            _, future = under_way.popleft()
            record.add(*future.result())
            done = min(int(clock() - started), int(budget))
            progress.advance(done - told)
            told = done
    return (clock() - started) / 60


def _may_begin(elapsed: float, budget: float, record: Record, number: int, waiting: float) -> bool:
    """Whether the planting with this number is likely to end in time and leave some for the report.

    ``waiting`` are the plantings under way for each worker: a full one must end before this one can begin.
    """
    needed = _longest(record, number) + (_longest(record, number - 1) if waiting >= 1 else 0.0)
    return elapsed + _SLOWER * needed <= (1 - _TO_REPORT) * budget


def _longest(record: Record, number: int) -> float:
    """Seconds of the longest of the last plantings of the kind that this number has (none yet: of any kind)."""
    alike = [seconds for n, seconds in sorted(record.seconds.items()) if _kind(n) == _kind(number)]
    return max((alike or list(record.seconds.values()))[-_RECENT:], default=0.0)


def _kind(number: int) -> str:
    """What the planting with this number looks at, and so how long it takes; see `_next`."""
    if number % _SHUFFLED[0] == _SHUFFLED[1]:
        return "shuffled"
    return "in time" if number % _IN_TIME[0] == _IN_TIME[1] else "planted"


def _next(
    drill: Drill, record: Record, asked: Sequence[Question], has: Supply, number: int, under_way: Sequence[Task]
) -> Task | None:
    """The planting with this number; None where there is nothing that this log could be asked."""
    seed = drill.seed * 1_000_003 + number
    if _kind(number) == "shuffled":
        return Task(number, "shuffled", seed, (), 0.0)
    before = [trial for n, trial in sorted(record.trials.items()) if n <= number - LAG]
    after = [planted.question for n, t in record.trials.items() if number - LAG < n < number for planted in t.planted]
    waiting = Counter(after + [name for task in under_way for name, _ in task.campaigns])
    known = power.outcomes(before, FIRM, drill.material.activity.sees, {q.name: q for q in asked})
    counted = {q: a._replace(under_way=waiting[q.name]) for q, a in power.answers(asked, known).items()}
    in_time = _kind(number) == "in time"
    usual = {q: a for q, a in counted.items() if q.stage == 0}
    in_time = in_time and bool(usual)
    if in_time:  # how soon is asked of the usual cells alone
        counted = usual
    chosen, given_up = questions.choose(counted, drill.adversaries, has, number)
    if not chosen:
        return None
    campaigns = tuple((q.name, questions.planted(q, drill.adversaries[q.adversary])) for q in chosen)
    return Task(number, "in time" if in_time else "planted", seed, campaigns, given_up)


_MATERIAL: list[Material] = []


def _begin(given: bytes) -> None:
    """Once in each worker: unpack the material; products of matrices on its one core."""
    threadpool_limits(1, user_api="blas")
    _MATERIAL[:] = [pickle.loads(given)]


def _work(task: Task) -> tuple[Trial, float]:
    """The trial, and the seconds that it took."""
    started, material = time.monotonic(), _MATERIAL[0]
    if task.kind == "shuffled":
        trial = try_shuffled(material, task.number, task.seed)
    else:
        trial = try_campaigns(
            material, task.number, task.seed, task.campaigns, given_up=task.given_up, in_time=task.kind == "in time"
        )
    return trial, time.monotonic() - started
