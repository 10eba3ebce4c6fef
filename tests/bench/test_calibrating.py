"""What a membership is worth is measured: a fit finds the truth that it was drawn from."""

from __future__ import annotations

import numpy as np

from bench.calibrating import fit_certainty


def drawn(weights: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    described = rng.normal(1.0, 1.5, (size, 2))
    odds = described @ weights[:2] + weights[2]
    return described, rng.random(size) < 1 / (1 + np.exp(-odds))


def test_the_fit_finds_what_the_labels_were_drawn_from() -> None:
    np.testing.assert_allclose(fit_certainty(*drawn(np.array([1.2, 0.4, 0.5]), 20_000)), [1.2, 0.4, 0.5], atol=0.12)


def test_more_evidence_never_lowers_a_probability() -> None:
    weights = fit_certainty(*drawn(np.array([1.0, -0.8, 0.0]), 5_000))
    assert weights[1] == 0


def test_all_guilty_is_no_certainty() -> None:
    """Worlds without an innocent in any group must not promise that there is never one."""
    described = np.random.default_rng(1).normal(1, 1, (500, 2))
    weights = fit_certainty(described, np.ones(500, dtype=bool))
    posterior = 1 / (1 + np.exp(-(described @ weights[:2] + weights[2])))
    assert posterior.max() < 1.0
