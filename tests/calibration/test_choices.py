"""The test of a choice by lot is exact: it counts all choices, in the far tail too."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from stillwatch.calibration import choice_draws, choice_log_e, choice_p_value, permutation_p_value, sign_flip_p_value

VALUES = st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.5, 2.0])
UNITS = st.lists(st.lists(VALUES, min_size=1, max_size=3), min_size=1, max_size=6)


def padded(units: list[list[float]]) -> np.ndarray:
    return np.array([unit + [math.nan] * (3 - len(unit)) for unit in units])


@given(UNITS)
@settings(max_examples=60)
def test_it_is_the_share_of_all_choices(units: list[list[float]]) -> None:
    sums = np.array([sum(choice) for choice in itertools.product(*units)])
    steps = 200 * len(units)
    grain = sum(max(unit) - min(unit) for unit in units) / steps * len(units)  # more than rounding moves a sum by
    observed = sum(unit[0] for unit in units)
    p = choice_p_value(padded(units))
    assert np.mean(sums >= observed + grain) - 1e-9 <= p <= np.mean(sums >= observed - grain - 1e-9) + 1e-9


@given(UNITS)
@settings(max_examples=40)
def test_it_is_valid_whatever_the_values(units: list[list[float]]) -> None:
    every = []
    for chosen in itertools.product(*(range(len(unit)) for unit in units)):
        turned = [[unit[c], *unit[:c], *unit[c + 1 :]] for unit, c in zip(units, chosen, strict=True)]
        every.append(choice_p_value(padded(turned)))
    for level in set(every):
        assert np.mean(np.array(every) <= level) <= level + 1e-9


def test_it_is_the_sign_test_where_one_value_is_larger() -> None:
    values = np.array([[1.0, 0.0]] * 61 + [[0.0, 1.0]] * 39 + [[1.0, 1.0]] * 7)
    assert choice_p_value(values) == pytest.approx(stats.binom.sf(60, 100, 0.5), rel=1e-9)


def test_the_far_tail_is_right_to_the_last_digits() -> None:
    values = np.array([[1.0, 0.0]] * 900 + [[0.0, 1.0]] * 60)
    exact = sum(math.comb(960, k) for k in range(900, 961)) / 2**960
    assert choice_p_value(values) == pytest.approx(exact, rel=1e-9)
    three = np.array([[1.0, 0.0, 0.0]] * 400)
    assert choice_p_value(three) == pytest.approx(3.0**-400, rel=1e-9)
    assert choice_p_value(np.array([[1.0, 0.0]] * 3000)) == 1e-300


@given(st.lists(st.integers(-3, 3), min_size=2, max_size=40), st.randoms())
def test_two_candidates_are_sign_flips_in_any_order(differences: list[int], random: object) -> None:
    def above(d: list[int]) -> float:
        return choice_p_value(np.stack([np.array(d, dtype=float), np.zeros(len(d))], axis=1))

    one, other = above(differences), above([-d for d in differences])
    assert min(1.0, 2 * min(one, other)) == pytest.approx(sign_flip_p_value(differences), rel=1e-9)
    shuffled = list(differences)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert above(shuffled) == pytest.approx(one, rel=1e-9)


def test_draws_by_lot_agree_with_the_count() -> None:
    rng = np.random.default_rng(1)
    values = rng.exponential(size=(80, 3)) + np.array([0.15, 0, 0])
    values[::4, 2] = math.nan
    drawn = permutation_p_value(float(values[:, 0].sum()), choice_draws(values, 4000, seed=2))
    assert drawn == pytest.approx(choice_p_value(values), abs=0.03)


def test_p_values_are_uniform_under_the_null_with_heavy_tails() -> None:
    rng = np.random.default_rng(3)
    p = np.array([choice_p_value(rng.standard_t(1.5, size=(25, 3))) for _ in range(600)])
    assert stats.kstest(p, "uniform").pvalue > 0.001
    assert np.mean(p <= 0.01) <= 0.01 + 3 * math.sqrt(0.01 / 600)


@given(st.lists(st.lists(st.floats(-30, 30), min_size=2, max_size=4), min_size=1, max_size=5))
def test_an_e_value_has_mean_one_over_the_candidates(units: list[list[float]]) -> None:
    for unit in units:
        turned = np.array([[unit[i], *unit[:i], *unit[i + 1 :]] for i in range(len(unit))])
        assert np.exp(choice_log_e(turned)).mean() == pytest.approx(1.0)


def test_nothing_shows_nothing() -> None:
    nothing = np.zeros((0, 2))
    assert choice_p_value(nothing) == choice_p_value([[1.0, 1.0]]) == choice_p_value([[3.0, math.nan]]) == 1.0
    assert choice_p_value([[2.0, 1.0]]) == 0.5
    assert choice_log_e(nothing).size == 0
    assert choice_log_e([[5.0, math.nan], [0.0, 0.0]]).tolist() == pytest.approx([0.0, 0.0])
    assert choice_draws(nothing, 3, seed=0).tolist() == [0.0, 0.0, 0.0]
    for bad in ([1.0], [[math.nan, 1.0]], [[math.inf, 1.0]]):
        with pytest.raises(ValueError, match=r"two-dimensional|finite"):
            choice_p_value(bad)
