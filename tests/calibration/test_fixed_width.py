"""Stopping when an interval is narrow enough keeps its coverage, and the units that it takes are foretold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stillwatch.calibration import Interval, counted, half_width, narrow_enough, score_interval, units_needed


@pytest.mark.parametrize(("one", "other"), [(0.9, 0.9), (0.6, 0.9), (0.99, 0.97)])
def test_coverage_stays_when_the_width_decides_when_to_stop(one: float, other: float) -> None:
    rng = np.random.default_rng(8)
    covered = []
    for _ in range(200):
        d = (rng.random(1500) < one).astype(float) - (rng.random(1500) < other)
        n = 40
        while not narrow_enough(score_interval(counted(d[:n], -1, 1)), 0.1, n) and n < 1500:
            n += 40
        ends = score_interval(counted(d[:n], -1, 1))
        covered.append(ends.low <= one - other <= ends.high)
    assert np.mean(covered) >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 200)


def test_it_does_not_stop_before_there_is_something_to_see() -> None:
    narrow = Interval(0.0, -0.01, 0.01)
    assert not narrow_enough(narrow, 0.05, 29)
    assert narrow_enough(narrow, 0.05, 30)
    assert not narrow_enough(Interval(0.0, -0.1, 0.1), 0.05, 10_000)
    assert not narrow_enough(narrow, 0.05, 0, least=0)


def test_where_the_interval_lies_does_not_matter() -> None:
    for value in (-0.9, 0.0, 0.3):
        assert narrow_enough(Interval(value, value - 0.04, value + 0.04), 0.05, 100)


def test_the_units_needed_give_the_width() -> None:
    scores = counted(np.r_[np.ones(30), np.zeros(70)], 0, 1)

    def width(times: float) -> float:
        return half_width(score_interval(scores.of_size(100 * times)))

    now = width(1.0)
    needed = units_needed(width, 100, now / 2)
    assert needed is not None
    assert 380 <= needed <= 420
    assert width(needed / 100) <= now / 2
    assert units_needed(width, 100, now) == 100
    assert units_needed(width, 0, 0.1) is None
    assert units_needed(width, 100, 0.0) is None
    assert units_needed(lambda times: 0.2 + 1 / times, 100, 0.1) is None
