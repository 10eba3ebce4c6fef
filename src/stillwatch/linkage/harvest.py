"""Which sessions of a group fed the copy, and which were cover: a probability for each.

A session counts as taken as far as it looks drawn from the pool rather than from its account's own habits, uses the
group's wordings and techniques, and lies near the pool's centre; weighed by a model fitted to simulated campaigns of
which it is known what was taken.
"""

from __future__ import annotations

import numpy as np

from stillwatch.linkage.activity import Floats, Ints
from stillwatch.linkage.growth import likely
from stillwatch.linkage.habits import View
from stillwatch.linkage.membership import BOOKS, Evidence
from stillwatch.linkage.pool import Scores, new_pool, restrict, score
from stillwatch.linkage.scoring import Model

FEATURES = (
    "share0", "share1", "account_share", "posterior", "wording_members", "group_worded", "technique",
    "group_technique", "technique_share", "askers", "turns", "tools", "group_share", "gain", "load", "size", "centre",
)  # fmt: skip
_ROUNDS = 3


def describe_sessions(evidence: Evidence, member: Floats) -> tuple[Floats, Ints]:
    """The sessions of a group's likely members as rows of `FEATURES`, (k, 17), and which sessions they are, (k,)."""
    activity = evidence.activity
    member = np.where(member > 1e-3, member, 0.0)
    alive, _ = evidence.plausible(member)
    views = tuple(restrict(view, alive) for view in evidence.views)
    pool = new_pool(views, member[alive])
    for _ in range(_ROUNDS):
        scores, pool = score(views, pool)
    chosen = likely(member) & alive
    sessions = np.flatnonzero(chosen[activity.account])
    who = activity.account[sessions]
    among = (np.cumsum(alive) - 1)[who]  # as `restrict` numbers them
    drawn = [
        _entry_values(view, pool.share[j], among, evidence.topics[j][sessions], activity.wording[sessions])
        for j, view in enumerate(views)
    ]
    shares = [np.mean(drawn[book::BOOKS], axis=0) for book in range(BOOKS)]
    worded = evidence.wording_members(member)[sessions]
    technique = activity.technique[sessions]
    profile = technique.mean(axis=0) if len(technique) else np.zeros(technique.shape[1])
    columns = [
        *shares,
        scores.expected_share[among],
        member[who],
        np.minimum(worded, 8),
        np.full(len(sessions), (worded >= 1.5).mean() if len(worded) else 0.0),
        technique.max(axis=1, initial=0.0),
        technique @ (profile / max(profile.max(initial=0.0), 1e-9)),
        np.full(len(sessions), profile.max(initial=0.0)),
        np.minimum(evidence.askers[sessions], 20),
        activity.turns[sessions],
        activity.tools[sessions] > 0,
        np.full(len(sessions), _mean_share(scores, member[alive], chosen[alive])),
        (scores.pool[among] - evidence.log_innocent[who]) / evidence.judged_sessions[who],
        np.log(np.maximum(evidence.accounts.sessions[who], 1)),
        np.full(len(sessions), np.log(max(chosen.sum(), 1))),
        _centre(activity.vector[sessions].astype(np.float64), shares[0]),
    ]
    return np.stack(columns, axis=1), sessions


def taken(evidence: Evidence, model: Model, member: Floats) -> tuple[Floats, Ints]:
    """Probability that each session of the group's likely members fed the copy, (k,), and which sessions, (k,)."""
    features, sessions = describe_sessions(evidence, member)
    if not len(sessions):
        return np.zeros(0), sessions
    return model.probability(features) * member[evidence.activity.account[sessions]], sessions


def _entry_values(view: View, values: np.ndarray, account: Ints, topic: Ints, wording: Ints) -> Floats:
    """The value of each session's entry in a view; NaN for sessions that the view leaves out (asked by many)."""
    topics, wordings = len(view.topics), len(view.wordings)
    key = (view.account * np.int64(topics) + view.topic) * wordings + view.wording
    wanted = (account * np.int64(topics) + topic) * wordings + wording
    if not len(key):
        return np.full(len(wanted), np.nan)
    order = np.argsort(key)
    place = np.minimum(np.searchsorted(key[order], wanted), len(order) - 1)
    known = key[order][place] == wanted
    return np.where(known, values[order[place]], np.nan)


def _mean_share(scores: Scores, member: Floats, chosen: np.ndarray) -> float:
    weight = member[chosen]
    return float((weight * scores.expected_share[chosen]).sum() / max(weight.sum(), 1e-9))


def _centre(vectors: Floats, share: Floats) -> Floats:
    """Cosine of each session to the pool's centre, to which likely taken sessions contribute most."""
    weight = np.nan_to_num(share, nan=0.5)[:, None]
    centre = (vectors * weight).sum(axis=0)
    near: Floats = vectors @ (centre / (np.linalg.norm(centre) + 1e-9))
    return near
