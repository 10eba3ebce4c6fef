"""Many keys: the one that was used is found, and the chance that any is found wrongly is as told."""

from __future__ import annotations

import numpy as np
import pytest

from bench.ngram_students import Student, Teacher, made_key, passages, write
from stillwatch.proving.radioactivity.answers import answer_tokens
from stillwatch.proving.radioactivity.keys import among_keys
from stillwatch.proving.radioactivity.reading import expected_scores
from tests.proving.radioactivity.conftest import World


def test_the_key_that_was_used_and_no_other(world: World) -> None:
    keys = [world.key, *(made_key(i, f"campaign {i}") for i in range(300, 312))]
    tested = [(key, expected_scores(world.student, world.marked, key, most_tokens=16)) for key in keys[:8]]
    told = among_keys(tested, committed=len(keys))
    alone = tested[0][1].p_value
    assert alone is not None
    assert told.numbers["found"] == [world.key.id]
    assert told.p_value == pytest.approx(len(keys) * alone)
    assert told.numbers["keys"][0][0] == world.key.id
    assert sorted(row[0] for row in told.numbers["keys"]) == sorted(key.id for key in keys[:8])
    assert world.key.id in told.claim
    assert "found is no other" in told.caveats[0]


def test_wrongly_found_no_more_often_than_told() -> None:
    rng, wrong = np.random.default_rng(2), 0
    student = Student([write(Teacher(40), 60, 60, rng)], 40)
    for run in range(200):
        answers = passages(student.answers(8, 40, rng))
        keys = [made_key(1000 * run + i) for i in range(6)]
        wrong += bool(among_keys([(k, answer_tokens(answers, k)) for k in keys], 6, level=0.1).numbers["found"])
    assert wrong / 200 <= 0.1 + 3.5 * np.sqrt(0.09 / 200)
    assert wrong > 0


def test_what_cannot_be_compared() -> None:
    key, answers = made_key(1), passages(np.random.default_rng(3).integers(0, 9, (3, 20)))
    evidence = answer_tokens(answers, key)
    for found in ([], [(key, evidence), (made_key(2), answer_tokens(answers, made_key(2), learnt=answers))]):
        with pytest.raises(ValueError, match="p-values of one test"):
            among_keys(found, 5)
    with pytest.raises(ValueError, match="twice"):
        among_keys([(key, evidence), (key, evidence)], 5)
    with pytest.raises(ValueError, match="number is 0"):
        among_keys([(key, evidence)], 0)
