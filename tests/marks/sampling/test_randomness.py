"""The coins of sampling marks: uniform, independent, and the same whoever computes them.

Seeds are fixed, so that nothing here fails by chance; p-values are asked to be above 0.001 after Bonferroni.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from stillwatch.marks.sampling.randomness import seeds, uniforms, values

SECRET = bytes(range(32))
VOCABULARY = np.arange(150_000)


def grid(n_contexts: int, n_tokens: int, secret: bytes = SECRET) -> npt.NDArray[np.int64]:
    """(contexts, tokens) words; contexts are neighbours of each other."""
    contexts = np.stack([np.arange(n_contexts) // 50, np.arange(n_contexts) % 50], axis=1)
    return np.asarray(values(seeds(secret, contexts)[:, None], np.arange(n_tokens)))


def chi_square(counts: npt.NDArray[np.int64]) -> float:
    return float(stats.chisquare(counts.ravel()).pvalue)


def pair_counts(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    cells = (first * 32).astype(int) * 32 + (second * 32).astype(int)
    return np.bincount(cells.ravel(), minlength=1024)


def test_splitmix64_is_the_published_one() -> None:
    """Against its definition, in whole numbers: the state grows by the golden ratio, each state is finalised."""
    mask, state = (1 << 64) - 1, 1234567
    expected = []
    for _ in range(5):
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        expected.append(z ^ (z >> 31))
    assert expected[0] == 6457827717110365317  # as other implementations print it for this seed
    assert values(np.array([1234567]), np.arange(5)).view(np.uint64).tolist() == expected


def test_a_seed_is_a_keyed_hash_of_the_context() -> None:
    contexts = np.array([[5, 7], [7, 5]])
    for row, seed in zip(contexts, seeds(SECRET, contexts), strict=True):
        digest = hashlib.blake2b(
            row.astype("<i8").tobytes(), key=SECRET, digest_size=8, person=b"stillwatch-mark"
        ).digest()
        assert seed == int.from_bytes(digest, "little", signed=True)
    assert len(set(seeds(SECRET, contexts)) | set(seeds(b"another secret.." * 2, contexts))) == 4
    assert seeds(SECRET, np.empty((0, 2), np.int64)).shape == (0,)


@pytest.mark.parametrize("secret", [b"", b"too short", bytes(65)])
def test_a_secret_that_is_none_is_refused(secret: bytes) -> None:
    with pytest.raises(ValueError, match="16 to 64 bytes"):
        seeds(secret, np.array([[1, 2]]))


def test_uniforms_lie_strictly_between_0_and_1() -> None:
    extreme = uniforms(np.array([0, -1, np.iinfo(np.int64).max, np.iinfo(np.int64).min]), np)
    assert extreme.tolist() == [2.0**-53, 1 - 2.0**-53, 0.5 - 2.0**-53, 0.5 + 2.0**-53]


@pytest.mark.parametrize("context", [(0, 0), (1, 2), (149_999, 149_999)])
def test_uniform_over_the_vocabulary(context: tuple[int, int]) -> None:
    u = uniforms(values(seeds(SECRET, np.array([context])), VOCABULARY), np)
    assert stats.kstest(u, "uniform").pvalue > 0.001
    assert chi_square(np.bincount((u * 1000).astype(int), minlength=1000)) > 0.001


def test_uniform_over_contexts_and_over_secrets_for_one_token() -> None:
    over_contexts = uniforms(grid(50_000, 1), np).ravel()
    secrets = [hashlib.sha256(str(n).encode()).digest() for n in range(50_000)]
    over_secrets = uniforms(
        np.array([values(seeds(secret, np.array([[3, 4]])), np.array([17]))[0] for secret in secrets]), np
    )
    for u in (over_contexts, over_secrets):
        assert stats.kstest(u, "uniform").pvalue > 0.001
        assert chi_square(np.bincount((u * 256).astype(int), minlength=256)) > 0.001


def test_neighbours_are_independent() -> None:
    """Of tokens and of contexts that differ in one token by one, and of one context under two secrets."""
    u = uniforms(grid(400, 2000), np)
    other = uniforms(grid(400, 2000, b"another secret.." * 2), np)
    for first, second in [
        (u[:, :-1], u[:, 1:]),
        (u[:, :-50], u[:, 50:]),
        (u[:-1], u[1:]),
        (u[:-50], u[50:]),
        (u, other),
    ]:
        assert chi_square(pair_counts(first, second)) > 0.001 / 5


def test_every_bit_is_fair_and_no_two_go_together() -> None:
    """Tournament layers are bits of one word: all 2,016 pairs, over 800,000 words."""
    words = grid(400, 2000).ravel()
    bits = np.stack([(words >> layer) & 1 for layer in range(64)]).astype(np.float64) * 2 - 1
    n = words.size
    worst_bit = np.abs(bits.mean(axis=1)).max() * np.sqrt(n)
    correlation = (bits @ bits.T / n)[np.triu_indices(64, 1)]
    assert 2 * stats.norm.sf(worst_bit) * 64 > 0.001
    assert 2 * stats.norm.sf(np.abs(correlation).max() * np.sqrt(n)) * correlation.size > 0.001
    assert stats.kstest(correlation * np.sqrt(n), "norm").pvalue > 0.001


def test_one_changed_bit_of_a_token_id_changes_half_of_the_bits() -> None:
    tokens = np.arange(20_000)
    before = values(seeds(SECRET, np.array([[1, 2]])), tokens)
    for flipped in (1, 1 << 7, 1 << 16):
        changed = np.bitwise_count(
            (before ^ values(seeds(SECRET, np.array([[1, 2]])), tokens ^ flipped)).view(np.uint64)
        )
        expected = stats.binom.pmf(np.arange(20, 45), 64, 0.5)
        observed = np.array([np.sum(changed == k) for k in range(20, 45)])
        assert stats.chisquare(observed, expected / expected.sum() * observed.sum()).pvalue > 0.001 / 3
