"""Growing a group: ask of every plausible account how likely it is one of them, until nothing moves."""

from __future__ import annotations

import numpy as np

from stillwatch.linkage.activity import Floats, Ints, Singles
from stillwatch.linkage.membership import Evidence
from stillwatch.linkage.scoring import Model

FEWEST = 3.0
"""Expected members below which a group is given up."""
_SETTLED = 0.3


def step(evidence: Evidence, model: Model, member: Floats, leniency: float = 0.0) -> tuple[Floats, Singles, Ints]:
    """One round: the new memberships (n,), and the features (k, f) and account numbers (k,) they come from.

    ``leniency`` (nats) is added to the log-odds of every account.
    """
    features, rows = evidence.features(member)
    grown = np.zeros(len(member))
    grown[rows] = model.probability(features, leniency)
    return grown, features, rows


def grow(evidence: Evidence, model: Model, member: Floats, rounds: int = 8, leniency: float = 0.0) -> Floats | None:
    """Memberships (n,) grown from a start (n,), or None where the group dies."""
    for _ in range(rounds):
        grown, _, _ = step(evidence, model, member, leniency)
        if grown.sum() < FEWEST:
            return None
        moved = float(np.abs(grown - member).sum())
        member = grown
        if moved < _SETTLED:
            break
    return member
