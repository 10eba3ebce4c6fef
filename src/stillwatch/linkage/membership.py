"""Every plausible account against a group: the evidence that it is one of them, and what the group is like.

The group is a weight for each account. What it does is learnt without the account that is judged, so that nobody
belongs to a group because he is in it.
"""

from __future__ import annotations

import numpy as np

from stillwatch.linkage.accounts import describe_accounts
from stillwatch.linkage.activity import CONTENT, CUSTOMERS, NETWORK, VIRAL, Activity, Bools, Floats, Ints, Singles
from stillwatch.linkage.habits import View, build_view
from stillwatch.linkage.pool import Scores, new_pool, restrict, score
from stillwatch.linkage.scoring import Comparisons, Model, pair_scores
from stillwatch.linkage.traits import NAMES as TRAITS
from stillwatch.linkage.traits import Traits

FEWEST_SESSIONS = 2
"""Accounts with fewer sessions are not judged: too little is known of them."""
PLAUSIBLE = 450
"""Accounts that are compared closely with a group: those nearest to it."""
BOOKS = 2
"""Codebooks that content is seen under, the coarser ones; `Evidence.views` has them by turns."""
_CLOSEST = 10
_ROUNDS = 2
_OF_ACCOUNT = (
    "c1", "c2", "c3", "c1n", "share", "SG", "z", "SGtop", "po", "oo", "r1", "r2", "w1", "gen", "viral", "lns", "losum",
)  # fmt: skip
_OF_GROUP = (
    "lsize", "c1", "c2", "c3", "SG", "z", "share", "lns", "oo", "po", "r1", "r2", "w1", "gen", "viral", "klsum",
)  # fmt: skip
NAMES = (
    *(f"lo_{name}" for name in TRAITS),
    *_OF_ACCOUNT,
    *(f"g_{name}" for name in _OF_GROUP),
    *(f"g_kl_{name}" for name in TRAITS),
)
"""Features of an account against a group.

``lo_*`` log-odds of traits, ``losum`` their sum; ``c1``, ``c2``, ``c3`` nats by which the pool beats own habits, shared
taste and shared wording (``c1n`` a session), ``share`` of the sessions from the pool; ``SG`` mean pair score with the
group, ``z`` against the account's usual, ``SGtop`` against its ten closest; ``po`` members on its card, ``oo`` share
of members in its organisation; ``r1``, ``r2`` share of its sessions that one, two members ask too, ``w1`` in members'
wordings; ``gen`` how little habit it has; ``viral``; ``lns`` log sessions. ``g_*``: the members' means.
"""
_CONTENT = {
    "c1",
    "c2",
    "c3",
    "c1n",
    "share",
    "r1",
    "r2",
    "w1",
    "gen",
    "viral",
    "lo_worded",
    "kl_worded",
    "lo_talk",
    "kl_talk",
}
_CUSTOMERS = {"po", "oo", *(f"{way}_{name}" for way in ("lo", "kl") for name in ("age", "created"))}
_NETWORK = {f"{way}_{name}" for way in ("lo", "kl") for name in ("asn", "client", "nip", "nasn")}


class Evidence:
    """A log prepared for the questions of linkage. Call `compare` before `features`.

    Accounts of fewer than ``fewest`` sessions are not judged. Content is seen under two codebooks; ``redrawn`` takes
    the activity's further fits of them too, which costs as many times more and leaves less to where a fit happens to
    cut.
    """

    names = NAMES

    def __init__(self, activity: Activity, fewest: int = FEWEST_SESSIONS, *, redrawn: bool = False) -> None:
        self.activity = activity
        self.accounts = describe_accounts(activity)
        self.enough: Bools = self.accounts.sessions >= fewest
        self.askers = activity.askers
        self._traits = Traits(activity, self.accounts)
        told = self.askers < VIRAL
        self.topics: tuple[Ints, ...] = (*activity.topics[:BOOKS], *(activity.redrawn if redrawn else ()))
        self.views: tuple[View, ...] = tuple(
            build_view(
                activity.account[told],
                topic[told],
                activity.wording[told],
                activity.accounts,
                activity.codebooks[number % BOOKS],
                int(activity.wording.max(initial=0)) + 1,
            )
            for number, topic in enumerate(self.topics)
        )
        self.log_innocent: Floats = np.sum([view.log_innocent for view in self.views], axis=0) / len(self.views)
        self.judged_sessions: Floats = np.maximum(self.views[0].sessions, 1)
        spread = [view.spread[:, 3:].sum(axis=1) for view in self.views]
        self._generalist: Floats = np.sum(spread, axis=0) / len(spread)
        self._repeats = _users(activity.repeat, activity)
        self._wordings = _users(activity.wording, activity)
        self._hidden = self._hidden_features()

    def _hidden_features(self) -> Ints:
        sees = self.activity.sees
        unseen = [
            names
            for what, names in ((CONTENT, _CONTENT), (CUSTOMERS, _CUSTOMERS), (NETWORK, _NETWORK))
            if what not in sees
        ]
        return np.array(
            [i for i, name in enumerate(NAMES) if any(name.removeprefix("g_") in names for names in unseen)],
            dtype=np.int64,
        )

    def compare(self, model: Model) -> None:
        """Score all pairs of accounts with the pair model."""
        comparisons = Comparisons(self.activity, self.accounts)
        self.use_scores(pair_scores(comparisons, self.enough, model))

    def use_scores(self, scores: Singles) -> None:
        """Take the pair scores (n, n) from elsewhere."""
        self.scores = scores
        n = int(self.enough.sum())
        judged = scores[:, self.enough] if n else np.zeros((len(scores), 1), dtype=np.float32)
        self._usual, self._spread = judged.mean(axis=1), judged.std(axis=1) + 1e-6
        self.closest: Singles = np.sort(judged, axis=1)[:, -_CLOSEST:].mean(axis=1)
        self.mutual = self._mutual()

    def _mutual(self) -> Singles:
        """How unusually near its ten nearest accounts are, seen from both sides, (n,); -inf for the unjudged.

        Whom everybody is near to is near to nobody in particular: a pair counts by the less surprised of the two
        (local scaling: Zelnik-Manor & Perona 2004). This finds the accounts of a pool among those that are alike
        only because little is known of them.
        """
        chosen = np.flatnonzero(self.enough)
        mutual = np.full(len(self.scores), -np.inf, dtype=np.float32)
        if len(chosen) < 2:
            return mutual
        surprise = self.scores[np.ix_(chosen, chosen)] - self._usual[chosen, None]
        surprise /= self._spread[chosen, None]
        np.minimum(surprise, surprise.T.copy(), out=surprise)
        np.fill_diagonal(surprise, -np.inf)
        most = min(_CLOSEST, len(chosen) - 1)
        mutual[chosen] = np.partition(surprise, -most, axis=1)[:, -most:].mean(axis=1)
        return mutual

    def neighbours(self, account: int, number: int) -> Floats:
        """A start: the account and those that score highest with it, ``number`` in all, as memberships (n,)."""
        near = np.where(self.enough, self.scores[account], -np.inf).astype(np.float64)
        near[account] = np.inf
        member = np.zeros(len(near))
        member[np.argsort(-near, kind="stable")[:number]] = 0.8
        return np.where(self.enough, member, 0.0)

    def plausible(self, member: Floats) -> tuple[Bools, Floats]:
        """Accounts near enough to judge, (n,), and the mean pair score of every account with the group, (n,)."""
        inside = np.flatnonzero(member > 0)
        total = member.sum()
        score_sum = (member[inside].astype(np.float32) @ self.scores[inside]).astype(np.float64)
        mean = score_sum / np.maximum(total - member, 1e-6)
        near = np.where(self.enough, mean, -np.inf)
        chosen = np.zeros(len(member), dtype=bool)
        chosen[np.argsort(-near, kind="stable")[:PLAUSIBLE]] = True
        return (chosen | (member > 1e-3)) & self.enough, mean

    def repeat_members(self, member: Floats) -> Floats:
        """Weight of other members who ask what each session asks, (s,)."""
        return (
            _members(self._repeats, self.activity.repeat, member)[self.activity.repeat] - member[self.activity.account]
        )

    def wording_members(self, member: Floats) -> Floats:
        """Weight of other members who use each session's wording, (s,); 0 without a wording."""
        wording = self.activity.wording
        users = _members(self._wordings, wording, member)[wording] - member[self.activity.account]
        return np.where(wording > 0, users, 0.0)

    def features(self, member: Floats) -> tuple[Singles, Ints]:
        """Features of the plausible accounts against the group ``member`` (n,): (k, f) and their numbers (k,)."""
        member = np.where(member > 1e-3, member, 0.0)
        alive, mean_score = self.plausible(member)
        rows = np.flatnonzero(alive)
        traits, trait_means = self._traits.log_odds(member)
        traits = traits[rows]
        hidden_traits = self._hidden[self._hidden < len(TRAITS)]
        traits[:, hidden_traits] = np.nan
        trait_means[hidden_traits] = np.nan
        own = self._of_accounts(member, alive, rows, mean_score)
        own["losum"] = np.nansum(traits, axis=1)
        weight, total = member[rows], max(member.sum(), 1e-9)
        whole = {name: float((weight * own[name]).sum() / total) for name in _OF_GROUP if name in own and name != "po"}
        whole |= {
            "po": float((weight * np.minimum(own["po"], 5)).sum() / total),
            "lsize": float(np.log(member.sum() + 1e-6)),
            "klsum": float(np.nansum(trait_means)),
        }
        group = np.array([*(whole[name] for name in _OF_GROUP), *trait_means], dtype=np.float32)
        columns: list[np.ndarray] = [
            traits,
            *(own[name] for name in _OF_ACCOUNT),
            np.broadcast_to(group, (len(rows), len(group))),
        ]
        table = np.column_stack(columns).astype(np.float32)
        table[:, self._hidden] = np.nan
        return table, rows

    def _of_accounts(self, member: Floats, alive: Bools, rows: Ints, mean_score: Floats) -> dict[str, Floats]:
        activity = self.activity
        scores = self.content(member, alive)
        innocent = self.log_innocent[rows]
        total = member.sum()
        rest = np.maximum(total - member, 1e-6)
        gain = scores.pool - innocent
        repeated = self.repeat_members(member)
        worded = self.wording_members(member)
        near = mean_score[rows]
        payers = np.bincount(activity.payment, weights=member)[activity.payment] - member
        colleagues = (np.bincount(activity.organization, weights=member)[activity.organization] - member) / rest
        return {
            "c1": gain,
            "c2": scores.pool - scores.shared_taste,
            "c3": scores.pool - scores.shared_wording,
            "c1n": gain / self.judged_sessions[rows],
            "share": scores.expected_share,
            "SG": near,
            "z": (near - self._usual[rows]) / self._spread[rows],
            "SGtop": near - self.closest[rows],
            "po": np.minimum(payers, 5)[rows],
            "oo": colleagues[rows],
            "r1": activity.mean(np.minimum(repeated, 1))[rows],
            "r2": activity.mean((repeated >= 1.5).astype(np.float64))[rows],
            "w1": activity.mean((worded >= 1.5).astype(np.float64))[rows],
            "gen": self._generalist[rows],
            "viral": self.accounts.value["viral"][rows],
            "lns": np.log(self.accounts.sessions + 1)[rows],
        }

    def content(self, member: Floats, alive: Bools) -> Scores:
        """How well the pool of ``member`` (n,) and its rivals tell what accounts asked, learnt without each.

        Of the accounts that are ``alive`` (n,), in their order; members are among them.
        """
        views = tuple(restrict(view, alive) for view in self.views)
        pool = new_pool(views, member[alive])
        scores, pool = score(views, pool)
        for _ in range(_ROUNDS - 1):
            scores, pool = score(views, pool)
        return scores


def _users(code: Ints, activity: Activity) -> tuple[Ints, Ints]:
    """(code, account) of every account that has a code, once each."""
    pairs = np.unique(code * np.int64(activity.accounts) + activity.account)
    return pairs // activity.accounts, pairs % activity.accounts


def _members(users: tuple[Ints, Ints], code: Ints, member: Floats) -> Floats:
    held = np.bincount(users[0], weights=member[users[1]], minlength=int(code.max(initial=0)) + 1)
    return held.astype(np.float64)
