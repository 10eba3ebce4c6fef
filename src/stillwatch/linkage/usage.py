"""How an account is used, as evidence that it belongs to a group: client, settings, sign-up, networks, load.

Accounts that one operator runs are used alike; people are not. Each trait is a small category; its
weight of evidence for a group is log P(trait | group) / P(trait | accounts of like load), Fellegi and
Sunter's (1969) with the group's own frequencies, learnt without the account judged and shrunk toward the
population. Conditional on load, because everything about a light account looks alike; bounded, because
usage supports and never convicts: the bars of evidence in `campaigns` hold content and usage apart.

Never read: language, country, nationality, time zone, name, e-mail, hours of the day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stillwatch.linkage.habits import Floats, Ints

TEMPER = 0.6
"""Traits are not independent (a client brings its settings): their sum is discounted by this factor."""
BOUND = 4.0
_TRAIT_BOUND = 2.0
_SHRINK = 10.0
_LOAD_SHRINK = 20.0


@dataclass(frozen=True)
class Usage:
    """Traits of accounts: ``trait[name]`` (accounts,) category numbers, and what the population does.

    ``expected[name]`` (accounts, categories) is the distribution among accounts of like load.
    """

    trait: Mapping[str, Ints]
    expected: Mapping[str, Floats]

    @property
    def accounts(self) -> int:
        """Number of accounts."""
        return len(next(iter(self.trait.values()))) if self.trait else 0


def build_usage(traits: Mapping[str, Ints], load: Ints) -> Usage:
    """Learn what accounts of each load class do. ``load`` (accounts,) holds the classes; trait "load" is not conditioned."""
    expected: dict[str, Floats] = {}
    for name, trait in traits.items():
        size = int(trait.max(initial=0)) + 1
        base = (np.bincount(trait, minlength=size) + 1.0) / (len(trait) + size)
        if name == "load":
            expected[name] = np.broadcast_to(base, (len(trait), size))
            continue
        table = np.zeros((int(load.max(initial=0)) + 1, size))
        for level in range(len(table)):
            counts = np.bincount(trait[load == level], minlength=size)
            table[level] = (counts + _LOAD_SHRINK * base) / (counts.sum() + _LOAD_SHRINK)
        expected[name] = table[load]
    return Usage(dict(traits), expected)


def trait_log_odds(usage: Usage, member: Floats) -> dict[str, Floats]:
    """Weight of evidence (nats, unbounded) of each trait that each account belongs to the group, name → (accounts,).

    An empty group gives 0 everywhere.
    """
    out: dict[str, Floats] = {}
    size, rows = member.sum(), np.arange(len(member))
    for name, trait in usage.trait.items():
        expected = usage.expected[name]
        counts = np.bincount(trait, weights=member, minlength=expected.shape[1])
        usual = expected[rows, trait]
        likely = (np.maximum(counts[trait] - member, 0) + _SHRINK * usual) / (np.maximum(size - member, 0) + _SHRINK)
        out[name] = np.log(likely / usual)
    return out


def usage_log_odds(usage: Usage | None, member: Floats) -> Floats:
    """The bounded, tempered sum of `trait_log_odds`, (accounts,); 0 where nothing is known of usage."""
    if usage is None or not usage.trait:
        return np.zeros(len(member))
    total = sum(np.clip(value, -_TRAIT_BOUND, _TRAIT_BOUND) for value in trait_log_odds(usage, member).values())
    bounded: Floats = np.clip(TEMPER * np.asarray(total), -BOUND, BOUND)
    return bounded
