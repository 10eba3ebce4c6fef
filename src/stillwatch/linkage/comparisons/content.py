"""What two accounts ask: likeness of their topics, and how well each one's predict the other's."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from stillwatch.linkage.accounts import Accounts
from stillwatch.linkage.activity import Activity, Floats, Ints, Singles
from stillwatch.linkage.comparisons.base import Block
from stillwatch.signals.base import SignalInfo

_PRIOR = 4.0  # sessions of the population added before topics are compared
_HEAVY = 30.0  # an account counts for so many sessions of the population at most
_DIGITS = 5
_PREDICTED = ((0, 15.0), (0, 60.0), (1, 15.0), (2, 15.0))
"""Codebook and concentration of each predictive ratio."""


class Content:
    """Cosines of deviations from the population, and mean log predictive ratios of sessions, both directions."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="content",
        summary="Likeness of topics (three codebooks), of embeddings and of active days; predictive ratios.",
        reference="Hellinger 1909; Dirichlet-multinomial predictive, Minka 2000",
        version="1",
        example="hel1 0.41",
        unit="1",
        range=(float("-inf"), float("inf")),
        reads=("messages", "started_at"),
        innocent_reading="People with the same interest, trade or course.",
    )
    names = (
        "hel0", "hel1", "hel2", "emb", "day",
        *(f"llr{book}_{int(weight)}_{way}" for book, weight in _PREDICTED for way in ("min", "sum")),
    )  # fmt: skip

    def prepare(self, activity: Activity, accounts: Accounts) -> Block:
        """See `Comparison.prepare`."""
        sessions = np.maximum(accounts.sessions, 1)
        asked = [
            _counted(activity, topic, size) for topic, size in zip(activity.topics, activity.codebooks, strict=True)
        ]
        population = [_population(counts, sessions) for counts in asked]
        like = [_deviation(c, p, accounts.sessions) for c, p in zip(asked, population, strict=True)]
        like += [_embedding(activity, sessions), _days(activity, sessions)]
        predicted = [
            (
                (asked[book] / sessions[:, None]).astype(np.float32),
                _log_ratio(asked[book], population[book], accounts.sessions, weight),
            )
            for book, weight in _PREDICTED
        ]

        def fill(rows: NDArray[np.int64], start: int, out: NDArray[np.float32]) -> None:
            for i, unit in enumerate(like):
                out[i] = unit[rows] @ unit[start:].T
            for i, (share, ratio) in enumerate(predicted):
                there, back = share[rows] @ ratio[start:].T, ratio[rows] @ share[start:].T
                np.minimum(there, back, out=out[len(like) + 2 * i])
                out[len(like) + 2 * i + 1] = there + back
            # How a product is cut into blocks moves its last digits, and a tree's threshold may lie between.
            np.round(out, _DIGITS, out=out)

        return fill


def _counted(activity: Activity, code: Ints, size: int) -> Floats:
    flat = np.bincount(activity.account * size + code, minlength=activity.accounts * size)
    return flat.reshape(activity.accounts, size).astype(np.float64)


def _population(counts: Floats, sessions: Floats) -> Floats:
    total = (counts * (np.minimum(sessions, _HEAVY) / sessions)[:, None]).sum(axis=0)
    total = total + 1e-3 * max(total.sum(), 1.0) / len(total)
    result: Floats = total / total.sum()
    return result


def _unit(rows: Floats) -> Singles:
    unit: Singles = (rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-9)).astype(np.float32)
    return unit


def _deviation(counts: Floats, population: Floats, sessions: Floats) -> Singles:
    smooth = (counts + _PRIOR * population) / (sessions + _PRIOR)[:, None]
    return _unit(np.sqrt(smooth) - np.sqrt(population))


def _log_ratio(counts: Floats, population: Floats, sessions: Floats, weight: float) -> Singles:
    ratio: Singles = np.log((counts + weight * population) / ((sessions + weight)[:, None] * population)).astype(
        np.float32
    )
    return ratio


def _embedding(activity: Activity, sessions: Floats) -> Singles:
    mean = np.zeros((activity.accounts, activity.vector.shape[1]), dtype=np.float64)
    np.add.at(mean, activity.account, activity.vector)
    mean /= sessions[:, None]
    active = activity.sessions > 0
    return _unit(mean - mean[active].mean(axis=0) if active.any() else mean)


def _days(activity: Activity, sessions: Floats) -> Singles:
    """Days of the log on which each account worked: two may move in step; which hours they keep is not looked at."""
    if not len(activity.start):
        return np.zeros((activity.accounts, 1), dtype=np.float32)
    day = (activity.start - activity.start.min()).astype(np.int64)
    share = np.sqrt(_counted(activity, day, int(day.max()) + 1) / sessions[:, None])
    return _unit(share - share[activity.sessions > 0].mean(axis=0))


COMPARISON = Content()
