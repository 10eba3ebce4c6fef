"""From accounts that look alike to groups: grow each start, join what is one, part what is two, drop what dies.

A start is an account with its nearest neighbours; accounts that are nearest to each other come first, by turns with
those that are nearest to anybody: the hidden pool and the blatant one. Growing it alternates two steps until nothing
moves: learn what the group does (without the account judged), and ask of every account how likely it is one of them. A
start that dies is grown again with more leniency: this is the search, on a part of the evidence; whether a group stands
is decided later, on all of it and without leniency (`settle`). Groups that draw each other's accounts in are joined,
and one that is two operators' is parted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from stillwatch.linkage.activity import Bools, Floats, Ints
from stillwatch.linkage.growth import SEAT, grow, likely, regrow, seated, step
from stillwatch.linkage.membership import Evidence
from stillwatch.linkage.parting import part
from stillwatch.linkage.scoring import Model

STARTS = 64
NEIGHBOURS = 16
"""Accounts of a start."""
LENIENCY = (0.0, 2.0)
"""Nats that the search adds to every account's log-odds: none, and where a start dies of that, these."""
_COVERED = 6  # nearest neighbours of a start that are not started from again
_ROUNDS = 6
_FAINTEST = 3.0  # expected members of a start below which it is given up
_INSIDE = 0.7  # share of a group that lies in a larger one: then it is a part of that
_KEPT = 0.75  # share of both groups that their union must keep when it is grown
_DRAWN = 0.25  # mean probability of the others' accounts from which a group draws them in
_GROWERS = 2  # groups that are grown at a time: most of it is done outside the interpreter's lock


def find_candidates(
    evidence: Evidence, model: Model, starts: int = STARTS, tell: Callable[[], None] = lambda: None
) -> list[Floats]:
    """Groups as memberships (n,), largest first; ``tell`` is called for each start. Fewer than 4 accounts: none."""
    found: list[Floats] = []
    lenient: list[Floats] = []
    covered = ~evidence.enough  # nothing is started here again
    leniently = covered.copy()  # no leniency here again
    for account in starting_order(evidence):
        if starts <= 0:
            break
        if covered[account]:
            continue
        starts -= 1
        tell()
        covered[np.flatnonzero(evidence.neighbours(int(account), _COVERED))] = True
        first, _, _ = step(evidence, model, evidence.neighbours(int(account), NEIGHBOURS))
        for leniency in LENIENCY[: 1 if leniently[account] else None]:
            start = _more_likely(first, leniency)
            member = grow(evidence, model, start, _ROUNDS - 1, leniency) if start.sum() >= _FAINTEST else None
            if member is not None:
                (lenient if leniency else found).append(member)
                leniently |= likely(member)
                if not leniency:
                    covered |= likely(member)
                break
    found = [smaller for member in _apart(found) for smaller in part(evidence, model, member)]
    found = _apart(found, lenient)
    return sorted([*found, *unions(evidence, model, found)], key=_size)


def starting_order(evidence: Evidence) -> Ints:
    """Accounts to start from: by turns the next of those nearest to each other and of those nearest to anybody."""
    both = [np.argsort(-near, kind="stable") for near in (evidence.mutual, evidence.closest)]
    turns = np.stack(both, axis=1).ravel()
    _, first = np.unique(turns, return_index=True)
    order: Ints = turns[np.sort(first)]
    return order


def _more_likely(member: Floats, nats: float) -> Floats:
    """Memberships with ``nats`` added to their log-odds, (n,); what is 0 stays 0."""
    odds = np.exp(nats)
    result: Floats = member * odds / (1.0 - member + member * odds)
    return result


def _join(evidence: Evidence, model: Model, groups: list[Floats]) -> list[Floats]:
    """Groups that each draw the other's accounts in, without them, are one, unless they would be parted again."""
    apart: set[tuple[bytes, bytes]] = set()
    while True:
        groups = sorted(groups, key=_size)
        joined = _first_join(evidence, model, groups, apart)
        if joined is None:
            return groups
        i, j, member = joined
        groups = [member, *(group for k, group in enumerate(groups) if k not in (i, j))]


def _first_join(
    evidence: Evidence, model: Model, groups: list[Floats], apart: set[tuple[bytes, bytes]]
) -> tuple[int, int, Floats] | None:
    for i, first in enumerate(groups):
        for j in range(i + 1, len(groups)):
            a, b = likely(first), likely(groups[j])
            key = (a.tobytes(), b.tobytes())
            if key in apart:
                continue
            if _near(evidence, a, b) and _draws(evidence, model, a, b) and _draws(evidence, model, b, a):
                member = grow(evidence, model, seated(np.maximum(first, groups[j])), _ROUNDS)
                held = member is not None and _holds(member, a) and _holds(member, b)
                if member is not None and held and len(part(evidence, model, member)) == 1:
                    return i, j, member
            apart.add(key)
    return None


def unions(evidence: Evidence, model: Model, groups: list[Floats]) -> list[Floats]:
    """Pairs of groups that may be halves of one, each pair as one group: near, and one draws the other in.

    The search sees a part of the sessions and finds a faint pool by halves, neither of which may be enough to pass the
    test. Whether they are one is decided on all sessions (`settle`).
    """
    pairs = [(first, other) for i, first in enumerate(groups) for other in groups[i + 1 :]]
    return [np.maximum(first, other) for first, other in pairs if _may_be_one(evidence, model, first, other)]


def _may_be_one(evidence: Evidence, model: Model, first: Floats, other: Floats) -> bool:
    a, b = likely(first), likely(other)
    if not (a & ~b).any() or not (b & ~a).any() or not _near(evidence, a, b):
        return False
    return _draws(evidence, model, a, b) or _draws(evidence, model, b, a)


def _near(evidence: Evidence, a: Bools, b: Bools) -> bool:
    """Whether two groups overlap, or their accounts are nearly as close to each other as among themselves."""
    if (a & b).sum() >= 0.15 * min(a.sum(), b.sum()):
        return True
    scores = evidence.scores
    between = scores[np.ix_(a, b)].mean()
    inside = min(scores[np.ix_(a, a)].mean(), scores[np.ix_(b, b)].mean())
    usual = scores[np.ix_(b, evidence.enough)].mean()
    return bool(between >= usual + 0.4 * (inside - usual))


def _draws(evidence: Evidence, model: Model, group: Bools, others: Bools) -> bool:
    """Whether a group, as it is without them, takes a part of the others' accounts for its own."""
    core, rest = group & ~others, others & ~group
    if not core.any() or not rest.any():
        return True
    member, _, _ = step(evidence, model, np.where(core, SEAT, 0.0))
    return float(member[rest].mean()) >= _DRAWN


def _holds(member: Floats, group: Bools) -> bool:
    return bool((likely(member) & group).sum() >= _KEPT * group.sum())


def settle(evidence: Evidence, model: Model, groups: list[Floats]) -> list[Floats]:
    """Grow groups on this evidence without leniency; drop those that die, part what is two, join what is one."""
    with ThreadPoolExecutor(_GROWERS) as growers:
        grown = growers.map(lambda start: _settled(evidence, model, start), groups)
        living = _apart([member for member in grown if member is not None])
        parted = growers.map(lambda member: part(evidence, model, member), living)
        parts = [smaller for group in parted for smaller in group]
    return _apart(_join(evidence, model, parts))


def _settled(evidence: Evidence, model: Model, start: Floats) -> Floats | None:
    member = grow(evidence, model, seated(start), _ROUNDS)
    return None if member is None else regrow(evidence, model, member)


def _apart(groups: Sequence[Floats], weaker: Sequence[Floats] = ()) -> list[Floats]:
    """The groups, larger ones first, without those that lie in one of them; then the weaker ones that lie in none."""
    apart: list[Floats] = []
    for member in sorted(groups, key=_size):
        if not any(_lies_in(member, likely(other)) for other in apart):
            apart.append(member)
    firm = np.any([likely(member) for member in apart], axis=0) if apart else np.zeros(0, dtype=bool)
    for member in sorted(weaker, key=_size):
        others = [likely(other) for other in apart]
        if not any(_lies_in(member, other) for other in ([firm, *others] if len(firm) else others)):
            apart.append(member)
    return apart


def _size(member: Floats) -> float:
    return -float(member.sum())


def _lies_in(member: Floats, other: Bools) -> bool:
    inside = likely(member)
    return bool((inside & other).sum() > _INSIDE * inside.sum())
