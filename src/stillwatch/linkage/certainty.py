"""How sure each membership is, and whom of a group that leaves to accuse.

The membership model was fitted with members weighed up and to groups on their way; what its log-odds are worth in the
groups that a search ends with is measured, on worlds that no model was fitted to (``python -m bench.calibrating``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from stillwatch.calibration import select_at_fdr
from stillwatch.linkage.activity import CONTENT, CUSTOMERS, NETWORK, Floats
from stillwatch.linkage.findings import Group

FEWEST_ACCUSED = 8
"""Accounts of the smallest group that is accused; smaller ones are for a person to look at."""
INNOCENT, INNOCENT_BLIND = 0.02, 0.01
"""Share of innocents expected among all accounts accused, and in a log that lacks customers, networks or requests: who
sees less is more careful. Less sure members of groups are for a person to look at."""
FIRM = 8.5
"""Nats from which a group stands (`standing`): on twenty worlds that no model had seen, 8.05 was the most that chance
neighbours of many hands came to, and 8.6 what all campaigns but one (8.46) came to (`python -m bench.calibrating`)."""
FEATURES = ("log_odds", "size")
"""What is known of a member: its log-odds, at most `_MOST`, and the log of its group's size."""
CALIBRATION = (1.29, 0.35, -0.2)
"""Weights of `FEATURES` and a constant: log-odds of membership as measured in worlds planted in a log of real texts.
Since groups are grown again from their surest members the same fit gives (1.14, 0.38, 0.67), without networks
(1.14, 0.71, -0.60), without customers (1.16, 0.54, -0.33): surer of everybody. The more careful ones are left."""
_MOST = 6.0


def describe_members(log_odds: Floats) -> Floats:
    """`FEATURES` of a group's members, whose raw log-odds are ``log_odds`` (m,): (m, 2)."""
    size = np.log(max(len(log_odds), 1))
    described: Floats = np.column_stack([np.minimum(log_odds, _MOST), np.full(len(log_odds), size)])
    return described


def standing(log_odds: Floats) -> float:
    """How firmly a group stands: its members' mean log-odds, and two nats for each e-fold of its size; 0 members: 0.

    A search over all accounts finds some that chance has made alike. The more there are, the less it was chance: a
    small group must be surer than a large one.
    """
    if not len(log_odds):
        return 0.0
    return float(np.minimum(log_odds, _MOST).mean() + 2.0 * np.log(len(log_odds)))


def calibrated(log_odds: Floats) -> Floats:
    """Probabilities of membership, (m,), of a group's members, whose raw log-odds are ``log_odds`` (m,)."""
    return certain(describe_members(log_odds), np.array(CALIBRATION))


def certain(described: Floats, weights: Floats) -> Floats:
    """Probabilities (m,) of members ``described`` (m, f), by weights of `FEATURES` and a constant, (f + 1,)."""
    result: Floats = 1.0 / (1.0 + np.exp(-(described @ weights[:-1] + weights[-1])))
    return result


def least_sure(posterior: Floats, innocent: float) -> float:
    """The lowest of the probabilities (m,) that may be accused together, ``innocent`` of them expected; inf: none."""
    return float(posterior[select_at_fdr(posterior, innocent)].min(initial=np.inf))


def allowed_innocent(sees: frozenset[str]) -> float:
    """Share of innocents expected among the accused of a log that shows ``sees`` (`Activity.sees`)."""
    return INNOCENT if sees >= {CONTENT, CUSTOMERS, NETWORK} else INNOCENT_BLIND


def sure_members(groups: list[Group], innocent: float = INNOCENT) -> list[Group]:
    """Accuse the surest members of accused groups, as many as keep the expected share of innocents; the rest is parted.

    Innocents are counted over all groups together. Fewer than eight sure members accuse nobody of that group.
    """
    accused = [group for group in groups if group.verdict == "campaign"]
    if not accused:
        return groups
    posterior = np.concatenate([group.posterior for group in accused])
    least = least_sure(posterior, innocent)
    result: list[Group] = []
    for group in groups:
        sure = group.posterior >= least
        if group.verdict != "campaign" or sure.all():
            result.append(group)
        elif sure.sum() < FEWEST_ACCUSED:
            result.append(replace(group, verdict="review"))
        else:
            result += [part(group, sure, "campaign"), part(group, ~sure, "review")]
    return result


def part(group: Group, chosen: np.ndarray, verdict: Literal["campaign", "review"]) -> Group:
    """The members of a group that are ``chosen`` (m,), with ``verdict``: evidence and innocents are theirs alone."""
    posterior = group.posterior[chosen]
    return replace(
        group,
        accounts=group.accounts[chosen],
        log_odds=group.log_odds[chosen],
        posterior=posterior,
        verdict=verdict,
        expected_innocent=float((1.0 - posterior).sum()),
        evidence={name: values[chosen] for name, values in group.evidence.items()},
    )
