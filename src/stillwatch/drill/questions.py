"""What a drill asks: how likely is a campaign of this kind, size, thinness and cover found? And in what order."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import NamedTuple

import msgspec

from stillwatch.calibration import rate_sequence
from stillwatch.drill.adversaries import Adversary
from stillwatch.drill.material import Material
from stillwatch.drill.planting import FEWEST_ACCOUNTS
from stillwatch.simulation.operators.campaign import Campaign

__all__ = ["COVERS", "SIZES", "Asked", "Question", "Supply", "choose", "evading", "grid", "settled", "supply"]

SIZES = (15, 30, 60, 120)
COVERS = (0.0, 0.3, 0.6)
USUAL_SIZE, USUAL_COVER = 60, 0.3
"""The cell at which exchanges per account are varied, and which comes first."""
THINNER, THICKER = 0.5, 2.0
EVADING = 2
"""The stage of questions about evasions."""
TOGETHER = 6
"""Campaigns planted in one log at most."""
KIN = 3
"""Of them evasions of one adversary, with which they have much in common."""
_NARROW = 0.2
_ENOUGH = 60  # trials of one cell after which it is left alone until all are settled
_ROUND = 3  # trials that every cell gets before any gets more
_MOST_GIVEN, _LEAST_GIVEN, _USED = 0.6, 0.2, 0.8


class Question(NamedTuple):
    """One cell: the adversary's name, accounts, exchanges of each in the log's span, and share of cover."""

    adversary: str
    accounts: int
    exchanges: float
    cover: float
    stage: int

    @property
    def name(self) -> str:
        """How trials name it."""
        return f"{self.adversary}/{self.accounts}/{self.exchanges:g}/{self.cover:g}"


class Asked(NamedTuple):
    """What is known of a question so far, and how many plantings that ask it are under way."""

    trials: int
    found: int
    under_way: int = 0


def grid(adversaries: Iterable[Adversary], sizes: Sequence[int], covers: Sequence[float]) -> list[Question]:
    """Every adversary at every size and cover, and with half and twice the exchanges at the size in the middle.

    The stage says what comes first where time is short: the usual cell, then its size, evasions, its cover, the rest.
    """
    usual = _nearest(covers, USUAL_COVER)
    middle = int(_nearest(sizes, USUAL_SIZE))
    asked = []
    for adversary in adversaries:
        exchanges = adversary.campaign.exchanges
        for cover in covers:
            for size in sizes:
                stage = 0 if (cover, size) == (usual, middle) else 1 if cover == usual else 3
                asked.append(Question(adversary.name, size, exchanges, cover, stage))
        asked += [Question(adversary.name, middle, exchanges * f, usual, 4) for f in (THINNER, THICKER)]
    return asked


def evading(evasions: Sequence[Adversary], bases: Mapping[str, Adversary]) -> list[Question]:
    """One question for each base and each of its evasions: does it hide as many harvested exchanges as the base takes?

    With more cover, or with thinner accounts, that takes more accounts.
    """
    asked = []
    for each in (*bases.values(), *evasions):
        base, campaign = bases[each.of or each.name].campaign, each.campaign
        harvest = base.accounts * base.exchanges * (1 - base.cover)
        accounts = math.ceil(harvest / (campaign.exchanges * max(1 - campaign.cover, 0.01)))
        asked.append(Question(each.name, max(accounts, FEWEST_ACCOUNTS), campaign.exchanges, campaign.cover, EVADING))
    return asked


def _nearest(values: Sequence[float], wanted: float) -> float:
    return min(values, key=lambda value: abs(value - wanted))


def planted(question: Question, adversary: Adversary) -> Campaign:
    """The campaign that a question plants."""
    return msgspec.structs.replace(
        adversary.campaign, name=question.name, accounts=question.accounts, exchanges=question.exchanges,
        cover=question.cover,
    )  # fmt: skip


def settled(asked: Asked) -> bool:
    """Whether the answer is clear: found more often than not, less often than not, or told narrowly."""
    ends = rate_sequence(asked.found, asked.trials)
    return ends.low >= 0.5 or ends.high <= 0.5 or ends.high - ends.low <= _NARROW or asked.trials >= _ENOUGH


class Supply(NamedTuple):
    """What a log has to plant with: ``tasks`` (sessions to harvest) and ``hosts`` (accounts to live as)."""

    tasks: int
    hosts: int

    def share(self, tasks: float, hosts: float) -> float:
        """Share of the accounts that must leave the log for so much."""
        return max(tasks / (_USED * max(self.tasks, 1)), hosts / (_USED * max(self.hosts, 1)))


def supply(material: Material) -> Supply:
    """The supply of a log, were all of it given up."""
    free = material.task & ~material.suspected[material.activity.account]
    return Supply(int(free.sum()), int(material.may_host.sum()))


def needs(campaign: Campaign) -> tuple[float, float]:
    """About how many sessions and hosts a campaign uses up: its harvest, and its cover."""
    harvest = campaign.exchanges * (1 - campaign.cover) / (1 + campaign.follow_ups + 2 * campaign.best_of)
    return campaign.accounts * (harvest + campaign.exchanges * campaign.cover * 0.7), campaign.accounts


def choose(
    open_: Mapping[Question, Asked], adversaries: Mapping[str, Adversary], has: Supply, number: int
) -> tuple[list[Question], float]:
    """The questions of planting ``number``, each of another adversary, and the share of accounts that it takes up.

    Cells that are not settled come before those that are, those with fewer trials before those with more (three at a
    time), earlier stages before later ones, and at last the widest interval; who meets whom is drawn anew each time.
    """
    chosen: list[Question] = []
    names: set[str] = set()
    kin: Counter[str] = Counter()
    tasks = hosts = 0.0
    for question in sorted(open_, key=lambda q: _urgency(q, open_[q], number)):
        adversary = adversaries[question.adversary]
        wants, lives = needs(planted(question, adversary))
        base = adversary.of or question.adversary
        if question.adversary in names or kin[base] >= KIN:
            continue
        if has.share(tasks + wants, hosts + lives) > _MOST_GIVEN:
            continue
        chosen.append(question)
        names.add(question.adversary)
        kin[base] += 1
        tasks, hosts = tasks + wants, hosts + lives
        if len(chosen) == TOGETHER:
            break
    return chosen, max(_LEAST_GIVEN, has.share(tasks, hosts))


def possible(question: Question, adversary: Adversary, has: Supply) -> bool:
    """Whether the log has what a question needs."""
    return has.share(*needs(planted(question, adversary))) <= _MOST_GIVEN


def _urgency(question: Question, asked: Asked, number: int) -> tuple[bool, int, int, float, float]:
    turn = Random(f"{number}/{question.name}").random()
    trials = asked.trials + asked.under_way
    if settled(asked):
        ends = rate_sequence(asked.found, asked.trials)
        return True, asked.under_way, 0, ends.low - ends.high, turn
    return False, trials // _ROUND, question.stage, trials, turn
