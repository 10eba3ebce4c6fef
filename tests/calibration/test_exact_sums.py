"""Tails of sums, against whole-number arithmetic and against each other, as deep as they go."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from stillwatch.calibration import coin_sum, exponential_sum, weighted_coin_sum

WEIGHTS = (10, 10, 7, 5, 3, 3, 2, 1, 1)


def counted(weights: tuple[int, ...], n: int) -> list[int]:
    """In how many of the 2^(n·m) outcomes the sum is 0, 1, 2, …; whole numbers, exact."""
    ways = [1]
    for weight in weights * n:
        longer = ways + [0] * weight
        for place, number in enumerate(ways):
            longer[place + weight] += number
        ways = longer
    return ways


def log10(number: Fraction) -> float:
    return math.log10(number.numerator) - math.log10(number.denominator)


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_weighted_coins_are_exact_everywhere(n: int) -> None:
    ways = counted(WEIGHTS, n)
    outcomes = 2 ** (n * len(WEIGHTS))
    tail = 0
    for total in range(len(ways) - 1, -1, -1):
        tail += ways[total]
        if ways[total] or total % 5 == 0:
            found = weighted_coin_sum(total, WEIGHTS, n)
            assert found.log10_p == pytest.approx(log10(Fraction(tail, outcomes)), abs=1e-8)
            assert found.p_value == pytest.approx(tail / outcomes, rel=1e-7)


def test_weighted_coins_of_weight_one_are_binomial() -> None:
    for total in (250_300, 251_500, 260_000, 400_000, 499_999):
        found, known = weighted_coin_sum(total, [1], 500_000), coin_sum(total, 500_000, 0.5)
        assert found.log10_p == pytest.approx(known.log10_p, rel=1e-9)


@pytest.mark.parametrize(
    ("successes", "n", "rate"), [(0, 5, 0.25), (3, 10, 0.25), (900, 2000, 0.25), (5000, 6000, 0.25)]
)
def test_coins_are_binomial_however_deep(successes: int, n: int, rate: float) -> None:
    rate_exact = Fraction(rate)
    tail = sum(math.comb(n, k) * rate_exact**k * (1 - rate_exact) ** (n - k) for k in range(successes, n + 1))
    assert coin_sum(successes, n, rate).log10_p == pytest.approx(log10(Fraction(tail)), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("total", "n"), [(0.0, 3), (2.5, 3), (140.0, 100), (900.0, 100), (3000.0, 1000), (9000.0, 4000)]
)
def test_exponentials_are_gamma_however_deep(total: float, n: int) -> None:
    """P(sum ≥ x) of n exponentials is P(Poisson(x) < n), a finite sum of exact terms."""
    exact = Fraction(total)
    term, terms = Fraction(1), Fraction(1)
    for k in range(1, n):
        term = Fraction(int(term * exact / k * 2**4000), 2**4000) if n > 500 else term * exact / k
        terms += term
    assert exponential_sum(total, n).log10_p == pytest.approx(log10(terms) - total / math.log(10), rel=1e-9, abs=1e-9)


def test_under_the_null_p_values_are_uniform_or_larger() -> None:
    rng, n = np.random.default_rng(1), 50
    continuous = [exponential_sum(rng.exponential(size=n).sum(), n).p_value for _ in range(2000)]
    assert stats.kstest(continuous, "uniform").pvalue > 0.001
    greens = [coin_sum(int(rng.binomial(n, 0.25)), n, 0.25).p_value for _ in range(2000)]
    coins = [
        weighted_coin_sum(int(rng.binomial(n, 0.5, len(WEIGHTS)) @ WEIGHTS), WEIGHTS, n).p_value for _ in range(2000)
    ]
    for p_values in (continuous, greens, coins):
        for level in (0.01, 0.05, 0.25, 0.5):
            assert np.mean(np.array(p_values) <= level) <= level + 3 * math.sqrt(level / 2000)


def test_nothing_observed_shows_nothing() -> None:
    assert exponential_sum(0.0, 0) == coin_sum(0, 0, 0.5) == weighted_coin_sum(0, [3], 0) == (1.0, 0.0)


def test_what_cannot_be_is_refused() -> None:
    for wrong in (
        lambda: exponential_sum(-1.0, 3),
        lambda: exponential_sum(math.nan, 3),
        lambda: coin_sum(4, 3, 0.5),
        lambda: coin_sum(1, 3, 1.0),
        lambda: weighted_coin_sum(31, [10, 5], 2),
        lambda: weighted_coin_sum(3, [1.5], 4),  # type: ignore[list-item]
        lambda: weighted_coin_sum(3, [], 4),
    ):
        with pytest.raises(ValueError):
            wrong()
