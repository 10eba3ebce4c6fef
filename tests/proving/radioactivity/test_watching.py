"""Stopping when it is decided, at any moment, does not make p-values smaller than they may be."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from bench.ngram_students import Student, Teacher, made_key, passages, write
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.proving.radioactivity.base import Passage
from stillwatch.proving.radioactivity.watching import AnswersWatched
from tests.proving.radioactivity.uniformity import never_too_small


@pytest.mark.parametrize("scheme", ["gumbel", "tournament", "red_green"])
def test_the_least_p_value_of_all_moments_is_valid(scheme: str) -> None:
    rng, least = np.random.default_rng(4), []
    student = Student([write(Teacher(40), 60, 60, rng)], 40)
    for run in range(120):
        watched = AnswersWatched(msgspec.structs.replace(made_key(run), scheme=scheme))
        least.append(min(watched.add(answer) for answer in passages(student.answers(25, 30, rng))))
    assert never_too_small(least)


def test_marked_answers_are_soon_decided_and_stay_so() -> None:
    rng, key = np.random.default_rng(5), made_key(1)
    watched = AnswersWatched(key)
    texts = write(Teacher(40), 40, 40, rng, scheme_named("gumbel"), [key.secret] * 40)
    steps = [watched.add(answer) for answer in passages(texts)]
    assert watched.evidence().p_value == steps[-1] < 1e-9
    assert steps == sorted(steps, reverse=True)
    assert watched.evidence().n < 40 * 38
    assert watched.evidence().tested_on == "tokens of 40 answers, as they came"


def test_a_pair_counts_once_and_nothing_that_was_given() -> None:
    watched = AnswersWatched(made_key(1))
    assert watched.p_value == watched.evidence().p_value == 1.0
    watched.add(Passage(np.array([1, 2, 3, 1, 2, 3, 4])))
    assert watched.evidence().n == 4
    watched.add(Passage(np.array([1, 2, 3, 1, 2, 3, 4])))
    assert watched.evidence().n == 4
    watched.add(Passage(np.array([5, 6, 7, 0, 5, 6, 8]), 3))
    assert watched.evidence().n == 4 + 1  # after 0 5; after 5 6 was asked
