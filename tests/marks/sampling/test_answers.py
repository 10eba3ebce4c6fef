"""Which tokens of an answer are marked, and which pairs a test counts."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.marks.sampling.answers import UsedContexts, distinct_pairs


def marked_positions(answer: list[int], width: int) -> list[int]:
    used = UsedContexts(width)
    return [place for place in range(len(answer)) if used.next(answer[:place]) is not None]


def test_a_context_is_used_once_and_never_reaches_into_the_prompt() -> None:
    assert marked_positions([1, 2, 3, 1, 2, 4, 1, 2, 3], 2) == [2, 3, 4, 6, 7]
    assert marked_positions([1, 1, 1, 1], 1) == [1]
    assert marked_positions([1], 2) == []


def test_tokens_that_came_several_at_once_are_read_too() -> None:
    used = UsedContexts(1)
    assert used.next([5, 6]) == (6,)
    assert used.next([5, 6, 7, 5]) is None


def test_a_pair_counts_once_over_all_answers() -> None:
    pairs = distinct_pairs([[1, 2, 3, 1, 2, 3], [1, 2, 3], [1, 2, 4], [9], []], 2)
    assert np.column_stack([pairs.contexts, pairs.tokens]).tolist() == [[1, 2, 3], [1, 2, 4], [2, 3, 1], [3, 1, 2]]
    assert pairs.n_seen == 6


def test_a_token_after_a_context_met_before_counts_only_when_asked_for() -> None:
    answer = [1, 2, 3, 1, 2, 4]
    assert 4 not in distinct_pairs([answer], 2).tokens
    assert 4 in distinct_pairs([answer], 2, first_only=False).tokens


def test_the_rule_at_generation_is_the_rule_at_detection() -> None:
    answer = np.random.default_rng(0).integers(0, 4, 200).tolist()
    marked = {tuple(answer[place - 2 : place + 1]) for place in marked_positions(answer, 2)}
    pairs = distinct_pairs([answer], 2)
    assert {(*map(int, context), int(token)) for context, token in zip(*pairs[:2], strict=True)} == marked


def test_no_answer_gives_no_pair_and_a_table_is_refused() -> None:
    assert distinct_pairs([], 2).contexts.shape == (0, 2)
    with pytest.raises(ValueError, match="list of token ids"):
        distinct_pairs([[[1, 2], [3, 4]]], 1)
