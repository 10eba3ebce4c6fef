"""Text against keys: the right one is found, others are not, and p-values under the null are as they should be."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling import SCHEMES
from stillwatch.marks.sampling.answers import marked_answer
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.proving.radioactivity.text import evidence_of_text, text_test, text_tests

VOCABULARY = 200


def key(scheme: str, number: int) -> MarkKey:
    secret = hashlib.sha256(f"{scheme} {number}".encode()).digest()
    return MarkKey(id=f"key-{number}", secret=secret, scheme=scheme, scope="campaign", about="c1", epoch=0)


def model(answer: Sequence[int]) -> npt.NDArray[np.float64]:
    """A bigram model with Zipf's frequencies, a fifth of its tokens almost certain: text with repeats, as real text."""
    last = answer[-1] if answer else 0
    weights = 1 / np.arange(1, VOCABULARY + 1) ** (4.0 if last % 5 == 0 else 1.2)
    return np.roll(weights / weights.sum(), 37 * last % VOCABULARY)


def answers(n: int, length: int, scheme: str, secret: bytes | None, seed: int) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [marked_answer(model, length, scheme_named(scheme), secret, rng) for _ in range(n)]


@pytest.fixture(params=SCHEMES.names(), scope="module")
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_right_key_among_a_hundred_is_found_and_no_other(scheme: str) -> None:
    keys = [key(scheme, number) for number in range(100)]
    tests = text_tests(answers(10, 80, scheme, keys[40].secret, 1), keys)
    assert tests[40].adjusted < 1e-6
    assert min(test.adjusted for test in tests if test.key_id != "key-40") > 0.001
    assert tests[40].mean > tests[40].null_mean


def test_p_values_are_uniform_or_larger_for_text_of_nobody(scheme: str) -> None:
    """Text that repeats itself, against 400 keys: the coins are the keys'. 10,000 in the bench."""
    text = answers(5, 100, scheme, None, 2)
    text += [text[0]] * 20  # copied, as boilerplate is: without counting pairs once, every tenth p-value would be tiny
    p = np.array([test.p_value for test in text_tests(text, [key(scheme, number) for number in range(400)])])
    for level in (0.01, 0.05, 0.2, 0.5):
        assert np.mean(p <= level) <= level + 3 * np.sqrt(level * (1 - level) / 400)
    if scheme == "gumbel":
        assert stats.kstest(p, "uniform").pvalue > 0.001


def test_keys_of_several_schemes_and_contexts_go_together() -> None:
    wide = key("gumbel:context=4", 1)
    text = answers(6, 60, wide.scheme, wide.secret, 3)
    tests = text_tests(text, [key("tournament", 1), wide, key("red_green:gamma=0.5", 1)])
    assert [test.adjusted < 1e-4 for test in tests] == [False, True, False]


def test_more_keys_planned_than_tried_cost_their_share() -> None:
    one = key("gumbel", 1)
    text = answers(2, 40, "gumbel", one.secret, 4)
    alone, planned = text_test(text, one), text_tests(text, [one], planned=1000)[0]
    assert alone.adjusted == alone.p_value == planned.p_value
    assert planned.adjusted == pytest.approx(min(1.0, 1000 * alone.p_value))


def test_a_p_value_beyond_any_float_keeps_its_logarithm(scheme: str) -> None:
    one = key(scheme, 1)
    test = text_test(answers(60, 150, scheme, one.secret, 5), one)
    assert test.p_value > 0
    assert test.log10_p < -100


def test_nothing_to_go_by_gives_one(scheme: str) -> None:
    for text in ([], [[]], [[1, 2]]):
        test = text_test(text, key(scheme, 1))
        assert (test.p_value, test.n) == (1.0, 0)


def test_the_evidence_says_what_it_rests_on() -> None:
    one = key("gumbel", 1)
    test = text_tests(answers(2, 40, "gumbel", one.secret, 6), [one], planned=50)[0]
    evidence = evidence_of_text(test, one, "answers.jsonl", 50)
    assert evidence.tier == "marks"
    assert evidence.p_value == test.adjusted
    assert "50 keys" in evidence.test
    assert evidence.numbers["total"] == test.total
    assert one.secret.hex() not in repr(evidence)
