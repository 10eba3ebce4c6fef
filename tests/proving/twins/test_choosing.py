"""What is chosen on one half: weights that can speak for a copy and never against."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from stillwatch.proving.twins.base import Scored
from stillwatch.proving.twins.choosing import choose, fit_weights


def scored(values: np.ndarray) -> Scored:
    return Scored(tuple(map(str, range(len(values)))), tuple(f"m{i}" for i in range(values.shape[2])), values)


def made(rng: np.random.Generator, shifts: list[float], n: int = 300, slots: int = 2) -> np.ndarray:
    values = rng.standard_normal((n, slots, len(shifts)))
    values[:, 0] += shifts
    return values


def test_for_two_slots_it_is_logistic_regression_on_signed_differences() -> None:
    values = made(np.random.default_rng(0), [0.5, 0.2, -0.3])
    differences = values[:, 0] - values[:, 1]
    both = np.concatenate([differences, -differences])
    model = LogisticRegression(fit_intercept=False, C=1.0, tol=1e-8)  # its penalty is ours: half the squared weights
    model.fit(both, np.repeat([1, 0], len(differences)), sample_weight=np.full(len(both), 0.5))
    assert fit_weights(values, signed=True) == pytest.approx(model.coef_[0], abs=1e-3)


def test_what_tells_gets_the_weight_and_nothing_gets_a_negative_one() -> None:
    values = made(np.random.default_rng(1), [0.8, 0.0, -0.8], slots=3) * np.array([10.0, 1.0, 0.1])
    choice = choose(scored(values))
    assert choice.weights[0] > 5 * choice.weights[1] >= 0
    assert choice.weights[2] == 0
    assert choose(scored(values), "best").weights.tolist() == [1, 0, 0]


def test_where_all_speak_against_a_copy_all_count_alike() -> None:
    choice = choose(scored(made(np.random.default_rng(2), [-1.0, -0.5])))
    assert choice.weights.tolist() == [1, 1]
    assert choice.scores(scored(made(np.random.default_rng(3), [-1.0, -0.5])))[:, 0].mean() < 0


def test_missing_slots_and_measures_that_never_differ_are_no_trouble() -> None:
    values = made(np.random.default_rng(4), [0.6, 0.0], slots=3)
    values[::2, 2] = np.nan
    values[:, :, 1] = np.where(np.isnan(values[:, :, 1]), np.nan, 7.0)
    choice = choose(scored(values))
    assert choice.weights[0] > 0
    assert choice.weights[1] == 0
    assert np.isnan(choice.scores(scored(values))[::2, 2]).all()
    assert choose(scored(np.zeros((0, 2, 2)))).weights.tolist() in ([0, 0], [1, 1])
    with pytest.raises(ValueError, match="chosen among"):
        choice.scores(Scored((), ("else",), np.zeros((0, 2, 1))))


def test_the_order_of_the_other_slots_does_not_matter() -> None:
    values = made(np.random.default_rng(5), [0.4, 0.1], slots=4)
    turned = values[:, [0, 3, 1, 2]]
    assert choose(scored(values)).weights == pytest.approx(choose(scored(turned)).weights, abs=1e-4)
