"""The test of no difference is exact; which of two figures is farther from zero is told at no less than its level."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from stillwatch.calibration import Interval, counted, distance_from_zero, score_interval, sign_flip_p_value

ENDS = st.tuples(st.floats(-2, 2), st.floats(-2, 2)).map(lambda ends: Interval(sum(ends) / 2, min(ends), max(ends)))


@pytest.mark.parametrize(("more", "less", "same"), [(9, 1, 30), (5, 5, 0), (0, 7, 100), (31, 14, 2)])
def test_it_is_mcnemars_exact_test_where_scores_are_0_and_1(more: int, less: int, same: int) -> None:
    differences = [1.0] * more + [-1.0] * less + [0.0] * same
    assert sign_flip_p_value(differences) == pytest.approx(stats.binomtest(more, more + less).pvalue)


@given(st.lists(st.sampled_from([-1.0, -2 / 3, -0.2, 0.0, 0.25, 1 / 3, 1.0]), min_size=1, max_size=9))
@settings(max_examples=50)
def test_it_is_the_share_of_all_choices_of_signs_and_so_never_too_small(differences: list[float]) -> None:
    signs = np.array(list(itertools.product([1, -1], repeat=len(differences))))
    sums = np.abs(signs @ np.array(differences))
    observed = abs(math.fsum(differences))
    assert sign_flip_p_value(differences) == pytest.approx(float(np.mean(sums >= observed - 1e-9)))
    every = np.array([sign_flip_p_value(row * np.abs(differences)) for row in signs])
    for level in np.unique(every):
        assert np.mean(every <= level) <= level + 1e-9


@given(st.lists(st.floats(-1, 1), max_size=40), st.randoms())
def test_it_does_not_know_the_models_from_each_other_nor_the_order(differences: list[float], random: object) -> None:
    p = sign_flip_p_value(differences)
    dealt = [-d for d in differences]
    random.shuffle(dealt)  # type: ignore[attr-defined]
    assert sign_flip_p_value(dealt) == p
    assert 0 < p <= 1


def test_models_of_one_mean_that_are_not_alike_are_seldom_told_apart() -> None:
    """Scores of three answers, one model steady and the other not: equal means, a skew difference."""
    rng = np.random.default_rng(2)
    told = [sign_flip_p_value(rng.binomial(3, 0.8, 60) / 3 - (rng.random(60) < 0.8)) <= 0.05 for _ in range(1000)]
    assert np.mean(told) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1000)


def test_nothing_and_one_unit_show_nothing() -> None:
    assert sign_flip_p_value([]) == sign_flip_p_value([1.0]) == sign_flip_p_value([0.0, 0.0]) == 1.0
    assert sign_flip_p_value([1.0] * 400) == pytest.approx(2.0**-399)
    with pytest.raises(ValueError, match="finite"):
        sign_flip_p_value([math.nan])


@given(ENDS, ENDS)
def test_distances_lie_between_their_ends_and_change_sign_with_the_models(d: Interval, s: Interval) -> None:
    ends = distance_from_zero(d, s)
    for u, v in itertools.product(np.linspace(d.low, d.high, 5), np.linspace(s.low, s.high, 5)):
        a, b = (u + v) / 2, (v - u) / 2
        assert ends.low - 1e-9 <= abs(a) - abs(b) <= ends.high + 1e-9
    back = Interval(-d.value, -d.high, -d.low)
    exchanged = distance_from_zero(back, s)
    assert exchanged == Interval(-ends.value, -ends.high, -ends.low)
    assert distance_from_zero(back, Interval(-s.value, -s.high, -s.low)) == ends


@pytest.mark.parametrize(
    ("suspect", "teacher"),
    [((0.5, 0.5), (0.5, 0.5)), ((0.9, 0.4), (0.9, 0.8)), ((0.8, 0.5), (0.5, 0.8)), ((0.8, 0.5), (0.5, 0.5))],
)
def test_distances_are_covered(suspect: tuple[float, float], teacher: tuple[float, float]) -> None:
    rng = np.random.default_rng(4)
    true, covered = abs(suspect[0] - suspect[1]) - abs(teacher[0] - teacher[1]), []
    for _ in range(250):
        a, b = ((rng.random(80) < x).astype(float) - (rng.random(80) < y) for x, y in (suspect, teacher))
        ends = distance_from_zero(score_interval(counted(a - b, -2, 2)), score_interval(counted(a + b, -2, 2)))
        covered.append(ends.low <= true <= ends.high)
    assert np.mean(covered) >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 250)
