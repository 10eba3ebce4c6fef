"""Gumbel-max: the token with the least keyed exponential waiting time, divided by its probability.

Aaronson 2022 ("My AI safety lecture for UT Effective Altruism"); the exponential form after Kuditipudi et al. 2023,
"Robust distortion-free watermarks for language models". Own code, from the papers.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from stillwatch.marks.sampling.base import Array, Tokens, TokenScores, chosen, coins, full_name
from stillwatch.marks.sampling.randomness import uniforms

__all__ = ["Gumbel"]


@dataclass(frozen=True, slots=True)
class Gumbel:
    """With u(v) uniform for each token v, chooses the v with the greatest p(v) / −ln u(v).

    −ln u(v) / p(v) is exponential at rate p(v), and the first of such clocks to ring is v's with probability p(v): so
    over keys a token comes as often as without the mark. Given the key nothing is left to chance: one context and one
    distribution give one token. The score of a token is −ln(1 − u(v)): exponential for whoever does not know the key,
    large for the token that was chosen (by about the entropy of the choice).
    """

    distortion_free: ClassVar[bool] = True
    context: int = 2

    @property
    def name(self) -> str:
        """The scheme, and what of its parameters is not as usual."""
        return full_name("gumbel", self)

    def reweighted(self, probabilities: Array, words: Array, xp: ModuleType) -> Array:
        """All weight on the token that is chosen."""
        speed = probabilities / -xp.log(uniforms(words, xp))
        return xp.asarray(speed == xp.amax(speed, axis=-1, keepdims=True), dtype=xp.float64)

    def choose(
        self,
        probabilities: npt.NDArray[np.float64],
        context: Tokens,
        secret: bytes,
        rng: np.random.Generator | None = None,
    ) -> int:
        """The token whose clock rings first; ``rng`` is not needed."""
        return chosen(self, probabilities, context, secret, rng)

    def scores(self, contexts: Tokens, tokens: Tokens, secret: bytes) -> TokenScores:
        """−ln(1 − u) of each token; under the null an exponential variable of mean 1."""
        scores = -np.log1p(-uniforms(coins(contexts, tokens, secret), np))
        return TokenScores(scores, "exponential", len(scores))
