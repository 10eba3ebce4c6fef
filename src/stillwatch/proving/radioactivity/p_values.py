"""From scores under a key to a p-value, three ways, and what a report needs beside it.

- The *tail* of the sum of a number of scores that the key had no part in: exact.
- *Planned*: the same where the number does depend on the key (marked text ends where the key says so; which of its
  windows are new is the key's doing): the first so many, settled beforehand; where there are fewer the rest are drawn
  from the null. Exact, too: each score, given those before it, is a fresh draw.
- *Stopped*: bets on the scores, of several sizes at once (`calibration.betting`): valid at any number, whenever one
  stopped and for whatever reason, for about a factor of ten in the p-value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.calibration import Wealth, geometric_stakes, permutation_p_value
from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling.base import Scheme, TokenScores
from stillwatch.proving.evidence import Evidence
from stillwatch.proving.radioactivity.laws import Law, law_of, with_law
from stillwatch.proving.radioactivity.text import tail_of

__all__ = ["STAKES", "Judged", "against_decoys", "bets_on", "evidence_of", "judged", "judged_by_weights", "log_factors"]

Floats = npt.NDArray[np.float64]
STAKES: Floats = geometric_stakes(0.002, 0.9, 24)
"""Sizes of bets, fixed for all tests: on shifts of the mean score from 0.002 to 0.9 standard deviations. A shift
between two of them loses at most 2 % of the power."""

_MULTIPLES: Floats = geometric_stakes(0.002, 30.0, 36)
_FARTHEST, _MOST_EXPONENTIAL = 3.0, 0.9  # what a bet may stake on one token: more, and a few would outweigh thousands


class Judged(NamedTuple):
    """A p-value, by what means, and the figures it can be computed from again."""

    p_value: float
    by: str
    statistic: float
    numbers: dict[str, Any]


def judged(
    scores: Floats, law: Law, *, number_depends_on_key: bool, planned: int | None = None, seed: int = 0
) -> Judged:
    """The p-value of scores (n,), each a fresh draw from ``law`` given those before it under the null.

    Args:
        scores: in order.
        law: their null.
        number_depends_on_key: whether n, or which scores are here, had anything to do with the key.
        planned: how many were to be counted, if that was settled without looking at them.
        seed: of draws in place of scores that are missing from the plan.

    Raises:
        ValueError: ``planned`` below 1.
    """
    if planned is not None and planned < 1:
        raise ValueError(f"at least one score must be planned, not {planned}")
    numbers: dict[str, Any] = {"law": law.kind, "parameters": list(law.parameters)}
    if planned is not None:
        drawn = law.draw(np.random.default_rng(seed), max(planned - scores.size, 0))
        scores = np.concatenate([scores[:planned], drawn])
        numbers |= {"planned": planned, "drawn_for_missing": int(drawn.size)}
    total, n = float(scores.sum()), int(scores.size)
    z = (total - n * law.mean) / (law.sd * math.sqrt(n)) if n else 0.0
    numbers |= {"total": total, "mean": total / n if n else None, "mean_under_null": law.mean}
    if planned is None and number_depends_on_key:
        wealth = Wealth(STAKES.size)
        wealth.add(log_factors((scores - law.mean) / law.sd, law))
        return Judged(wealth.p_value, "stopped", z, numbers | {"most_log_e": wealth.most, "log_e": wealth.log_e})
    tail = tail_of(TokenScores(scores, law.kind, n, law.parameters))
    numbers["log10_p"] = tail.log10_p
    return Judged(tail.p_value, "tail" if planned is None else "planned", z, numbers)


def log_factors(standardised: Floats, law: Law) -> Floats:
    """(bets, n) logarithms of what each bet of `STAKES` makes of its stake: ``t z - ln E exp(t z)``."""
    return np.multiply.outer(STAKES, standardised) - law.log_mgf(STAKES)[:, np.newaxis]


def bets_on(weights: Floats, standardised: Floats, starts: npt.NDArray[np.int64], law: Law) -> Wealth:
    """Bets on weighted sums of scores, one sum a window, whose tokens count unequally.

    Bet j stakes ``b = clip(m_j a, ...)`` on each token's standardised score z, where a is its weight and m_j one of
    fixed multiples; it gains ``exp(sum b z) / E exp(sum b z)``, and the mean is known exactly.

    Args:
        weights: (k,) of tokens, made without a look at their scores or at those of later windows.
        standardised: (k,) their scores: fresh draws given those of the windows before, under the null.
        starts: (n,) where the tokens of each window begin, ascending; each window has one at least.
        law: of the scores.
    """
    wealth, ends = Wealth(_MULTIPLES.size), np.append(starts[1:], weights.size)
    most = _MOST_EXPONENTIAL if law.kind == "exponential" else _FARTHEST
    for first in range(0, len(starts), 4096):
        last = min(first + 4096, len(starts))
        part = slice(starts[first], ends[last - 1])
        factors = np.empty((_MULTIPLES.size, last - first))
        for bet, multiple in zip(factors, _MULTIPLES, strict=True):
            stake = np.clip(multiple * weights[part], -_FARTHEST, most)
            bet[:] = np.add.reduceat(
                stake * standardised[part] - law.log_mgf(stake), starts[first:last] - starts[first]
            )
        wealth.add(factors)
    return wealth


def judged_by_weights(
    scheme: Scheme,
    key: MarkKey,
    rows: npt.NDArray[np.int64],
    tokens: npt.NDArray[np.int64],
    weights: Floats,
    starts: npt.NDArray[np.int64],
    decoys: Sequence[bytes],
) -> Judged:
    """`bets_on` the scores of ``tokens`` (k,) in windows ``rows`` (k, h); the statistic is the weighted sum,
    standardised, and that of decoys the same."""
    law, spread = law_of(scheme, key), float(np.sqrt(np.square(weights).sum())) or 1.0

    def standardised(secret: bytes) -> Floats:
        return (with_law(scheme.scores(rows, tokens, secret))[0] - law.mean) / law.sd

    def statistic(secret: bytes) -> float:
        return float(weights @ standardised(secret)) / spread

    wealth, z = bets_on(weights, standardised(key.secret), starts, law), statistic(key.secret)
    numbers = {"windows": len(starts), "most_log_e": wealth.most, "log_e": wealth.log_e}
    return Judged(wealth.p_value, "stopped", z, numbers | against_decoys(z, statistic, decoys))


def against_decoys(statistic: float, of_key: Callable[[bytes], float], decoys: Sequence[bytes]) -> dict[str, Any]:
    """Where the key's statistic stands among those of keys that were never used: a check that needs no formula.

    Args:
        statistic: of the key.
        of_key: the same of any other.
        decoys: secrets, fixed with the commitment.

    Returns:
        Nothing without decoys, else their number, rank p-value, mean, standard deviation and greatest.
    """
    if not decoys:
        return {}
    others = np.asarray([of_key(secret) for secret in decoys])
    return {
        "decoys": others.size,
        "decoy_rank_p": permutation_p_value(statistic, others),
        "decoy_mean": float(others.mean()),
        "decoy_sd": float(others.std()),
        "decoy_greatest": float(others.max()),
    }


_BY = {
    "tail": "exact tail of the sum of scores",
    "planned": "exact tail of the sum of as many scores as were planned",
    "choices": "all ways in which the key could have been one or another of those compared, in each window anew",
    "stopped": "bets on the scores (Ville's inequality): valid at any number of them",
}
_CAVEATS = (
    "Shows that text marked under this key was in what the suspect learnt from, not by which way it came there.",
    "Rests on the key having been fixed before the answers were given, and kept from whoever made the suspect.",
)


def evidence_of(
    found: Judged,
    key: MarkKey,
    *,
    test: str,
    n: int,
    unit: str,
    tested_on: str,
    seed: int | None = None,
    chosen_on: str = "",
    numbers: dict[str, Any] | None = None,
    caveats: tuple[str, ...] = (),
) -> Evidence:
    """A p-value as evidence in the first tier."""
    about = f" ({key.about})" if key.about else ""
    return Evidence(
        tier="marks",
        test=f"radioactivity: {test}",
        claim=f"The suspect was trained on text that was marked under key {key.id}{about}.",
        null="What the suspect says does not depend on the key: it would have been the same, had another been drawn.",
        randomised=f"The secret of key {key.id}, drawn by the provider when the key was made.",
        p_value=found.p_value,
        statistic=found.statistic,
        n=n,
        unit=unit,
        seed=seed,
        chosen_on=chosen_on,
        tested_on=tested_on,
        numbers={"by": found.by, "p_value_by": _BY[found.by], **found.numbers, **(numbers or {})},
        caveats=(*caveats, *_CAVEATS),
    )
