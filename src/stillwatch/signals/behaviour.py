"""What an account does, in classes that are the same at every provider and do not change within a version.

Everything here follows from the account's own traffic and from constants that are shipped: nothing is learnt from the
log, so two providers who never spoke put the same behaviour into the same class, and what one account does moves no
other account's row (on which the protection of a fingerprint rests; `stillwatch.sharing.fingerprint.sketch`). Language,
country, time zone, hour of day and names of client software have no part in it.

An account casts one vote. It goes to the technique that its sessions show best, as far as they show one, by how long
its requests are and how much of its traffic is of that technique; what is left of the vote goes to a class of ordinary
traffic, by subject and length.
"""

from __future__ import annotations

import functools
import hashlib
import json
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stillwatch.signals.techniques.examples import TECHNIQUES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

VERSION = 1
LENGTHS = (5.3,)
"""Where requests turn from short to long: mean of log(1 + characters), about 200 characters."""
SHARES = (0.4,)
"""Where a technique turns from a part of what an account asks to most of it: mean probability over its sessions."""
SUBJECTS = 3
"""Directions of the subject of ordinary traffic; every account lies on one side or the other of each."""
USED, BASE, SURE = 0.2, 0.1, 4.0
"""A technique is used in a fifth of the sessions or hardly at all: the log-likelihood ratio of the two is worth a whole
vote from `SURE` nats. `BASE` is the share of a technique in the traffic that the classifier was calibrated on."""
SAMPLED, HEAD, TAIL = 12, 300, 100
"""Sessions of an account whose subject is read, and the characters of each."""
STEPS = 8
"""A vote is cut into so many parts."""


class Behaviour(NamedTuple):
    """Accounts (n,) as others may compare them: ``sessions`` (n,); ``votes`` (n, `classes()`), at least 0, whole
    multiples of 1 / `STEPS`, at most 1 in all; ``traits`` (n, `TRAITS`) the numbers behind them, to tell neighbours by,
    which never leave. Both are 0 for accounts of which no text was seen."""

    sessions: Ints
    votes: Floats
    traits: Floats


@functools.cache
def _subjects() -> tuple[Floats, Floats]:
    """Mean (256,) and directions (8, 256) of what accounts ask about, made by ``python -m bench.behaviour_space``."""
    held = json.loads(files("stillwatch.signals").joinpath("behaviour.json").read_text("utf-8"))
    return np.array(held["mean"]), np.array(held["directions"])


def classes() -> int:
    """How many classes there are."""
    lengths = len(LENGTHS) + 1
    return int(len(TECHNIQUES) * lengths * (len(SHARES) + 1) + lengths * 2**SUBJECTS)


TRAITS = len(TECHNIQUES) + 2 + 8


@functools.cache
def space() -> str:
    """The name of this version of the classes: 16 hexadecimal digits, a hash of all constants that define them."""
    mean, directions = _subjects()
    told = repr((VERSION, LENGTHS, SHARES, SUBJECTS, USED, BASE, SURE, SAMPLED, HEAD, TAIL, STEPS, TECHNIQUES))
    told += repr((mean.tolist(), directions.tolist()))
    return hashlib.blake2b(told.encode(), digest_size=8).hexdigest()


def sampled(account: Ints) -> Ints:
    """The sessions whose subject is read: the first `SAMPLED` of each account. ``account`` (s,), in order of time."""
    by_account = np.argsort(account, kind="stable")
    place = np.arange(len(account))
    first = np.r_[True, np.diff(account[by_account]) != 0][: len(account)]
    within = place - np.maximum.accumulate(np.where(first, place, 0))
    chosen: Ints = np.sort(by_account[within < SAMPLED])
    return chosen


def behaviour(accounts: int, account: Ints, technique: Floats, length: Ints, chosen: Ints, vector: Floats) -> Behaviour:
    """What each of ``accounts`` accounts does.

    ``account`` (s,) the account of each session, ``technique`` (s, 7) the probabilities of its opening request,
    ``length`` (s,) its characters, 0 where no text is seen: such sessions count for nothing. ``chosen`` (c,) are
    sessions by number (`sampled`) and ``vector`` (c, 256) the embeddings of their requests. No session, or none with
    text: zeros.
    """
    seen = length > 0
    sessions = np.bincount(account, minlength=accounts)
    shown = np.bincount(account[seen], minlength=accounts).astype(np.float64)

    def total(values: Floats, whose: Ints) -> Floats:
        columns = [np.bincount(whose, weights=column, minlength=accounts) for column in values.T]
        return np.stack(columns, axis=1) if columns else np.zeros((accounts, 0))

    count = np.maximum(shown, 1)
    share = total(technique[seen], account[seen]) / count[:, None]
    used = np.clip(total(_told_by(technique[seen]), account[seen]) / SURE, 0, 1)
    long = total(np.log1p(length[seen].astype(np.float64))[:, None], account[seen])[:, 0] / count
    read = np.maximum(np.bincount(account[chosen], minlength=accounts), 1)
    mean, directions = _subjects()
    subject = total(np.stack([(vector * each).sum(axis=1) for each in directions], axis=1), account[chosen])
    subject = np.round(subject / read[:, None] - directions @ mean, 4)
    votes = np.where(shown[:, None] > 0, _votes(used, share, np.round(long, 4), subject), 0.0)
    traits = np.hstack([used, (used * share).max(axis=1, keepdims=True), (long[:, None] - LENGTHS[0]) / 2, subject * 2])
    return Behaviour(sessions, votes, np.where(shown[:, None] > 0, np.round(traits, 4), 0.0))


def _told_by(technique: Floats) -> Floats:
    """Log-likelihood ratio of each session for each technique: used in `USED` of the sessions, against not at all.

    The classifier's probability p, calibrated where the technique's share was `BASE`, says how much likelier the text
    is under the technique: p (1 - BASE) / ((1 - p) BASE).
    """
    p = np.clip(technique, 1e-4, 0.999)
    ratio = np.minimum(p / (1 - p) * (1 - BASE) / BASE, 1000.0)
    told: Floats = np.log(1 - USED + USED * ratio)
    return told


def _votes(used: Floats, share: Floats, long: Floats, subject: Floats) -> Floats:
    rows = np.arange(len(used))
    best = used.argmax(axis=1)
    lengths, shares = len(LENGTHS) + 1, len(SHARES) + 1
    length = np.searchsorted(LENGTHS, long)
    part = np.searchsorted(SHARES, share[rows, best])
    side = (subject[:, :SUBJECTS] > 0) @ (1 << np.arange(SUBJECTS))
    votes = np.zeros((len(used), classes()))
    steps = np.floor(used[rows, best] * STEPS + 1e-9)
    votes[rows, (best * lengths + length) * shares + part] = steps
    votes[rows, len(TECHNIQUES) * lengths * shares + side * lengths + length] += STEPS - steps
    result: Floats = votes / STEPS
    return result
