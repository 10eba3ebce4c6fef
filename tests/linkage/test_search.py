"""Where the search starts, and how groups are drawn for comparison."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from stillwatch.linkage.activity import Activity
from stillwatch.linkage.confirmation import drawn_sums
from stillwatch.linkage.membership import Evidence
from stillwatch.linkage.search import APART, components, distant_parts

Made = Callable[..., Activity]


def test_the_search_starts_from_those_who_are_near_to_each_other(made: Made) -> None:
    """One account that everybody is near to comes before nobody: its nearness says nothing."""
    n = 60
    scores = np.random.default_rng(1).normal(0, 1, (n, n)).astype(np.float32)
    scores = np.minimum(scores, scores.T)
    scores[:14, :14] += 4  # a pool
    scores[20, :] = scores[:, 20] = 9  # near to everybody
    np.fill_diagonal(scores, 0)
    evidence = Evidence(made(n))
    evidence.use_scores(scores)
    assert np.argmax(evidence.closest) == 20
    assert set(np.argsort(-evidence.mutual)[:14]) == set(range(14))


@pytest.mark.parametrize("accounts", [0, 1, 2])
def test_few_accounts_have_no_neighbourhood_and_no_error(made: Made, accounts: int) -> None:
    evidence = Evidence(made(accounts))
    evidence.use_scores(np.zeros((accounts, accounts), dtype=np.float32))
    assert evidence.mutual.shape == (accounts,)


@pytest.mark.parametrize("number", [0, 1, 3, 9, 12])
def test_draws_are_without_replacement_and_fair(number: int) -> None:
    values = 2.0 ** np.arange(12)
    sums = drawn_sums(values, number, 20_000, np.random.default_rng(3)).astype(np.int64)
    bits = (sums[:, None] >> np.arange(12)) & 1  # a sum of different powers of two tells which were drawn
    assert (bits.sum(axis=1) == number).all()
    expected = number / 12
    error = np.sqrt(expected * (1 - expected) / len(sums))
    assert np.abs(bits.mean(axis=0) - expected).max() <= 5 * error + 1e-12
    together = (bits[:, 0] & bits[:, 1]).mean()
    assert together == pytest.approx(number * (number - 1) / 132, abs=0.02)


def two_blocks(sizes: tuple[int, int], gap: float, seed: int = 4) -> np.ndarray:
    """Pair scores of two blocks: about 1 within each, about 1 - ``gap`` between them."""
    rng = np.random.default_rng(seed)
    block = np.repeat([0, 1], sizes)
    scores = np.where(np.equal.outer(block, block), 1.0, 1.0 - gap) + rng.normal(0, 0.5, (sum(sizes), sum(sizes)))
    scores = np.triu(scores, 1)
    return scores + scores.T


@pytest.mark.parametrize("sizes", [(30, 30), (120, 9), (5, 40)])
def test_parts_that_are_far_from_each_other_are_told_apart(sizes: tuple[int, int]) -> None:
    order = np.random.default_rng(6).permutation(sum(sizes))
    scores = two_blocks(sizes, APART + 1)[np.ix_(order, order)]
    side = distant_parts(scores, components(scores))
    assert side is not None
    block = np.repeat([False, True], sizes)[order]
    assert np.array_equal(side, block) or np.array_equal(side, ~block)


@pytest.mark.parametrize("sizes", [(30, 30), (120, 9), (60, 0), (8, 0), (2, 2)])
def test_one_operators_accounts_are_not_parted(sizes: tuple[int, int]) -> None:
    scores = two_blocks(sizes, APART - 1.5)
    assert distant_parts(scores, components(scores)) is None


def test_three_accounts_that_are_apart_are_no_group_of_their_own() -> None:
    scores = two_blocks((40, 3), 12.0)
    assert distant_parts(scores, components(scores)) is None
