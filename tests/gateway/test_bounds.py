"""The gateway stands down when it touches more than it should."""

from __future__ import annotations

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from stillwatch.gateway.bounds import LEAST_ACCOUNTS, Watchman
from stillwatch.gateway.policy import Bounds

SECOND = 1_000_000
HOUR = 3_600 * SECOND


def test_within_its_bounds_it_says_nothing() -> None:
    watchman = Watchman(Bounds(requests_touched=0.1, accounts_touched=0.1, least=100))
    for number in range(10_000):
        assert watchman.note(f"a{number % 100}", number % 100 >= 90, number * SECOND // 10) is None
    assert watchman.shares() == (0.1, 0.1)


def test_nothing_is_said_before_enough_has_passed() -> None:
    watchman = Watchman(Bounds(least=500))
    assert [watchman.note("a", True, n) for n in range(499)] == [None] * 499
    breach = watchman.note("a", True, 500)
    assert breach is not None
    assert (breach.what, breach.share, breach.most, breach.of) == ("requests", 1.0, 0.25, 500)


def test_many_accounts_touched_a_little_are_a_breach_too() -> None:
    watchman = Watchman(Bounds(requests_touched=0.5, accounts_touched=0.1, least=100))
    told = [watchman.note(f"a{n % 50}", n % 50 < 20 and n % 7 == 0, n * SECOND) for n in range(2_000)]
    breach = next(one for one in told if one is not None)
    assert (breach.what, breach.of) == ("accounts", 50)
    few = Watchman(Bounds(requests_touched=0.5, accounts_touched=0.1, least=100))
    accounts = LEAST_ACCOUNTS - 1
    assert not any(few.note(f"a{n % accounts}", n % accounts < 4, n * SECOND) for n in range(2_000))


def test_what_lies_behind_the_window_is_forgotten() -> None:
    watchman = Watchman(Bounds(requests_touched=0.5, least=10, window=3_600))
    for number in range(9):
        watchman.note(f"t{number}", True, number)
    assert [watchman.note("b", n % 2 == 1, HOUR + 120 * SECOND + n) for n in range(20)] == [None] * 20
    assert watchman.shares()[0] == 0.5
    watchman.restart()
    assert watchman.shares() == (0.0, 0.0)


def test_a_clock_that_runs_backwards_breaks_nothing() -> None:
    watchman = Watchman(Bounds())
    watchman.note("a", True, 10 * HOUR)
    watchman.note("b", False, HOUR)
    watchman.note("c", False, 10 * HOUR)
    assert watchman.shares() == (1 / 3, 1 / 3)


@given(st.lists(st.tuples(st.integers(0, 200), st.sampled_from("abcdef"), st.booleans()), max_size=80))
def test_it_counts_what_stands_in_the_window(steps: list[tuple[int, str, bool]]) -> None:
    """Against a window that keeps every request."""
    watchman = Watchman(Bounds(window=600))
    every: deque[tuple[int, str, bool]] = deque()
    at = 0
    for seconds, account, touched in steps:
        at += seconds * SECOND
        watchman.note(account, touched, at)
        every.append((at // (10 * SECOND), account, touched))
        while every[0][0] <= every[-1][0] - 60:
            every.popleft()
        seen, hit = {a for _, a, _ in every}, {a for _, a, t in every if t}
        assert watchman.shares() == (sum(t for _, _, t in every) / len(every), len(hit) / len(seen))
