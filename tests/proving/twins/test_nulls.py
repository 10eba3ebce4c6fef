"""P-values are uniform or larger where the suspect has seen none of the answers (``bench/twins_nulls.py``: 10,000)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bench.twins_nulls import KINDS, simulate

REPLICATES = 25  # of each kind: 250 for each statistic
Found = dict[str, dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def found() -> Found:
    return {name: simulate(kind, REPLICATES, 700 + i) for i, (name, kind) in enumerate(KINDS.items())}


@pytest.mark.slow
@pytest.mark.parametrize(
    "statistic",
    ["weighted", "best", "word n-grams alone", "by probability", "control (two-sided)", "sequential"],
)
def test_small_p_values_are_no_more_frequent_than_they_say(found: Found, statistic: str) -> None:
    p = np.concatenate([kind[statistic] for kind in found.values()])
    assert p.size == REPLICATES * len(KINDS)
    for level in (0.01, 0.05, 0.2):
        assert np.mean(p <= level) <= level + 3.5 * math.sqrt(level * (1 - level) / p.size)
    assert stats.kstest(p, "uniform", alternative="greater").pvalue > 1e-3  # nowhere too many


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_of_null_stands_out(found: Found, kind: str) -> None:
    for p in found[kind].values():
        assert np.mean(p <= 0.1) <= 0.1 + 4 * math.sqrt(0.09 / REPLICATES)
