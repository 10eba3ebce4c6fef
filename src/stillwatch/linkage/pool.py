"""A pool: accounts that draw from one distribution, whoever "they" are; and the rivals on the same sessions.

Each session of a pool's account comes from the pool's distribution with a probability (its *share*), else
from cover: the account's own habits. Every account is scored against a pool learnt *without it*
(leave-account-out), smoothed strongly toward the population: else a pool's weight runs to one with
strangers in every group. The rivals of one account:

- *own habits* (`View.log_innocent`),
- *shared wording*: the pool's wordings, filled with the account's own habits (a prompt-library extension,
  one product's template),
- *shared taste*: own habits around the pool's centre, at finite concentration (people who like the same
  things, but each in his own measure).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from stillwatch.linkage.habits import Bools, Floats, Singles, View, log_sum_exp, summing

SHARES = np.array([0.15, 0.35, 0.6, 0.8, 0.97])
TASTES = np.array([3.0, 10.0, 30.0, 100.0])
RIVAL_TASTES = 2
"""Concentrations of `TASTES` that rival a single account; the tighter ones rival the group as a whole only."""
_TASTE_SHARES = np.array([0.55, 0.97])
_TASTE_HABIT = 2
SMOOTHING = 40.0
"""Sessions of the population added to a pool's own: a pool of a few accounts must not fit its members' noise."""
_PRIOR_MIX = 8.0


@dataclass(frozen=True)
class Pool:
    """A pool in fitting: ``member`` (accounts,), ``share`` one (entries,) array a view, ``log_mix`` (5, 5).

    ``member`` is the probability that the account belongs, ``share`` that a session of the entry came from
    the pool given that it does, ``log_mix`` the learnt weights of the cover's concentration × share.
    """

    member: Floats
    share: tuple[Singles, ...]
    log_mix: Floats


@dataclass(frozen=True)
class Scores:
    """Log-likelihoods (nats) of accounts under a pool and its rivals, averaged over the views, each (accounts,).

    ``taste`` has shape (accounts, 4), one column a concentration of `TASTES`; ``expected_share`` is the
    posterior mean of the share of an account's sessions that came from the pool.
    """

    pool: Floats
    shared_wording: Floats
    taste: Floats
    expected_share: Floats

    @property
    def shared_taste(self) -> Floats:
        """The account-level rival "same taste, own measure", (accounts,)."""
        total: Floats = log_sum_exp(self.taste[:, :RIVAL_TASTES], axis=1) - np.log(RIVAL_TASTES)
        return total


def new_pool(views: Sequence[View], member: Floats) -> Pool:
    """A pool to start from: every session of a member as likely harvested as not."""
    share = tuple(np.full(len(view.count), 0.5, dtype=np.float32) for view in views)
    return Pool(member, share, _prior_mix(views[0]))


def _prior_mix(view: View) -> Floats:
    mix: Floats = np.log(np.outer(view.weights, np.full(len(SHARES), 1 / len(SHARES))))
    return mix


def _without_own(view: View, member: Floats, share: Singles) -> tuple[Singles, Singles]:
    """The pool's probability of each entry's topic and wording, learnt without the entry's account."""
    weight = member[view.account] * share * view.count
    by_topic = np.bincount(view.topic, weights=weight, minlength=len(view.topics))
    by_wording = np.bincount(view.wording, weights=weight, minlength=len(view.wordings))
    own_topic = np.bincount(view.account_topic, weights=weight)[view.account_topic]
    own_wording = np.bincount(view.account_wording, weights=weight)[view.account_wording]
    own = np.bincount(view.account, weights=weight, minlength=view.accounts)[view.account]
    rest = weight.sum() - own + SMOOTHING
    topic = (np.maximum(by_topic[view.topic] - own_topic, 0) + SMOOTHING * view.topics[view.topic]) / rest
    wording = (np.maximum(by_wording[view.wording] - own_wording, 0) + SMOOTHING * view.wordings[view.wording]) / rest
    return topic.astype(np.float32), wording.astype(np.float32)


def _score_view(view: View, pool: Pool, number: int) -> tuple[Scores, Singles, Floats]:
    topic, wording = _without_own(view, pool.member, pool.share[number])
    ratio = ((topic * wording) / view.habit_wording)[:, None] / view.habit
    shares = SHARES.astype(np.float32)
    terms = np.log(ratio[:, :, None] * shares + (1 - shares)).reshape(len(ratio), -1)
    log_pool = view.per_account(terms) + (view.log_habit[:, :, None] + pool.log_mix).reshape(view.accounts, -1)
    total: Floats = log_sum_exp(log_pool, axis=1)
    posterior = np.exp(log_pool - total[:, None]).reshape(view.accounts, -1, len(SHARES))
    entry = _entry_share(view, posterior.astype(np.float32), ratio, shares)
    worded = np.log((wording / view.habit_wording)[:, None] * shares + (1 - shares))
    shared = view.log_innocent + log_sum_exp(view.per_account(worded), axis=1) - np.log(len(SHARES))
    weighed = np.einsum("agm,a->gm", posterior, pool.member)
    expected = posterior.sum(axis=1) @ SHARES
    return Scores(total, shared, _tastes(view, topic, wording), expected), entry, weighed


def _entry_share(view: View, posterior: Singles, ratio: Singles, shares: Singles) -> Singles:
    """Probability that a session of each entry came from the pool, over concentrations and shares, (entries,)."""
    share = np.zeros(len(view.count), dtype=np.float32)
    for m, value in enumerate(shares):
        drawn = value * ratio
        share += (posterior[view.account, :, m] * (drawn / (drawn + (1 - value)))).sum(axis=1)
    return share


def _tastes(view: View, topic: Singles, wording: Singles) -> Floats:
    base = view.habit[:, _TASTE_HABIT] * view.habit_wording
    mixed = np.float32(0.3) * view.habit_wording + np.float32(0.7) * wording
    n = view.sessions[view.account].astype(np.float32)[:, None]
    tastes, shares = TASTES.astype(np.float32), _TASTE_SHARES.astype(np.float32)
    taste = (tastes * topic[:, None] + (view.topic_count - 1)[:, None]) / (tastes + n - 1)
    drawn = taste * (mixed / base)[:, None]
    logs = np.log(drawn[:, :, None] * shares + (1 - shares)).reshape(len(drawn), -1)
    summed = view.per_account(logs).reshape(view.accounts, len(TASTES), len(shares))
    tasted: Floats = view.log_habit[:, [_TASTE_HABIT]] + log_sum_exp(summed, axis=2) - np.log(len(shares))
    return tasted


def score(views: Sequence[View], pool: Pool) -> tuple[Scores, Pool]:
    """Score every account under a pool learnt without it; and the pool with its shares and mix learnt anew.

    Membership is left as it was: who is a member is for the mixture to say, where pools and rivals compete.
    """
    parts = [_score_view(view, pool, number) for number, view in enumerate(views)]
    k = len(views)
    scores = Scores(
        pool=np.mean([p[0].pool for p in parts], axis=0),
        shared_wording=np.mean([p[0].shared_wording for p in parts], axis=0),
        taste=np.mean([p[0].taste for p in parts], axis=0),
        expected_share=np.mean([p[0].expected_share for p in parts], axis=0),
    )
    mix = sum(p[2] for p in parts) / k + _PRIOR_MIX * np.exp(_prior_mix(views[0]))
    return scores, replace(pool, share=tuple(p[1] for p in parts), log_mix=np.log(mix / mix.sum()))


def restrict(view: View, chosen: Bools) -> View:
    """The view of the ``chosen`` accounts (accounts,) alone, numbered anew in their order.

    Population and habits stay those of all accounts.
    """
    kept = chosen[view.account]
    account = (np.cumsum(chosen) - 1)[view.account[kept]]
    _, account_topic = np.unique(view.account_topic[kept], return_inverse=True)
    _, account_wording = np.unique(view.account_wording[kept], return_inverse=True)
    return replace(
        view,
        account=account,
        topic=view.topic[kept],
        wording=view.wording[kept],
        count=view.count[kept],
        account_topic=account_topic,
        account_wording=account_wording,
        topic_count=view.topic_count[kept],
        sessions=view.sessions[chosen],
        habit=view.habit[kept],
        habit_wording=view.habit_wording[kept],
        log_habit=view.log_habit[chosen],
        sums=summing(account, view.count[kept], int(chosen.sum())),
    )
