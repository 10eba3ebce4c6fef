"""Growing a group: ask of every plausible account how likely it is one of them, until nothing moves.

A group is described by its *likely* members, each as one of them, and by nobody else (classification EM: Celeux &
Govaert 1992). Described by everybody in proportion to a probability, a group that is in doubt fades: half-hearted
members describe it faintly, a faint group convinces fewer, and what was found from one start dies from the next.
"""

from __future__ import annotations

import numpy as np

from stillwatch.linkage.activity import Bools, Floats, Ints, Singles
from stillwatch.linkage.membership import Evidence
from stillwatch.linkage.scoring import Model

LEAST = 4
"""Accounts of the smallest group: three are no pool."""
SEAT = 0.8
"""Weight of each likely member in what a group is described by."""

CORE = 0.8
"""Probability from which a member is sure enough to say what its group is."""

_AGAIN = 2  # times that a group is grown from its core
_UNTIL = 15  # rounds after which two sets take turns for ever
_ALONE = 2  # rounds that are described by the latest members alone


def likely(member: Floats) -> Bools:
    """Accounts that are more likely members than not, (n,)."""
    chosen: Bools = member > 0.5
    return chosen


def log_odds_of(member: Floats) -> Floats:
    """Log-odds of the probabilities ``member`` (m,), bounded."""
    inside = np.clip(member, 1e-6, 1 - 1e-6)
    odds: Floats = np.log(inside / (1 - inside))
    return odds


def seated(member: Floats) -> Floats:
    """What a group is described by, (n,): its likely members alike, nobody else."""
    return np.where(likely(member), SEAT, 0.0)


def step(evidence: Evidence, model: Model, member: Floats, leniency: float = 0.0) -> tuple[Floats, Singles, Ints]:
    """One round: the new memberships (n,), and the features (k, f) and account numbers (k,) they come from.

    ``leniency`` (nats) is added to the log-odds of every account.
    """
    features, rows = evidence.features(member)
    grown = np.zeros(len(member))
    grown[rows] = model.probability(features, leniency)
    return grown, features, rows


def grow(evidence: Evidence, model: Model, member: Floats, rounds: int = 8, leniency: float = 0.0) -> Floats | None:
    """Memberships (n,) grown from what a group is described by at first (n,), or None where it dies.

    Stops when the same members are likely as the round before. Where two sets take turns, the third round and later
    describe the group by both.
    """
    before = None
    for number in range(rounds):
        grown, _, _ = step(evidence, model, member, leniency)
        now = likely(grown)
        if now.sum() < LEAST:
            return None
        if before is not None and np.array_equal(before, now):
            break
        before = now
        member = seated(grown) if number < _ALONE else (seated(grown) + member) / 2
    return grown


def regrow(evidence: Evidence, model: Model, member: Floats) -> Floats:
    """The group (n,) grown again from its surest members, twice, until it is what its own likely members describe.

    Growth ends in any of many groups that differ by an account in a hundred, according to where it began. From what is
    sure in them it ends in one. A group of which fewer than 4 are sure, or that dies of this, is left as it was.
    """
    for _ in range(_AGAIN):
        core = np.where(member >= CORE, SEAT, 0.0)
        if np.count_nonzero(core) < LEAST:
            break
        grown, _, _ = step(evidence, model, core)
        for _ in range(_UNTIL):
            before = likely(grown)
            grown, _, _ = step(evidence, model, seated(grown))
            if np.array_equal(before, likely(grown)):
                break
        if likely(grown).sum() < LEAST:
            break
        member = grown
    return member
