"""Figures that leave say what the exact ones say, never more, and never of fewer than k accounts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.sharing.bulletin import SHARE_STEP
from stillwatch.sharing.coarse import (
    LADDER,
    count_range,
    error_bound,
    fewest_behind,
    hidden_in_few,
    kth_period,
    rounded_nats,
    rung,
    rungs,
    share_down,
    share_up,
)

COUNTS = st.integers(0, 2**53)
KS = st.integers(2, 1000)


@given(COUNTS, KS)
def test_a_range_holds_its_count_and_its_bounds_are_those_of_the_ladder(count: int, k: int) -> None:
    told = count_range(count, k)
    assert told.low <= count
    assert told.high is None or count <= told.high
    assert told.low in LADDER
    assert told.high is None or told.high + 1 in LADDER


@given(st.integers(0, 999), KS)
def test_counts_below_k_cannot_be_told_apart(count: int, k: int) -> None:
    if count < k:
        assert count_range(count, k) == count_range(0, k) == count_range(k - 1, k)


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(0, 0, 9), (9, 0, 9), (10, 10, 19), (19.9, 10, 19), (140, 100, 199), (2e12, 10**12, None)],
)
def test_ranges_by_example(count: float, low: int, high: int | None) -> None:
    told = count_range(count, 10)
    assert (told.low, told.high) == (low, high)


@given(st.lists(COUNTS, max_size=5))
def test_rungs_are_those_of_each(values: list[int]) -> None:
    assert rungs(np.array(values, np.int64)).tolist() == [rung(value) for value in values]


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_shares_are_steps_on_either_side_of_the_truth(part: int, more: int) -> None:
    whole = part + more
    low, high = share_down(part, whole), share_up(part, whole)
    assert round(low / SHARE_STEP, 9) == round(low / SHARE_STEP)
    assert round(high / SHARE_STEP, 9) == round(high / SHARE_STEP)
    if whole:
        assert low <= part / whole + 1e-9
        assert high >= part / whole - 1e-9
        assert high - low <= SHARE_STEP + 1e-9
    else:
        assert (low, high) == (0, 1)


@given(st.floats())
def test_an_error_rate_is_never_told_smaller_than_it_is(rate: float) -> None:
    bound = error_bound(rate)
    assert 0 < bound <= 1
    if 0 <= rate <= 1:
        assert rate <= bound <= max(2.5 * rate, 1e-4)
    else:
        assert bound == 1


@given(st.floats())
def test_nats_are_numbers_and_few(value: float) -> None:
    assert -100 <= rounded_nats(value) <= 100
    assert rounded_nats(value) == int(rounded_nats(value))
    assert str(rounded_nats(value)) != "-0.0"


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=30), st.data())
def test_both_ends_of_a_period_are_told_of_k_accounts(lives: list[tuple[int, int]], data: st.DataObject) -> None:
    k = data.draw(st.integers(2, len(lives)))
    first, last = np.array([min(life) for life in lives]), np.array([max(life) for life in lives])
    begun, ended = kth_period(first, last, k)
    assert begun <= ended
    if (first <= begun).sum() < k:  # they relieved one another: the ends changed places
        begun, ended = ended, begun
    assert (first <= begun).sum() >= k
    assert (last >= ended).sum() >= k


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=12), st.floats(0, 1))
def test_fewer_accounts_than_told_cannot_stand_behind_it(each: list[float], share: float) -> None:
    part = share * sum(each)
    fewest = fewest_behind(part, np.array(each))
    assert 0 <= fewest <= len(each)
    if fewest > 1:
        assert sum(sorted(each, reverse=True)[: fewest - 1]) < part


def test_what_few_show_stays() -> None:
    assert hidden_in_few(members=10, others=0, everyone_else=500, k=10) is None
    assert hidden_in_few(members=10, others=10, everyone_else=500, k=10) is None
    assert "campaign's" in str(hidden_in_few(members=9, others=0, everyone_else=500, k=10))
    assert "single them out" in str(hidden_in_few(members=40, others=1, everyone_else=500, k=10))
    assert "compare" in str(hidden_in_few(members=40, others=0, everyone_else=3, k=10))
