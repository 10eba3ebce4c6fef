"""What a plan says of power holds: the effect that it names is found as often as it says."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.calibration import choice_p_value
from stillwatch.proving.planning import smallest_effect


@pytest.mark.parametrize(("n", "level"), [(100, 1e-3), (400, 1e-4)])
def test_the_effect_that_is_named_is_found_with_the_power_that_is_named(n: int, level: float) -> None:
    effect = smallest_effect(n, level)
    assert effect is not None
    rng = np.random.default_rng(5)
    found = 0
    for _ in range(200):
        difference = rng.normal(effect, 1.0, n)
        found += choice_p_value(np.stack([difference, np.zeros(n)], axis=1)) <= level
    assert 0.8 <= found / 200 <= 0.97


def test_too_few_units_show_nothing_however_strong_the_effect() -> None:
    assert smallest_effect(9, 1e-3) is None
    assert smallest_effect(0, 0.05) is None
    some, more = smallest_effect(50, 1e-3), smallest_effect(5000, 1e-3)
    assert some is not None
    assert more is not None
    assert more < some / 5
