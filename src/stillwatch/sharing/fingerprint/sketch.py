"""The sketch that leaves: how many of a campaign's accounts vote for each class of behaviour, plus noise.

Each account has one vote over the classes, cut into `STEPS` steps. To the sum of every class a whole number of steps is
added, drawn evenly from -`NOISE` to `NOISE`. One account more or less moves the sums by at most `STEPS` steps in all,
and even noise over 2 `NOISE` + 1 values that is moved by j steps overlaps with itself but for j of them. So whoever
knows every other account, and even the account in question, can tell whether it was among them better than a coin by at
most `STEPS` / (2 `NOISE` + 1) (total variation; the classes' noises are independent, so their distances add up at
most). Nothing is approximated: all numbers are whole and the draws exact, so there is no float to leak (Mironov 2012).

The bound says how well a test for membership can do, after Dong, Roth and Su (2022), "Gaussian differential privacy",
which takes the trade-off of such tests as the definition; it is (0, 0.0485)-differential privacy. It departs from their
normal noise on purpose: of all noise that keeps this bound for one vote, even noise has the smallest bounds, and a
campaign of thirty accounts stands out only because the noise cannot be large. Swapping one account for another moves
two votes: twice the bound.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.sharing.bulletin import Fingerprint
from stillwatch.sharing.fingerprint.votes import Voters, read_voters
from stillwatch.signals.behaviour import STEPS, space

__all__ = ["ADVANTAGE", "LADDER", "LEAST", "NOISE", "make_fingerprint", "protected", "secret_seed"]

Ints = NDArray[np.int64]

NOISE = 82
"""Steps, either way."""
ADVANTAGE = STEPS / (2 * NOISE + 1)
"""How much better than a coin anybody can tell from a sketch whether an account was in it: 0.0485."""
LADDER = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)
"""Lower bounds of the ranges in which the number of accounts is told."""
LEAST = LADDER[0]
"""Accounts: fewer drown in the noise of ten votes."""
_MOST = 32767 - NOISE  # steps of one class: what a bulletin's value holds


def make_fingerprint(behaviour: pa.Table, accounts: Sequence[str], *, seed: int | None) -> Fingerprint | None:
    """The fingerprint of a campaign: ``accounts`` (ids, each counted once) of a run whose ``behaviour.parquet`` is
    given.

    None where fewer than `LEAST` of them are known or show any text. ``seed`` None draws noise from the system's
    entropy. **Two fingerprints of one campaign with different noise tell twice as much**, and k of them k times (their
    bounds add up). So a bulletin that is published again keeps the fingerprint that it had, or is given `secret_seed`,
    with which the same accounts always get the same noise. A seed that others can guess takes the noise off.

    ``accounts`` of the fingerprint is the ladder's lower bound of how many there are; the bound on membership holds
    given that range, which a bulletin tells anyway. A class's sum is told up to 4,000 votes.
    """
    voters = read_voters(behaviour)
    if voters is None:
        return None
    rows = _showing(voters, accounts)
    if len(rows) < LEAST:
        return None
    told = max(bound for bound in LADDER if bound <= len(rows))
    values = protected(voters.votes[rows].sum(axis=0), seed)
    return Fingerprint(
        version=1,
        space=space(),
        values=tuple(values.tolist()),
        scale=1 / (STEPS * told),
        noise=NOISE / (STEPS * told),
        clip=1.0,
        accounts=told,
        advantage=round(ADVANTAGE, 4),
    )


def protected(sums: Ints, seed: int | None) -> Ints:
    """Sums of steps (k,) with noise: the whole of the protection, also for who would attack it."""
    return np.minimum(sums, _MOST) + _noise(len(sums), secrets.randbits(256) if seed is None else seed)


def secret_seed(secret: bytes, behaviour: pa.Table, accounts: Sequence[str]) -> int:
    """A seed that nobody guesses without ``secret`` (16 to 64 bytes), the same for the same accounts and behaviour.

    Publishing such a fingerprint again tells nothing new. One account more or less gives fresh noise, so the bounds of
    the two add up. Raises ValueError for a secret that is too short or too long.
    """
    if not 16 <= len(secret) <= 64:
        raise ValueError("a secret has 16 to 64 bytes")
    keyed = hashlib.blake2b(key=secret, digest_size=32, person=b"stillwatch sket")
    voters = read_voters(behaviour)
    keyed.update(space().encode())
    if voters is not None:
        rows = _showing(voters, accounts)
        names = sorted(set(accounts) & set(voters.ids))
        keyed.update(repr(names).encode("utf-8", "surrogatepass"))
        keyed.update(np.ascontiguousarray(voters.votes[rows]).astype("<i8").tobytes())
    return int.from_bytes(keyed.digest(), "big")


def _showing(voters: Voters, accounts: Sequence[str]) -> Ints:
    rows = voters.rows(accounts)
    showing: Ints = rows[voters.votes[rows].sum(axis=1) > 0]
    return showing


def _noise(size: int, seed: int) -> Ints:
    """Whole numbers from -`NOISE` to `NOISE`, each as likely, (size,): SHAKE-256 of the seed, what would favour some
    numbers thrown away. Not a generator for simulations: who sees its output and guesses part must not find the
    rest."""
    width = 2 * NOISE + 1
    drawn: list[int] = []
    block = 0
    while len(drawn) < size:
        text = f"stillwatch sketch {seed} {block}".encode()
        stream = np.frombuffer(hashlib.shake_256(text).digest(4 * max(size, 1)), dtype="<u2")
        drawn += [int(word) % width - NOISE for word in stream if word < 65536 // width * width]
        block += 1
    return np.array(drawn[:size], dtype=np.int64)
