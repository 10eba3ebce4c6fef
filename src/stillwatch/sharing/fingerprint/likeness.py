"""Does a campaign that a peer tells of work here too? A p-value for each group of accounts.

**Score.** The sketch holds, class by class, the campaign's votes plus even noise. If a group works like the campaign,
its own mean votes, scaled to the campaign's size, explain the sketch but for that noise and for which accounts each
side happened to see (multinomial). The score is the log of that likelihood, averaged over the sizes in the
fingerprint's range, less that of the groups of innocent accounts: a log likelihood ratio.

**p-value.** The largest of four, each the rank of the group among draws, (1 + draws that score as high) / (1 + draws)
(Phipson and Smyth 2010):

- *random*: innocent accounts of the group's number and load in place of the group;
- *neighbours*: an innocent account and those nearest to it by traits, and *classmates*: by votes. What a scan finds is
never random; these are as coherent as innocents can be, in the very terms of the score;
- *sketches*: the group stays, and innocent groups' sketches with noise stand in for the peer's. Without them an unusual
group would look like whatever the noise resembles.

A group that is far likelier than innocents and still does not explain the sketch is refuted, and p is 1: that costs one
in two hundred true matches, and keeps blends of everything from ranking first where nothing fits.

The first three are valid for a group that is exchangeable with one of them, the last for a sketch that is. Draws round
neighbouring accounts overlap, so small p-values are grainier than their number of draws says. Where innocents near the
campaign are campaign accounts not yet found, draws score higher and p is larger: conservative.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import log_ndtr, logsumexp

from stillwatch.sharing.bulletin import Fingerprint
from stillwatch.sharing.fingerprint.nulls import Innocents
from stillwatch.sharing.fingerprint.sketch import LADDER
from stillwatch.sharing.fingerprint.votes import read_voters
from stillwatch.signals.behaviour import STEPS, classes, space

__all__ = ["FEWEST", "Likeness", "likeness"]

Floats = NDArray[np.float64]

FEWEST = 5
"""Accounts of a group that can be told apart from chance."""
_SIZES = 3  # of the campaign, over the fingerprint's range
_WORST = -30.0  # of one class: what cannot be is not worse than that
_STRAY = 1.0  # votes by which two sides may differ beyond chance
SKETCHES = 1999
"""Made for each size of group."""
REFUTED, FITS = 0.005, 999
"""A group whose own sketches would score as low as seldom as this is not where the campaign works; drawn so often."""
_BACKGROUND = 24  # groups of innocents that stand for all of them
_BLOCK = 256  # sketches at a time: bounds memory
_TABLE = log_ndtr(np.linspace(_WORST, 3.0, 3301)).astype(np.float32)  # finer than any draw is apart


class Likeness(NamedTuple):
    """How like a campaign a group works: ``p_value``, ``score`` (nats; NaN where it could not be had) and the ``draws``
    of the smallest null (0: not tested, and p is 1)."""

    p_value: float
    score: float
    draws: int


_UNTESTED = Likeness(1.0, float("nan"), 0)


class _Campaign(NamedTuple):
    """A fingerprint in votes: ``sums`` (k,), noise between -``noise`` and ``noise``, and (4,) ``sizes`` it may have."""

    sums: Floats
    noise: float
    sizes: Floats


def likeness(
    fingerprint: Fingerprint,
    behaviour: pa.Table,
    groups: Sequence[Sequence[str]],
    *,
    innocent: Sequence[str],
    seed: int,
) -> tuple[Likeness, ...]:
    """Whether each of ``groups`` (account ids of the run that ``behaviour`` is of) works like the campaign told of.

    ``innocent`` are ids of accounts in no group, which nulls are drawn from; the same ``seed`` gives the same draws. p
    is 1 for a group of fewer than `FEWEST` accounts, for a fingerprint of another version, and where there are not
    twice as many innocent accounts, in no group tested here, as the group has. No groups: empty. Several groups or
    several bulletins are several tests: correct for their number (`stillwatch.calibration`).
    """
    voters, campaign = read_voters(behaviour), _campaign(fingerprint)
    if voters is None or campaign is None:
        return (_UNTESTED,) * len(groups)
    grouped = [voters.rows(accounts) for accounts in groups]
    rng = np.random.default_rng(seed)
    everybody = np.setdiff1d(voters.rows(innocent), np.concatenate([*grouped, np.zeros(0, dtype=np.int64)]))
    drawn = Innocents(voters, everybody, rng)
    nulls: dict[int, _Null] = {}
    found = []
    for rows in grouped:
        size = len(rows)
        if size < FEWEST or len(everybody) < 2 * size:
            found.append(_UNTESTED)
            continue
        alike = drawn.random(voters.sessions[rows], rng)
        if size not in nulls:
            nulls[size] = _null(campaign, (alike, *drawn.coherent(size, rng)), size, rng)
        found.append(_tested(campaign, voters.votes[rows].mean(axis=0) / STEPS, size, alike, nulls[size]))
    return tuple(found)


class _Null(NamedTuple):
    """Draws for groups of one size: ``coherent`` families of mean votes (d, k); groups that stand for all innocents,
    ``some`` (q, k); ``sketches`` (m, k) a peer would have told of innocents, with their log likelihood ``ground``
    (m,)."""

    coherent: tuple[Floats, ...]
    some: Floats
    sketches: Floats
    ground: Floats


def _null(campaign: _Campaign, families: tuple[Floats, ...], size: int, rng: np.random.Generator) -> _Null:
    some = np.concatenate([family[: _BACKGROUND // len(families)] for family in families])
    means = np.concatenate([family[_BACKGROUND // len(families) :] for family in families])
    means = means[rng.permutation(len(means))[:SKETCHES]]
    sizes = rng.uniform(campaign.sizes[0], campaign.sizes[-1], (len(means), 1))
    sketches = means * sizes + rng.uniform(-campaign.noise, campaign.noise, means.shape)
    return _Null(families[1:], some, sketches, _background(sketches, some, campaign, size))


def _campaign(fingerprint: Fingerprint) -> _Campaign | None:
    """The fingerprint in votes; None for another space or one that makes no sense."""
    if fingerprint.space != space() or len(fingerprint.values) != classes() or fingerprint.noise <= 0:
        return None
    if not LADDER[0] <= fingerprint.accounts <= LADDER[-1]:
        return None
    sums = np.array(fingerprint.values, dtype=np.float64) * fingerprint.scale * fingerprint.accounts
    noise = fingerprint.noise * fingerprint.accounts
    if not 1 <= noise <= 1e6 or np.abs(sums).max() > 1e7:
        return None
    above = [bound for bound in LADDER if bound > fingerprint.accounts] or [2 * LADDER[-1]]
    return _Campaign(sums, noise, np.linspace(fingerprint.accounts, above[0], _SIZES))


def _tested(campaign: _Campaign, votes: Floats, size: int, alike: Floats, null: _Null) -> Likeness:
    mean, told = votes[None, :], campaign.sums[None, :]
    score = float(_likelihood(told, mean, campaign, size)[0, 0])
    level = score - float(_background(told, null.some, campaign, size)[0])
    ranks = [_rank(_likelihood(told, family, campaign, size)[0], score) for family in (alike, *null.coherent)]
    ranks.append(_rank(_likelihood(null.sketches, mean, campaign, size)[:, 0] - null.ground, level))
    draws = min(len(family) for family in (alike, *null.coherent, null.sketches))
    refuted = _fit(campaign, mean, size, score, np.random.default_rng(size)) <= REFUTED
    return Likeness(1.0 if refuted else max(ranks), level, draws)


def _fit(campaign: _Campaign, mean: Floats, size: int, score: float, rng: np.random.Generator) -> float:
    """How rarely a campaign of this group's behaviour would be told as badly for it as this one is.

    Among groups none of which fits, one always fits least badly: that it ranks first says nothing.
    """
    sizes = rng.uniform(campaign.sizes[0], campaign.sizes[-1], (FITS, 1))
    spread = np.sqrt(sizes * mean * (1 - mean) * (1 + sizes / size) + _STRAY)
    told = np.maximum(sizes * mean + spread * rng.normal(size=(FITS, mean.shape[1])), 0)
    told += rng.uniform(-campaign.noise, campaign.noise, told.shape)
    return float((1 + (_likelihood(told, mean, campaign, size)[:, 0] <= score).sum()) / (1 + FITS))


def _rank(draws: Floats, observed: float) -> float:
    return float((1 + (draws >= observed - 1e-9).sum()) / (1 + len(draws)))


def _background(told: Floats, some: Floats, campaign: _Campaign, size: int) -> Floats:
    """Log of the mean likelihood of sketches (m, k) over groups of innocents (q, k), (m,)."""
    ground: Floats = logsumexp(_likelihood(told, some, campaign, size), axis=1) - np.log(len(some))
    return ground


def _likelihood(told: Floats, mean: Floats, campaign: _Campaign, size: int) -> Floats:
    """Log likelihood of sketches ``told`` (m, k) if groups of ``mean`` votes (q, k) and ``size`` accounts are behind
    them, (m, q); up to a constant.

    Even noise whose edges are blurred by chance: log of Phi((noise - |difference|) / spread), the spread that of two
    samples of the same shares. The farther edge never counts: noise is much wider than the spread where it matters.
    """
    found = np.empty((len(told), len(mean)))
    expected = [(number * mean).astype(np.float32) for number in campaign.sizes]
    chances = (
        each * (1 - mean) * (1 + number / size) + _STRAY for each, number in zip(expected, campaign.sizes, strict=True)
    )
    sharpness = [(100 / np.sqrt(chance)).astype(np.float32) for chance in chances]
    last = np.float32(len(_TABLE) - 1)
    for start in range(0, len(told), _BLOCK):
        block = told[start : start + _BLOCK, None, :].astype(np.float32)
        each = []
        for votes, sharp in zip(expected, sharpness, strict=True):
            place = np.abs(block - votes)
            np.subtract(np.float32(campaign.noise), place, out=place)
            place *= sharp
            place += np.float32(-100 * _WORST)
            np.clip(place, 0, last, out=place)
            each.append(_TABLE[place.astype(np.int16)].sum(axis=-1))
        found[start : start + _BLOCK] = logsumexp(np.stack(each), axis=0)
    return found
