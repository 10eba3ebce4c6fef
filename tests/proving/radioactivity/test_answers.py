"""Only answers are known: p-values of answers that repeat themselves, and of a student's."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from bench.ngram_students import Student, Teacher, made_key, passages, templated, write
from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.proving.radioactivity.answers import answer_tokens, in_order_of, own_pairs
from stillwatch.proving.radioactivity.base import Passage
from stillwatch.proving.radioactivity.counts import answer_counts
from stillwatch.proving.radioactivity.laws import with_law
from stillwatch.proving.radioactivity.p_values import judged
from stillwatch.proving.radioactivity.windows import windows_of
from tests.proving.radioactivity.conftest import World
from tests.proving.radioactivity.uniformity import never_too_small, uniform

SCHEMES = ["gumbel", "tournament", "red_green"]


def naive_p(answers: list[Passage], key: MarkKey) -> float:
    """Every token counted, whatever was counted before."""
    windows = windows_of(answers, 2)
    scores, law = with_law(scheme_named(key.scheme).scores(windows.rows, windows.next, key.secret))
    return judged(scores, law, number_depends_on_key=False).p_value


@pytest.mark.parametrize("scheme", SCHEMES)
def test_answers_that_repeat_themselves(scheme: str) -> None:
    teacher, rng = Teacher(40, seed=8), np.random.default_rng(9)
    student = Student([write(teacher, 60, 60, rng)], 40)
    p: dict[str, list[Any]] = {name: [] for name in ("naive", "tokens", "filtered", "planned", "counts", "both")}
    for run in range(150):
        key = msgspec.structs.replace(made_key(run), scheme=scheme)
        answers = passages(templated(student, 20, rng))
        learnt = passages(write(teacher, 6, 60, rng, scheme_named(scheme), [key.secret] * 6))
        p["naive"].append(naive_p(answers, key))
        p["tokens"].append(answer_tokens(answers, key).p_value)
        p["filtered"].append(answer_tokens(answers, key, learnt=learnt).p_value)
        p["planned"].append(answer_tokens(answers, key, learnt=learnt, planned=100, seed=run).p_value)
        p["counts"].append(answer_counts(answers, key).p_value)
        p["both"].append(answer_counts(answers, key, learnt=learnt, reference=teacher).p_value)
    assert np.mean(np.asarray(p["naive"]) < 0.01) > 0.1
    assert uniform(p["tokens"])
    assert uniform(p["planned"])
    for name in ("filtered", "counts", "both"):
        assert never_too_small(p[name]), name


def test_a_student_is_found_by_its_answers_and_its_twin_is_not(world: World) -> None:
    rng = np.random.default_rng(12)
    found = {}
    for name, model in (("student", world.student), ("twin", world.twin)):
        answers = passages(model.answers(1200, 60, rng))
        found[name, "tokens"] = answer_tokens(answers, world.key, learnt=world.marked)
        found[name, "counts"] = answer_counts(answers, world.key, learnt=world.marked)
        found[name, "reference"] = answer_counts(answers, world.key, learnt=world.marked, reference=world.teacher)
    p = {key: evidence.p_value or 0.0 for key, evidence in found.items()}
    assert p["student", "reference"] < 1e-6
    assert p["student", "counts"] < 1e-2
    assert p["student", "reference"] < p["student", "counts"]
    assert min(p["twin", name] for name in ("tokens", "counts", "reference")) > 0.01
    told = found["student", "tokens"].numbers
    assert told["outside"] > 0
    assert abs(told["outside_mean"] / told["mean_under_null"] - 1) < 0.05
    assert found["student", "tokens"].chosen_on == "windows that occur in 40 marked texts"


def test_what_was_asked_is_not_counted() -> None:
    """A suspect that only repeats the marked text it was asked about."""
    teacher, rng = Teacher(40, seed=8), np.random.default_rng(13)
    p, otherwise = [], []
    for run in range(60):
        key = made_key(run)
        marked = write(teacher, 5, 60, rng, scheme_named("gumbel"), [key.secret] * 5)
        fresh = write(teacher, 5, 60, rng)
        asked = passages(np.concatenate([marked, marked, fresh], axis=1), start=60)
        p.append(answer_tokens(asked, key).p_value)
        without = passages(np.concatenate([marked, fresh], axis=1))
        otherwise.append(answer_tokens(without, key).p_value or 0.0)
    assert max(otherwise) < 1e-3
    assert uniform(p)


def test_pairs_count_once_and_in_order() -> None:
    text = np.array([7, 8, 1, 2, 3, 1, 2, 3, 1, 2, 4])
    pairs = own_pairs([Passage(text, 2), Passage(np.array([2, 3, 1]))], 2)
    assert pairs.contexts.tolist() == [[1, 2], [1, 2], [2, 3], [3, 1]]
    assert pairs.tokens.tolist() == [3, 4, 1, 2]
    asked = own_pairs([Passage(text, 2), Passage(np.array([1, 2, 9, 5]), 3)], 2)
    assert asked.contexts.tolist() == [[2, 3], [3, 1]]
    order, other = in_order_of([Passage(np.array([0, 2, 3, 1, 0]))], pairs.contexts, 2)
    assert (order.tolist(), other.tolist()) == ([2, 3], [0, 1])


def test_counts_against_the_reference_are_those_of_its_probabilities() -> None:
    """A reference that would have said exactly what was said leaves nothing to weigh."""

    class Same:
        def read(self, tokens: NDArray[np.int64], positions: NDArray[np.int64]) -> NDArray[np.float64]:
            return np.eye(10)[tokens[positions]]

    answers = passages(np.random.default_rng(1).integers(0, 10, (30, 40)))
    told = answer_counts(answers, made_key(1), reference=Same())
    assert (told.statistic, told.p_value) == (0.0, 1.0)
    assert answer_counts(answers, made_key(1)).statistic != 0.0


def test_no_answers_show_nothing() -> None:
    for answers in ([], [Passage(np.array([1, 2]))], [Passage(np.arange(9), 9)]):
        assert answer_tokens(answers, made_key(1)).p_value == 1.0
        assert answer_tokens(answers, made_key(1), learnt=answers).p_value == 1.0
        assert answer_counts(answers, made_key(1)).p_value == 1.0
        assert answer_counts(answers, made_key(1), learnt=answers, reference=Teacher(10)).p_value == 1.0
