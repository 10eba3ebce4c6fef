"""A plan's tokens give the power they were planned for, and its answers give the tokens."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.ngram_students import Student, Teacher, passages, write
from stillwatch.calibration import Interval
from stillwatch.proving.radioactivity.answers import own_pairs
from stillwatch.proving.radioactivity.laws import Law
from stillwatch.proving.radioactivity.planning import answers_for, plan, shift_seen, tokens_for

LAWS = [Law("exponential"), Law("bernoulli", (0.25,)), Law("tournament", tuple(range(10, 0, -1)))]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.kind)
def test_tokens_are_the_least_that_have_the_power(law: Law) -> None:
    n = tokens_for(law, 0.05 * law.sd, 1e-4)
    assert law.power(int(n), 0.05 * law.sd, 1e-4) >= 0.9 > law.power(int(n * 0.97), 0.05 * law.sd, 1e-4)
    assert 6000 < n < 14_000  # ((3.72 + 1.28) / 0.05)^2 = 10,000 in the normal case


def test_simulated_power() -> None:
    rng, law = np.random.default_rng(1), LAWS[0]
    n = int(tokens_for(law, 0.1, 1e-3))
    null, student = rng.gamma(n, size=200_000), 1.1 * rng.gamma(n, size=20_000)
    assert np.mean(student > np.quantile(null, 1 - 1e-3)) == pytest.approx(0.9, abs=0.02)


def test_no_effect_takes_for_ever() -> None:
    assert tokens_for(LAWS[0], 0.0, 0.01) == math.inf
    assert tokens_for(LAWS[0], -0.1, 0.01) == math.inf
    for p, power in ((0.0, 0.9), (0.01, 1.0)):
        with pytest.raises(ValueError, match="between 0 and 1"):
            tokens_for(LAWS[0], 0.1, p, power)
    with pytest.raises(ValueError, match="cannot be"):
        tokens_for(LAWS[1], 0.9, 0.01)


def test_answers_that_give_the_pairs() -> None:
    rng = np.random.default_rng(3)
    student = Student([write(Teacher(60), 200, 60, rng)], 60)
    pilot, later = passages(student.answers(40, 50, rng)), passages(student.answers(160, 50, rng))
    needed = answers_for(pilot, 2)
    truly = own_pairs(later, 2).contexts.shape[0]
    told = needed(truly)
    assert told.low <= told.value <= told.high
    assert 120 < told.value < 210  # 160
    assert needed(1).value == 1
    with pytest.raises(ValueError, match="ten or more"):
        answers_for(pilot[:5], 2)


def test_a_plan_has_intervals() -> None:
    each_ten = lambda n: Interval(n / 10, n / 12, n / 8)  # noqa: E731
    told = plan(LAWS[0], Interval(0.1, 0.05, 0.2), each_ten, 1e-3)
    assert told.tokens.low < told.tokens.value < told.tokens.high
    assert told.tokens.value == tokens_for(LAWS[0], 0.1, 1e-3)
    assert told.answers == Interval(told.tokens.value / 10, told.tokens.low / 12, told.tokens.high / 8)
    open_end = plan(LAWS[0], Interval(0.1, -0.05, 0.2), each_ten, 1e-3)
    assert (open_end.tokens.high, open_end.answers.high) == (math.inf, math.inf)


def test_a_pilots_shift_covers() -> None:
    rng, law, covered = np.random.default_rng(4), LAWS[0], 0
    for run in range(100):
        answers = np.repeat(np.arange(60), 10)
        scores = rng.exponential(1.15 * rng.gamma(8, 1 / 8, 60)[answers])  # answers differ
        seen = shift_seen(scores, answers, law, seed=run)
        covered += seen.low <= 0.15 <= seen.high
    assert covered >= 88
