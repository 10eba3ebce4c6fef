"""A suspect beside the controls: how much of its likeness is one candidate's alone, and is that more than of them?

Nobody threw a coin here. The null is that the suspect is exchangeable with the controls, models that are known not to
have been trained on any candidate's answers; whoever names them answers for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stillwatch.calibration import conformal_p_values
from stillwatch.proving.style.likeness import Likeness

__all__ = ["Pool", "controls_needed", "excesses", "leaders", "p_value", "shares"]

Floats = NDArray[np.float64]
RIDGE = 0.1
"""Added to the diagonal, where every model's answers have length 1. From 0.03 to 0.3 the results hardly move."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Who is judged by whom: places in `Likeness.models`.

    ``families[f]``: the versions of a family of candidates. ``members``: the controls, then the suspect, last.
    ``own[m, f]``: whether the maker of member ``m`` made family ``f``, of which it then cannot be the student.
    """

    families: tuple[tuple[int, ...], ...]
    members: tuple[int, ...]
    own: NDArray[np.bool_]


def shares(between: Floats, pool: Pool, ridge: float = RIDGE) -> Floats:
    """How much each family explains of each member's likeness that neither the others nor the other members explain.

    A student of one GPT is like them all, and two models tuned from one base are alike whoever taught them. So each
    member is regressed, jointly, on the mean of every family's versions and on every other member (ridge regression,
    Hoerl & Kennard 1970, in the space that the likenesses span); the coefficients of the families are its shares.

    Args:
        between: (n, n) likenesses, ones on the diagonal.
        pool: who is who.
        ridge: above 0.

    Returns:
        (members, families); NaN for a member's own maker's families, which are regressed on all the same.
    """
    groups = [*pool.families, *((member,) for member in pool.members)]
    means = np.zeros((len(between), len(groups)))
    for g, group in enumerate(groups):
        means[list(group), g] = 1 / len(group)
    products = means.T @ between @ means
    norms = np.sqrt(np.diag(products))
    products = products / norms[:, np.newaxis] / norms
    found = np.empty((len(pool.members), len(pool.families)))
    for m in range(len(pool.members)):
        target = len(pool.families) + m
        others = np.delete(np.arange(len(groups)), target)
        system = products[np.ix_(others, others)] + ridge * np.eye(len(others))
        found[m] = np.linalg.solve(system, products[others, target])[: len(pool.families)]
    return np.where(pool.own, np.nan, found)


def excesses(of_shares: Floats) -> Floats:
    """Shares beyond the median member's: some families are nearer to everybody. NaN stays NaN.

    The suspect counts among the members, so that all of them are treated alike.
    """
    asked = ~np.isnan(of_shares).all(axis=0)
    found = np.full(of_shares.shape, np.nan)
    found[:, asked] = of_shares[:, asked] - np.nanmedian(of_shares[:, asked], axis=0)
    return found


def p_value(of_excesses: Floats) -> float:
    """The conformal p-value of the last member: how many controls come as near to any candidate as it does to its own.

    Each member's greatest excess counts, so that it does not matter how many candidates there are. Exact under
    exchangeability of the suspect with the controls, because the whole way up to here treats members alike (full
    conformal prediction, Vovk, Gammerman & Shafer 2005). With n controls it is at least 1 / (n + 1).
    """
    greatest = np.array([np.nanmax(row) for row in of_excesses if not np.isnan(row).all()])
    return float(conformal_p_values(greatest[:-1], greatest[-1:])[0])


def leaders(found: Likeness, pool: Pool, resamples: int, seed: int, ridge: float = RIDGE) -> NDArray[np.int64]:
    """Which family is the suspect's greatest when the prompts are drawn anew with replacement.

    Returns:
        (resamples,) indices of families. Which controls there are is not drawn anew: that is the p-value's business.
    """
    rng = np.random.default_rng(seed)
    prompts = len(found.pairs)
    drawn = np.empty(resamples, dtype=np.int64)
    for r in range(resamples):
        weights = rng.multinomial(prompts, np.full(prompts, 1 / prompts)) / prompts
        drawn[r] = np.nanargmax(excesses(shares(found.between(weights), pool, ridge))[-1])
    return drawn


def controls_needed(level: float) -> int:
    """How many controls it takes to call anything at ``level``: the least p-value beside n of them is 1 / (n + 1)."""
    return int(np.ceil(1 / level - 1e-9)) - 1
