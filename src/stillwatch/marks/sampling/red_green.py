"""Red–green: a keyed share of the vocabulary is made likelier. It distorts; it also carries further than the others.

Kirchenbauer et al. 2023, "A watermark for large language models" (soft lists). Own code, from the paper.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from stillwatch.marks.sampling.base import Array, Tokens, TokenScores, chosen, coins, full_name
from stillwatch.marks.sampling.randomness import uniforms

__all__ = ["RedGreen"]


@dataclass(frozen=True, slots=True)
class RedGreen:
    """A token is green in its context with probability ``gamma``; ``delta`` is added to green tokens' log-probability.

    Departs from the paper in two ways. Every token's colour is a coin of its own, where the paper's lists have a fixed
    size: so the number of green tokens is binomial exactly. And ``delta`` is added to the distribution that is drawn
    from, after temperature and cuts, so that it means the same whatever the settings.

    Green tokens come more often in every single context; over keys every token is green as often as any other, but
    that does not undo it: likely tokens gain less than unlikely ones.
    """

    distortion_free: ClassVar[bool] = False
    context: int = 2
    gamma: float = 0.25
    delta: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.gamma < 1 or not 0 < self.delta < 50:
            raise ValueError(
                f"gamma must lie between 0 and 1 and delta between 0 and 50, not at {self.gamma} and {self.delta}"
            )

    @property
    def name(self) -> str:
        """The scheme, and what of its parameters is not as usual."""
        return full_name("red_green", self)

    def reweighted(self, probabilities: Array, words: Array, xp: ModuleType) -> Array:
        """Green tokens made exp(delta) times as likely, all scaled to sum to one."""
        green = xp.asarray(uniforms(words, xp) < self.gamma, dtype=xp.float64)
        raised = probabilities * (1.0 + green * math.expm1(self.delta))
        return raised / xp.sum(raised, axis=-1, keepdims=True)

    def choose(
        self,
        probabilities: npt.NDArray[np.float64],
        context: Tokens,
        secret: bytes,
        rng: np.random.Generator | None = None,
    ) -> int:
        """A token drawn with ``rng``, green ones likelier."""
        return chosen(self, probabilities, context, secret, rng)

    def scores(self, contexts: Tokens, tokens: Tokens, secret: bytes) -> TokenScores:
        """1 for a green token, 0 for a red one; under the null 1 with probability ``gamma``."""
        green = uniforms(coins(contexts, tokens, secret), np) < self.gamma
        return TokenScores(green.astype(np.float64), "bernoulli", len(green), (self.gamma,))
