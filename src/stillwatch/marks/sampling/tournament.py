"""Tournament sampling (SynthID-Text): tokens play knock-out rounds that keyed coins decide.

Dathathri et al. 2024, "Scalable watermarking for identifying large language model outputs", Nature 634: two candidates
a match (their non-distortionary configuration), coins of 0 or 1, by the closed form of their supplement. Own code.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from stillwatch.marks.sampling.base import Array, Tokens, TokenScores, chosen, coins, full_name

__all__ = ["Tournament"]

MOST_LAYERS = 64
"""One word has a fair coin for that many."""


@dataclass(frozen=True, slots=True)
class Tournament:
    """Of 2^m tokens drawn from the model, one wins m rounds; in round l the token with the greater coin g_l wins, and
    chance decides between equals.

    In the limit of drawing anew for every match this multiplies, round by round, the probability of each token by
    1 + g_l(v) − (the probability that g_l is 1): its mean over the coins is what it was, so that the mark distorts
    nothing on average. A score is the weighted number of ones among a token's coins: early rounds, which meet more
    entropy, weigh up to ten, late ones down to one, as in the paper; whole numbers, so that the null is exact.
    """

    distortion_free: ClassVar[bool] = True
    context: int = 2
    layers: int = 30

    def __post_init__(self) -> None:
        if not 1 <= self.layers <= MOST_LAYERS:
            raise ValueError(f"a tournament has 1 to {MOST_LAYERS} layers, not {self.layers}")

    @property
    def name(self) -> str:
        """The scheme, and what of its parameters is not as usual."""
        return full_name("tournament", self)

    @property
    def weights(self) -> tuple[int, ...]:
        """Of each layer's coin in a score: from 10 down to 1."""
        return tuple(10 - 10 * layer // self.layers for layer in range(self.layers))

    def reweighted(self, probabilities: Array, words: Array, xp: ModuleType) -> Array:
        """Each token's probability after all rounds."""
        left = probabilities / xp.sum(probabilities, axis=-1, keepdims=True)
        for layer in range(self.layers):
            factor = xp.asarray((words >> layer) & 1, dtype=xp.float64)
            factor += 1.0 - xp.sum(left * factor, axis=-1, keepdims=True)
            left *= factor
        return xp.where(left > 0.0, left, 0.0)  # where nearly all mass had coin 1, rounding can go below 0

    def choose(
        self,
        probabilities: npt.NDArray[np.float64],
        context: Tokens,
        secret: bytes,
        rng: np.random.Generator | None = None,
    ) -> int:
        """A winner; ``rng`` draws among those that the coins leave."""
        return chosen(self, probabilities, context, secret, rng)

    def scores(self, contexts: Tokens, tokens: Tokens, secret: bytes) -> TokenScores:
        """The weighted number of ones; under the null a sum of fair coins that count ``weights``."""
        words = coins(contexts, tokens, secret)
        scores = np.zeros(len(words))
        for layer, weight in enumerate(self.weights):
            scores += ((words >> layer) & 1) * weight
        return TokenScores(scores, "tournament", len(scores), tuple(map(float, self.weights)))
