"""Where the search starts, and how groups are drawn for comparison."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from stillwatch.linkage.activity import Activity
from stillwatch.linkage.confirmation import drawn_sums
from stillwatch.linkage.membership import Evidence
from stillwatch.linkage.reading import Reading
from stillwatch.linkage.scoring import load_model
from stillwatch.linkage.search import unions
from tests.linkage.conftest import Small

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


def test_halves_of_one_pool_are_put_to_the_test_together_and_two_operators_are_not(
    small: Small, small_reading: Reading
) -> None:
    evidence = Evidence(small_reading.activity)
    evidence.compare(load_model("pair"))

    def members(campaign: str, half: slice) -> np.ndarray:
        member = np.zeros(len(evidence.enough))
        member[np.flatnonzero((small.campaign == campaign) & evidence.enough)[half]] = 0.9
        return member

    even, odd, other = (
        members("quiet", slice(0, None, 2)),
        members("quiet", slice(1, None, 2)),
        members("blatant", slice(None)),
    )
    (union,) = unions(evidence, load_model("member"), [other, even, odd])
    np.testing.assert_array_equal(union, np.maximum(even, odd))
    assert not unions(evidence, load_model("member"), [even])
    assert not unions(evidence, load_model("member"), [even, even])
    assert not unions(evidence, load_model("member"), [])


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
