"""One planting, judged as a scan judges: which groups it would accuse, and of whom they are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

import msgspec
import numpy as np

from stillwatch.drill.material import Material
from stillwatch.drill.planting import GIVEN_UP, Plan, make_plan
from stillwatch.drill.sown import Sown, sow
from stillwatch.linkage.activity import Activity, Bools, Ints
from stillwatch.linkage.certainty import FEWEST_ACCUSED, allowed_innocent, standing, sure_members
from stillwatch.linkage.confirmation import search_part
from stillwatch.linkage.finding import judge_groups, packaged_models
from stillwatch.linkage.findings import Group
from stillwatch.linkage.scoring import Model
from stillwatch.progress import Silent
from stillwatch.simulation.operators.campaign import Campaign

__all__ = ["Accused", "Judged", "Planted", "Trial", "accused_by", "shuffled", "try_campaigns", "try_shuffled"]

CUTS = (0.15, 0.3, 0.5, 0.75)
"""Shares of the log after which a trial of time looks at what would be found so far; the whole log comes last."""


class Judged(msgspec.Struct, frozen=True):
    """A group that passes every bar but that of how firmly it stands.

    ``standing`` (nats); for each member its ``posterior`` and who it is: an account number of the log (innocent), or
    -1 - the number of its campaign. ``evidence``: mean log-odds by kind over the planted members.
    """

    standing: float
    posterior: tuple[float, ...]
    members: tuple[int, ...]
    evidence: dict[str, float] = {}


class Planted(msgspec.Struct, frozen=True):
    """A campaign as it was planted: the question it answers, its accounts, exchanges, and first and last day."""

    question: str
    accounts: int
    exchanges: int
    harvested: int
    first: float
    last: float


class Trial(msgspec.Struct, frozen=True):
    """What came of one planted or shuffled log, from which the share ``given_up`` of the accounts was taken.

    ``kind`` is "planted", "in time" or "shuffled"; ``cuts`` are looks at the log's beginning: (days, groups).
    """

    number: int
    kind: str
    seed: int
    given_up: float
    planted: tuple[Planted, ...]
    groups: tuple[Judged, ...]
    cuts: tuple[tuple[float, tuple[Judged, ...]], ...] = ()


class Accused(msgspec.Struct, frozen=True):
    """Whom a scan would accuse in a trial: ``innocent`` account numbers, and for each campaign how many accounts of it
    (``caught``) and whether it was ``found``: a group that is accused, most of it planted, holds eight of them or more
    (two campaigns that end in one group are both found)."""

    innocent: tuple[int, ...]
    caught: tuple[int, ...]
    found: tuple[bool, ...]


def try_campaigns(
    material: Material,
    number: int,
    seed: int,
    campaigns: Sequence[tuple[str, Campaign]],
    *,
    given_up: float = GIVEN_UP,
    in_time: bool = False,
) -> Trial:
    """Plant the campaigns (each with the question it answers) and judge; ``in_time``: also after parts of the log."""
    plan = make_plan(material, [campaign for _, campaign in campaigns], seed, given_up)
    sown = sow(material, plan)
    first, last = _span(sown.activity)
    cuts = []
    for share in CUTS if in_time else ():
        until = first + share * (last - first)
        early = sown.activity.start < until
        names = [name for name, chosen in zip(sown.names, early.tolist(), strict=True) if chosen]
        cuts.append((until - first, _judged(sown.activity.only(early), names, sown)))
    groups = _judged(sown.activity, sown.names, sown)
    return Trial(
        number=number,
        kind="in time" if in_time else "planted",
        seed=seed,
        given_up=given_up,
        planted=tuple(_planted(i, question, plan, sown) for i, (question, _) in enumerate(campaigns)),
        groups=groups,
        cuts=(*cuts, (last - first, groups)) if in_time else (),
    )


def try_shuffled(material: Material, number: int, seed: int) -> Trial:
    """Judge the log with its sessions dealt at random among accounts of like load: whoever is accused is innocent."""
    activity = shuffled(material.activity, np.random.default_rng([seed, 3]))
    n = activity.accounts
    everybody = np.arange(n, dtype=np.int64)
    names = [f"{seed}/{i}" for i in range(len(activity.account))]
    sown = Sown(activity, np.full(n, -1, dtype=np.int64), everybody, names, np.zeros(len(names), dtype=bool))
    return Trial(number, "shuffled", seed, 0.0, (), _judged(activity, names, sown))


def shuffled(activity: Activity, rng: np.random.Generator) -> Activity:
    """The sessions dealt at random among accounts of like load (classes of powers of two), each keeping its number."""
    size = np.floor(np.log2(np.maximum(activity.sessions, 1)))[activity.account]
    account = activity.account.copy()
    for level in np.unique(size):
        rows = np.flatnonzero(size == level)
        account[rows] = account[rng.permutation(rows)]
    return replace(activity, account=account)


def accused_by(trial: Trial, groups: Sequence[Judged], firm: float, sees: frozenset[str]) -> Accused:
    """Whom a scan with the bar ``firm`` accuses of ``groups``, by the scan's own rule (`certainty.sure_members`)."""
    rebuilt = [_group(group, i, firm) for i, group in enumerate(groups)]
    innocent: list[int] = []
    caught, found = [0] * len(trial.planted), [False] * len(trial.planted)
    for group in sure_members(rebuilt, allowed_innocent(sees)):
        if group.verdict != "campaign":
            continue
        members = group.evidence["members"].astype(np.int64)
        innocent += members[members >= 0].tolist()
        own = np.bincount(-1 - members[members < 0], minlength=len(caught)).tolist()
        for number, count in enumerate(own):
            caught[number] += count
            found[number] = found[number] or (count >= FEWEST_ACCUSED and 2 * sum(own) > len(members))
    return Accused(tuple(sorted(innocent)), tuple(caught), tuple(found))


def _group(judged: Judged, number: int, firm: float) -> Group:
    size = len(judged.members)
    return Group(
        accounts=np.arange(size, dtype=np.int64),
        log_odds=np.zeros(size),
        posterior=np.array(judged.posterior),
        verdict="campaign" if judged.standing >= firm else "review",
        p_value=0.0,
        e_value=0.0,
        q_value=0.0,
        expected_innocent=0.0,
        evidence={"members": np.array(judged.members, dtype=np.float64)},
        rivals={},
    )


def _span(activity: Activity) -> tuple[float, float]:
    """First and last moment of a log (days)."""
    return (float(activity.start.min()), float(activity.start.max())) if len(activity.start) else (0.0, 0.0)


@cache
def _models() -> Mapping[str, Model]:
    return packaged_models()


def _judged(activity: Activity, names: Sequence[str], sown: Sown, false_discovery: float = 0.01) -> tuple[Judged, ...]:
    groups, _, _ = judge_groups(
        activity, search_part(names, 0), _models(), seed=0, false_discovery=false_discovery, progress=Silent(),
        firm=-np.inf,
    )  # fmt: skip
    return tuple(_told(group, sown) for group in groups if group.verdict == "campaign")


def _told(group: Group, sown: Sown) -> Judged:
    campaign = sown.campaign[group.accounts]
    members: Ints = np.where(campaign >= 0, -1 - campaign, sown.origin[group.accounts])
    planted: Bools = campaign >= 0
    evidence = {kind: float(values[planted].mean()) for kind, values in group.evidence.items() if planted.any()}
    return Judged(
        standing(group.log_odds),
        tuple(np.round(group.posterior, 5).tolist()),
        tuple(members.tolist()),
        {kind: round(value, 3) for kind, value in evidence.items()},
    )


def _planted(number: int, question: str, plan: Plan, sown: Sown) -> Planted:
    own = np.flatnonzero(sown.campaign == number)
    mine = np.isin(sown.activity.account, own)
    times = sown.activity.start[mine] - _span(sown.activity)[0]
    return Planted(
        question=question,
        accounts=len(own),
        exchanges=int(sown.activity.turns[mine].sum()),
        harvested=int(sown.activity.turns[mine & sown.harvested].sum()),
        first=float(times.min(initial=np.inf)) if len(times) else 0.0,
        last=float(times.max(initial=0.0)),
    )
