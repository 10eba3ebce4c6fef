"""Numbers and hostile text in words."""

from __future__ import annotations

import math
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.campaigns import wording
from stillwatch.campaigns.report import ErrorRate


@given(st.text(alphabet=st.characters(), max_size=400), st.integers(8, 300))
def test_shown_text_holds_nothing_invisible_and_is_bounded(text: str, limit: int) -> None:
    shown = wording.visible(text, limit=limit)
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}]
    assert shown
    assert len(shown) <= limit * len("⟨U+10FFFF⟩") + 60


def test_long_ids_that_differ_in_the_middle_stay_different() -> None:
    assert wording.visible("a" * 500 + "b" + "a" * 500) != wording.visible("a" * 500 + "c" + "a" * 500)
    assert "1,001 characters" in wording.visible("a" * 1_001)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0"), (1, "1"), (1.3, "1.3"), (0.01, "under 0.1"), (9.99, "10"), (412, "412"), (26_665.4, "26,665"),
        (999_499, "999,499"), (1_240_000, "1.24 million"), (28_800_000, "28.8 million"), (3e9, "3 billion"),
        (1e300, "over 10³⁰⁰"), (-1e300, "unknown"),
        (math.nan, "unknown"), (math.inf, "unknown"),
    ],
)  # fmt: skip
def test_count(number: float, words: str) -> None:
    assert wording.count(number) == words


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0, "0 %"), (1e-6, "under 0.01 %"), (0.0012, "0.12 %"), (0.01, "1 %"), (0.54, "54 %"), (0.839, "83.9 %"),
        (0.996, "99.6 %"), (0.99949, "99.9 %"), (0.99999, "over 99.9 %"), (1, "100 %"),
    ],
)  # fmt: skip
def test_percent_never_claims_a_certainty(share: float, words: str) -> None:
    assert wording.percent(share).replace("\u00a0", " ") == words


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.01, "1 in 100"), (0.05, "5 in 100"), (0.25, "25 in 100"), (0.5, "5 in 10"), (0.993, "993 in 1,000"),
        (0.007, "7 in 1,000"), (0, "none"), (1e-9, "fewer than 1 in 1,000,000"), (1, "more than 999,999 in 1,000,000"),
    ],
)  # fmt: skip
def test_chances(share: float, words: str) -> None:
    assert wording.chances(share) == words


def test_odds_follow_the_sign_and_are_not_overclaimed() -> None:
    assert wording.odds(math.log(12)) == "12 to 1"
    assert wording.odds(-math.log(12)) == "12 to 1 against"
    assert wording.odds(0) == "even"
    assert wording.odds(900) == "over a million to 1"
    assert wording.times(math.log(3)) == "3.0 times as likely"
    assert wording.times(-math.log(27)) == "27 times less likely"
    assert wording.times(0.01) == "no more and no less likely"


def test_error_rate_names_its_null_and_what_its_draws_can_resolve() -> None:
    said = " ".join(wording.error_rate(ErrorRate("fdr", 0.01, "sessions dealt at random", 999)))
    assert "at most 1 in 100" in said
    assert "999 draws" in said
    assert "sessions dealt at random" in said
    assert "below 1 in 1,000" in said
    assert "rests on theory" in " ".join(wording.error_rate(ErrorRate("fdr", 0.01, "theory", 0)))
