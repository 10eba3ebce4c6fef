"""The procedures hold their false discovery rate by simulation, and ties never depend on order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from stillwatch.calibration import (
    Discoveries,
    benjamini_hochberg,
    benjamini_yekutieli,
    conformal_p_values,
    expected_false,
    posterior_q_values,
    select_at_fdr,
)

PROBABILITIES = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 0.97, 0.99, 1.0]) | st.floats(0, 1), max_size=40)


def test_adjusted_p_values_equal_scipys() -> None:
    p = np.random.default_rng(31).random(50) ** 2
    assert benjamini_hochberg(p, 0.1).q_values == pytest.approx(stats.false_discovery_control(p, method="bh"))
    assert benjamini_yekutieli(p, 0.1).q_values == pytest.approx(stats.false_discovery_control(p, method="by"))


@pytest.mark.parametrize("procedure", [benjamini_hochberg, benjamini_yekutieli])
def test_edges(procedure: Callable[..., Discoveries]) -> None:
    assert procedure([], 0.1).rejected.size == 0
    assert procedure([0.03], 0.1).q_values.tolist() == [0.03]
    assert procedure([0.03], 0.1, n_hypotheses=10).rejected.tolist() == [False]
    with pytest.raises(ValueError, match="probabilities"):
        procedure([1.5], 0.1)
    with pytest.raises(ValueError, match="level"):
        procedure([0.5], 1.0)


@pytest.mark.parametrize("procedure", [benjamini_hochberg, benjamini_yekutieli])
def test_false_discovery_rate_holds(procedure: Callable[..., Discoveries]) -> None:
    rng = np.random.default_rng(32)
    level, shares, found = 0.1, [], []
    for _ in range(600):
        truth = np.arange(80) < 16
        p = stats.norm.sf(rng.normal(size=80) + 3.5 * truth)
        rejected = procedure(p, level).rejected
        shares.append((rejected & ~truth).sum() / max(rejected.sum(), 1))
        found.append(rejected[truth].mean())
    assert np.mean(shares) <= level
    assert np.mean(found) > 0.5


def test_false_discovery_rate_holds_for_conformal_p_values_of_one_null() -> None:
    rng = np.random.default_rng(33)
    level, shares, found = 0.1, [], []
    for _ in range(600):
        truth = np.arange(50) < 10
        p = conformal_p_values(rng.normal(size=400), rng.normal(size=50) + 4 * truth)
        rejected = benjamini_hochberg(p, level).rejected
        shares.append((rejected & ~truth).sum() / max(rejected.sum(), 1))
        found.append(rejected[truth].mean())
    assert np.mean(shares) <= level
    assert np.mean(found) > 0.8


def test_conformal_p_values_are_super_uniform() -> None:
    rng = np.random.default_rng(34)
    p = np.concatenate([conformal_p_values(rng.exponential(size=99), rng.exponential(size=1)) for _ in range(20_000)])
    for alpha in (0.01, 0.05, 0.1, 0.5):
        assert (p <= alpha).mean() == pytest.approx(alpha, abs=4 * np.sqrt(alpha * (1 - alpha) / 20_000))
    tied = np.concatenate([conformal_p_values(rng.integers(0, 3, 99), rng.integers(0, 3, 1)) for _ in range(5_000)])
    for alpha in (0.05, 0.3, 0.5):
        assert (tied <= alpha).mean() <= alpha + 4 * np.sqrt(alpha * (1 - alpha) / 5_000)


def test_conformal_edges() -> None:
    assert conformal_p_values([], [1.0, 2.0]).tolist() == [1.0, 1.0]
    assert conformal_p_values([1.0], []).size == 0
    assert conformal_p_values([1.0, 2.0, 3.0], [2.0, 4.0, 0.0]).tolist() == [0.75, 0.25, 1.0]
    with pytest.raises(ValueError, match="NaN"):
        conformal_p_values([float("nan")], [1.0])


def test_expected_false_edges() -> None:
    assert expected_false([]) == 0.0
    assert expected_false([0.75]) == 0.25
    with pytest.raises(ValueError, match="probabilities"):
        expected_false([float("nan")])


def test_selection_by_hand() -> None:
    posteriors = [0.5, 1.0, 0.98, 0.9]
    assert posterior_q_values(posteriors) == pytest.approx([0.62 / 4, 0.0, 0.01, 0.04])
    assert select_at_fdr(posteriors, 0.04).tolist() == [False, True, True, True]
    assert select_at_fdr(posteriors, 0.0).tolist() == [False, True, False, False]
    assert select_at_fdr([], 0.1).size == 0
    assert select_at_fdr([0.9], 0.05).tolist() == [False]


@given(PROBABILITIES, st.floats(0, 1))
def test_selection_is_the_largest_set_and_free_of_order(p: list[float], level: float) -> None:
    chosen = select_at_fdr(p, level)
    taken = np.asarray(p)[chosen]
    if taken.size:
        assert expected_false(taken) <= (level + 1e-9) * taken.size
        left = np.asarray(p)[~chosen]
        assert left.size == 0 or left.max() < taken.min()
    reverse = select_at_fdr(p[::-1], level)[::-1]
    assert chosen.tolist() == reverse.tolist()
    rest = np.asarray(p)[~chosen]
    if rest.size:  # taking the next tie too would break the level
        more = np.append(
            taken, rest[1 - rest == 1 - rest.max()]
        )  # 1e-88 and 0 are one tie: their complements are equal
        assert expected_false(more) > (level - 1e-9) * more.size


def test_share_of_false_among_the_selected_is_the_level_where_posteriors_hold() -> None:
    rng = np.random.default_rng(35)
    p = rng.beta(0.4, 0.4, size=200_000)
    truth = rng.random(p.size) < p
    for level in (0.01, 0.05, 0.2):
        chosen = select_at_fdr(p, level)
        assert (~truth[chosen]).mean() == pytest.approx(level, rel=0.1)
