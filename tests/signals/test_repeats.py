"""What is asked again is found wherever the codebooks happen to cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.signals.wording.repeats import ALIKE, find_repeats


def vectors(rng: np.random.Generator, groups: list[int]) -> np.ndarray:
    """Unit vectors: alike within a group (cosine above `ALIKE`), far between groups."""
    centre = np.eye(max(groups, default=0) + 1, 64)[groups]
    near = centre + rng.normal(0, 0.01, centre.shape)
    return (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(
    groups=st.lists(st.integers(0, 5), max_size=25),
    cuts=st.lists(st.integers(0, 2**25), min_size=1, max_size=3),
    seed=st.integers(0, 99),
)
def test_texts_that_share_a_cell_of_any_codebook_are_compared(groups: list[int], cuts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    texts = [f"request {'abcdefghij'[i % 10]}{'abc'[i // 10]}" for i in range(len(groups))]
    one = np.zeros(len(groups), dtype=np.int64)
    cells = [rng.integers(0, 4, len(groups)) for _ in cuts]
    whole = find_repeats(texts, vectors(np.random.default_rng(1), groups), [*cells, one])
    expected = np.equal.outer(groups, groups)
    np.testing.assert_array_equal(np.equal.outer(whole, whole), expected)
    fewer = find_repeats(texts, vectors(np.random.default_rng(1), groups), cells)
    assert not (np.equal.outer(fewer, fewer) & ~expected).any()  # another cut finds fewer, never others


def test_a_pair_that_one_codebook_cuts_apart_is_found_by_the_other() -> None:
    pair = vectors(np.random.default_rng(1), [0, 0])
    assert float(pair[0] @ pair[1]) > ALIKE
    texts, apart, together = ["one wording", "another wording"], np.array([0, 1]), np.array([3, 3])
    assert len(set(find_repeats(texts, pair, [apart]))) == 2
    assert len(set(find_repeats(texts, pair, [apart, together]))) == 1


@pytest.mark.parametrize(("number", "expected"), [(0, []), (1, [0])])
def test_none_and_one(number: int, expected: list[int]) -> None:
    cell = np.zeros(number, dtype=np.int64)
    assert find_repeats(["x"] * number, vectors(np.random.default_rng(1), [0] * number), [cell]).tolist() == expected
