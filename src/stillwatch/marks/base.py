"""What every mark shares: the key that it is made under, and what a test of it hands on."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

__all__ = ["MarkKey", "Scope", "TokenScores"]

Scope = Literal["campaign", "tier", "all"]
"""Whose answers a key marks: those of one campaign, of one tier of suspicion, or everybody's."""


class MarkKey(msgspec.Struct, frozen=True, kw_only=True):
    """One key. ``secret`` (32 bytes) is derived from a master that never leaves the provider; ``id`` may be told: it is
    the beginning of the secret's commitment. ``scheme`` names the mark that it is for (a key is never used by two), for
    sampling schemes with every parameter that is not as usual: ``red_green:gamma=0.5``."""

    id: str
    secret: bytes
    scheme: str
    scope: Scope
    about: str
    """Which campaign or tier; "" for all traffic."""
    epoch: int
    """Counts rotations from 0: a key that leaked stops there."""

    def __repr__(self) -> str:
        """All but the secret: what is printed ends up in logs."""
        return f"MarkKey({self.id}, {self.scheme}, {self.scope}, {self.about!r}, epoch {self.epoch})"


class TokenScores(NamedTuple):
    """Scores of tokens under one key. ``scores`` (n,): under the null, given the contexts, each is an independent draw
    from the distribution ``null`` (that is what de-duplication by context is for). ``n_seen`` is the number of tokens
    looked at before duplicates were dropped. ``parameters`` completes ``null``: the probability of a 1 for "bernoulli",
    the weight of each fair coin for "tournament", nothing for the others."""

    scores: npt.NDArray[np.float64]
    null: Literal["uniform", "exponential", "bernoulli", "tournament"]
    n_seen: int
    parameters: tuple[float, ...] = ()
