"""Groups as people decided them: joined, parted, held back. Applied after the search, which knows nothing of it.

A person's word changes who is in a group with whom, and never makes anybody more accused: a joined group has the weaker
error rate of those that it is made of, and a part of a group that does not stand by itself is shown to a person.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from stillwatch.campaigns.decided import Link
from stillwatch.linkage.certainty import FEWEST_ACCUSED, part, standing
from stillwatch.linkage.findings import Group

__all__ = ["hold_back", "regrouped"]

Names = Sequence[str]


def regrouped(
    groups: Sequence[Group], links: Sequence[Link], names: Names, firm: float
) -> tuple[list[Group], list[str]]:
    """The groups after ``links``, one after the other, and what was done in sentences.

    ``names`` are account ids by account number. Joined: groups that share at least half of the accounts of the smaller
    of the two with those that were decided and are in this log (as `gateway.learning.identity` knows a campaign again),
    accused ones with accused ones and those under review with their like. Parted: each decided part becomes a group of
    its own; members that nobody placed are shown to a person. A part of an accused group is accused where it stands by
    itself as ``firm`` (nats) as a group must, with eight members or more.
    """
    found, said = list(groups), []
    here = frozenset(names)
    for link in links:
        before = len(found)
        if link.kind == "together":
            found = _joined(found, link.parts[0] & here, names)
            if len(found) < before:
                said.append(f"People joined groups: {before - len(found) + 1} are one.")
        else:
            found = _parted(found, link.parts, names, firm)
            if len(found) > before:
                said.append(
                    f"People parted a group: {len(found) - before + 1} of it. The error rate beside a part is that of "
                    "the group as it was tested; a part that does not stand by itself is for a person to look at."
                )
    return found, said


def hold_back(groups: Sequence[Group], chosen: Callable[[Group], np.ndarray]) -> list[Group]:
    """The groups with the members that are ``chosen`` (m,) shown to a person instead of accused; a group left with
    fewer than eight accuses nobody."""
    result: list[Group] = []
    for group in groups:
        held = chosen(group) if group.verdict == "campaign" else np.zeros(len(group.accounts), dtype=bool)
        if not held.any():
            result.append(group)
            continue
        if not held.all():
            result.append(part(group, ~held, "campaign" if (~held).sum() >= FEWEST_ACCUSED else "review"))
        result.append(part(group, held, "review"))
    return result


def _joined(groups: list[Group], decided: frozenset[str], names: Names) -> list[Group]:
    chosen = [place for place, group in enumerate(groups) if _is_of(group, decided, names)]
    result: list[Group] = []
    for place, group in enumerate(groups):
        alike = [other for other in chosen if groups[other].verdict == group.verdict]
        if place not in alike:
            result.append(group)
        elif place == alike[0]:
            result.append(group if len(alike) == 1 else _one([groups[other] for other in alike]))
    return result


def _is_of(group: Group, decided: frozenset[str], names: Names) -> bool:
    shared = sum(names[number] in decided for number in group.accounts.tolist())
    return shared > 0 and 2 * shared >= min(len(group.accounts), len(decided))


def _one(groups: Sequence[Group]) -> Group:
    """One group of several: every member's own evidence, the weaker of their error rates, the closest of rivals."""
    accounts = np.concatenate([group.accounts for group in groups])
    order = np.argsort(accounts, kind="stable")
    evidence = {
        name: np.concatenate([group.evidence.get(name, np.zeros(len(group.accounts))) for group in groups])[order]
        for name in dict.fromkeys(name for group in groups for name in group.evidence)
    }
    rivals: dict[str, float] = {}
    for group in groups:
        for name, nats in group.rivals.items():
            rivals[name] = min(nats, rivals.get(name, nats))
    return replace(
        groups[0],
        accounts=accounts[order],
        log_odds=np.concatenate([group.log_odds for group in groups])[order],
        posterior=np.concatenate([group.posterior for group in groups])[order],
        p_value=max(group.p_value for group in groups),
        e_value=min(group.e_value for group in groups),
        q_value=max(group.q_value for group in groups),
        expected_innocent=float(sum(group.expected_innocent for group in groups)),
        evidence=evidence,
        rivals=rivals,
    )


def _parted(groups: list[Group], parts: Sequence[frozenset[str]], names: Names, firm: float) -> list[Group]:
    result: list[Group] = []
    for group in groups:
        place = np.array([_place(names[number], parts) for number in group.accounts.tolist()], dtype=np.int64)
        if len(np.unique(place[place >= 0])) < 2:
            result.append(group)
            continue
        for number in np.unique(place).tolist():
            mine = place == number
            stands = number >= 0 and mine.sum() >= FEWEST_ACCUSED and standing(group.log_odds[mine]) >= firm
            result.append(part(group, mine, group.verdict if stands else "review"))
    return result


def _place(name: str, parts: Sequence[frozenset[str]]) -> int:
    return next((number for number, one in enumerate(parts) if name in one), -1)
