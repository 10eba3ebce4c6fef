"""Intervals cover at their rate by simulation, clustered data included, and know the cases of no event."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special, stats

from stillwatch.calibration import (
    bounded_mean,
    clopper_pearson,
    cluster_bootstrap_interval,
    rate_sequence,
    sum_interval,
    wilson,
)


@pytest.mark.parametrize("rate", [0.001, 0.02, 0.3, 0.5, 0.95])
@pytest.mark.parametrize("n", [1, 12, 200])
def test_clopper_pearson_always_covers(rate: float, n: int) -> None:
    events = np.arange(n + 1)
    covered = [clopper_pearson(int(k), n).low <= rate <= clopper_pearson(int(k), n).high for k in events]
    assert float(stats.binom.pmf(events, n, rate) @ covered) >= 0.95 - 1e-9


@pytest.mark.parametrize("rate", [0.02, 0.3, 0.9, 1.0])
def test_a_rate_sequence_covers_at_every_look(rate: float) -> None:
    """Looking after each of 300 trials, and stopping at the first wrong interval, is wrong in one run of twenty."""
    rng = np.random.default_rng(int(rate * 100))
    left = 0
    for _ in range(200):
        seen = np.cumsum(rng.random(300) < rate)
        left += any(
            not ends.low <= rate <= ends.high
            for n in (1, 2, 3, 5, 8, 12, 20, 35, 60, 100, 180, 300)
            for ends in [rate_sequence(int(seen[n - 1]), n)]
        )
    assert left / 200 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_a_rate_sequence_is_wider_than_an_interval_of_one_look_and_knows_no_trial() -> None:
    assert rate_sequence(0, 0)[1:] == (0.0, 1.0)
    for events, trials in ((0, 1), (1, 1), (3, 8), (8, 8), (40, 50)):
        always, once = rate_sequence(events, trials), clopper_pearson(events, trials)
        assert always.low <= once.low <= once.high <= always.high
    with pytest.raises(ValueError, match="events"):
        rate_sequence(3, 2)


@pytest.mark.parametrize("shape", [(0.02, 3.0), (0.5, 0.5), (2.0, 200.0)])
@pytest.mark.parametrize("n", [5, 60, 400])
def test_a_bounded_mean_is_covered_whatever_the_values_are_like(shape: tuple[float, float], n: int) -> None:
    rng = np.random.default_rng(n)
    true = shape[0] / sum(shape)
    covered = [ends.low <= true <= ends.high for ends in (bounded_mean(rng.beta(*shape, n)) for _ in range(400))]
    assert np.mean(covered) >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / 400)


def test_a_bounded_mean_of_nothing_and_of_zeros_and_ones() -> None:
    assert bounded_mean([])[1:] == (0.0, 1.0)
    assert bounded_mean(np.zeros(2232)).low == 0.0
    assert bounded_mean(np.zeros(2232)).high == pytest.approx(clopper_pearson(0, 2232).high, rel=1e-6)
    assert bounded_mean(np.ones(7)).high == 1.0
    assert bounded_mean([0.0, 1.0, 1.0]).low < clopper_pearson(2, 3).low + 0.05
    small = bounded_mean(np.full(2000, 0.001))
    assert small.low < 0.001 < small.high < 0.005
    with pytest.raises(ValueError, match="values"):
        bounded_mean([1.5])


def test_wilson_covers_on_average() -> None:
    n, events = 40, np.arange(41)
    ends = [wilson(int(k), n) for k in events]
    coverage = [
        float(stats.binom.pmf(events, n, rate) @ [e.low <= rate <= e.high for e in ends])
        for rate in np.linspace(0.02, 0.98, 97)
    ]
    assert np.mean(coverage) == pytest.approx(0.95, abs=0.01)


def test_rates_without_events_or_trials() -> None:
    assert clopper_pearson(0, 0)[1:] == (0.0, 1.0)
    assert wilson(0, 0)[1:] == (0.0, 1.0)
    assert clopper_pearson(0, 2232).high == pytest.approx(1 - 0.025 ** (1 / 2232))
    assert clopper_pearson(1, 1).high == 1.0
    assert wilson(0, 10).low == 0.0
    assert wilson(10, 10).high == 1.0
    with pytest.raises(ValueError, match="events"):
        clopper_pearson(3, 2)
    with pytest.raises(ValueError, match="level"):
        wilson(1, 2, level=1.0)


def clustered_events(
    p: NDArray[np.float64], levels: list[NDArray[np.int64]], rho: list[float], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Events with the given probabilities; at each level of clusters an event follows its cluster's coin or not."""
    own = rng.random(p.size)
    # Two events share a coin where both follow the cluster: probability sqrt(rho) ** 2.
    for clusters, correlation in zip(levels, rho, strict=True):
        coin = rng.random(int(clusters.max()) + 1)
        own = np.where(rng.random(p.size) < np.sqrt(correlation), coin[clusters], own)
    return own < p


@pytest.mark.parametrize("rho", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("rate", [0.05, 0.5, 0.9])
def test_sum_interval_covers_with_clusters(rho: float, rate: float) -> None:
    rng = np.random.default_rng(41)
    clusters = np.repeat(np.arange(60), rng.integers(1, 9, 60))
    odds = special.logit(rate) + rng.normal(size=60)[clusters]
    p = special.expit(odds)
    interval = sum_interval(p, clusters, correlation=rho)
    counts = np.array([clustered_events(p, [clusters], [rho], rng).sum() for _ in range(2_000)])
    covered = ((interval.low <= counts) & (counts <= interval.high)).mean()
    assert covered >= 0.94
    assert interval.value == pytest.approx(p.sum())


def test_sum_interval_is_no_wider_than_needed() -> None:
    rng = np.random.default_rng(42)
    clusters = np.repeat(np.arange(300), 3)
    p = rng.beta(1, 2, size=900)
    interval = sum_interval(p, clusters, correlation=0.3)
    counts = [clustered_events(p, [clusters], [0.3], rng).sum() for _ in range(3_000)]
    low, high = np.quantile(counts, [0.025, 0.975])
    assert interval.high - interval.low <= 1.2 * (high - low)


def test_sum_interval_covers_sessions_in_accounts() -> None:
    rng = np.random.default_rng(43)
    account = np.repeat(np.arange(25), 12)
    session = np.arange(300) // 3
    p = rng.beta(2, 2, size=300)
    interval = sum_interval(p, [account, session], correlation=[0.2, 0.5])
    counts = np.array([clustered_events(p, [account, session], [0.4, 0.5], rng).sum() for _ in range(3_000)])
    # An event that follows its session's coin does not follow its account's: 0.4 of the events' pairs are
    # left to the account, which is what 0.2 stands for between sessions at most.
    assert ((interval.low <= counts) & (counts <= interval.high)).mean() >= 0.94


def test_sum_interval_covers_a_shared_error_of_the_model() -> None:
    rng = np.random.default_rng(44)
    clusters = np.arange(400)
    p = rng.beta(0.5, 0.5, size=400)
    interval = sum_interval(p, clusters, correlation=0.0, extra_sd=0.8)
    shifts = rng.normal(0, 0.8, 3_000)
    counts = np.array([(rng.random(400) < special.expit(special.logit(p) + d)).sum() for d in shifts])
    covered = ((interval.low <= counts) & (counts <= interval.high)).mean()
    assert 0.94 <= covered <= 0.98
    plain = sum_interval(p, clusters, correlation=0.0)
    assert ((plain.low <= counts) & (counts <= plain.high)).mean() < 0.8


def test_sum_interval_edges() -> None:
    assert sum_interval([], []) == (0.0, 0.0, 0.0)
    assert sum_interval([0.5], [0])[1:] == (0.0, 1.0)
    assert sum_interval([0.0, 0.0], [0, 0])[1:] == (0.0, 0.0)
    assert sum_interval([1.0, 1.0], [0, 1])[1:] == (2.0, 2.0)
    many = sum_interval([0.4] * 50, [0] * 50, correlation=1.0)
    assert many[1:] == (0.0, 50.0)
    with pytest.raises(ValueError, match="cluster"):
        sum_interval([0.5, 0.5], [0])
    with pytest.raises(ValueError, match="correlations"):
        sum_interval([0.5], [0], correlation=1.2)
    with pytest.raises(ValueError, match="probabilities"):
        sum_interval([1.2], [0])


def test_sum_interval_does_not_depend_on_names_of_clusters() -> None:
    p = np.linspace(0.1, 0.9, 9)
    assert sum_interval(p, [0, 0, 0, 1, 1, 1, 2, 2, 2]) == sum_interval(p, [9, 9, 9, -4, -4, -4, 7, 7, 7])


@pytest.mark.parametrize("n_clusters", [15, 60])
def test_bootstrap_covers_a_clustered_mean(n_clusters: int) -> None:
    rng = np.random.default_rng(45)
    hits, trials = 0, 400
    for seed in range(trials):
        clusters = np.repeat(np.arange(n_clusters), rng.integers(1, 6, n_clusters))
        values = rng.normal(size=n_clusters)[clusters] + rng.normal(size=clusters.size)
        interval = cluster_bootstrap_interval(values, clusters, n_resamples=300, seed=seed)
        hits += interval.low <= 0 <= interval.high
    assert 0.91 <= hits / trials <= 0.985


def test_bootstrap_edges() -> None:
    assert cluster_bootstrap_interval([], [], statistic="sum") == (0.0, -np.inf, np.inf)
    assert cluster_bootstrap_interval([1.0, 3.0], [5, 5]) == (2.0, -np.inf, np.inf)
    once = cluster_bootstrap_interval([1.0, 3.0, 4.0], [5, 5, 6], statistic="sum", seed=3)
    assert once == cluster_bootstrap_interval([4.0, 3.0, 1.0], [6, 5, 5], statistic="sum", seed=3)
    assert once.value == 8.0
    with pytest.raises(ValueError, match="n_resamples"):
        cluster_bootstrap_interval([1.0], [0], n_resamples=0)
