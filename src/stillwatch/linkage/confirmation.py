"""Confirmation on sessions that the search did not see.

A keyed hash deals every session to the search or to the test. Whatever the search did with its part, the other part
is fresh: do the members of a group ask what *the other members* were seen to ask, more than accounts of like size do?

Two answers. A permutation p-value: the members' fit against groups of accounts drawn at random, size by size; exact
where it does not matter which account of a size a session belongs to. And an e-value: how much better a pool predicts
the members' fresh sessions than the better of two innocent models (each account has habits of its own, at one of five
concentrations as common as they are in the log; or it asks what accounts of its size ask), a likelihood ratio with
the alternative fitted on other data (Wasserman, Ramdas & Balakrishnan 2020), whose mean is at most 1 where either
holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stillwatch.calibration import likelihood_ratio_e, permutation_p_value
from stillwatch.linkage.activity import Activity, Bools, Floats, Ints
from stillwatch.linkage.habits import CONCENTRATIONS

SEARCHED = 0.7
"""Share of the sessions that the search sees."""
DRAWS = 999
_SHARES = (0.25, 0.55, 0.9)
_SMOOTHING = 30.0
_HEAVY = 30.0  # sessions of one account that count toward a pool
_CODEBOOK = 1


def search_part(names: Sequence[str], seed: int) -> Bools:
    """Whether each session is the search's, (s,), by a keyed hash of its name: the same in any order."""
    key = f"stillwatch search {seed}".encode()
    limit = int(SEARCHED * 2**32)
    digests = (
        hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4, key=key).digest() for name in names
    )
    return np.fromiter((int.from_bytes(digest, "big") < limit for digest in digests), dtype=bool, count=len(names))


@dataclass(frozen=True)
class Confirmation:
    """What the fresh sessions say of one group: ``p_value`` and ``e_value``."""

    p_value: float
    e_value: float


class Fresh:
    """The sessions of a log, counted by topic in the search's part and in the fresh part, (accounts, topics)."""

    def __init__(self, activity: Activity, searched: Bools, codebook: int = _CODEBOOK) -> None:
        n, size = activity.accounts, activity.codebooks[codebook]
        topic = activity.topics[codebook]

        def counted(chosen: Bools) -> Floats:
            flat = np.bincount(activity.account[chosen] * size + topic[chosen], minlength=n * size)
            return flat.reshape(n, size).astype(np.float64)

        self._seen, self._fresh = counted(searched), counted(~searched)
        sessions = (self._seen + self._fresh).sum(axis=1)
        self._stratum: Ints = np.floor(np.log2(np.maximum(sessions, 1))).astype(np.int64)
        self._of_size = self._by_size()
        self._log_weights = self._concentrations()

    def _by_size(self) -> NDArray[np.float64]:
        """What accounts of each size ask, all sessions, (strata, topics)."""
        table = np.full((int(self._stratum.max(initial=0)) + 1, self._seen.shape[1]), 0.02)
        np.add.at(table, self._stratum, self._seen + self._fresh)
        result: Floats = table / table.sum(axis=1, keepdims=True)
        return result

    def confirm(self, members: Ints, seed: int, draws: int = DRAWS) -> Confirmation:
        """Judge the group with the account numbers ``members``; an empty group gives p = 1 and e = 1."""
        if not len(members):
            return Confirmation(1.0, 1.0)
        weight = np.minimum(1.0, _HEAVY / np.maximum(self._seen[members].sum(axis=1), 1.0))
        asked = self._seen[members] * weight[:, None]
        population = self._of_size[self._stratum[members]].mean(axis=0)
        pool = asked.sum(axis=0)
        own = np.zeros_like(self._seen)
        own[members] = asked
        rest = np.maximum(pool[None, :] - own, 0.0) + _SMOOTHING * population
        rest = rest / rest.sum(axis=1, keepdims=True)
        return Confirmation(self._p_value(members, rest, seed, draws), self._e_value(members, rest[members]))

    def _p_value(self, members: Ints, rest: Floats, seed: int, draws: int) -> float:
        base = self._of_size[self._stratum]
        fit = (self._fresh * np.log(0.5 * rest / base + 0.5)).sum(axis=1)
        fresh = self._fresh.sum(axis=1)
        fit = fit * np.minimum(1.0, 10.0 / np.maximum(fresh, 1.0))  # no account speaks for the group
        rng = np.random.default_rng(seed)
        null = np.zeros(draws)
        for stratum, number in zip(*np.unique(self._stratum[members], return_counts=True), strict=True):
            alike = np.flatnonzero(self._stratum == stratum)
            for i in range(draws):
                null[i] += fit[rng.choice(alike, number, replace=False)].sum()
        return permutation_p_value(float(fit[members].sum()), null)

    def _e_value(self, members: Ints, rest: Floats) -> float:
        seen, fresh = self._seen[members], self._fresh[members]
        base = self._of_size[self._stratum[members]]
        cover = [self._habit(seen, base, concentration) for concentration in CONCENTRATIONS]
        own = np.stack([(fresh * np.log(habit)).sum(axis=1) for habit in cover]) + self._log_weights[:, None]
        nulls = [np.logaddexp.reduce(own, axis=0), (fresh * np.log(base)).sum(axis=1)]
        drawn = [
            (fresh * np.log(share * rest + (1 - share) * habit)).sum(axis=1) + weight - np.log(len(_SHARES))
            for habit, weight in zip(cover, self._log_weights, strict=True)
            for share in _SHARES
        ]
        return likelihood_ratio_e(np.logaddexp.reduce(drawn, axis=0), nulls)

    @staticmethod
    def _habit(seen: Floats, base: Floats, concentration: float) -> Floats:
        habit: Floats = (concentration * base + seen) / (concentration + seen.sum(axis=1, keepdims=True))
        return habit

    def _concentrations(self) -> Floats:
        """Log share of accounts at each concentration of habits, learnt from all accounts (EM, 20 rounds)."""
        base = self._of_size[self._stratum]
        fit = np.stack(
            [(self._fresh * np.log(self._habit(self._seen, base, c))).sum(axis=1) for c in CONCENTRATIONS], axis=1
        )
        weights = np.full(len(CONCENTRATIONS), 1 / len(CONCENTRATIONS))
        for _ in range(20 if len(fit) else 0):
            posterior = fit + np.log(weights)
            posterior = np.exp(posterior - np.logaddexp.reduce(posterior, axis=1, keepdims=True))
            weights = (posterior.mean(axis=0) + 0.01) / (1 + 0.01 * len(weights))
        log_weights: Floats = np.log(weights)
        return log_weights
