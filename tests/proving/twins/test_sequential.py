"""One may look whenever one likes and stop when it is decided."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stillwatch.proving.twins.base import Scored
from stillwatch.proving.twins.sequential import follow


def scored(rng: np.random.Generator, n: int, effect: float, slots: int = 2) -> Scored:
    values = rng.standard_normal((n, slots, 3))
    values[:, 0] += [effect, effect / 2, 0.0]
    values[::5, slots - 1] = np.nan if slots > 2 else values[::5, slots - 1]
    return Scored(tuple(map(str, range(n))), ("a", "b", "c"), values)


def test_looking_after_every_unit_is_wrong_no_more_often_than_said() -> None:
    rng = np.random.default_rng(0)
    lowest = np.array([follow(scored(rng, 90, 0.0, slots=3)).p_value for _ in range(250)])
    for level in (0.02, 0.05, 0.2):
        assert np.mean(lowest <= level) <= level + 3 * math.sqrt(level / 250)


def test_a_copy_is_decided_before_all_units_were_looked_at() -> None:
    course = follow(scored(np.random.default_rng(1), 1000, 0.5))
    decided = course.decided(1e-3)
    assert decided is not None
    assert 30 < decided < 500
    assert course.p_values[decided - 1] <= 1e-3 < course.p_values[decided - 2]
    assert course.p_value == course.p_values[-1] < 1e-10


def test_the_mirror_image_bets_nothing_and_shows_nothing() -> None:
    course = follow(scored(np.random.default_rng(2), 600, -0.5))
    assert course.p_value > 0.1
    assert course.decided(0.05) is None


def test_a_bet_knows_nothing_of_what_comes_later() -> None:
    rng = np.random.default_rng(3)
    one = scored(rng, 300, 0.3)
    other = Scored(one.names, one.measures, np.concatenate([one.values[:150], rng.standard_normal((150, 2, 3))]))
    assert follow(one).log_e[:150] == pytest.approx(follow(other).log_e[:150])


def test_the_order_is_that_asked_for() -> None:
    one = scored(np.random.default_rng(4), 120, 0.3)
    back = Scored(one.names[::-1], one.measures, one.values[::-1])
    assert follow(one, np.arange(120)[::-1]).log_e == pytest.approx(follow(back).log_e)
    with pytest.raises(ValueError, match="each unit once"):
        follow(one, [0] * 120)


def test_few_units_are_no_bet() -> None:
    for n in (0, 1, 30):
        assert follow(scored(np.random.default_rng(5), n, 2.0)).p_value == 1.0
