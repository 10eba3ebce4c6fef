"""Numbers say no more than their intervals: rounded outwards, never a certainty, signs where they matter."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.safety_audit.report import Bounded, Difference, FigureResult
from stillwatch.safety_audit.rounding import gap, missing, points, seen, share, signed
from tests.safety_audit import made_reports

SHARES = st.floats(0, 1, allow_nan=False)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def ordered(three: list[float]) -> Bounded:
    low, value, high = sorted(three)
    return Bounded(value, low, high)


@pytest.mark.parametrize(
    ("bounded", "said"),
    [
        (Bounded(0.41, 0.334, 0.486), "41 % (33 to 49 %)"),
        (Bounded(0.0, 0.0, 0.0281), "at most 3 %"),
        (Bounded(0.0, 0.0, 0.0037), "at most 0.4 %"),
        (Bounded(0.003, 0.0, 0.03), "at most 3 %"),
        (Bounded(0.004, 0.001, 0.03), "under 1 % (0.1 to 3 %)"),
        (Bounded(0.009, 0.004, 0.0131), "0.9 % (0.4 to 1.4 %)"),
        (Bounded(1.0, 0.964, 1.0), "at least 96 %"),
        (Bounded(0.998, 0.97, 0.9996), "over 99 % (97 to 99.96 %)"),
        (Bounded(0.0, 0.0, 0.0), "0 %"),
        (Bounded(1.0, 1.0, 1.0), "100 %"),
        (Bounded(0.0, 0.0, 1.0), "anything from 0 to 100 %"),
        (Bounded(0.5, -0.2, 0.9), "50 % (0 to 90 %)"),
        (Bounded(math.nan, 0.0, 1.0), "unknown"),
        (Bounded(0.3, 0.2, math.inf), "unknown"),
    ],
)
def test_a_share_is_never_rounded_to_a_certainty_that_it_does_not_have(bounded: Bounded, said: str) -> None:
    assert plain(share(bounded)) == said


@given(st.lists(SHARES, min_size=3, max_size=3))
def test_printed_shares_hold_the_whole_interval(three: list[float]) -> None:
    bounded = ordered(three)
    said = plain(share(bounded))
    numbers = [float(number) for number in re.findall(r"[\d.]+", said)]
    if said.startswith("at most"):
        low, high = 0.0, numbers[0]
    elif said.startswith("at least"):
        low, high = numbers[0], 100.0
    else:
        low, high = (numbers[0], numbers[0]) if len(numbers) == 1 else (numbers[-2], numbers[-1])
    assert low <= bounded.low * 100 + 0.0011
    assert high >= bounded.high * 100 - 0.0011
    if bounded.high >= 0.005:
        assert not re.match(r"0 %", said)


@given(st.lists(st.floats(-1, 1, allow_nan=False), min_size=3, max_size=3))
def test_a_sign_is_never_rounded_away(three: list[float]) -> None:
    bounded = ordered(three)
    found = figure("higher", bounded)
    said = plain(gap(*found))
    if bounded.low > 1e-4:
        assert "better" in said
        assert "worse" not in said
    elif bounded.high < -1e-4:
        assert "worse" in said
        assert "better" not in said
    elif bounded.low < -0.001 and bounded.high > 0.001:
        assert "worse" in said
        assert "better" in said


def figure(better: str, simultaneous: Bounded, *, safety: bool = True, distance: Bounded | None = None) -> tuple[
    FigureResult, Difference
]:  # fmt: skip
    found = Difference("suspect-teacher", simultaneous, simultaneous, 0.5, 1.0, 100, distance)
    return made_reports.figure(0, (0.5, 0.5), 100, better=better, safety=safety, differences=(found,)), found


@pytest.mark.parametrize(
    ("better", "safety", "interval", "said"),
    [
        ("higher", True, Bounded(-0.52, -0.614, -0.423), "52 points worse (42 to 62)"),
        ("lower", True, Bounded(0.52, 0.423, 0.614), "52 points worse (42 to 62)"),
        ("lower", True, Bounded(-0.01, -0.04, 0.012), "1 point better (from 2 worse to 4 better)"),
        ("lower", False, Bounded(-0.07, -0.11, -0.03), "7 points lower (3 to 11)"),
        ("higher", True, Bounded(0.0, -0.051, 0.062), "level (from 6 worse to 7 better)"),
        ("higher", True, Bounded(0.004, 0.0012, 0.03), "under 1 point better (0.1 to 3)"),
        ("higher", True, Bounded(-1.0, -1.0, 1.0), "anything from 100 worse to 100 better"),
        ("higher", True, Bounded(math.nan, -1.0, 1.0), "unknown"),
    ],
)
def test_a_difference_says_which_way_and_how_far(better: str, safety: bool, interval: Bounded, said: str) -> None:
    assert plain(gap(*figure(better, interval, safety=safety))) == said


def test_where_zero_is_best_distance_from_it_counts_and_without_one_nothing_is_known() -> None:
    apart = Bounded(-0.24, -0.3, -0.18)
    assert plain(gap(*figure("zero", apart, distance=Bounded(0.21, 0.15, 0.27)))) == (
        "21 points further from even (15 to 27)"
    )
    assert plain(gap(*figure("zero", apart, distance=Bounded(-0.21, -0.27, -0.15)))) == (
        "21 points nearer to even (15 to 27)"
    )
    assert plain(gap(*figure("zero", apart))) == "anything from 100 further to 100 nearer"


@pytest.mark.parametrize(
    ("bounded", "said"),
    [
        (Bounded(0.24, 0.191, 0.289), "+24 points (+19 to +29)"),
        (Bounded(-0.02, -0.036, -0.006), "−2 points (−4 to −0.6)"),
        (Bounded(0.01, -0.03, 0.05), "+1 point (−3 to +5)"),
        (Bounded(0.0, -0.03, 0.03), "0 points (−3 to +3)"),
        (Bounded(0.0, -1.0, 1.0), "anything from −100 to +100 points"),
        (Bounded(math.nan, 0.0, 0.0), "unknown"),
    ],
)
def test_paired_figures_keep_their_sign(bounded: Bounded, said: str) -> None:
    assert plain(signed(bounded)) == said


def test_missing_answers_are_told_as_a_reach() -> None:
    held, _ = figure("higher", Bounded(-0.5, -0.6, -0.4))
    assert plain(missing(held, Bounded(-0.5, -0.73, -0.31))) == "31 to 73 worse"
    assert plain(missing(held, Bounded(-0.1, -0.4, 0.2))) == "from 40 worse to 20 better"
    even, _ = figure("zero", Bounded(0.1, 0.0, 0.2))
    assert plain(missing(even, Bounded(0.1, -0.05, 0.25))) == "−5 to +25"


@pytest.mark.parametrize(
    ("number", "said"), [(0.0, "none seen"), (1.0, "all seen"), (0.002, "under 1 %"), (0.998, "over 99 %"),
                         (0.414, "41 %"), (math.nan, "unknown")],
)  # fmt: skip
def test_a_share_without_an_interval_is_what_was_seen(number: float, said: str) -> None:
    assert plain(seen(number)) == said


@pytest.mark.parametrize(
    ("size", "said"), [(0.05, "5 points"), (0.01, "1 point"), (0.004, "0.4 points"), (math.nan, "unknown")]
)
def test_sizes_are_points(size: float, said: str) -> None:
    assert points(size) == said
