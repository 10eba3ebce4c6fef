"""The technique of each exchange of a campaign, judged in the campaign's context.

Alone, an exchange is judged by its own text. In a campaign more is known: exchanges that were filled into one wording
use one technique, whatever fills them; a campaign uses a few techniques often and the others not at all; and a
follow-up ("go on") does what its session does.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stillwatch.signals.techniques.examples import ORDINARY, TECHNIQUES

NO_TECHNIQUE = -1
_AGENT = TECHNIQUES.index("agent_traces")
_ALONE = 0.5  # probability from which an exchange's own text decides
_DECIDES = 0.5  # the same for a wording inside a campaign
_SINGLE = 0.6  # and for an exchange there that shares no wording: payloads mislead most
_ENOUGH = 3  # exchanges of one wording before their vote is one
_COVER = 0.1  # below this probability of having been harvested, an exchange is cover and inherits nothing
_ORDINARY_SHARE = 0.75  # of the examples that the probabilities were fitted to (`signals.techniques.training`)
# Of a campaign's weight, added to every class, for its mix is never known for certain. Wordings are few and a new one
# may hold any technique; exchanges without one are many, and what most of them do not do a single one hardly does.
_DOUBT, _DOUBT_SINGLE = 0.1, 0.01
_LEAST_ORDINARY = 0.1  # of a campaign's weight: greetings, tests and retries are in every one
_ROUNDS = 30  # of expectation and maximisation; the mix moves by less than 1e-3 after ten
_FLOOR = 1e-3  # of a probability: no single text rules a technique out

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def label_alone(scores: Floats) -> Ints:
    """The technique of exchanges out of any context, int64 [n]: index into `TECHNIQUES`, or -1 for none.

    ``scores`` are probabilities, [n, 7], in the order of `TECHNIQUES` (n = 0: empty).
    """
    return _decide(scores, _ALONE)


def label_sessions(scores: Floats, session: Ints) -> Ints:
    """The technique of exchanges outside any campaign, int64 [n]: each by its own text, else as its session's others.

    ``scores`` as in `label_alone`; ``session`` ids [n]. n = 0: empty.
    """
    labels = label_alone(scores)
    if len(labels):
        _inherit(labels, session, np.ones(len(labels)))
    return labels


def label_campaign(
    scores: Floats, session: Ints, wording: Ints, harvested: Floats, frames: Floats | None = None
) -> Ints:
    """The technique of each exchange of *one* campaign, int64 [n]: index into `TECHNIQUES`, or -1 for none.

    ``scores`` probabilities [n, 7]; ``session`` ids [n]; ``wording`` ids [n] of the shared template an exchange
    uses, -1 for none; ``harvested`` probability [n] that the exchange fed the copy; ``frames`` what
    `stillwatch.signals.techniques.frames.frame_probabilities` says of each exchange's wording, [n, 7], NaN for
    nothing. A wording of three or more exchanges gets one label. All probabilities are re-weighted by the campaign's
    own mix of techniques, which is estimated with them. An exchange without a label of its own inherits the
    commonest label of its session, unless it is cover. n = 0: empty. Raises ValueError where the lengths differ.
    """
    n = len(scores)
    given = (session, wording, harvested) if frames is None else (session, wording, harvested, frames)
    if any(len(column) != n for column in given):
        raise ValueError(f"lengths differ from {n}: {[len(column) for column in given]}")
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    # What has no scores (a follow-up, a text not kept) says nothing of the mix.
    weight = np.where(scores.any(axis=1), np.clip(harvested, 1e-3, 1.0), 1e-9)
    unit = _units(_binding(wording, scores, frames))
    own = _with_ordinary(scores)
    said = np.stack([np.bincount(unit, weights=weight * column) for column in own.T], axis=1)
    mass = np.bincount(unit, weights=weight)
    evidence = _with_frames(said / mass[:, None], unit, frames)
    alone = np.bincount(unit) == 1
    labels = np.full(len(mass), NO_TECHNIQUE, dtype=np.int64)
    for kind, least, doubt in ((~alone, _DECIDES, _DOUBT), (alone, _SINGLE, _DOUBT_SINGLE)):
        if kind.any():
            labels[kind] = _decide(_in_campaign(evidence[kind], mass[kind], doubt)[:, :ORDINARY], least)
    labels = labels[unit]
    _inherit(labels, session, harvested)
    return labels


def technique_names(labels: Ints) -> list[str | None]:
    """Labels as the results write them: the technique's name, or null."""
    return [TECHNIQUES[label] if label >= 0 else None for label in labels.tolist()]


def _decide(scores: Floats, least: float) -> Ints:
    """The likeliest technique of each row if its probability is at least ``least``, else -1."""
    if not len(scores):
        return np.zeros(0, dtype=np.int64)
    best = scores.argmax(axis=1)
    sure = scores[np.arange(len(scores)), best] >= least
    labels: Ints = np.where(sure, best, NO_TECHNIQUE).astype(np.int64)
    return labels


def _with_ordinary(scores: Floats) -> Floats:
    """Probabilities of all eight classes, none below the floor, rows summing to 1."""
    every = np.column_stack([scores, 1 - scores.sum(axis=1)]).clip(_FLOOR)
    full: Floats = every / every.sum(axis=1, keepdims=True)
    return full


def _binding(wording: Ints, scores: Floats, frames: Floats | None) -> Ints:
    """The wordings that bind their exchanges: those with a frame, but not for turns of an agent's run.

    A run is known by its tools, which are no part of the text and differ within one wording.
    """
    loose = scores[:, _AGENT] >= _ALONE
    if frames is not None:
        loose |= np.isnan(frames).any(axis=1)
    return np.where(loose, NO_TECHNIQUE, wording)


def _units(wording: Ints) -> Ints:
    """What is labelled as one: a wording with enough exchanges, else the exchange alone; numbered from 0."""
    name, group, size = np.unique(wording, return_inverse=True, return_counts=True)
    bound = ((name >= 0) & (size >= _ENOUGH))[group]
    key = np.where(bound, group, len(name) + np.arange(len(wording)))
    unit: Ints = np.unique(key, return_inverse=True)[1].astype(np.int64)
    return unit


def _with_frames(mean: Floats, unit: Ints, frames: Floats | None) -> Floats:
    """The mean over a unit's exchanges, and what its frame says, as equals: their geometric mean, [units, 8]."""
    if frames is None:
        return mean
    first = np.unique(unit, return_index=True)[1]
    many = np.bincount(unit) >= _ENOUGH
    told = many & ~np.isnan(frames[first]).any(axis=1)
    out = mean.copy()
    both = np.sqrt(mean[told] * _with_ordinary(frames[first][told]))
    out[told] = both / both.sum(axis=1, keepdims=True)
    return out


def _in_campaign(evidence: Floats, mass: Floats, doubt: float) -> Floats:
    """The same probabilities under the campaign's own mix of techniques, fitted to them by EM; [units, 8]."""
    fitted_to = np.full(ORDINARY + 1, (1 - _ORDINARY_SHARE) / ORDINARY)
    fitted_to[-1] = _ORDINARY_SHARE
    mix = fitted_to
    for _ in range(_ROUNDS):
        posterior = evidence * (mix / fitted_to)
        posterior /= posterior.sum(axis=1, keepdims=True)
        mix = (mass @ posterior) / mass.sum() + doubt
        mix[-1] += _LEAST_ORDINARY
        mix /= mix.sum()
    inside: Floats = posterior
    return inside


def _inherit(labels: Ints, session: Ints, harvested: Floats) -> None:
    """Give unlabelled exchanges the commonest label of their session (a tie: the first in `TECHNIQUES`), in place."""
    _, group = np.unique(session, return_inverse=True)
    tally = np.zeros((int(group.max()) + 1, len(TECHNIQUES)), dtype=np.int64)
    told = labels >= 0
    np.add.at(tally, (group[told], labels[told]), 1)
    commonest = np.where(tally.sum(axis=1) > 0, tally.argmax(axis=1), NO_TECHNIQUE)
    heirs = ~told & (harvested >= _COVER)
    labels[heirs] = commonest[group[heirs]]
