"""Calibrated log-odds hold out of fold, also where the score itself was fitted to noise."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from scipy import special

from stillwatch.calibration import (
    brier_score,
    calibrate_log_odds,
    expected_calibration_error,
    reliability_table,
    shift_prior,
)

METHODS: tuple[Literal["platt", "isotonic"], ...] = ("platt", "isotonic")


@pytest.mark.parametrize("method", METHODS)
def test_probabilities_hold(method: Literal["platt", "isotonic"]) -> None:
    rng = np.random.default_rng(51)
    true = rng.normal(-1, 2, size=20_000)
    labels = rng.random(true.size) < special.expit(true)
    out = calibrate_log_odds(5 + 0.25 * true, labels, method=method)
    p = special.expit(out.log_odds)
    assert expected_calibration_error(p, labels) < 0.02
    assert np.abs(p - special.expit(true)).mean() < 0.02


@pytest.mark.parametrize("method", METHODS)
def test_map_never_falls_and_is_finite(method: Literal["platt", "isotonic"]) -> None:
    rng = np.random.default_rng(52)
    scores, labels = rng.normal(size=200), rng.random(200) < 0.3
    line = calibrate_log_odds(scores, labels, method=method).calibrator.log_odds(np.linspace(-9, 9, 500))
    assert np.isfinite(line).all()
    assert (np.diff(line) >= -1e-12).all()


def test_a_score_that_learnt_its_group_by_heart_is_worth_nothing_out_of_fold() -> None:
    groups = np.repeat(np.arange(12), 25)
    naive, honest = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        # Each group's score is noise of its own: within the data it tells groups, hence labels, apart.
        scores, labels = rng.normal(size=12)[groups], rng.permutation(np.arange(12) % 2 == 0)[groups]
        out = calibrate_log_odds(scores, labels, groups, method="isotonic", seed=seed)
        naive.append(brier_score(special.expit(out.calibrator.log_odds(scores)), labels))
        honest.append(brier_score(special.expit(out.log_odds), labels))
    assert np.mean(naive) < 0.22
    assert np.mean(honest) > 0.25


def test_result_does_not_depend_on_order_given_groups() -> None:
    rng = np.random.default_rng(54)
    groups, scores = np.arange(300) // 3, rng.normal(size=300)
    labels = rng.random(300) < special.expit(scores)
    order = rng.permutation(300)
    there = calibrate_log_odds(scores, labels, groups, method="isotonic", seed=4).log_odds
    back = calibrate_log_odds(scores[order], labels[order], groups[order], method="isotonic", seed=4).log_odds
    assert back == pytest.approx(there[order])


@pytest.mark.parametrize("method", METHODS)
def test_no_unit_one_unit_one_class(method: Literal["platt", "isotonic"]) -> None:
    empty = calibrate_log_odds([], [], method=method)
    assert empty.log_odds.size == 0
    assert empty.calibrator.log_odds([3.0]).tolist() == [0.0]
    single = calibrate_log_odds([1.0], [True], method=method)
    assert single.log_odds.tolist() == [0.0]
    assert single.calibrator.log_odds([-5.0]) == pytest.approx([np.log(2)])
    clean = calibrate_log_odds(np.arange(9.0), np.zeros(9), method=method)
    assert clean.calibrator.log_odds([100.0]) == pytest.approx([-np.log(10)])


def test_refusals() -> None:
    with pytest.raises(ValueError, match="one length"):
        calibrate_log_odds([1.0], [True, False])
    with pytest.raises(ValueError, match="finite"):
        calibrate_log_odds([np.inf], [True])
    with pytest.raises(ValueError, match="n_folds"):
        calibrate_log_odds([1.0], [True], n_folds=1)
    with pytest.raises(ValueError, match="shares"):
        shift_prior([0.0], 0.0, 0.5)


def test_shift_of_the_prior() -> None:
    rng = np.random.default_rng(55)
    labels = rng.random(200_000) < 0.5
    scores = rng.normal(size=labels.size) + labels
    keep = ~labels | (rng.random(labels.size) < 0.1)
    learnt = calibrate_log_odds(scores[:20_000], labels[:20_000]).calibrator
    moved = shift_prior(learnt.log_odds(scores[keep]), 0.5, float(labels[keep].mean()))
    assert special.expit(moved).mean() == pytest.approx(labels[keep].mean(), rel=0.05)


def test_measures_by_hand() -> None:
    assert brier_score([1.0, 0.5], [True, False]) == 0.125
    assert np.isnan(brier_score([], []))
    assert np.isnan(expected_calibration_error([], []))
    assert expected_calibration_error([0.9, 0.9, 0.1], [True, False, False]) == pytest.approx((2 * 0.4 + 0.1) / 3)
    (row,) = reliability_table([1.0], [True])
    assert (row.low, row.high, row.n, row.stated, row.happened) == (0.9, 1.0, 1, 1.0, 1.0)
    assert reliability_table([], []) == []
    with pytest.raises(ValueError, match="bins"):
        reliability_table([0.5], [True], bins=0)


def test_reliability_intervals_cover() -> None:
    rng = np.random.default_rng(56)
    misses = rows = 0
    for _ in range(200):
        p = rng.random(300)
        for row in reliability_table(p, rng.random(300) < p):
            rows += 1
            misses += not row.happened_low <= row.stated <= row.happened_high
    assert misses / rows <= 0.05
