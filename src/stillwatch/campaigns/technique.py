"""The technique of each exchange of a campaign, judged in the campaign's context.

Alone, an exchange is judged by its own text. In a campaign more is known: exchanges that were filled into one wording
use one technique, whatever fills them; and a follow-up ("go on") does what its session does.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stillwatch.signals.techniques.examples import TECHNIQUES

NO_TECHNIQUE = -1
_ALONE = 0.5  # probability from which an exchange's own text decides
_SHARED = 0.3  # mean probability from which a wording's vote decides: the payloads' noise has averaged out
_ENOUGH = 3  # exchanges of one wording before their vote is one
_COVER = 0.1  # below this probability of having been harvested, an exchange is cover and inherits nothing

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def label_alone(scores: Floats) -> Ints:
    """The technique of exchanges out of any context, int64 [n]: index into `TECHNIQUES`, or -1 for none.

    ``scores`` are probabilities, [n, 7], in the order of `TECHNIQUES` (n = 0: empty).
    """
    if not len(scores):
        return np.zeros(0, dtype=np.int64)
    best = scores.argmax(axis=1)
    sure = scores[np.arange(len(scores)), best] >= _ALONE
    labels: Ints = np.where(sure, best, NO_TECHNIQUE).astype(np.int64)
    return labels


def label_campaign(scores: Floats, session: Ints, wording: Ints, harvested: Floats) -> Ints:
    """The technique of each exchange of *one* campaign, int64 [n]: index into `TECHNIQUES`, or -1 for none.

    ``scores`` probabilities [n, 7]; ``session`` ids [n]; ``wording`` ids [n] of the shared template an exchange
    uses, -1 for none; ``harvested`` probability [n] that the exchange fed the copy. A wording of three or more
    exchanges gets one label, by the mean of their scores weighted by ``harvested``. An exchange without a label
    of its own inherits the commonest label of its session, unless it is cover. n = 0: empty; n = 1: `label_alone`.
    Raises ValueError where the lengths differ.
    """
    n = len(scores)
    if not (len(session) == len(wording) == len(harvested) == n):
        raise ValueError(f"lengths differ: {n}, {len(session)}, {len(wording)}, {len(harvested)}")
    labels = label_alone(scores)
    if n == 0:
        return labels
    _vote(labels, scores, wording, harvested)
    _inherit(labels, session, harvested)
    return labels


def technique_names(labels: Ints) -> list[str | None]:
    """Labels as the results write them: the technique's name, or null."""
    return [TECHNIQUES[label] if label >= 0 else None for label in labels.tolist()]


def _vote(labels: Ints, scores: Floats, wording: Ints, harvested: Floats) -> None:
    """Give every wording with enough exchanges one label, in place."""
    shared = wording >= 0
    if not shared.any():
        return
    _, group = np.unique(wording[shared], return_inverse=True)
    weight = np.clip(harvested[shared], 1e-3, 1.0)
    size = np.bincount(group)
    total = np.bincount(group, weights=weight)
    mean = np.stack([np.bincount(group, weights=weight * column) / total for column in scores[shared].T], axis=1)
    best = mean.argmax(axis=1)
    voted = np.where(mean[np.arange(len(mean)), best] >= _SHARED, best, NO_TECHNIQUE)
    rows = np.flatnonzero(shared)
    bound = size[group] >= _ENOUGH
    labels[rows[bound]] = voted[group[bound]]


def _inherit(labels: Ints, session: Ints, harvested: Floats) -> None:
    """Give unlabelled exchanges the commonest label of their session (a tie: the first in `TECHNIQUES`), in place."""
    _, group = np.unique(session, return_inverse=True)
    tally = np.zeros((int(group.max()) + 1, len(TECHNIQUES)), dtype=np.int64)
    told = labels >= 0
    np.add.at(tally, (group[told], labels[told]), 1)
    commonest = np.where(tally.sum(axis=1) > 0, tally.argmax(axis=1), NO_TECHNIQUE)
    heirs = ~told & (harvested >= _COVER)
    labels[heirs] = commonest[group[heirs]]
