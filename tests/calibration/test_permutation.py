"""Permutation p-values are uniform on their grid under the null, and the deal of sessions is the null."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from stillwatch.calibration import group_permutation_test, permutation_p_value, size_classes


def between_accounts(values: NDArray[np.float64], accounts: NDArray[np.int64]) -> float:
    """Variance of the accounts' means: large where accounts differ."""
    counts = np.bincount(accounts)
    sums = np.bincount(accounts, weights=values[:, 0])
    means = sums[counts > 0] / counts[counts > 0]
    return float(np.sum(counts[counts > 0] * (means - values[:, 0].mean()) ** 2))


def test_p_value_counts_the_observed() -> None:
    assert permutation_p_value(3.0, [1.0, 2.0, 3.0, 4.0]) == 3 / 5
    assert permutation_p_value(9.0, [1.0, 2.0, 3.0]) == 1 / 4


def test_p_value_of_no_draw_and_one() -> None:
    assert permutation_p_value(5.0, []) == 1.0
    assert permutation_p_value(5.0, [1.0]) == 0.5
    assert permutation_p_value(1.0, [5.0]) == 1.0


def test_p_value_refuses_nan_and_tables() -> None:
    with pytest.raises(ValueError, match="NaN"):
        permutation_p_value(float("nan"), [1.0])
    with pytest.raises(ValueError, match="NaN"):
        permutation_p_value(1.0, [float("nan")])
    with pytest.raises(ValueError, match="one-dimensional"):
        permutation_p_value(1.0, [[1.0]])


def test_p_value_is_uniform_on_its_grid_under_the_null() -> None:
    rng = np.random.default_rng(11)
    n = 20_000
    p = np.array([permutation_p_value(x[0], x[1:]) for x in rng.normal(size=(n, 20))])
    shares = np.bincount(np.round(p * 20).astype(int), minlength=21)[1:] / n
    assert np.abs(shares - 1 / 20).max() < 5 * np.sqrt(0.05 * 0.95 / n)


def test_p_value_is_larger_than_uniform_with_ties() -> None:
    rng = np.random.default_rng(12)
    p = np.array([permutation_p_value(x[0], x[1:]) for x in rng.integers(0, 3, size=(5_000, 20))])
    for alpha in (0.05, 0.1, 0.3, 0.5):
        assert (p <= alpha).mean() <= alpha + 4 * np.sqrt(alpha * (1 - alpha) / 5_000)


def test_size_classes() -> None:
    accounts = np.repeat([7, 8, 9, 10], [1, 2, 3, 8])
    assert size_classes(accounts).tolist() == [0] + [1] * 5 + [3] * 8
    assert size_classes([]).size == 0


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.25])
def test_group_test_holds_its_level_on_exchangeable_sessions(alpha: float) -> None:
    rng = np.random.default_rng(13)
    accounts = np.repeat(np.arange(12), rng.integers(1, 9, 12))
    trials = 400
    worlds = rng.exponential(size=(trials, accounts.size))
    p = np.array([group_permutation_test(x, accounts, between_accounts, 39, i) for i, x in enumerate(worlds)])
    assert (p <= alpha).mean() <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / trials)


def test_group_test_sees_accounts_that_differ() -> None:
    rng = np.random.default_rng(14)
    accounts = np.repeat(np.arange(10), 8)
    values = rng.normal(size=80) + accounts
    assert group_permutation_test(values, accounts, between_accounts, 199, 0) == 1 / 200


def test_group_test_keeps_to_its_strata() -> None:
    accounts, strata = np.arange(40) % 8, np.arange(40) % 8 // 4
    seen: list[int] = []

    def counts_first_stratum(values: NDArray[np.float64], dealt: NDArray[np.int64]) -> float:
        seen.append(int(np.count_nonzero(dealt[values[:, 0] == 0] >= 4)))
        return 0.0

    group_permutation_test(strata, accounts, counts_first_stratum, 20, 3, strata=strata)
    assert seen == [0] * 21


def test_group_test_does_not_depend_on_the_order_of_rows() -> None:
    rng = np.random.default_rng(15)
    accounts, values = rng.integers(0, 9, 60), rng.normal(size=(60, 2))
    shuffled = rng.permutation(60)
    first = group_permutation_test(values, accounts, between_accounts, 99, 5)
    assert first == group_permutation_test(values[shuffled], accounts[shuffled], between_accounts, 99, 5)
    assert 1 / 100 < first < 1


def test_group_test_of_no_session_and_one() -> None:
    assert group_permutation_test([], [], between_accounts, 10, 0) == 1.0
    assert group_permutation_test([2.0], [0], between_accounts, 10, 0) == 1.0


def test_group_test_refuses_lengths_that_differ() -> None:
    with pytest.raises(ValueError, match="lengths must agree"):
        group_permutation_test([1.0, 2.0], [0], between_accounts, 10, 0)
    with pytest.raises(ValueError, match="0 or more"):
        group_permutation_test([1.0, 2.0], [0, 1], between_accounts, -1, 0)
