"""A suspect that is read along our texts: p-values where it learnt nothing, and where a tenth was marked."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from bench.ngram_students import Parrot, Student, Teacher, made_key, passages, write
from stillwatch.calibration import holm
from stillwatch.errors import InputError
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.proving.radioactivity.base import Passage, Probabilities, Tokens
from stillwatch.proving.radioactivity.laws import with_law
from stillwatch.proving.radioactivity.p_values import judged
from stillwatch.proving.radioactivity.reading import expected_scores, predicted_tokens
from stillwatch.proving.radioactivity.windows import windows_of
from tests.proving.radioactivity.conftest import World
from tests.proving.radioactivity.uniformity import never_too_small, uniform

SCHEMES = ["gumbel", "red_green"]  # the third takes longer: bench/radioactivity_nulls.py


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_suspect_that_repeats_what_it_reads_is_not_taken_for_a_student(scheme: str) -> None:
    teacher, rng, parrot = Teacher(14, 1.0, seed=3), np.random.default_rng(5), Parrot(14)
    naive, planned, stopped, expected = [], [], [], []
    for run in range(100):
        key = msgspec.structs.replace(made_key(run), scheme=scheme)
        texts = passages(write(teacher, 2, 90, rng, scheme_named(scheme), [key.secret] * 2))
        planned.append(predicted_tokens(parrot, texts, key, planned=60, seed=run).p_value)
        stopped.append(predicted_tokens(parrot, texts, key, sampled=True, seed=run).p_value)
        expected.append(expected_scores(parrot, texts, key).p_value)
        every = windows_of(texts, 2)
        said = np.concatenate([parrot.read(t.tokens, np.arange(2, 90)).argmax(axis=1) for t in texts])
        scores, law = with_law(scheme_named(scheme).scores(every.rows, said, key.secret))
        naive.append(judged(scores, law, number_depends_on_key=False).p_value)
    assert np.mean(np.asarray(naive) < 0.01) > 0.1
    assert uniform(planned)
    assert never_too_small(stopped)
    assert never_too_small(expected)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_students_of_unmarked_text_are_null(scheme: str) -> None:
    teacher, rng = Teacher(30, seed=4), np.random.default_rng(6)
    student = Student([write(teacher, 60, 60, rng)], 30)
    p: dict[str, list[Any]] = {name: [] for name in ("planned", "unmarked texts", "expected", "against the teacher")}
    for run in range(100):
        key = msgspec.structs.replace(made_key(run), scheme=scheme)
        texts = passages(write(teacher, 4, 60, rng, scheme_named(scheme), [key.secret] * 4))
        plain = passages(write(teacher, 4, 60, rng))
        p["planned"].append(predicted_tokens(student, texts, key, planned=100, seed=run).p_value)
        p["unmarked texts"].append(predicted_tokens(student, plain, key, marked=False, sampled=True, seed=run).p_value)
        p["expected"].append(expected_scores(student, texts, key, most_tokens=8).p_value)
        p["against the teacher"].append(expected_scores(student, texts, key, reference=teacher, most_tokens=8).p_value)
    assert uniform(p["planned"])
    assert uniform(p["unmarked texts"])
    assert never_too_small(p["expected"])
    assert never_too_small(p["against the teacher"])


def test_a_tenth_of_marked_text_is_seen_and_its_twin_is_not(world: World) -> None:
    decoys = [made_key(1000 + i).secret for i in range(19)]
    student = expected_scores(world.student, world.marked, world.key, reference=world.teacher, decoys=decoys)
    assert student.p_value is not None
    assert student.p_value < 1e-6
    assert student.numbers["decoy_rank_p"] == 0.05
    assert abs(student.numbers["decoy_mean"]) < 1
    alone = expected_scores(world.student, world.marked, world.key)
    assert student.p_value < (alone.p_value or 0) < 1e-3
    for reference in (None, world.teacher):
        twin = expected_scores(world.twin, world.marked, world.key, reference=reference)
        assert twin.p_value is not None
        assert twin.p_value > 0.01


def test_no_other_key_is_found(world: World) -> None:
    others = [msgspec.structs.replace(made_key(2000 + i), scheme=world.key.scheme) for i in range(20)]
    found = [expected_scores(world.student, world.marked, k, most_tokens=8).p_value for k in others]
    assert holm(np.asarray(found, dtype=float), 20).min() > 1e-2


def test_a_planned_number(world: World) -> None:
    stopped = predicted_tokens(world.student, world.marked, world.key)
    planned = predicted_tokens(world.student, world.marked, world.key, planned=stopped.n)
    assert (planned.n, planned.statistic) == (stopped.n, stopped.statistic)
    assert (planned.numbers["by"], planned.numbers["drawn_for_missing"]) == ("planned", 0)
    assert (stopped.numbers["by"], stopped.numbers["most_log_e"]) == ("stopped", -np.log(stopped.p_value or 1))


def test_the_same_seed_gives_the_same_evidence(world: World) -> None:
    first, again, other = (
        predicted_tokens(world.student, world.marked, world.key, sampled=True, planned=5000, seed=seed)
        for seed in (3, 3, 4)
    )
    assert first == again
    assert first.p_value != other.p_value
    assert msgspec.json.decode(msgspec.json.encode(first), type=type(first)) == first


def test_nothing_to_read_shows_nothing(world: World) -> None:
    for texts in ([], [Passage(np.array([1, 2]))], [Passage(np.arange(10), 10)]):
        assert predicted_tokens(world.student, texts, world.key).p_value == 1.0
        assert expected_scores(world.student, texts, world.key, reference=world.teacher).p_value == 1.0


def test_models_that_cannot_be_read(world: World) -> None:
    class Broken:
        def read(self, tokens: Tokens, positions: Tokens) -> Probabilities:
            return np.ones((1, 60))

    with pytest.raises(InputError, match="gave no probabilities at"):
        predicted_tokens(Broken(), world.marked, world.key)
    with pytest.raises(InputError, match="knows 61 tokens, but the suspect 60"):
        expected_scores(world.student, world.marked, world.key, reference=Parrot(61))
