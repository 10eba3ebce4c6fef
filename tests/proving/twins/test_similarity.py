"""Measures of nearness: a copy is nearest, nobody knows which was taken, and no text breaks them."""

from __future__ import annotations

import difflib
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.proving.twins.similarity import MEASURES
from stillwatch.proving.twins.texts import LONGEST, Comparison, compared, without_final_answer, words_of

NAMES = MEASURES.names()
WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "7", "12", "pears"]), max_size=9).map(" ".join)
HOSTILE = [
    *("", " \n\t ", "\x00\ud800\ud83d", "<script>" * 3, "\u202eمرحبا", "我把苹果分给三个人"),
    *("𝟙𝟚", "....", "a" * 200_000),
]
OTHERS = tuple(f"quite another text about number {i} and nothing else besides" for i in range(30))


def nearness(name: str, answers: list[str], candidates: list[str]) -> np.ndarray:
    pairs = np.array([(a, c) for a in range(len(answers)) for c in range(len(candidates))])
    return MEASURES.get(name).nearness(compared(answers, candidates, pairs)).reshape(len(answers), -1)


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_is_nearer_than_a_relative_and_that_than_a_stranger(name: str) -> None:
    taken = "Ina has 12 crates of kumquats.\nShe sells 5 of them at dawn.\nThen 7 crates are left.\n#### 7"
    relative = "Ina has 12 crates. After selling kumquats at dawn, she keeps 7 of the crates, so 5 went.\n#### 7"
    copy, kin, stranger = nearness(name, [taken], [taken, relative, *OTHERS])[0][:3]
    assert copy > kin >= stranger
    assert kin > stranger or name == "longest_run"


@pytest.mark.parametrize("name", NAMES)
def test_it_does_not_know_which_candidate_was_taken(name: str) -> None:
    rng = np.random.default_rng(5)
    words = [f"word{i}" for i in range(900)]
    candidates = [" ".join(rng.choice(words, 30)) for _ in range(60)]
    answers = [" ".join(text.split()[5:15]) + " and so on" for text in candidates[:10]]
    order = rng.permutation(len(candidates))
    straight = nearness(name, answers, candidates)
    turned = nearness(name, answers, [candidates[i] for i in order])
    assert np.allclose(straight[:, order], turned, atol=1e-12)
    assert np.any(straight > 0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_any_text_gives_a_finite_number(name: str, hostile: str) -> None:
    near = nearness(name, [hostile, "two plain words"], [hostile, "two other words", ""])
    assert np.isfinite(near).all()
    assert near.min() >= 0
    assert near[:, 2].tolist() == [0, 0]


@pytest.mark.parametrize("name", NAMES)
def test_no_pairs_give_no_numbers(name: str) -> None:
    nothing = np.zeros((0, 2), dtype=np.int64)
    assert MEASURES.get(name).nearness(compared([], [], nothing)).shape == (0,)


@given(WORDS, WORDS)
@settings(max_examples=80)
def test_the_longest_run_is_the_longest(one: str, other: str) -> None:
    a, b = one.split(), other.split()
    longest = difflib.SequenceMatcher(None, a, b, autojunk=False).find_longest_match().size
    assert nearness("longest_run", [one], [other])[0, 0] == pytest.approx(np.log1p(longest))


@given(WORDS, WORDS)
@settings(max_examples=80)
def test_edits_count_what_the_table_of_wagner_and_fischer_counts(one: str, other: str) -> None:
    a, b = one.split(), other.split()
    table = np.zeros((len(a) + 1, len(b) + 1), dtype=int)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1, j + 1] = table[i, j] + 1 if x == y else max(table[i, j + 1], table[i + 1, j])
    share = 2 * table[-1, -1] / max(len(a) + len(b), 1)
    assert nearness("edits", [one], [other])[0, 0] == pytest.approx(share if a and b else 0)


@given(st.permutations(range(6)))
def test_order_of_steps_is_the_longest_common_order(order: list[int]) -> None:
    rises = max(k for k in range(7) for chosen in combinations(order, k) if list(chosen) == sorted(chosen))
    text = " then ".join(str(i) for i in range(6))
    turned = " so ".join(str(i) for i in order)
    assert nearness("order_of_steps", [text], [turned])[0, 0] == pytest.approx(rises / 6)


def test_a_run_that_all_share_is_worth_less_than_a_rare_one() -> None:
    common = "let us think step by step about"
    candidates = [f"{common} number {i}" for i in range(40)]
    candidates += ["a kumquat rolled off the old cart in 1908", f"{common} the cart"]
    near = nearness("word_ngrams", [f"{common} why a kumquat rolled off the old cart"], candidates)[0]
    assert near[40] > 2 * near[41] > 0


def test_the_final_answer_is_left_out() -> None:
    assert without_final_answer("He adds. He halves.\n#### 42").rstrip() == "He adds. He halves."
    assert without_final_answer("42") == "42"
    same_end = nearness("edits", ["Take three. The answer is 42."], ["Give nine. The answer is 42."])[0, 0]
    assert same_end == pytest.approx(2 / 6)  # the full stops


def test_texts_are_read_alike_whatever_their_script_and_cut_at_a_length() -> None:
    assert words_of("Ｔｗｏ apples, 2½!") == ["two", "apples", ",", "21", "⁄", "2", "!"]
    assert words_of("我有三个") == ["我", "有", "三", "个"]
    assert len(words_of("x " * 10_000)) == LONGEST
    comparison: Comparison = compared(["b"], ["a", "a b"], np.array([[0, 0]]))
    assert comparison.rarity[comparison.vocabulary.index("b")] > comparison.rarity[comparison.vocabulary.index("a")]
