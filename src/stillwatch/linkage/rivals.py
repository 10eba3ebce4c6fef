"""Innocent explanations as competing models, scored on the evidence of the group that they would explain.

Each gives the nats by which "one operator's pool" beats it on the whole group. Some compete with the pool for every
session (habits, taste, wording); some say how often members ask the same thing or declare one organisation; and some
explain a part of the evidence away, and what is left without that part must still stand.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from stillwatch.linkage.activity import CONTENT, CUSTOMERS, VIRAL, Bools, Floats, Ints, Singles
from stillwatch.linkage.membership import Evidence

_POOL_REPEATS, _CLASS_REPEATS = 0.04, 0.4
"""Share of sessions that many members ask too: in a pool, which shares its work out, and in a class or on a list."""
_MANY = 0.15  # of the other members, and two at least
_MOST_USAGE = 2.0
"""Nats that how one account is used may count against an explanation of what it asks: bounded, never all."""
_POOL_VIRAL, _VIRAL = 0.1, 0.7
_POOL_ORGANIZATION, _COMPANY = 0.03, 0.9


def score_rivals(evidence: Evidence, features: Singles, rows: Ints, member: Floats) -> dict[str, float]:
    """Nats by which the pool beats each innocent explanation, by name; explanations that cannot be seen are left out.

    ``features`` (k, f) and ``rows`` (k,) are those of `Evidence.features` for ``member`` (n,).
    """
    names = evidence.names
    chosen = member[rows] > 0.5
    inside = features[chosen]
    if not len(inside):
        return {}
    column = {name: inside[:, i] for i, name in enumerate(names) if not name.startswith("g_")}
    rivals: dict[str, float] = {}
    activity = evidence.activity
    mine = (member > 0.5)[activity.account]
    if CONTENT in activity.sees:
        # Habits, tastes and wordings explain what is asked; that accounts are also used alike they leave unexplained.
        usage = float(np.clip(column["losum"], -_MOST_USAGE, _MOST_USAGE).sum())
        rivals["own_habits"] = float(column["c1"].sum()) + usage
        rivals["shared_taste"] = float(column["c2"].sum()) + usage
        rivals["shared_wording"] = float(column["c3"].sum()) + usage
        repeated = evidence.repeat_members(member)[mine] >= max(1.5, _MANY * (member.sum() - 1))
        viral = evidence.askers[mine] >= VIRAL
        # A class or a viral prompt explains what is repeated; the rest it leaves to each one's habits.
        rivals["class"] = _shares(repeated, _POOL_REPEATS, _CLASS_REPEATS) + (1 - repeated.mean()) * float(
            column["c1"].sum()
        )
        rivals["viral"] = _shares(viral, _POOL_VIRAL, _VIRAL) + (1 - viral.mean()) * float(column["c1"].sum())
    if CUSTOMERS in activity.sees:
        rivals["company"] = _shares(_of_one_company(activity.organization[member > 0.5]), _POOL_ORGANIZATION, _COMPANY)
    rivals |= _explained_away(column)
    return {name: round(value, 3) for name, value in rivals.items()}


def _shares(seen: Bools, of_pool: float, of_rival: float) -> float:
    """Log-odds of a pool over a rival from how often something was seen, each with its own rate."""
    hits, misses = float(seen.sum()), float((~seen).sum())
    return float(hits * np.log(of_pool / of_rival) + misses * np.log((1 - of_pool) / (1 - of_rival)))


def _of_one_company(organization: Ints) -> Bools:
    """Which of a group's accounts (m,) are in its largest organisation, where that has two or more of them.

    One company explains its own people. That accounts of ten companies draw on one pool it does not explain: an
    operator that registers an organisation for every few accounts would clear them all.
    """
    _, number, count = np.unique(organization, return_inverse=True, return_counts=True)
    people: Bools = (number == count.argmax()) & (count.max() > 1)
    return people


_EXPLAINS: Mapping[str, tuple[str, ...]] = {
    "agent_developer": ("lo_sysp", "lo_agent", "lo_turns", "lo_client", "lo_temp", "lo_maxt"),
    "same_network": ("lo_asn", "lo_nasn", "lo_nip"),
    "same_start": ("lo_first", "lo_last", "lo_created", "lo_age", "lo_dur"),
}


def _explained_away(column: Mapping[str, Singles]) -> dict[str, float]:
    """What is left of the log-odds of usage and content when all that the explanation covers is taken out."""
    content = np.nan_to_num(column["c1"])
    left = {}
    for name, covered in _EXPLAINS.items():
        usage = column["losum"] - np.nansum([column[c] for c in covered], axis=0)
        left[name] = float((usage + content).sum())
    return left
