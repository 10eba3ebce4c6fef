"""From accounts that look alike to groups: grow each start, join what is one, drop what dies.

A start is an account with its nearest neighbours. Growing it alternates two steps until nothing moves: learn what the
group does (without the account judged), and ask of every account how likely it is one of them. Groups that grow into
each other are joined.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from stillwatch.linkage.activity import Bools, Floats
from stillwatch.linkage.growth import grow
from stillwatch.linkage.membership import Evidence
from stillwatch.linkage.scoring import Model

STARTS = 90
NEIGHBOURS = 16
"""Accounts of a start."""
LEAST = 4
"""Accounts of the smallest group: three are no pool."""
_COVERED = 6  # nearest neighbours of a start that are not started from again
_ROUNDS = 5
_SAME = 0.8  # share of a group that lies in another one
_KEPT = 0.75  # share of both groups that their union must keep when it is grown


def find_candidates(
    evidence: Evidence, model: Model, starts: int = STARTS, tell: Callable[[], None] = lambda: None
) -> list[Floats]:
    """Groups as memberships (n,), largest first; ``tell`` is called for each start. Fewer than 4 accounts: none."""
    found: list[Floats] = []
    covered = ~evidence.enough
    for account in np.argsort(-evidence.closest, kind="stable"):
        if starts <= 0:
            break
        if covered[account]:
            continue
        starts -= 1
        tell()
        covered[np.flatnonzero(evidence.neighbours(int(account), _COVERED))] = True
        member = grow(evidence, model, evidence.neighbours(int(account), NEIGHBOURS), _ROUNDS)
        if member is None or likely(member).sum() < LEAST:
            continue
        covered |= likely(member)
        if not any(_within(member, other) > _SAME for other in found):
            found.append(member)
    return settle(evidence, model, _join(evidence, model, found))


def likely(member: Floats) -> Bools:
    """Accounts that are more likely members than not, (n,)."""
    chosen: Bools = member > 0.5
    return chosen


def _within(member: Floats, other: Floats) -> float:
    inside, both = likely(member), likely(member) & likely(other)
    return float(both.sum()) / max(float(inside.sum()), 1.0)


def _join(evidence: Evidence, model: Model, groups: list[Floats]) -> list[Floats]:
    groups = sorted(groups, key=lambda member: -float(member.sum()))
    tried: set[tuple[bytes, bytes]] = set()
    while True:
        joined = _first_join(evidence, model, groups, tried)
        if joined is None:
            return groups
        i, j, member = joined
        groups = [member, *(group for k, group in enumerate(groups) if k not in (i, j))]
        groups.sort(key=lambda member: -float(member.sum()))


def _first_join(
    evidence: Evidence, model: Model, groups: list[Floats], tried: set[tuple[bytes, bytes]]
) -> tuple[int, int, Floats] | None:
    for i, first in enumerate(groups):
        for j in range(i + 1, len(groups)):
            a, b = likely(first), likely(groups[j])
            key = (a.tobytes(), b.tobytes())
            if key in tried or not _near(evidence, a, b):
                continue
            tried.add(key)
            member = grow(evidence, model, np.maximum(first, groups[j]), _ROUNDS)
            if member is None:
                continue
            whole = likely(member)
            if (whole & a).sum() >= _KEPT * a.sum() and (whole & b).sum() >= _KEPT * b.sum():
                return i, j, member
    return None


def _near(evidence: Evidence, a: Bools, b: Bools) -> bool:
    """Whether two groups overlap, or their accounts are nearly as close to each other as among themselves."""
    if (a & b).sum() >= 0.15 * min(a.sum(), b.sum()):
        return True
    scores = evidence.scores
    between = scores[np.ix_(a, b)].mean()
    inside = min(scores[np.ix_(a, a)].mean(), scores[np.ix_(b, b)].mean())
    usual = scores[np.ix_(b, evidence.enough)].mean()
    return bool(between >= usual + 0.4 * (inside - usual))


def settle(evidence: Evidence, model: Model, groups: list[Floats]) -> list[Floats]:
    """Grow groups once more; drop those that die, shrink below 4 accounts or lie in a larger one."""
    settled: list[Floats] = []
    for start in sorted(groups, key=lambda member: -float(member.sum())):
        member = grow(evidence, model, start, _ROUNDS)
        if member is None or likely(member).sum() < LEAST:
            continue
        if not any(_within(member, other) > 0.7 for other in settled):
            settled.append(member)
    return settled
