"""P-values hold and e-values average at most 1 where it does not matter whose a session is; real pools stand out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.nulls import picked_groups
from stillwatch.drill.trial import shuffled
from stillwatch.exchange import in_order
from stillwatch.linkage.activity import Activity
from stillwatch.linkage.confirmation import Fresh, search_part
from stillwatch.linkage.reading import Reading, read_activity
from stillwatch.progress import Silent
from stillwatch.sources.customers import read_customers
from stillwatch.sources.log import open_log

CLEAN = Path(__file__).parents[3] / "shared" / "worlds" / "dev-clean"
LEVELS = (0.01, 0.05, 0.1)


def holds(p_values: list[float]) -> None:
    """The share below each level is at most the level, but for sampling error (3 standard deviations)."""
    for level in LEVELS:
        share = float(np.mean(np.array(p_values) <= level))
        assert share <= level + 3 * np.sqrt(level * (1 - level) / len(p_values)), (level, share)


def part_of(activity: Activity, seed: int) -> np.ndarray:
    return search_part([str(i) for i in range(len(activity.account))], seed)


def random_groups(fresh: Fresh, enough: np.ndarray, number: int, rng: np.random.Generator) -> list[tuple[float, float]]:
    out = []
    for i in range(number):
        members = rng.choice(np.flatnonzero(enough), int(rng.choice([8, 20, 60])), replace=False)
        told = fresh.confirm(np.sort(members), i, draws=199)
        out.append((told.p_value, told.e_value))
    return out


def test_a_part_does_not_depend_on_the_order(small_reading: Reading) -> None:
    names = [f"req_{i}" for i in range(5000)]
    part = search_part(names, 3)
    assert (search_part(names[::-1], 3)[::-1] == part).all()
    assert abs(part.mean() - 0.7) < 0.03
    assert (search_part(names, 4) != part).any()


def test_an_empty_group_says_nothing(small_reading: Reading) -> None:
    fresh = Fresh(small_reading.activity, part_of(small_reading.activity, 0))
    told = fresh.confirm(np.zeros(0, dtype=np.int64), 0)
    assert (told.p_value, told.e_value) == (1.0, 1.0)


def test_nothing_is_found_where_sessions_are_shuffled(small_reading: Reading) -> None:
    rng = np.random.default_rng(5)
    told: list[tuple[float, float]] = []
    for deal in range(4):
        activity = shuffled(small_reading.activity, rng)
        fresh = Fresh(activity, part_of(activity, deal))
        told += random_groups(fresh, activity.sessions >= 3, 30, rng)
        told += picked_groups(activity, 25, deal)
    holds([p for p, _ in told])
    assert np.mean([e for _, e in told]) <= 1.0


def test_a_campaign_stands_out(small_reading: Reading, small: object) -> None:
    campaign = small.campaign  # type: ignore[attr-defined]
    activity = small_reading.activity
    fresh = Fresh(activity, part_of(activity, 0))
    for name in sorted(set(campaign) - {""}):
        told = fresh.confirm(np.flatnonzero(campaign == name), 0)
        assert told.p_value <= 0.005
        assert told.e_value > 100


@pytest.mark.parametrize("book", range(7))
def test_where_one_codebook_cuts_does_not_decide(small_reading: Reading, small: object, book: int) -> None:
    """A campaign is confirmed although one of the seven codebooks says nothing, whichever it is."""
    campaign = small.campaign  # type: ignore[attr-defined]
    activity = small_reading.activity
    books = [*activity.topics, *activity.redrawn]
    books[book] = np.random.default_rng(book).integers(0, books[book].max() + 1, len(books[book]))
    blurred = replace(activity, topics=tuple(books[:3]), redrawn=tuple(books[3:]))
    told = Fresh(blurred, part_of(activity, 0)).confirm(np.flatnonzero(campaign == "quiet"), 0, draws=999)
    assert told.p_value <= 0.001
    assert told.e_value > 100


@pytest.fixture(scope="module")
def clean() -> Activity:
    if not CLEAN.exists():
        pytest.skip("the world dev-clean is not here (../shared/worlds)")
    exchanges = in_order(open_log([CLEAN / "exchanges.parquet"]).read())
    return read_activity(exchanges, read_customers(CLEAN / "accounts.parquet"), progress=Silent()).activity


@pytest.mark.slow
def test_random_groups_of_real_texts(clean: Activity) -> None:
    rng = np.random.default_rng(1)
    told = random_groups(Fresh(clean, part_of(clean, 0)), clean.sessions >= 3, 200, rng)
    holds([p for p, _ in told])
    assert np.mean([e for _, e in told]) <= 1.0


@pytest.mark.slow
def test_dealt_sessions_of_real_texts(clean: Activity) -> None:
    rng = np.random.default_rng(2)
    random: list[tuple[float, float]] = []
    picked: list[tuple[float, float]] = []
    for deal in range(4):
        activity = shuffled(clean, rng)
        random += random_groups(Fresh(activity, part_of(activity, deal)), activity.sessions >= 3, 50, rng)
        picked += picked_groups(activity, 50, deal)
    for told in (random, picked):
        holds([p for p, _ in told])
        assert np.mean([e for _, e in told]) <= 1.0
