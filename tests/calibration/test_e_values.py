"""E-values have mean at most 1 under the null, and e-BH holds the false discovery rate under any dependence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import integrate, stats

from stillwatch.calibration import average_e, e_bh, likelihood_ratio_e, p_to_e, product_e

E_LISTS = st.lists(st.floats(0, 1e6), min_size=1, max_size=30)


@pytest.mark.parametrize("kappa", [0.2, 0.5, 0.9, None])
def test_calibrator_is_exact_for_a_uniform_p_value(kappa: float | None) -> None:
    # In u = -ln p the integral has no pole: ∫ e(p) dp = ∫ e(exp(-u)) exp(-u) du.
    # The calibrator without kappa has a tail of 1/u, which a finite range leaves out.
    mass, _ = integrate.quad(lambda u: float(p_to_e(np.exp(-u), kappa)) * np.exp(-u), 0, 600, limit=500)
    left_out = 1 / 600 if kappa is None else 0.0
    assert mass + left_out == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("kappa", [0.2, 0.5, 0.9, None])
@pytest.mark.parametrize("draws", [1, 9, 199])
def test_mean_is_at_most_one_on_the_grid_of_permutation_p_values(kappa: float | None, draws: int) -> None:
    grid = np.arange(1, draws + 2) / (draws + 1)
    assert p_to_e(grid, kappa).mean() <= 1.0


def test_calibrators_fall_in_p_and_stay_finite() -> None:
    p = np.concatenate([[0.0], np.logspace(-300, 0, 400)])
    for kappa in (0.5, None):
        e = p_to_e(p, kappa)
        assert np.isfinite(e).all()
        assert (np.diff(e) <= 1e-9).all()


def test_calibrator_refuses() -> None:
    for bad in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="p-values"):
            p_to_e([bad])
    for kappa in (0.0, 1.0):
        with pytest.raises(ValueError, match="kappa"):
            p_to_e([0.5], kappa)


def test_average_and_product() -> None:
    assert average_e([]) == 1.0
    assert product_e([]) == 1.0
    assert average_e([4.0]) == 4.0
    assert product_e([4.0]) == pytest.approx(4.0)
    assert average_e([1.0, 3.0], weights=[3.0, 1.0]) == 1.5
    assert product_e([2.0, 0.0, 1e300]) == 0.0
    assert np.isfinite(product_e([1e300, 1e300]))
    with pytest.raises(ValueError, match="0 or more"):
        product_e([-1.0])
    with pytest.raises(ValueError, match="weights"):
        average_e([1.0], weights=[0.0])


def test_average_of_dependent_and_product_of_independent_have_mean_one() -> None:
    rng = np.random.default_rng(21)
    n = 200_000
    z = rng.normal(size=n)
    # The likelihood ratio of a shifted normal is an e-value; both below share or split their data.
    one, other = np.exp(0.5 * z - 0.125), np.exp(-0.5 * z - 0.125)
    independent = np.exp(0.5 * rng.normal(size=n) - 0.125)
    assert np.mean([average_e(pair) for pair in zip(one[:20_000], other[:20_000], strict=True)]) < 1.02
    assert np.mean(one * independent) < 1.02


def test_likelihood_ratio_has_mean_at_most_one_against_each_null() -> None:
    rng = np.random.default_rng(22)
    n, units = 20_000, 6
    means = []
    for true_mean in (-0.3, 0.3):
        x = rng.normal(true_mean, 1.0, size=(n, units))
        nulls = np.stack([stats.norm.logpdf(x, m) for m in (-0.3, 0.3)], axis=1)
        alternative = stats.norm.logpdf(x, 0.8)
        means.append(np.mean([likelihood_ratio_e(a, b) for a, b in zip(alternative, nulls, strict=True)]))
    assert max(means) <= 1.05


def test_likelihood_ratio_edges() -> None:
    assert likelihood_ratio_e([], []) == 1.0
    assert likelihood_ratio_e([-1.0], [-3.0]) == pytest.approx(np.exp(2.0))
    assert likelihood_ratio_e([-np.inf], [-3.0]) == 0.0
    assert np.isfinite(likelihood_ratio_e([5000.0], [-5000.0]))
    with pytest.raises(ValueError, match="shape"):
        likelihood_ratio_e([0.0, 1.0], [0.0])
    with pytest.raises(ValueError, match="floor"):
        likelihood_ratio_e([0.0], [-np.inf])


def test_e_bh_by_hand() -> None:
    found = e_bh([100.0, 39.0, 1.0, 0.0], 0.1)
    assert found.rejected.tolist() == [True, True, False, False]
    assert found.q_values == pytest.approx([0.04, 4 / (2 * 39), 1.0, 1.0])
    assert e_bh([100.0], 0.02, n_hypotheses=4).rejected.tolist() == [False]
    assert e_bh([], 0.1).q_values.size == 0
    assert e_bh([8.0], 0.2).q_values.tolist() == [0.125]
    with pytest.raises(ValueError, match="level"):
        e_bh([1.0], 0.0)
    with pytest.raises(ValueError, match="n_hypotheses"):
        e_bh([1.0, 2.0], 0.1, n_hypotheses=1)


@given(E_LISTS, st.floats(0.001, 0.5))
def test_q_value_is_the_smallest_level_that_rejects(e: list[float], level: float) -> None:
    found = e_bh(e, level)
    ranked = np.sort(e)[::-1]
    k = max((i for i in range(1, len(e) + 1) if ranked[i - 1] * i * level >= len(e) * (1 - 1e-9)), default=0)
    assert found.rejected.sum() >= k
    assert not found.rejected[np.asarray(e) < ranked[max(k, 1) - 1] * (1 - 1e-9)].any()
    order = np.argsort(e)
    assert (np.diff(found.q_values[order]) <= 1e-12).all()


def test_e_bh_holds_the_rate_under_harsh_dependence() -> None:
    rng = np.random.default_rng(23)
    level, trials, n = 0.2, 3_000, 20
    shares = []
    for _ in range(trials):
        # All sixteen nulls are one and the same bet, won with probability level / n and paying n / level.
        shared = n / level if rng.random() < level / n else 0.0
        e = np.full(n, shared)
        e[:4] = np.exp(3 * (rng.normal(size=4) + 3) - 4.5)
        rejected = e_bh(e, level).rejected
        shares.append(rejected[4:].sum() / max(rejected.sum(), 1))
    assert np.mean(shares) <= level / n + 4 * np.sqrt(level / n / trials)


def test_e_bh_holds_the_rate_and_finds_what_is_there() -> None:
    rng = np.random.default_rng(24)
    level, false_share, found = 0.1, [], []
    for _ in range(400):
        truth: NDArray[np.bool_] = np.arange(60) < 12
        z = rng.normal(size=60) + np.where(truth, 5.0, 0.0)
        rejected = e_bh(np.exp(3 * z - 4.5), level).rejected
        false_share.append((rejected & ~truth).sum() / max(rejected.sum(), 1))
        found.append(rejected[truth].mean())
    assert np.mean(false_share) <= level
    assert np.mean(found) > 0.9
