"""Intervals of bounded scores cover at their rate, few or many, rare or alike, and know neither order nor sign."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, special, stats

from stillwatch.calibration import Interval, counted, score_interval, score_p_value

SCORES = st.lists(st.sampled_from([-1.0, -2 / 3, -0.5, -1 / 3, 0.0, 0.25, 0.5, 1.0]) | st.floats(-1, 1), max_size=25)
LEVELS = st.sampled_from([0.8, 0.95, 0.998, 0.99999])


def of(scores: object, level: float = 0.95, low: float = -1.0, high: float = 1.0) -> Interval:
    return score_interval(counted(scores, low, high), level)  # type: ignore[arg-type]


def mid_p_end(events: int, trials: int, level: float) -> float:
    """Upper end of the exact mid-p interval of a rate."""

    def tail(p: float) -> float:
        return float(stats.binom.cdf(events - 1, trials, p) + stats.binom.pmf(events, trials, p) / 2)

    return float(optimize.brentq(lambda p: tail(p) - (1 - level) / 2, events / trials, 1 - 1e-12))


@pytest.mark.parametrize("level", [0.95, 0.998])
@pytest.mark.parametrize("events", [0, 1, 3, 20, 37, 39])
def test_of_zeros_and_ones_it_is_the_mid_p_interval(events: int, level: float) -> None:
    ends = of([1.0] * events + [0.0] * (40 - events), level, 0.0, 1.0)
    assert ends.high == pytest.approx(mid_p_end(events, 40, level), abs=0.004)
    assert ends.low == pytest.approx(1 - mid_p_end(40 - events, 40, level) if events else 0.0, abs=0.004)


@pytest.mark.parametrize(("level", "least"), [(0.95, 0.935), (0.998, 0.997)])
@pytest.mark.parametrize("n", [5, 12, 30])
def test_paired_rates_are_covered_whatever_they_are(n: int, level: float, least: float) -> None:
    """Exactly, by the chance of every table there is, for rare and for frequent disagreement, one-sided or not."""
    b, c = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
    there = b + c <= n
    ends = np.full((n + 1, n + 1, 2), np.nan)
    for i, j in zip(*np.nonzero(there), strict=True):
        ends[i, j] = of([1.0] * i + [-1.0] * j + [0.0] * (n - i - j), level)[1:]
    same = np.where(there, n - b - c, 0)
    ways = special.gammaln(n + 1) - special.gammaln(b + 1) - special.gammaln(c + 1) - special.gammaln(same + 1)
    found = []
    for apart in (0.01, 0.05, 0.2, 0.5, 0.9):
        for share in (0.5, 0.7, 0.95, 1.0):
            p, q = apart * share, apart * (1 - share)
            log = ways + special.xlogy(b, p) + special.xlogy(c, q) + special.xlogy(same, 1 - apart)
            inside = (ends[..., 0] <= p - q + 1e-12) & (p - q - 1e-12 <= ends[..., 1])
            found.append(float(np.exp(log)[there & inside].sum()))
    assert min(found) >= least
    assert n < 12 or np.mean(found) <= 1 - (1 - level) / 20  # it is not by being wide that it covers


@pytest.mark.parametrize("n", [8, 40, 200])
@pytest.mark.parametrize("shape", [(5.0, 1.0), (0.2, 6.0)])
@pytest.mark.parametrize("weighted", [False, True])
def test_means_of_several_answers_are_covered(shape: tuple[float, float], n: int, weighted: bool) -> None:
    rng = np.random.default_rng(n)
    true, covered = shape[0] / sum(shape), []
    for _ in range(250):
        scores = rng.binomial(3, rng.beta(*shape, n)) / 3
        weights = rng.uniform(0.5, 2, n) if weighted else None
        ends = score_interval(counted(scores, 0.0, 1.0, weights))
        covered.append(ends.low <= true <= ends.high)
    assert np.mean(covered) >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 250)


@given(SCORES, LEVELS)
def test_other_signs_exchange_the_ends_exactly(scores: list[float], level: float) -> None:
    ends, back = of(scores, level), of([-s for s in scores], level)
    assert (ends.low, ends.high) == (-back.high, -back.low)
    assert ends.value == -back.value or not scores


@given(SCORES, LEVELS, st.randoms())
def test_the_order_makes_no_difference(scores: list[float], level: float, random: object) -> None:
    dealt = list(scores)
    random.shuffle(dealt)  # type: ignore[attr-defined]
    assert str(of(scores, level)) == str(of(dealt, level))


@given(SCORES, st.floats(0.5, 0.9999))
def test_ends_lie_within_the_bounds_about_the_mean_and_farther_out_at_a_higher_level(
    scores: list[float], level: float
) -> None:
    ends, wider = of(scores, level), of(scores, 1 - (1 - level) / 3)
    assert -1 <= wider.low <= ends.low + 1e-6
    assert ends.high - 1e-6 <= wider.high <= 1
    if scores:
        assert ends.low <= ends.value <= ends.high
        assert ends.high - ends.low > 0 or abs(ends.value) == 1


def test_few_scores_say_little_and_equal_ones_are_not_certain() -> None:
    assert math.isnan(of([]).value)
    assert of([])[1:] == (-1.0, 1.0)
    assert of([0.0]).high == pytest.approx(0.95)
    assert of([1.0], low=0.0)[1:] == (pytest.approx(0.05), 1.0)
    assert of([0.0] * 60, low=0.0)[1:] == (0.0, pytest.approx(1 - 0.05 ** (1 / 60)))
    assert of([0.5] * 10).low < 0.4


def test_weights_count_as_scores_do() -> None:
    rng = np.random.default_rng(5)
    scores = rng.integers(0, 2, 40).astype(float)
    plain = score_interval(counted(scores, 0, 1))
    assert score_interval(counted(scores, 0, 1, np.full(40, 7.0))) == pytest.approx(plain)
    uneven = score_interval(counted(scores, 0, 1, np.r_[np.full(20, 9.0), np.ones(20)]))
    assert uneven.high - uneven.low > plain.high - plain.low


@given(SCORES)
def test_the_p_value_of_a_mean_is_where_the_interval_reaches_it(scores: list[float]) -> None:
    p = score_p_value(counted(scores, -1, 1))
    assert p == score_p_value(counted([-s for s in scores], -1, 1))
    assert 0 <= p <= 1
    if 1e-6 < p < 0.5:
        wider, closer = of(scores, 1 - p * 0.99), of(scores, 1 - p * 1.01)
        assert wider.low <= 1e-6
        assert wider.high >= -1e-6
        assert closer.low >= -1e-6 or closer.high <= 1e-6


def test_skew_scores_of_few_units_are_seldom_said_to_have_another_mean() -> None:
    """One model steady at 0.9, the other right or wrong: where flips of signs alone would be sure too often."""
    rng = np.random.default_rng(11)
    drawn = [rng.binomial(5, 0.9, 60) / 5 - (rng.random(60) < 0.9) for _ in range(500)]
    for level in (0.05, 0.002):
        told = np.mean([score_p_value(counted(d, -1, 1)) <= level for d in drawn])
        assert told <= level + 3 * math.sqrt(level * (1 - level) / 500)
    assert score_p_value(counted([], -1, 1)) == 1.0
    assert score_p_value(counted([1.0], -1, 1)) == pytest.approx(0.5)
    assert 0.3 < score_p_value(counted([-1.0] * 3 + [1.0] + [0.0] * 8, -2, 2)) < 0.5  # 3 : 1, as far as -2 : 2 reach
    with pytest.raises(ValueError, match="bounds"):
        score_p_value(counted([1.0], 0, 1))


def test_what_is_no_score_is_refused() -> None:
    for scores, weights in ([1.5], None), ([math.nan], None), ([0.5], [0.0]), ([0.5], [1.0, 1.0]):
        with pytest.raises(ValueError, match="must be"):
            counted(scores, 0, 1, weights)
    with pytest.raises(ValueError, match="below the greatest"):
        counted([], 1, 1)
    with pytest.raises(ValueError, match="level"):
        of([0.0], 1.0)
