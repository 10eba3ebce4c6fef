"""Pools compete with each other and with their rivals for the accounts: mixtures fitted by EM.

Three fits of one model. `polish` grows one pool from a start against its rivals; `compete` fits all
pools together; `split` asks of each pool whether two explain its accounts better than one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.cluster import KMeans

from stillwatch.linkage.habits import FEWEST_SESSIONS, Bools, Floats, View, log_sum_exp
from stillwatch.linkage.pool import Pool, Scores, new_pool, restrict, score
from stillwatch.linkage.usage import Usage, usage_log_odds

SMALLEST = 4.0
"""Expected members below which a pool is given up: three accounts are no pool."""
_SETTLED = 0.03
_FULL_ROUNDS = 3
_ALIVE = 0.003


@dataclass(frozen=True)
class Evidence:
    """What the mixture computes on: the views, the usage, and the accounts with sessions enough to judge."""

    views: tuple[View, ...]
    usage: Usage | None

    @property
    def enough(self) -> Bools:
        """Accounts with `FEWEST_SESSIONS` usable sessions, (accounts,)."""
        return self.views[0].sessions >= FEWEST_SESSIONS

    @property
    def log_innocent(self) -> Floats:
        """Log-likelihood under own habits, averaged over views, (accounts,)."""
        total: Floats = sum(view.log_innocent for view in self.views) / len(self.views)
        return total


@dataclass(frozen=True)
class Competition:
    """The outcome of `compete`: pools with their `Scores`, usage (accounts, pools), and log-odds.

    ``log_joint`` (accounts, 1 + 3 pools): own habits, then each pool's shared wording, each pool's shared
    taste, each pool; log prior + log-likelihood. ``posterior`` is its normalised exponential.
    """

    pools: tuple[Pool, ...]
    scores: tuple[Scores, ...]
    usage: Floats
    log_joint: Floats

    @property
    def posterior(self) -> Floats:
        """(accounts, 1 + 3 pools), rows sum to 1."""
        return np.exp(self.log_joint - log_sum_exp(self.log_joint, axis=1)[:, None])


def _responsibilities(joint: Floats, prior: Floats, enough: Bools, rounds: int) -> tuple[Floats, Floats]:
    posterior = joint
    for _ in range(rounds):
        weighed = joint + np.log(prior)
        posterior = np.exp(weighed - log_sum_exp(weighed, axis=1)[:, None])
        prior = posterior[enough].mean(axis=0) + 1e-4
        prior = prior / prior.sum()
    return posterior, prior


def polish(evidence: Evidence, start: Floats, rounds: int = 14) -> Pool | None:
    """Grow one pool from starting memberships (accounts,) on the first view; None where it dies."""
    view, enough = evidence.views[0], evidence.enough
    pool, prior = new_pool((view,), start), np.array([0.85, 0.05, 0.05, 0.05])
    innocent = view.log_innocent
    small, alive = view, np.ones(view.accounts, dtype=bool)
    for turn in range(rounds):
        scores, pool = score((small,), pool)
        usage = usage_log_odds(evidence.usage, pool.member)
        joint = np.stack([innocent, scores.shared_wording, scores.shared_taste, scores.pool + usage], axis=1)
        if turn < _FULL_ROUNDS:
            posterior, prior = _responsibilities(joint, prior, enough, 3)
        else:
            weighed = joint + np.log(prior)
            posterior = np.exp(weighed - log_sum_exp(weighed, axis=1)[:, None])
        member = np.where(enough & alive, posterior[:, 3], 0.0)
        moved = float(np.abs(member - pool.member).max(initial=0.0))
        pool = replace(pool, member=member)
        if member.sum() < SMALLEST:
            return None
        if turn >= _FULL_ROUNDS - 1 and small is view:
            alive = member > _ALIVE
            small, kept = restrict(view, alive)
            pool = replace(pool, share=(pool.share[0][kept],))
        if moved < _SETTLED:
            break
    return replace(new_pool(evidence.views, pool.member), log_mix=pool.log_mix)


def compete(evidence: Evidence, pools: Sequence[Pool], rounds: int = 25) -> Competition:
    """Fit all pools together by EM; pools that lose their accounts are given up."""
    enough, innocent, alive = evidence.enough, evidence.log_innocent, list(pools)
    prior: Floats | None = None
    while True:
        k = len(alive)
        scored = [score(evidence.views, pool) for pool in alive]
        usage = np.stack([usage_log_odds(evidence.usage, p.member) for p in alive], axis=1) if k else innocent[:, :0]
        columns = [innocent, *(s.shared_wording for s, _ in scored), *(s.shared_taste for s, _ in scored)]
        columns += [s.pool + usage[:, j] for j, (s, _) in enumerate(scored)]
        joint = np.stack(columns, axis=1)
        if prior is None:
            prior = np.concatenate([[0.8], np.full(2 * k, 0.1 / max(2 * k, 1)), np.full(k, 0.1 / max(k, 1))])
        posterior, prior = _responsibilities(joint, prior, enough, 4)
        members = [np.where(enough, posterior[:, 1 + 2 * k + j], 0.0) for j in range(k)]
        moved = max((float(np.abs(m - p.member).max()) for m, p in zip(members, alive, strict=True)), default=0.0)
        alive = [replace(pool, member=m) for m, (_, pool) in zip(members, scored, strict=True)]
        rounds -= 1
        if any(m.sum() < SMALLEST for m in members):
            alive, prior = [pool for pool in alive if pool.member.sum() >= SMALLEST], None
            continue
        if moved < _SETTLED or rounds <= 0:
            return Competition(tuple(alive), tuple(s for s, _ in scored), usage, joint + np.log(prior))


def _local(
    evidence: Evidence, views: tuple[View, ...], rest: Floats, children: Sequence[Pool], chosen: Bools, rounds: int
) -> tuple[list[Pool], float]:
    """EM of a few pools against a fixed rest on the chosen accounts; the pools and the log-likelihood reached."""
    pools, log_prior = list(children), np.full(len(children), np.log(0.1))
    total, everyone = 0.0, float(evidence.enough.sum())
    for _ in range(rounds):
        scored = [score(views, pool) for pool in pools]
        columns = [s.pool + usage_log_odds(evidence.usage, pool.member) for s, pool in scored]
        joint = np.concatenate([rest[:, None], np.stack(columns, axis=1) + log_prior], axis=1)
        whole = log_sum_exp(joint, axis=1)
        total = float(whole[chosen].sum())
        members = [np.where(chosen, np.exp(joint[:, 1 + j] - whole), 0.0) for j in range(len(pools))]
        moved = max(float(np.abs(m - p.member).max()) for m, p in zip(members, pools, strict=True))
        pools = [replace(pool, member=m) for m, (_, pool) in zip(members, scored, strict=True)]
        log_prior = np.log([(m.sum() + 0.5) / everyone for m in members])
        if moved < _SETTLED:
            break
    return pools, total


def _descriptions(evidence: Evidence, rows: np.ndarray) -> list[np.ndarray]:
    """Descriptions of accounts to cut a pool by: what they ask, how they are used, both; each (rows, k)."""
    view = evidence.views[0]
    asked = np.zeros((view.accounts, len(view.topics)))
    np.add.at(asked, (view.account, view.topic), view.count)
    smooth = (asked[rows] + 5 * view.topics) / (asked[rows].sum(axis=1, keepdims=True) + 5)
    content = np.sqrt(smooth) - np.sqrt(view.topics)
    content = content / (content.std() + 1e-9)
    if evidence.usage is None or not evidence.usage.trait:
        return [content, content]
    parts = []
    for trait in evidence.usage.trait.values():
        hot = np.eye(int(trait.max(initial=0)) + 1)[trait[rows]]
        stepped = np.cumsum(hot, axis=1)
        parts.append((stepped - stepped.mean(axis=0)) / np.sqrt(stepped.shape[1]))
    used = np.concatenate(parts, axis=1)
    used = used / (used.std() + 1e-9)
    return [content, used, np.concatenate([content, used], axis=1)]


def split(
    evidence: Evidence,
    competition: Competition,
    rng: np.random.Generator,
    *,
    gain: float = 12.0,
    most: int = 16,
    worth: Bools | None = None,
) -> list[Pool]:
    """Cut pools in two while the likelihood gains ``gain`` nats, up to ``most`` pools.

    ``worth`` (pools,) says which pools to try; a pool of fewer than 20 likely members is left whole.
    """
    pools, joint = list(competition.pools), competition.log_joint
    k = len(pools)
    own = {number: joint[:, 1 + 2 * k + number] for number in range(k)}
    others = log_sum_exp(joint[:, : 1 + 2 * k], axis=1)
    queue = [j for j in range(k) if worth is None or worth[j]]
    while queue and len(pools) < most:
        j = queue.pop(0)
        rows = np.flatnonzero(pools[j].member > 0.3)
        if len(rows) < 20:
            continue
        best = _best_cut(evidence, pools[j], [own[i] for i in own if i != j], others, rows, rng, gain)
        if best is None:
            continue
        pools[j] = best[0][0]
        pools.append(best[0][1])
        own[j], own[len(pools) - 1] = best[1]
        queue += [j, len(pools) - 1]
    return pools


def _best_cut(
    evidence: Evidence,
    pool: Pool,
    rivals: Sequence[Floats],
    others: Floats,
    rows: np.ndarray,
    rng: np.random.Generator,
    gain: float,
) -> tuple[list[Pool], list[Floats]] | None:
    chosen = (pool.member > 0.02) & evidence.enough
    rest = log_sum_exp(np.stack([others, *rivals], axis=1), axis=1)
    cut = [restrict(view, chosen) for view in evidence.views]
    views = tuple(view for view, _ in cut)
    small = replace(pool, share=tuple(s[kept] for s, (_, kept) in zip(pool.share, cut, strict=True)))
    _, whole = _local(evidence, views, rest, [small], chosen, 6)
    best: tuple[float, list[Pool]] | None = None
    for description in _descriptions(evidence, rows):
        seed = int(rng.integers(1 << 30))
        label = KMeans(2, n_init=1, random_state=seed).fit_predict(description)
        starts = []
        for side in (0, 1):
            member = np.zeros(len(pool.member))
            member[rows[label == side]] = 0.9
            starts.append(replace(small, member=member))
        children, reached = _local(evidence, views, rest, starts, chosen, 12)
        if min(child.member.sum() for child in children) >= 6 and (best is None or reached > best[0]):
            best = (reached, children)
    if best is None or best[0] - whole <= gain:
        return None
    grown = [replace(new_pool(evidence.views, child.member), log_mix=child.log_mix) for child in best[1]]
    return grown, [np.log(np.maximum(child.member, 1e-12)) + rest for child in best[1]]
