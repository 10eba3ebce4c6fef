"""How scores under a key that had no part in anything are distributed: exactly, by scheme."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling.base import Scheme, TokenScores

__all__ = ["Law", "law_of", "with_law"]

Floats = npt.NDArray[np.float64]
_BELOW_ONE = 1 - 2**-53


class Law(NamedTuple):
    """The distribution of one score under the null.

    ``parameters``: nothing for "exponential" (mean 1), the chance of a 1 for "bernoulli", the whole-numbered weights of
    the fair coins whose sum a score is for "tournament".
    """

    kind: Literal["exponential", "bernoulli", "tournament"]
    parameters: tuple[float, ...] = ()

    @property
    def mean(self) -> float:
        """Of one score."""
        return 1.0 if self.kind == "exponential" else float(np.dot(*self._coins()))

    @property
    def sd(self) -> float:
        """Standard deviation of one score."""
        return 1.0 if self.kind == "exponential" else self._spread(0.0)

    def log_mgf(self, t: npt.ArrayLike) -> Floats:
        """``ln E exp(t z)`` of a standardised score ``z = (score - mean) / sd``, of any shape; t < 1 if exponential."""
        x = np.asarray(t, dtype=np.float64)
        if self.kind == "exponential":
            return np.asarray(-np.log1p(-x) - x)
        if self.kind == "bernoulli":
            (chance,), x = self.parameters, x / self.sd
            return np.asarray(np.log1p(chance * np.expm1(x)) - chance * x)
        total = np.zeros(x.shape)
        for weight, number in zip(*np.unique(self.parameters, return_counts=True), strict=True):
            half = np.abs(x) * weight / (2 * self.sd)  # ln cosh, without overflow
            total += number * (half + np.log1p(np.exp(-2 * half)) - np.log(2))
        return total

    def power(self, n: int, shift: float, p: float) -> float:
        """Chance of a p-value of at most ``p`` from n scores whose mean is ``shift`` (not standardised) higher.

        Scores are taken to be as under the null but for their mean: of the same family, exponentially tilted. For a
        tournament the sums are taken as normal.

        Raises:
            ValueError: scores cannot have such a mean.
        """
        if self.kind == "exponential":
            return float(special.gammaincc(n, special.gammainccinv(n, p) / (1 + shift)))
        tilt = self._tilt_to(self.mean + shift)
        if self.kind == "bernoulli":
            least = stats.binom.isf(p, n, self.parameters[0]) + 1
            return float(stats.binom.sf(least - 1, n, self.mean + shift))
        beyond = np.sqrt(n) * shift + special.ndtri(p) * self.sd
        return float(special.ndtr(beyond / self._spread(tilt)))

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """n independent scores under the null."""
        if self.kind == "exponential":
            return rng.exponential(size=n)
        weights, chances = self._coins()
        return np.asarray((rng.random((n, weights.size)) < chances) @ weights)

    def room(self, probabilities: Floats) -> Floats:
        """How much a mark could raise the score where tokens have these ``probabilities`` (n, m), but for a factor.

        Entropy for exponential scores (a token of chance p that was chosen by Gumbel's rule scores the harmonic number
        of 1/p: about ``1 - ln p``), else the chance that two draws differ. Only for weighing positions.
        """
        if self.kind == "exponential":
            return np.asarray(special.entr(probabilities).sum(axis=1))
        return np.asarray(1 - np.square(probabilities).sum(axis=1))

    def _coins(self, tilt: float = 0.0) -> tuple[Floats, Floats]:
        """What each coin of a score counts, and its chance of a 1 where a score s is ``exp(tilt s)`` times likelier."""
        if self.kind == "bernoulli":
            return np.ones(1), special.expit(special.logit(np.asarray(self.parameters)) + tilt)
        weights = np.asarray(self.parameters, dtype=np.float64)
        return weights, special.expit(tilt * weights)

    def _spread(self, tilt: float) -> float:
        weights, chances = self._coins(tilt)
        return float(np.sqrt(np.square(weights) @ (chances * (1 - chances))))

    def _tilt_to(self, mean: float) -> float:
        """The tilt under which scores have this mean."""
        most = float(self._coins()[0].sum())
        if not 0 < mean < most:
            raise ValueError(f"scores lie between 0 and {most:g}, so their mean cannot be {mean:g}")

        def excess(tilt: float) -> float:
            return float(np.dot(*self._coins(tilt))) - mean

        return float(optimize.brentq(excess, -40.0, 40.0, xtol=1e-14))


def with_law(scores: TokenScores) -> tuple[Floats, Law]:
    """Scores as the tests here use them, and how they are distributed under the null.

    Uniform ones u become ``-ln(1 - u)``: exponential, and the sum of those is what tells Gumbel's rule best
    (Aaronson 2022; Fernandez et al. 2023, "Three bricks to consolidate watermarks").
    """
    values = np.asarray(scores.scores, dtype=np.float64)
    if scores.null == "uniform":
        return -np.log1p(-np.minimum(values, _BELOW_ONE)), Law("exponential")
    return values, Law(scores.null, scores.parameters)


def law_of(scheme: Scheme, key: MarkKey) -> Law:
    """How scores of a scheme are distributed under the null."""
    nothing = np.empty((0, scheme.context), dtype=np.int64)
    return with_law(scheme.scores(nothing, np.empty(0, dtype=np.int64), key.secret))[1]
