"""Attacks on a fingerprint that ask whether one account was in it, by somebody who knows everything else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from stillwatch.calibration import clopper_pearson
from stillwatch.sharing.fingerprint.sketch import ADVANTAGE, NOISE, protected
from stillwatch.sharing.fingerprint.votes import Ints, read_voters

TARGETS, DRAWS = 40, 20_000


class Told(Protocol):
    """What is needed of a scanned world."""

    behaviour: pa.Table
    ids: np.ndarray
    group: np.ndarray
    clear: np.ndarray
    names: dict[str, str]


def leaks(world: Told, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """The advantage measured, for each campaign: in or out, swapped for an innocent account, and without any knowledge
    of the other accounts but what accounts are like in general."""
    voters = read_voters(world.behaviour)
    if voters is None:
        return
    for group, name in world.names.items():
        votes = voters.votes[(world.group == group) & (rng.random(len(world.ids)) < 0.5)]
        strangers = voters.votes[world.clear]
        yield _row(name, len(votes), "in or out, all others known", ADVANTAGE, _in_or_out(votes, rng))
        yield _row(name, len(votes), "in, or an innocent in its place", 2 * ADVANTAGE, _swapped(votes, strangers, rng))
        yield _row(name, len(votes), "in or out, by height in its classes", ADVANTAGE, _by_height(votes, rng))


def _row(campaign: str, accounts: int, attack: str, bound: float, right: list[tuple[int, int]]) -> dict[str, Any]:
    """``right``: of how many draws with and without the account the attack was right."""
    number = TARGETS * DRAWS
    hits, rejects = (sum(each) for each in zip(*right, strict=True))
    _, low, high = clopper_pearson(hits + rejects, 2 * number)
    return {
        "campaign": campaign, "accounts": accounts, "attack": attack, "bound": bound,
        "advantage": (hits + rejects) / number - 1, "95 %": f"{2 * low - 1:.3f} to {2 * high - 1:.3f}",
    }  # fmt: skip


def _fits(seen: Ints, sums: Ints) -> np.ndarray:
    """Whether sums (k,) can be behind each of the sketches (d, k); all that can are equally likely."""
    return (np.abs(seen - sums) <= NOISE).all(axis=1)


def _drawn(sums: Ints, rng: np.random.Generator) -> Ints:
    """Sketches (d, k); one of them by the code that ships, the others by a generator that is fast."""
    drawn = sums + rng.integers(-NOISE, NOISE + 1, (DRAWS, len(sums)))
    drawn[0] = protected(sums, None)
    return drawn


def _verdicts(one: Ints, other: Ints, rng: np.random.Generator) -> tuple[int, int]:
    """The likelihood-ratio test between two sums: right of `DRAWS` sketches of each; ties by a coin."""
    right = []
    for truth, lie in ((one, other), (other, one)):
        seen = _drawn(truth, rng)
        coin = rng.random(DRAWS) < 0.5
        right.append(int((~_fits(seen, lie) | coin).sum()))
    return right[0], right[1]


def _in_or_out(votes: Ints, rng: np.random.Generator) -> list[tuple[int, int]]:
    whole = votes.sum(axis=0)
    return [_verdicts(whole, whole - votes[rng.integers(len(votes))], rng) for _ in range(TARGETS)]


def _swapped(votes: Ints, strangers: Ints, rng: np.random.Generator) -> list[tuple[int, int]]:
    whole = votes.sum(axis=0)
    return [
        _verdicts(whole, whole - votes[rng.integers(len(votes))] + strangers[rng.integers(len(strangers))], rng)
        for _ in range(TARGETS)
    ]


def _by_height(votes: Ints, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Says "in" where the sketch stands higher than usual in the classes of the account: usual is known to the
    attacker."""
    right = []
    whole = votes.sum(axis=0)
    for _ in range(TARGETS):
        mine = votes[rng.integers(len(votes))]
        inside, outside = _drawn(whole, rng) @ mine, _drawn(whole - mine, rng) @ mine
        usual = np.median(np.r_[inside, outside])
        right.append((int((inside > usual).sum()), int((outside <= usual).sum())))
    return right
