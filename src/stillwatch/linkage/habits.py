"""People's own habits: the innocent model that every group of accounts must beat.

A person scatters: what he asks next is likely what he asked before. That is a Polya urn around what
everybody asks (Dirichlet-multinomial; Minka 2000, "Estimating a Dirichlet distribution"), with a
concentration that differs from person to person. The predictive of each session given the account's
*other* sessions is used throughout (leave-one-out), for the innocent model and for the pool's cover
alike, so that neither is smoothed more kindly than the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

CONCENTRATIONS = np.array([1.0, 3.0, 10.0, 40.0, 300.0])
WORDING_CONCENTRATION = 5.0
FEWEST_SESSIONS = 3
"""Accounts with fewer usable sessions are judged on usage and artefacts alone."""
_HEAVY = 15.0
"""An account counts for at most this many sessions in the population's distribution: no account is everybody."""


def log_sum_exp(values: NDArray[np.floating], axis: int = -1) -> Any:
    """log Σ exp along an axis, stable; an axis of length 1 gives the value."""
    top = values.max(axis=axis, keepdims=True)
    return (top + np.log(np.exp(values - top).sum(axis=axis, keepdims=True))).squeeze(axis)


@dataclass(frozen=True)
class View:
    """The sessions under one codebook, as counts: one *entry* for each (account, topic, wording).

    Shapes: ``(entries,)`` for ``account``, ``topic``, ``wording``, ``count`` and the indices
    ``account_topic``, ``account_wording`` (entries of one account that share a topic or a wording have
    the same number); ``(accounts,)`` for ``sessions``; ``(topics,)`` and ``(wordings,)`` for the
    population's distributions. ``habit[entry, g]`` is the probability of a session of that entry under
    the account's own habits at concentration ``CONCENTRATIONS[g]``, ``log_habit[account, g]`` their
    summed logarithms. ``sums`` (accounts, entries) adds up entries, each as often as it was counted.
    """

    account: Ints
    topic: Ints
    wording: Ints
    count: Singles
    account_topic: Ints
    account_wording: Ints
    topic_count: Singles
    sessions: Floats
    topics: Floats
    wordings: Floats
    habit: Singles
    habit_wording: Singles
    log_habit: Floats
    weights: Floats
    sums: csr_matrix

    @property
    def accounts(self) -> int:
        """Number of accounts, those without a usable session included."""
        return len(self.sessions)

    @property
    def log_innocent(self) -> Floats:
        """Log-likelihood of each account under its own habits, shape ``(accounts,)``; 0 without sessions."""
        total: Floats = log_sum_exp(self.log_habit + np.log(self.weights), axis=1)
        return total

    @property
    def spread(self) -> Floats:
        """Posterior of each concentration, shape ``(accounts, 5)``: high ones have no habits of their own."""
        weighed = self.log_habit + np.log(self.weights)
        spread: Floats = np.exp(weighed - log_sum_exp(weighed, axis=1)[:, None])
        return spread

    def per_account(self, values: Singles) -> Floats:
        """Sums over each account's sessions of ``(entries, k)`` values: shape ``(accounts, k)``."""
        total: Floats = np.asarray(self.sums @ values, dtype=np.float64)
        return total


def summing(account: Ints, count: Singles, accounts: int) -> csr_matrix:
    """The matrix (accounts, entries) that adds up each account's entries, each ``count`` times."""
    return csr_matrix((count, (account, np.arange(len(account)))), shape=(accounts, len(account)))


def _population(index: Ints, account: Ints, count: Floats, sessions: Floats, size: int, floor: float) -> Floats:
    weight = count / np.maximum(sessions, _HEAVY)[account]
    total = np.bincount(index, weights=weight, minlength=size) + 1e-9
    total = total / total.sum()
    smooth: Floats = (total + floor / size) / (1 + floor)
    return smooth


def _concentration_weights(log_habit: Floats, enough: Bools) -> Floats:
    """How common each concentration is among this log's accounts (EM for mixture weights)."""
    weights = np.full(len(CONCENTRATIONS), 1 / len(CONCENTRATIONS))
    if not enough.any():
        return weights
    for _ in range(30):
        posterior = log_habit[enough] + np.log(weights)
        posterior = np.exp(posterior - log_sum_exp(posterior, axis=1)[:, None])
        weights = posterior.mean(axis=0) + 0.01
        weights = weights / weights.sum()
    return weights


def build_view(account: Ints, topic: Ints, wording: Ints, accounts: int, topics: int, wordings: int) -> View:
    """Count sessions into a `View`.

    ``account``, ``topic`` and ``wording`` have shape ``(sessions,)``; wording 0 is "none". No session at
    all, or one only, gives a view in which every log-likelihood is 0 or that of the population.
    """
    key = (account.astype(np.int64) * topics + topic) * wordings + wording
    unique, count = np.unique(key, return_counts=True)
    entry_account = unique // wordings // topics
    entry_topic, entry_wording = (unique // wordings) % topics, unique % wordings
    counted = count.astype(np.float64)
    sessions: Floats = np.bincount(entry_account, weights=counted, minlength=accounts).astype(np.float64)
    _, account_topic = np.unique(entry_account * topics + entry_topic, return_inverse=True)
    _, account_wording = np.unique(entry_account * wordings + entry_wording, return_inverse=True)
    own_topic = np.bincount(account_topic, weights=counted)[account_topic] if len(unique) else counted
    own_wording = np.bincount(account_wording, weights=counted)[account_wording] if len(unique) else counted
    by_topic = _population(entry_topic, entry_account, counted, sessions, topics, 1e-3)
    by_wording = _population(entry_wording, entry_account, counted, sessions, wordings, 1e-2)
    n = sessions[entry_account]
    habit = np.stack([(a * by_topic[entry_topic] + own_topic - 1) / (a + n - 1) for a in CONCENTRATIONS], axis=1)
    habit_wording = (WORDING_CONCENTRATION * by_wording[entry_wording] + own_wording - 1) / (
        WORDING_CONCENTRATION + n - 1
    )
    single = counted.astype(np.float32)
    sums = summing(entry_account, single, accounts)
    log_habit = np.asarray(sums @ np.log(habit * habit_wording[:, None]), dtype=np.float64)
    return View(
        account=entry_account,
        topic=entry_topic,
        wording=entry_wording,
        count=single,
        account_topic=account_topic,
        account_wording=account_wording,
        topic_count=own_topic.astype(np.float32),
        sessions=sessions,
        topics=by_topic,
        wordings=by_wording,
        habit=habit.astype(np.float32),
        habit_wording=habit_wording.astype(np.float32),
        log_habit=log_habit,
        weights=_concentration_weights(log_habit, sessions >= FEWEST_SESSIONS),
        sums=sums,
    )
