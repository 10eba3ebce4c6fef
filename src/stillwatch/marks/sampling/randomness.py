"""The coins of every sampling mark: a keyed function of secret, context and token, the same in numpy and torch.

The secret and the context (the h tokens before) go through BLAKE2b, keyed (Aumasson et al. 2013, RFC 7693), to 64
bits: the *seed*. The seed starts SplitMix64 (Steele, Lea and Flood 2014), whose t-th output belongs to token t.

What it rests on. Between contexts and between secrets: on BLAKE2b being a pseudo-random function, as every message
authentication code does; nothing that is seen of any text tells of the secret. Within one context: on SplitMix64,
which is no cipher (who learns one value of a context can compute the others of it, and those only) but passes BigCrush
and PractRand as published, and here the tests of tests/marks/test_randomness.py: uniform over tokens, over contexts
and over secrets, all of the 64 bits fair and without correlation, neighbouring tokens and contexts independent. Two
contexts read overlapping stretches of SplitMix64's one cycle with probability 2^-46 at a vocabulary of 150,000.

Only 64-bit integers with wrap-around are used, which numpy and torch (that has no full set of unsigned operations)
compute alike on every device, so that a detector in numpy scores what a GPU has chosen, bit for bit.
"""

from __future__ import annotations

import hashlib
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "seeds", "uniforms", "values"]

Array = Any
"""A numpy array or a torch tensor: what is written for one works on the other."""

PERSON = b"stillwatch-mark"
"""Keeps these values apart from whatever else is ever hashed under the same secret."""
SMALLEST_SECRET, LARGEST_SECRET = 16, 64
FRACTION = 52
"""Bits of a uniform: with one more, adding a half would round the greatest to 1."""


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word


_STEP = _signed(0x9E3779B97F4A7C15)
_FIRST = _signed(0xBF58476D1CE4E5B9)
_SECOND = _signed(0x94D049BB133111EB)


def seeds(secret: bytes, contexts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The seed of each context.

    Args:
        secret: 16 to 64 bytes.
        contexts: (n, h) token ids; about a microsecond each.

    Returns:
        (n,) 64-bit words, as signed numbers.

    Raises:
        ValueError: the secret's length is not allowed, or the contexts are no table.
    """
    if not SMALLEST_SECRET <= len(secret) <= LARGEST_SECRET:
        raise ValueError(f"a mark's secret has {SMALLEST_SECRET} to {LARGEST_SECRET} bytes, not {len(secret)}")
    table = np.ascontiguousarray(contexts, dtype="<i8")
    if table.ndim != 2:
        raise ValueError(f"contexts must be a table of (n, h) token ids, not {table.ndim}-dimensional")
    keyed = hashlib.blake2b(key=secret, digest_size=8, person=PERSON)
    data, width, out = table.tobytes(), table.shape[1] * 8, bytearray()
    for start in range(0, len(table) * width, width) if width else [0] * len(table):
        hashed = keyed.copy()
        hashed.update(data[start : start + width])
        out += hashed.digest()
    return np.frombuffer(bytes(out), dtype="<i8").astype(np.int64)


def values(seed: Array, tokens: Array) -> Array:
    """64 random bits for each token in its context.

    Args:
        seed: 64-bit words (`seeds`), of a shape that broadcasts with ``tokens``: (n,) with (n,), or (n, 1) with (v,).
        tokens: token ids, as 64-bit integers; neither may be a lone number.

    Returns:
        Words as signed numbers, in the broadcast shape.
    """
    z = seed + (tokens + 1) * _STEP
    z ^= _shifted(z, 30)
    z *= _FIRST
    z ^= _shifted(z, 27)
    z *= _SECOND
    z ^= _shifted(z, 31)
    return z


def uniforms(words: Array, xp: ModuleType) -> Array:
    """Numbers strictly between 0 and 1 in double precision, from the upper 52 bits of each word.

    Args:
        words: what `values` gives.
        xp: ``numpy`` or ``torch``, whichever the words are of.
    """
    return (xp.asarray(_shifted(words, 64 - FRACTION), dtype=xp.float64) + 0.5) * 2.0**-FRACTION


def _shifted(words: Array, bits: int) -> Array:
    """Shifted to the right, filled with zeros: what ``>>`` does for unsigned numbers."""
    moved = words >> bits
    moved &= (1 << (64 - bits)) - 1
    return moved
