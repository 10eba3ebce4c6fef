"""What a sampling scheme is: how it chooses a token under a key, and how tokens are scored under that key later."""

from __future__ import annotations

import dataclasses
from types import ModuleType
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from stillwatch.marks.sampling.randomness import Array, seeds, values

__all__ = ["Array", "Scheme", "TokenScores", "Tokens", "chosen", "coins", "drawn", "full_name"]

Tokens = npt.NDArray[np.int64]


class TokenScores(NamedTuple):
    """Scores of tokens under one key. ``scores`` (n,): under the null, given the contexts, each is an independent draw
    from the distribution ``null`` (that is what de-duplication by context is for). ``n_seen`` is the number of tokens
    looked at before duplicates were dropped. ``parameters`` completes ``null``: the probability of a 1 for "bernoulli",
    the weight of each fair coin for "tournament", nothing for the others."""

    scores: npt.NDArray[np.float64]
    null: Literal["uniform", "exponential", "bernoulli", "tournament"]
    n_seen: int
    parameters: tuple[float, ...] = ()


class Scheme(Protocol):
    """One way to mark the choice of tokens. Without input or output; engines wrap it.

    A scheme is a frozen dataclass whose fields are its parameters, ``context`` among them, all with defaults.
    """

    distortion_free: ClassVar[bool]
    """Whether, averaged over keys, tokens are distributed as without the mark."""

    @property
    def name(self) -> str:
        """As `MarkKey.scheme` has it: which scheme, and each parameter that is not as usual (`full_name`)."""
        ...

    @property
    def context(self) -> int:
        """How many tokens before the one that is chosen seed the choice; all of them of the same answer."""
        ...

    def reweighted(self, probabilities: Array, words: Array, xp: ModuleType) -> Array:
        """The distribution to draw from, given the coins.

        ``probabilities`` and ``words`` (…, tokens): what the model gives each token, after temperature, top-k and
        top-p, in double precision; and 64 random bits for each (`randomness.values`). Both of ``xp``, which is numpy
        or torch; neither is changed. Tokens of probability 0 stay at 0.
        """
        ...

    def choose(
        self,
        probabilities: npt.NDArray[np.float64],
        context: Tokens,
        secret: bytes,
        rng: np.random.Generator | None = None,
    ) -> int:
        """The next token. ``probabilities`` (vocabulary,) after temperature, top-k and top-p; ``context`` (context,).
        ``rng`` draws where the coins alone do not decide; without one, afresh."""
        ...

    def scores(self, contexts: Tokens, tokens: Tokens, secret: bytes) -> TokenScores:
        """Scores of ``tokens`` (n,) in their ``contexts`` (n, context), whoever chose them; nothing is de-duplicated
        here. For n = 0 there are none."""
        ...


def full_name(kind: str, scheme: Any) -> str:
    """``kind``, then after a colon each parameter of the dataclass ``scheme`` that differs from its default, as in
    ``red_green:gamma=0.5,delta=1.0``: what was fixed with a key must say all that a test of it needs."""
    fields = [(field.name, getattr(scheme, field.name), field.default) for field in dataclasses.fields(scheme)]
    unusual = [f"{name}={value!r}" for name, value, usual in fields if value != usual]
    return kind + (":" + ",".join(unusual) if unusual else "")


def coins(contexts: Tokens, tokens: Tokens, secret: bytes) -> Tokens:
    """(n,) random words: those of ``tokens`` (n,) in their ``contexts`` (n, h) under ``secret``."""
    return np.asarray(values(seeds(secret, contexts), np.asarray(tokens, dtype=np.int64)))


def chosen(
    scheme: Scheme,
    probabilities: npt.NDArray[np.float64],
    context: Tokens,
    secret: bytes,
    rng: np.random.Generator | None,
) -> int:
    """What `Scheme.choose` does for every scheme: coins for the tokens that can come, a distribution, a draw."""
    weights = np.asarray(probabilities, dtype=np.float64)
    able = np.flatnonzero(weights)
    words = values(seeds(secret, np.asarray(context, dtype=np.int64)[None]), able)
    return int(able[drawn(scheme.reweighted(weights[able] / weights.sum(), words, np), rng)])


def drawn(probabilities: npt.NDArray[np.float64], rng: np.random.Generator | None) -> int:
    """A token drawn from ``probabilities`` (v,), which need not sum to one exactly."""
    steps = np.cumsum(probabilities)
    spot = (np.random.default_rng() if rng is None else rng).random() * steps[-1]
    return int(np.searchsorted(steps, spot, side="right"))
