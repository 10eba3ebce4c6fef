"""Intervals that hold together, and p-values for as many: no error at all but at the stated rate."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.calibration import counted, holm, score_interval, sign_flip_p_value, simultaneous_level


def test_holm_steps_down() -> None:
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.01, 0.01]).tolist() == pytest.approx([0.02, 0.02])
    assert holm([0.01], number=5).tolist() == pytest.approx([0.05])
    assert holm([0.6, 0.9]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []
    assert holm([0.2]).tolist() == [0.2]


@pytest.mark.parametrize(("p_values", "number"), [([1.2], None), ([float("nan")], None), ([0.1, 0.2], 1)])
def test_holm_refuses_what_is_no_p_value(p_values: list[float], number: int | None) -> None:
    with pytest.raises(ValueError):
        holm(p_values, number)


def test_a_level_is_shared_among_all_that_were_planned() -> None:
    assert simultaneous_level(0.95, 1) == pytest.approx(0.95)
    assert simultaneous_level(0.95, 25) == pytest.approx(0.998)
    for level, number in ((1.0, 2), (0.95, 0)):
        with pytest.raises(ValueError, match="level"):
            simultaneous_level(level, number)


def test_three_contrasts_of_eight_figures_hold_together_and_none_is_called_different_where_none_is() -> None:
    rng = np.random.default_rng(1)
    level, missed, called = simultaneous_level(0.95, 24), 0, 0
    for _ in range(200):
        held, p_values = True, []
        for rate in (0.5, 0.7, 0.8, 0.9, 0.9, 0.95, 0.98, 0.99):
            a, b, c = ((rng.random(60) < rate).astype(float) for _ in range(3))
            for d in (a - b, a - c, c - b):
                ends = score_interval(counted(d, -1, 1), level)
                held &= ends.low <= 0 <= ends.high
                p_values.append(sign_flip_p_value(d))
        missed += not held
        called += bool(holm(p_values).min() <= 0.05)
    bound = 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
    assert missed / 200 <= bound
    assert called / 200 <= bound
