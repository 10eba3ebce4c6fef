"""Where to look: starting groups from content, from wordings, from settings and from artefacts.

Each direction is blind to the others. A start is a vector of memberships (accounts,); a poor one dies
in `mixture.polish` and costs nothing but time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from stillwatch.linkage.habits import Floats, Ints, View

_NEIGHBOURS = 24


def _deviation(view: View) -> Floats:
    """Each account's topics against the population's (Hellinger), unit length, (accounts, topics)."""
    asked = np.zeros((view.accounts, len(view.topics)))
    np.add.at(asked, (view.account, view.topic), view.count)
    smooth = (asked + 10 * view.topics) / (asked.sum(axis=1, keepdims=True) + 10)
    deviation = np.sqrt(smooth) - np.sqrt(view.topics)
    unit: Floats = deviation / (np.linalg.norm(deviation, axis=1, keepdims=True) + 1e-9)
    return unit


def from_content(view: View, enough: np.ndarray, rng: np.random.Generator, number: int) -> Iterator[Floats]:
    """Neighbourhoods of like accounts: the densest first (half), then random ones.

    Neighbours are searched among accounts that may lack habits of their own; at most 4,000 of them, drawn
    at random beyond that, are compared with each other.
    """
    wild = np.flatnonzero(enough & (view.spread[:, 2:].sum(axis=1) > 0.3))
    if len(wild) < 4:
        return
    if len(wild) > 4000:
        wild = np.sort(rng.choice(wild, 4000, replace=False))
    unit = _deviation(view)[wild]
    near = unit @ unit.T
    np.fill_diagonal(near, -1.0)
    reach = min(15, len(wild) - 1)
    density = np.partition(near, -reach, axis=1)[:, -reach:].mean(axis=1)
    taken = np.zeros(len(wild), dtype=bool)
    centres: list[int] = []
    for centre in np.argsort(-density, kind="stable"):
        if len(centres) >= number // 2:
            break
        if not taken[centre]:
            centres.append(int(centre))
            taken[np.argsort(-near[centre], kind="stable")[:15]] = True
    rest = max(number - len(centres), 0)
    centres += [int(c) for c in rng.choice(len(wild), min(rest, len(wild)), replace=False)]
    for centre in centres:
        start = np.zeros(view.accounts)
        start[wild[np.argsort(-near[centre], kind="stable")[:_NEIGHBOURS]]] = 0.8
        start[wild[centre]] = 0.8
        yield start


def from_wordings(view: View, number: int, least: int = 8) -> Iterator[Floats]:
    """The users of each of the most shared wordings."""
    users = np.unique(view.wording * view.accounts + view.account)
    wording = users // view.accounts
    shared = np.bincount(wording, minlength=len(view.wordings))
    shared[0] = 0
    for which in np.argsort(-shared, kind="stable")[:number]:
        if shared[which] >= least:
            start = np.zeros(view.accounts)
            start[users[wording == which] % view.accounts] = 0.8
            yield start


def from_settings(traits: Mapping[str, Ints], enough: np.ndarray, number: int) -> Iterator[Floats]:
    """Accounts with one combination of temperature, token limit and client library, where it is commoner than chance."""
    names = [name for name in ("temperature", "max_tokens", "library") if name in traits]
    if not names:
        return
    accounts = len(traits[names[0]])
    code = np.zeros(accounts, dtype=np.int64)
    chance = np.full(accounts, float(accounts))
    for name in names:
        trait = traits[name]
        code = code * (int(trait.max(initial=0)) + 1) + trait
        chance *= (np.bincount(trait) / max(accounts, 1))[trait]
    _, first, inverse, count = np.unique(code, return_index=True, return_inverse=True, return_counts=True)
    excess = (count - chance[first]) / np.sqrt(chance[first] + 1)
    for which in np.argsort(-excess, kind="stable")[:number]:
        yield np.where((inverse == which) & enough, 0.5, 0.0)


def from_artefacts(groups: Mapping[str, Ints], enough: np.ndarray, largest: int = 400) -> Iterator[Floats]:
    """Accounts linked by rare artefacts: ``groups[kind]`` (accounts,) numbers the linked groups, -1 for none.

    Groups of one size class start together: a pool with four accounts a card is many small groups.
    """
    for group in groups.values():
        size = np.where(group >= 0, np.bincount(group[group >= 0], minlength=1)[np.maximum(group, 0)], 0)
        for low, high in ((2, 3), (3, 6), (6, 40), (40, largest)):
            start = np.where((size >= low) & (size < high) & enough, 0.6, 0.0)
            if (start > 0).sum() >= 4:
                yield start
