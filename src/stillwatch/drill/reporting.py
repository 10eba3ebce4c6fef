"""A drill's trials as the one value that is reported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from stillwatch import __version__
from stillwatch.calibration import rate_sequence
from stillwatch.drill import innocents, power, report
from stillwatch.drill.adversaries import Adversary, knobs
from stillwatch.drill.costs import price, read_costs
from stillwatch.drill.drilling import Drill
from stillwatch.drill.questions import EVADING, Question, possible, supply
from stillwatch.drill.trial import Trial
from stillwatch.linkage.certainty import FIRM

__all__ = ["Spending", "build_report"]


class Spending(NamedTuple):
    """What a drill was given and took (minutes), the operator's ``costs`` (a file, or None), the mean price of one
    exchange of this log, and how many innocents per million ``allowed`` may be accused (None: no recommendation)."""

    budget: float
    spent: float
    costs: Path | None
    per_exchange: float
    currency: str
    allowed: float | None


def build_report(
    drill: Drill, trials: Sequence[Trial], traffic: report.Traffic, spending: Spending
) -> report.DrillReport:
    """Everything that the trials say."""
    has = supply(drill.material)
    possible_ones = [q for q in drill.questions if possible(q, drill.adversaries[q.adversary], has)]
    by_name = {question.name: question for question in possible_ones}
    sees = drill.material.activity.sees
    known = power.outcomes(trials, FIRM, sees, by_name)
    gridded = [q for q in possible_ones if q.stage != EVADING]
    told = power.cells(gridded, known)
    widths = [cell.found.high - cell.found.low for cell in told if not cell.settled]
    return report.DrillReport(
        version=__version__,
        seed=drill.seed,
        budget=spending.budget,
        spent=round(spending.spent, 1),
        plantings=len(trials),
        complete=bool(told) and not widths,
        widest=max(widths, default=0.0),
        traffic=traffic,
        adversaries=tuple(_adversary(drill.adversaries[name]) for name in dict.fromkeys(q.adversary for q in gridded)),
        cells=told,
        timing=power.timings(trials, FIRM, sees, by_name),
        carried=power.carried(trials, {q.name: q for q in gridded}),
        smallest=power.smallest(told),
        evasions=_evasions(drill, possible_ones, known, spending, traffic.days),
        innocents=innocents.innocents_accused(drill.material, trials, FIRM),
        shuffled=innocents.shuffled_accused(drill.material, trials, FIRM),
        recommendation=(
            None if spending.allowed is None else innocents.recommend(drill.material, trials, spending.allowed)
        ),
        currency=spending.currency,
        notes=_notes(drill, possible_ones, traffic),
    )


def _adversary(adversary: Adversary) -> report.Adversary:
    return report.Adversary(adversary.name, adversary.summary, knobs(adversary.campaign), adversary.campaign.exchanges)


def _evasions(
    drill: Drill, questions: Sequence[Question], known: power.Outcomes, spending: Spending, days: float
) -> tuple[report.Evasion, ...]:
    costs = read_costs(spending.costs)
    told = power.answers(questions, known)
    asked = {question.adversary: question for question in questions if question.stage == EVADING}
    rows = []
    for name, question in asked.items():
        adversary = drill.adversaries[name]
        base = drill.adversaries.get(adversary.of)
        if base is None or base.name not in asked:
            continue
        pays, paid = (price(each.campaign, days, spending.per_exchange, costs) for each in (adversary, base))
        with_it, without = (told[asked[each]] for each in (name, base.name))
        rows.append(
            report.Evasion(
                name=name,
                of=base.name,
                hides=adversary.hides,
                knobs=knobs(adversary.campaign, base.campaign),
                accounts=question.accounts,
                trials=with_it.trials,
                found=power.bounded(rate_sequence(with_it.found, with_it.trials)),
                found_without=power.bounded(rate_sequence(without.found, without.trials)),
                cost=pays.money,
                cost_without=paid.money,
                accounts_needed=pays.accounts,
                accounts_without=paid.accounts,
                days_needed=pays.days,
            )
        )
    return tuple(rows)


def _notes(drill: Drill, possible_ones: Sequence[Question], traffic: report.Traffic) -> tuple[str, ...]:
    notes = [
        "More accounts of the same kind are taken to be no harder to find: an interval rests on the plantings of"
        " smaller campaigns too (its lower end) and of larger ones (its upper end)."
    ]
    left_out = len(drill.questions) - len(possible_ones)
    if left_out:
        notes.append(
            f"{left_out} of {len(drill.questions)} questions need more sessions than this log could give up; they were"
            " not asked. A longer log, or smaller --sizes, would answer them."
        )
    if drill.material.prompts:
        notes.append(f"Campaigns harvest {len(drill.material.prompts):,} requests of a file, not those of the log.")
    if traffic.suspected:
        notes.append(
            f"A scan of the log itself accuses, or asks a person to look at, {traffic.suspected:,} accounts. They stay"
            " in the log, are no material, and are not counted as innocent."
        )
    if traffic.sampled_accounts < traffic.accounts:
        notes.append(
            f"The log is large: {traffic.sampled_accounts:,} of its {traffic.accounts:,} accounts, drawn at random and"
            " whole, stand for it. Campaigns are easier to find among fewer accounts; see the docs."
        )
    return tuple(notes)
