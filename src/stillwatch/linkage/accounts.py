"""Accounts as scalars, and where each stands in its log: ranks compare across logs, raw figures do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stillwatch.linkage.activity import VIRAL, Activity, Floats, Ints, Singles

LOAD_CLASSES = (3, 5, 8, 13, 25, 60, 150)
"""Sessions at which a new class of load begins."""
_AMONG_LIKE_LOAD = ("first", "last", "turns", "age", "dur", "nasn")


@dataclass(frozen=True)
class Accounts:
    """``sessions`` (n,), ``load`` (n,) the class of load, ``value[name]`` (n,) scalars and ``rank[name]`` (n,) their
    ranks in (0, 1), ties in the middle; ``nameL`` is the rank among accounts of like load."""

    sessions: Floats
    load: Ints
    value: Mapping[str, Floats]
    rank: Mapping[str, Singles]


def describe_accounts(activity: Activity) -> Accounts:
    """The scalars of each account. An account without a session has zeros; no account gives empty arrays."""
    n, account, start = activity.accounts, activity.account, activity.start
    sessions = activity.sessions
    first, last = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(first, account, start)
    np.maximum.at(last, account, start)
    silent = sessions == 0
    origin = float(start.min(initial=np.inf)) if len(start) else 0.0
    first, last = np.where(silent, origin, first), np.where(silent, origin, last)
    newest = (activity.model == activity.newest).astype(np.float64)
    moved = np.full(n, float(start.max(initial=0.0)) + 1.0)
    np.minimum.at(moved, account[newest > 0], start[newest > 0])
    value = {
        "load": sessions,
        "first": first,
        "last": last,
        "dur": last - first,
        "rate": sessions / (last - first + 0.5),
        "turns": activity.mean(activity.turns),
        "nip": _different(activity.address, account, n),
        "nasn": _different(activity.network, account, n),
        "gapcv": _gap_variation(account, start, n),
        "m5": activity.mean(newest),
        "fm5": moved,
        "age": first - activity.created,
        "created": activity.created,
        "agent": activity.mean((activity.tools > 0).astype(np.float64)),
        "worded": activity.mean((activity.wording > 0).astype(np.float64)),
        "viral": activity.mean((activity.askers >= VIRAL).astype(np.float64)),
        "err": activity.mean(activity.errors),
        "answer": activity.mean(activity.answered),
        "talk": activity.mean(activity.talk.astype(np.float64)),
        "techmax": activity.mean(activity.technique.max(axis=1, initial=0.0)),
    }
    value |= {f"tech{j}": activity.mean(activity.technique[:, j]) for j in range(activity.technique.shape[1])}
    load = np.searchsorted(LOAD_CLASSES, sessions, side="right").astype(np.int64)
    rank = {name: middle_rank(values) for name, values in value.items()}
    for name in _AMONG_LIKE_LOAD:
        within = np.zeros(n, dtype=np.float32)
        for number in range(len(LOAD_CLASSES) + 1):
            alike = load == number
            within[alike] = middle_rank(value[name][alike])
        rank[f"{name}L"] = within
    return Accounts(sessions, load, value, rank)


def middle_rank(values: Floats) -> Singles:
    """Rank of each value in (0, 1), ties in the middle: (below + equal / 2) / n. n = 0: empty; n = 1: 1/2."""
    if not len(values):
        return np.zeros(0, dtype=np.float32)
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Singles = ((np.cumsum(count) - count / 2) / len(values))[place].astype(np.float32)
    return ranks


def _different(code: Ints, account: Ints, accounts: int) -> Floats:
    width = int(code.max(initial=0)) + 1
    pairs = np.unique(account * np.int64(width) + code)
    return np.bincount(pairs // width, minlength=accounts).astype(np.float64)


def _gap_variation(account: Ints, start: Floats, accounts: int) -> Floats:
    """Coefficient of variation of the gaps between an account's sessions; -1 for fewer than four sessions."""
    order = np.lexsort((start, account))
    who, gap = account[order][1:], np.diff(start[order])
    same = np.diff(account[order]) == 0
    sessions = np.bincount(account, minlength=accounts)
    number = np.maximum(sessions - 1, 1)
    mean = np.bincount(who[same], weights=gap[same], minlength=accounts) / number
    square = np.bincount(who[same], weights=gap[same] ** 2, minlength=accounts) / number
    variation = np.sqrt(np.maximum(square - mean**2, 0)) / np.maximum(mean, 1e-6)
    return np.where(sessions < 4, -1.0, variation)
