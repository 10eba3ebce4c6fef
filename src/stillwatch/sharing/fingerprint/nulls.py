"""Groups of innocent accounts that stand in for a group under test: random ones of its load, and coherent ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stillwatch.sharing.fingerprint.votes import Voters
from stillwatch.signals.behaviour import STEPS

__all__ = ["DRAWS", "Innocents"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DRAWS = 2000
"""Groups of each family: a rank of 0.001 needs 999, and neighbourhoods overlap."""
_MOST = 20_000  # innocents that groups are drawn from: bounds time and memory
_JITTER = (1.0, 0.85, 1.15)  # sizes of neighbourhoods, so that there are enough of them
_BLOCK = 200  # groups at a time: bounds memory


class Innocents:
    """The innocent accounts that groups are drawn from: ``rows`` of ``voters``, at most 20,000 of them."""

    def __init__(self, voters: Voters, rows: Ints, rng: np.random.Generator) -> None:
        if len(rows) > _MOST:
            rows = np.sort(rng.choice(rows, _MOST, replace=False))
        self.votes: Floats = voters.votes[rows] / STEPS
        spread = voters.traits[rows].std(axis=0)
        self._near = voters.traits[rows] / np.where(spread > 0, spread, 1.0)
        # Votes tie in thousands: ties are broken by chance, not by row.
        self._class = self.votes + 1e-3 * rng.random((len(rows), 1))
        self._by_load = np.argsort(voters.sessions[rows], kind="stable")
        self._load = voters.sessions[rows][self._by_load]

    def coherent(self, size: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Mean votes (d, k) of accounts and their neighbours by traits, and of accounts and their neighbours by votes:
        ``size`` of them, a little more or less."""
        return _neighbours(self.votes, self._near, size, rng), _neighbours(self.votes, self._class, size, rng)

    def random(self, sessions: Ints, rng: np.random.Generator) -> Floats:
        """Mean votes (`DRAWS`, k) of groups that have, for each account of a group with ``sessions`` (m,), an innocent
        one of about as many sessions."""
        votes, last = self.votes, len(self.votes) - 1
        place = np.searchsorted(self._load, sessions)
        width = max(len(sessions), len(votes) // 20)
        found = np.empty((DRAWS, votes.shape[1]))
        for start in range(0, DRAWS, _BLOCK):
            stop = min(start + _BLOCK, DRAWS)
            near = np.abs(place + rng.integers(-width, width + 1, (stop - start, len(sessions))))
            near = np.where(near > last, 2 * last - near, near)
            found[start:stop] = votes[self._by_load[np.clip(near, 0, last)]].mean(axis=1)
        return found


def _neighbours(votes: Floats, near: Floats, size: int, rng: np.random.Generator) -> Floats:
    """The mean votes of an innocent account and those nearest to it, round as many accounts as are needed or there
    are."""
    seeds = rng.permutation(len(votes))[: -(-DRAWS // len(_JITTER)) if len(votes) > DRAWS else DRAWS]
    sizes = [min(max(round(size * each), 2), len(votes)) for each in _JITTER]
    square = np.square(near).sum(axis=1)
    found = []
    for start in range(0, len(seeds), _BLOCK):
        some = seeds[start : start + _BLOCK]
        distance = square - 2 * near[some] @ near.T
        most = max(sizes)
        nearest = np.argpartition(distance, most - 1, axis=1)[:, :most]
        nearest = np.take_along_axis(nearest, np.argsort(np.take_along_axis(distance, nearest, 1), axis=1), axis=1)
        added = np.cumsum(votes[nearest], axis=1)
        found += [added[:, each - 1] / each for each in sizes]
    return np.concatenate(found)
