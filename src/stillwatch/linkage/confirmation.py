"""Confirmation on sessions that the search did not see.

A keyed hash deals every session to the search or to the test. Whatever the search did with its part, the other part
is fresh: do the members of a group ask what *the other members* were seen to ask, more than accounts of like size do?

Two answers. A permutation p-value: the members' fit against groups of accounts drawn at random, size by size; exact
where it does not matter which account of a size a session belongs to. And an e-value: how much better a pool predicts
the members' fresh sessions than the best of three innocent models (each account has habits of its own, at one of five
concentrations as common as they are in the log; or it asks what accounts of its size ask; or it does now one, now the
other), a likelihood ratio with the alternative fitted on other data (Wasserman, Ramdas & Balakrishnan 2020), whose mean
is at most 1 where any of them holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stillwatch.calibration import average_e, likelihood_ratio_e, p_to_e, permutation_p_value
from stillwatch.linkage.activity import Activity, Bools, Floats, Ints
from stillwatch.linkage.habits import CONCENTRATIONS

SEARCHED = 0.7
"""Share of the sessions that the search sees."""
DRAWS = 99_999
_SHARES = (0.25, 0.55, 0.9)
_SMOOTHING = 30.0
_HEAVY = 30.0  # sessions of one account that count toward a pool
_COVER = 10.0  # concentration of the habits that cover is drawn from while the pool is learnt
_ROUNDS = 4
_KAPPA = 0.2  # calibrator of p-values: bets on small ones (Vovk & Wang 2021)
_CHUNK = 4000  # draws made at a time
_MOST = 3.0  # nats that one account may add: two who know each other do not make a group (less evidence stays valid)


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
    """The sessions of a log, dealt to the search and to the test, under each of its codebooks."""

    def __init__(self, activity: Activity, searched: Bools) -> None:
        topics = (*activity.topics, *activity.redrawn)
        self._books = [_Counted(activity, searched, topic) for topic in topics]

    def confirm(self, members: Ints, seed: int, draws: int = DRAWS) -> Confirmation:
        """Judge the group with the account numbers ``members``; an empty group gives p = 1 and e = 1.

        The p-value is of the fit summed over codebooks; the e-value is the mean of the likelihood ratios (their mean
        over codebooks) and of what the p-value is worth as a bet: a mean of e-values is one whatever their dependence.
        """
        if not len(members):
            return Confirmation(1.0, 1.0)
        e_values = [book.e_value(members, book.pool(members)[members]) for book in self._books]
        # What others are weighed by must not depend on the account judged: hence a pool without rounds.
        fit = np.sum([book.fit(book.pool(members, rounds=0)) for book in self._books], axis=0)
        p_value = _p_value(fit, self._books[0].stratum, members, seed, draws)
        e_value = average_e([average_e(e_values), float(p_to_e(p_value, _KAPPA))])
        return Confirmation(p_value, e_value)


class _Counted:
    """Sessions by account and topic of one codebook, in the search's part and in the fresh part."""

    def __init__(self, activity: Activity, searched: Bools, topic: Ints) -> None:
        n, size = activity.accounts, int(topic.max(initial=0)) + 1

        def counted(chosen: Bools) -> Floats:
            flat = np.bincount(activity.account[chosen] * size + topic[chosen], minlength=n * size)
            return flat.reshape(n, size).astype(np.float64)

        self._seen, self._fresh = counted(searched), counted(~searched)
        sessions = (self._seen + self._fresh).sum(axis=1)
        self.stratum: Ints = np.floor(np.log2(np.maximum(sessions, 1))).astype(np.int64)
        self._of_size = self._by_size()
        self._log_weights = self._concentrations()

    def _by_size(self) -> Floats:
        """What accounts of each size ask, all sessions, (strata, topics)."""
        table = np.full((int(self.stratum.max(initial=0)) + 1, self._seen.shape[1]), 0.02)
        np.add.at(table, self.stratum, self._seen + self._fresh)
        result: Floats = table / table.sum(axis=1, keepdims=True)
        return result

    def pool(self, members: Ints, rounds: int = _ROUNDS) -> Floats:
        """What the *other* members were seen to draw from the pool, for every account, (accounts, topics).

        Which seen sessions came from the pool and which from an account's own habits is learnt by EM; after no
        round all count as the pool's.
        """
        seen, base = self._seen[members], self._of_size[self.stratum[members]]
        weight = np.minimum(1.0, _HEAVY / np.maximum(seen.sum(axis=1), 1.0))[:, None]
        number = seen.sum(axis=1, keepdims=True)
        habit = (_COVER * base + np.maximum(seen - 1, 0)) / (_COVER + np.maximum(number - 1, 0))
        share = np.full((len(members), 1), 0.6)
        from_pool = np.ones(seen.shape)
        prior = _SMOOTHING * base.mean(axis=0)
        for _ in range(rounds):
            asked = seen * weight * from_pool
            rest = np.maximum(asked.sum(axis=0) - asked, 0.0) + prior
            rest /= rest.sum(axis=1, keepdims=True)
            from_pool = share * rest / (share * rest + (1 - share) * habit)
            share = np.clip((seen * from_pool).sum(axis=1, keepdims=True) / np.maximum(number, 1), 0.1, 0.95)
        asked = seen * weight * from_pool
        total = asked.sum(axis=0)
        everyone = np.broadcast_to(total + prior, self._seen.shape).copy()
        everyone[members] = np.maximum(total - asked, 0.0) + prior
        drawn: Floats = everyone / everyone.sum(axis=1, keepdims=True)
        return drawn

    def fit(self, rest: Floats) -> Floats:
        """How much better the pool ``rest`` (accounts, topics) tells each account's fresh sessions than its size, (n,).

        No account counts for more than ten sessions: none speaks for the group.
        """
        base = self._of_size[self.stratum]
        fit = (self._fresh * np.log(0.5 * rest / base + 0.5)).sum(axis=1)
        fresh = self._fresh.sum(axis=1)
        capped: Floats = fit * np.minimum(1.0, 10.0 / np.maximum(fresh, 1.0))
        return capped

    def e_value(self, members: Ints, rest: Floats) -> float:
        """Likelihood ratio of the members' fresh sessions: pool and cover against the better innocent model."""
        seen, fresh = self._seen[members], self._fresh[members]
        base = self._of_size[self.stratum[members]]
        cover = [self._habit(seen, base, concentration) for concentration in CONCENTRATIONS]

        def mixed(pool: Floats) -> Floats:
            """Log-likelihood of each account: its sessions come from ``pool`` or from its own habits, (m,)."""
            drawn = [
                (fresh * np.log(share * pool + (1 - share) * habit)).sum(axis=1) + weight - np.log(len(_SHARES))
                for habit, weight in zip(cover, self._log_weights, strict=True)
                for share in _SHARES
            ]
            total: Floats = np.logaddexp.reduce(drawn, axis=0)
            return total

        own = np.stack([(fresh * np.log(habit)).sum(axis=1) for habit in cover]) + self._log_weights[:, None]
        nulls = [np.logaddexp.reduce(own, axis=0), (fresh * np.log(base)).sum(axis=1), mixed(base)]
        alternative = mixed(rest)
        return min(likelihood_ratio_e(np.minimum(alternative, null + _MOST), null) for null in nulls)

    @staticmethod
    def _habit(seen: Floats, base: Floats, concentration: float) -> Floats:
        habit: Floats = (concentration * base + seen) / (concentration + seen.sum(axis=1, keepdims=True))
        return habit

    def _concentrations(self) -> Floats:
        """Log share of accounts at each concentration of habits, learnt from all accounts (EM, 20 rounds)."""
        base = self._of_size[self.stratum]
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


def _p_value(fit: Floats, stratum: Ints, members: Ints, seed: int, draws: int) -> float:
    """Share of groups of like sizes, drawn at random, that fit the pool as well as the members do."""
    rng = np.random.default_rng(seed)
    null = np.zeros(draws)
    for size, number in zip(*np.unique(stratum[members], return_counts=True), strict=True):
        alike = fit[stratum == size]
        for start in range(0, draws, _CHUNK):
            null[start : start + _CHUNK] += drawn_sums(alike, int(number), min(_CHUNK, draws - start), rng)
    return permutation_p_value(float(fit[members].sum()), null)


def drawn_sums(values: Floats, number: int, draws: int, rng: np.random.Generator) -> Floats:
    """Sums of ``number`` of the ``values`` drawn without replacement, (draws,).

    Floyd's algorithm (Bentley & Floyd 1987) on all draws at once: the work grows with what is drawn, not with what
    there is to draw from.
    """
    size, total = len(values), np.zeros(draws)
    if 2 * number > size:  # the rest is drawn instead
        everything: Floats = total + values.sum()
        return everything - drawn_sums(values, size - number, draws, rng)
    taken, each = np.zeros((draws, size), dtype=bool), np.arange(draws)
    for last in range(size - number, size):
        drawn = rng.integers(0, last + 1, draws)
        drawn = np.where(taken[each, drawn], last, drawn)
        taken[each, drawn] = True
        total += values[drawn]
    return total
