"""Wealth from fair bets seldom grows, at whatever moment one looks; from bets that are right it does."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.calibration import Wealth, bounded_log_factors, geometric_stakes

SHARES = geometric_stakes(0.01, 0.9, 12)


def p_of(values: np.ndarray, mean: float) -> float:
    wealth = Wealth(SHARES.size)
    wealth.add(bounded_log_factors(values, mean, SHARES))
    return wealth.p_value


@pytest.mark.parametrize("draw", ["coins", "uniform", "rare", "turning"])
def test_whoever_stops_when_he_likes_is_wrong_no_more_often_than_he_says(draw: str) -> None:
    rng, runs, n = np.random.default_rng(3), 600, 400
    p = []
    for _ in range(runs):
        if draw == "coins":
            values, mean = (rng.random(n) < 0.5).astype(float), 0.5
        elif draw == "uniform":
            values, mean = rng.random(n), 0.5
        elif draw == "rare":
            values, mean = (rng.random(n) < 0.02).astype(float), 0.02
        else:  # what comes depends on what came: wide after a high value, narrow after a low one; mean 1/2 throughout
            values, mean, last = np.empty(n), 0.5, 0.5
            for i in range(n):
                last = values[i] = 0.5 + (rng.random() - 0.5) * (1.0 if last > 0.5 else 0.2)
        p.append(p_of(values, mean))  # the least p-value of all moments
    for level in (0.01, 0.05, 0.2):
        assert np.mean(np.asarray(p) <= level) <= level + 3 * np.sqrt(level * (1 - level) / runs)


def test_a_shift_is_found() -> None:
    rng = np.random.default_rng(4)
    assert p_of((rng.random(2000) < 0.6).astype(float), 0.5) < 1e-12
    assert p_of((rng.random(2000) < 0.4).astype(float), 0.5) > 0.3


def test_values_may_come_in_parts() -> None:
    rng = np.random.default_rng(5)
    factors = bounded_log_factors(rng.random(1000), 0.45, SHARES)
    whole, parts = Wealth(SHARES.size), Wealth(SHARES.size)
    whole.add(factors)
    for part in np.split(factors, [1, 10, 500], axis=1):
        parts.add(part)
    assert (parts.n, parts.log_e, parts.most) == (whole.n, pytest.approx(whole.log_e), pytest.approx(whole.most))


def test_nothing_seen_and_everything_lost() -> None:
    wealth = Wealth(2)
    wealth.add(np.empty((2, 0)))
    assert (wealth.p_value, wealth.log_e, wealth.n) == (1.0, 0.0, 0)
    wealth.add([[-np.inf, 5.0], [1.0, 0.0]])
    assert wealth.log_e == pytest.approx(np.log((0 + np.e) / 2))
    wealth.add([[0.0], [-np.inf]])
    assert wealth.log_e == -np.inf
    assert wealth.p_value == pytest.approx(2 / np.e)


def test_wealth_is_bounded() -> None:
    wealth = Wealth(1)
    wealth.add([[5000.0]])
    assert 0 < wealth.p_value < 1e-300


def test_refusals() -> None:
    with pytest.raises(ValueError, match="at least one bet"):
        Wealth(0)
    for bad in (np.zeros(3), np.zeros((3, 1)), [[0.0], [np.nan]]):
        with pytest.raises(ValueError, match="factors of shape"):
            Wealth(2).add(bad)
    with pytest.raises(ValueError, match="two sizes"):
        geometric_stakes(0.1, 0.9, 1)
    with pytest.raises(ValueError, match="numbers in"):
        bounded_log_factors([1.5], 0.5, [0.1])
    for mean, shares in ((0.0, [0.5]), (0.5, [1.0])):
        with pytest.raises(ValueError, match="between 0 and 1"):
            bounded_log_factors([0.5], mean, shares)
