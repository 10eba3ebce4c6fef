"""Two operators in one group: a cut through it, and whether either side knows the other.

Two campaigns that are unlike anything else in a log can support each other in one group for ever: described by both, it
takes both in. Described by the accounts of one side alone, one operator's group takes the other side in as well; of two
operators, neither side does.
"""

from __future__ import annotations

import numpy as np

from stillwatch.linkage.activity import Bools, Floats, Ints
from stillwatch.linkage.growth import SEAT, likely, log_odds_of, step
from stillwatch.linkage.membership import Evidence
from stillwatch.linkage.scoring import Model

STRANGE, KNOWN = -2.5, 0.3
"""Mean log-odds and mean probability of the other side's accounts below which a side does not know them. On the worlds
that no model has seen (`python -m bench.parting`), both sides of a cut through one operator's accounts do so in 1 of 101
campaigns, and of a cut through two operators' in 170 of 174 pairs that are not far from each other."""
LEAST_PART = 8
"""Accounts of the smallest part: fewer could not be accused for themselves."""
_COMPONENTS = 4  # places where a group may be cut
_TURNS = 20  # in which accounts change sides


def part(evidence: Evidence, model: Model, member: Floats) -> list[Floats]:
    """The group, as memberships (n,), or those that it is made of. A group of fewer than 16 is not parted."""
    inside = np.flatnonzero(likely(member))
    side = widest_cut(evidence.scores[np.ix_(inside, inside)].astype(np.float64))
    if side is None:
        return [member]
    sides = inside[side], inside[~side]
    described = [_described(evidence, model, accounts) for accounts in sides]
    told = [own[others] for own, others in zip(described, reversed(sides), strict=True)]
    if any(log_odds_of(others).mean() > STRANGE or others.mean() > KNOWN for others in told):
        return [member]
    for own, others in zip(described, reversed(sides), strict=True):
        own[others] = 0.0
    return [smaller for own in described for smaller in part(evidence, model, own)]


def _described(evidence: Evidence, model: Model, accounts: Ints) -> Floats:
    """Memberships (n,) in the group that ``accounts`` make."""
    start = np.zeros(len(evidence.enough))
    start[accounts] = SEAT
    return step(evidence, model, start)[0]


def widest_cut(scores: Floats) -> Bools | None:
    """The two parts (m,) of a group, from its pair scores (m, m), that lie furthest from each other, of 8 or more each.

    Furthest by the mean score of pairs within the looser part over that of pairs between both. Looked for from the
    leading principal components. None where no cut leaves two such parts.
    """
    widest, found = -np.inf, None
    for start in _components(scores) if len(scores) >= 2 * LEAST_PART else ():
        side = _nearer(scores, start)
        within = min(_mean_within(scores, side), _mean_within(scores, ~side))
        gap = within - float(scores[np.ix_(side, ~side)].mean()) if within > -np.inf else -np.inf
        if gap > widest:
            widest, found = gap, side
    return found


def _components(scores: Floats) -> list[Bools]:
    """Which side of each of the leading principal components accounts lie on."""
    centred = scores - scores.mean(axis=0)
    centred -= centred.mean(axis=1, keepdims=True)
    vectors = np.linalg.eigh((centred + centred.T) / 2)[1]
    return [vectors[:, -1 - k] > 0 for k in range(_COMPONENTS)]


def _nearer(scores: Floats, side: Bools) -> Bools:
    """Each account on the side that it is nearer to, (m,), until nobody changes sides or one side is too small."""
    for _ in range(_TURNS):
        sizes = side.sum(), (~side).sum()
        if min(sizes) < LEAST_PART:
            break
        to_one = scores[:, side].sum(axis=1) / (sizes[0] - side)
        to_other = scores[:, ~side].sum(axis=1) / (sizes[1] - ~side)
        now = to_one > to_other
        if np.array_equal(now, side):
            break
        side = now
    return side


def _mean_within(scores: Floats, side: Bools) -> float:
    """Mean score of the pairs on one side (the diagonal is 0); -inf for a side too small for a group."""
    n = int(side.sum())
    return float(scores[np.ix_(side, side)].sum() / (n * (n - 1))) if n >= LEAST_PART else -np.inf
