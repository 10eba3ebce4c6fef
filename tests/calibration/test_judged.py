"""A judge that is often wrong, and not equally often both ways, biases nothing once its error is known, and is
never taken for more than its labelled answers show."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stillwatch.calibration import (
    Interval,
    corrected_difference,
    corrected_mean,
    counted,
    judge_rates,
    p_value_by_inversion,
    prediction_powered,
    score_interval,
)

REPEATED = 300
LEAST = 0.95 - 3 * math.sqrt(0.95 * 0.05 / REPEATED)
Floats = NDArray[np.float64]


def judged(rng: np.random.Generator, truth: Floats, se: float, sp: float) -> Floats:
    """What a judge with these rates says."""
    return np.where(truth == 1, rng.random(truth.shape) < se, rng.random(truth.shape) >= sp).astype(float)


def answers(rng: np.random.Generator, n: int, rates: tuple[float, ...]) -> Floats:
    """(n, k) what is true of the answers of k models to the same units; some units are harder for all."""
    hard, own, shared = rng.random((n, 1)), rng.random((n, len(rates))), rng.random((n, 1)) < 0.5
    return (np.where(shared, hard, own) < np.array(rates)).astype(float)


@pytest.mark.parametrize(("se", "sp"), [(0.95, 0.65), (0.65, 0.95), (0.8, 0.8)])
@pytest.mark.parametrize("rates", [(0.6, 0.9), (0.95, 0.95), (0.05, 0.02)])
def test_a_judge_wrong_in_a_fifth_of_cases_biases_neither_a_rate_nor_a_difference(
    se: float, sp: float, rates: tuple[float, float]
) -> None:
    rng = np.random.default_rng(int(100 * se + 10 * rates[0]))
    alone, apart, values = [], [], []
    for _ in range(REPEATED):
        says = judged(rng, answers(rng, 250, rates), se, sp)
        labels = np.repeat([1.0, 0.0], 70)
        known = judge_rates(labels, judged(rng, labels, se, sp))
        one = corrected_mean(score_interval(counted(says[:, 0], 0, 1)), known)
        d = corrected_difference(score_interval(counted(says[:, 0] - says[:, 1], -1, 1)), known)
        alone.append(one.low <= rates[0] <= one.high)
        apart.append(d.low <= rates[0] - rates[1] <= d.high)
        values.append(d.value)
    assert np.mean(alone) >= LEAST
    assert np.mean(apart) >= LEAST
    assert np.mean(values) == pytest.approx(rates[0] - rates[1], abs=0.03)


@pytest.mark.parametrize("together", [True, False])
def test_labels_of_the_answers_themselves_serve_when_the_judge_favours_a_model(together: bool) -> None:
    """Right of 95 % of the one model's refusals and 65 % of the other's: by its word they differ, and they do not."""
    rng = np.random.default_rng(3)
    covered, believed, values = [], [], []
    for _ in range(REPEATED):
        truth = answers(rng, 300, (0.85, 0.85))
        says = np.column_stack([judged(rng, truth[:, 0], 0.95, 0.7), judged(rng, truth[:, 1], 0.65, 0.95)])
        labels = np.full(truth.shape, np.nan)
        for columns in [[0, 1]] if together else [[0], [1]]:
            drawn = np.ix_(rng.choice(300, 60, replace=False), columns)
            labels[drawn] = truth[drawn]
        ends = prediction_powered(says, labels, [1, -1]).interval
        plain = score_interval(counted(says[:, 0] - says[:, 1], -1, 1))
        covered.append(ends.low <= 0 <= ends.high)
        believed.append(plain.low <= 0 <= plain.high)
        values.append(ends.value)
    assert np.mean(covered) >= LEAST
    assert np.mean(believed) < 0.1
    assert abs(np.mean(values)) < 0.02


def test_a_good_judge_makes_few_labels_go_far() -> None:
    rng = np.random.default_rng(6)
    truth = answers(rng, 1000, (0.6,))
    says = judged(rng, truth, 0.97, 0.97)
    labels = np.where(np.arange(1000)[:, None] < 100, truth, np.nan)
    powered = prediction_powered(says, labels, [1])
    plain = score_interval(counted(truth[:100, 0], 0, 1))
    assert powered.trust[0] > 0.7
    assert powered.interval.high - powered.interval.low < 0.7 * (plain.high - plain.low)
    nonsense = prediction_powered(rng.integers(0, 2, (1000, 1)).astype(float), labels, [1])
    assert nonsense.trust[0] < 0.2
    assert nonsense.interval.high - nonsense.interval.low < 1.2 * (plain.high - plain.low)


def test_with_every_answer_labelled_the_judge_no_longer_matters() -> None:
    rng = np.random.default_rng(7)
    truth = answers(rng, 80, (0.6, 0.8))
    powered = prediction_powered(1 - truth, truth, [1, -1])
    assert powered.interval == pytest.approx(score_interval(counted(truth[:, 0] - truth[:, 1], -1, 1)), abs=1e-6)
    assert powered.trust == (0.0, 0.0)


@pytest.mark.parametrize("says", [[1.0] * 40 + [1.0] * 40, [0.0, 1.0] * 40, [0.0] * 40 + [1.0] * 40])
def test_a_useless_judge_tells_nothing(says: list[float]) -> None:
    known = judge_rates([1.0] * 40 + [0.0] * 40, says)
    seen = Interval(0.3, 0.25, 0.35)
    assert math.isnan(corrected_mean(seen, known).value)
    assert corrected_mean(seen, known)[1:] == (0.0, 1.0)
    assert corrected_difference(seen, known)[1:] == (-1.0, 1.0)
    assert corrected_difference(seen, known, 2.0)[1:] == (-2.0, 2.0)


def test_no_label_or_one_tells_nothing() -> None:
    seen = Interval(0.3, 0.25, 0.35)
    for labels, says in ([], []), ([1.0], [1.0]), ([1.0, 0.0], [1.0, 0.0]):
        assert corrected_mean(seen, judge_rates(labels, says))[1:] == (0.0, 1.0)
    assert corrected_mean(Interval(math.nan, 0.0, 1.0), judge_rates([1.0] * 50 + [0.0] * 50, [1.0] * 50 + [0.0] * 50))[
        1:
    ] == (0.0, 1.0)
    says = np.ones((50, 1))
    labels = np.full((50, 1), np.nan)
    assert math.isnan(prediction_powered(says, labels, [1]).interval.value)
    assert prediction_powered(says, labels, [1]).interval[1:] == (0.0, 1.0)
    labels[0] = 1.0
    one = prediction_powered(says, labels, [1]).interval
    assert one.high - one.low > 0.9
    assert prediction_powered(np.zeros((0, 2)), np.zeros((0, 2)), [1, -1]).interval[1:] == (-1.0, 1.0)


def test_scores_that_no_rate_could_have_given_are_not_explained_away() -> None:
    known = judge_rates([1.0] * 200 + [0.0] * 200, [1.0] * 120 + [0.0] * 280)  # sensitivity 0.6
    assert math.isnan(corrected_mean(Interval(0.95, 0.93, 0.97), known).value)


def test_a_judge_known_to_be_perfect_changes_little() -> None:
    labels = np.repeat([1.0, 0.0], 4000)
    known, seen = judge_rates(labels, labels), score_interval(counted([1.0] * 30 + [0.0] * 70, 0, 1))
    assert corrected_mean(seen, known) == pytest.approx(seen, abs=0.003)
    apart = Interval(0.2, 0.12, 0.29)
    assert corrected_difference(apart, known) == pytest.approx(apart, abs=0.003)


ROWS = st.lists(
    st.tuples(*[st.sampled_from([0.0, 0.5, 1.0])] * 2, *[st.sampled_from([0.0, 1.0, math.nan])] * 2),
    min_size=2,
    max_size=40,
)


@given(ROWS, st.randoms())
@settings(max_examples=60)
def test_models_and_order_are_exchanged_without_a_bit_of_difference(
    rows: list[tuple[float, float, float, float]], random: object
) -> None:
    table = np.array(rows)
    random.shuffle(rows)  # type: ignore[attr-defined]
    dealt = np.array(rows)
    one = prediction_powered(table[:, :2], table[:, 2:], [1, -1]).interval
    other = prediction_powered(dealt[:, 1::-1], dealt[:, :1:-1], [1, -1]).interval
    assert (one.low, one.high) == (-other.high, -other.low)
    assert one.value == -other.value or (math.isnan(one.value) and math.isnan(other.value))
    assert -1 <= one.low <= one.high <= 1


@given(st.floats(-1, 1), st.floats(0, 0.5), st.floats(0, 0.5), st.integers(0, 30), st.integers(0, 30))
@settings(max_examples=60)
def test_a_corrected_difference_changes_its_sign_with_the_models(
    value: float, below: float, above: float, hits: int, rejections: int
) -> None:
    seen = Interval(value, max(-1.0, value - below), min(1.0, value + above))
    known = judge_rates(
        [1.0] * 30 + [0.0] * 30, [1.0] * hits + [0.0] * (30 - hits) + [0.0] * rejections + [1.0] * (30 - rejections)
    )
    ends = corrected_difference(seen, known)
    back = corrected_difference(Interval(-seen.value, -seen.high, -seen.low), known)
    assert (ends.low, ends.high) == (-back.high, -back.low)
    assert -1 <= ends.low <= ends.high <= 1
    if seen.value >= 0:
        rate = corrected_mean(Interval(seen.value, max(0.0, seen.low), seen.high), known)
        assert 0 <= rate.low <= rate.high <= 1


def test_a_p_value_by_inversion_is_where_the_interval_reaches_zero() -> None:
    scores = counted([1.0] * 14 + [-1.0] * 4 + [0.0] * 40, -1, 1)
    p = p_value_by_inversion(lambda level: score_interval(scores, level))
    assert p == pytest.approx(0.0192, abs=0.002)  # mid-p of 4 or fewer in 18
    assert score_interval(scores, 1 - 1.01 * p).low > 0 > score_interval(scores, 1 - 0.99 * p).low
    assert p_value_by_inversion(lambda level: Interval(math.nan, -1.0, 1.0)) == 1.0


def test_what_is_no_label_is_refused() -> None:
    for labels, says in ([0.5], [1.0]), ([1.0], [1.0, 0.0]), ([1.0], [1.5]):
        with pytest.raises(ValueError):
            judge_rates(labels, says)
    for says, labels, signs in (
        ([[0.5]], [[0.5]], [2]),
        ([[0.5]], [[0.5, 1]], [1]),
        ([[1.5]], [[1]], [1]),
        ([[1]], [[4]], [1]),
    ):
        with pytest.raises(ValueError):
            prediction_powered(says, labels, signs)
