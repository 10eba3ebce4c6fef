"""A model that is unrelated to the candidates is called at the stated rate and no oftener; a student is found."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stillwatch.proving.style import nearest_teacher
from stillwatch.proving.style.deciding import decide
from stillwatch.proving.style.likeness import likeness
from tests.proving.style.writers import PROMPTS, Writer, answers_of, compared, reference_of, world


def test_unrelated_models_are_called_at_the_stated_rate() -> None:
    """Who is a control and who the suspect is shuffled 300 times among writers who share nothing."""
    candidates, unrelated = world(30)
    found = compared([*candidates, *unrelated], candidates)
    rng, ps, called = np.random.default_rng(1), [], 0
    for _ in range(300):
        drawn = [unrelated[i] for i in rng.permutation(len(unrelated))[:10]]
        verdict = decide(found, reference_of(candidates, drawn[:9]), drawn[9].name, resamples=3)
        ps.append(verdict.conformal_p)
        called += verdict.nearest is not None
    for level in (0.1, 0.2, 0.5):
        assert np.mean(np.array(ps) <= level) <= level + 3 * math.sqrt(level * (1 - level) / 300)
    assert np.mean(np.array(ps) <= 0.5) >= 0.5 - 3 * math.sqrt(0.25 / 300), "valid, but so wide that nothing is seen"
    assert called <= 300 * 0.2 + 3 * math.sqrt(300 * 0.16)


def test_of_controls_judged_in_turn_no_more_are_called_than_the_level_says() -> None:
    candidates, unrelated = world(11, seed=5)
    found = compared([*candidates, *unrelated], candidates)
    ps = []
    for one in unrelated:
        others = [writer for writer in unrelated if writer is not one]
        ps.append(decide(found, reference_of(candidates, others), one.name, resamples=1).conformal_p)
    assert sorted(ps) == pytest.approx([k / 11 for k in range(1, 12)])


@pytest.mark.parametrize("teacher", [0, 1, 2])
def test_a_student_of_a_third_of_the_answers_is_found(teacher: int) -> None:
    candidates, unrelated = world(9)
    student = Writer("student", candidates[teacher], copied=0.35, size=10)
    verdict = nearest_teacher(
        answers_of([*candidates, *unrelated, student]), reference_of(candidates, unrelated), "student", resamples=50
    )
    assert verdict.nearest == verdict.leads == f"teacher{teacher}"
    assert verdict.conformal_p == pytest.approx(0.1)
    assert verdict.stability > 0.9
    assert verdict.prompts == len(PROMPTS)
    assert max(verdict.excess, key=lambda family: verdict.excess[family]) == f"teacher{teacher}"


def test_two_teachers_alike_do_not_share_the_suspect() -> None:
    """A candidate that itself copied the teacher is like the student too, but explains nothing beyond the teacher."""
    candidates, unrelated = world(9)
    likewise = Writer("likewise", candidates[0], copied=0.5)
    student = Writer("student", candidates[0], copied=0.4)
    everybody = [*candidates, likewise, *unrelated, student]
    verdict = nearest_teacher(
        answers_of(everybody), reference_of([*candidates, likewise], unrelated), "student", resamples=50
    )
    assert verdict.nearest == "teacher0"
    assert verdict.excess["likewise"] < verdict.excess["teacher0"] / 3


def test_length_alone_makes_no_likeness() -> None:
    """Of writers that share nothing, those of one length are raw more alike than others; afterwards they are not."""
    short = [Writer(f"short{i}", size=5) for i in range(5)]
    long = [Writer(f"long{i}", size=30) for i in range(5)]
    found = compared([*short, *long], [short[0], long[0]])
    same = np.array([(i < 5) == (j < 5) for i, j in zip(*np.triu_indices(10, 1), strict=True)])
    raw = found.values.mean(axis=(0, 1))[np.triu_indices(10, 1)]
    left = likeness(found).pairs.mean(axis=0)
    assert abs(raw[same].mean() - raw[~same].mean()) > 5 * abs(left[same].mean() - left[~same].mean())


def test_the_order_of_models_and_prompts_does_not_matter() -> None:
    candidates, unrelated = world(6)
    student = Writer("student", candidates[1], copied=0.4)
    everybody = [*candidates, *unrelated, student]
    straight = nearest_teacher(answers_of(everybody), reference_of(candidates, unrelated), "student")
    turned = nearest_teacher(answers_of(everybody[::-1]), reference_of(candidates[::-1], unrelated[::-1]), "student")
    assert turned.nearest == straight.nearest
    assert turned.conformal_p == straight.conformal_p
    assert dict(turned.excess) == pytest.approx(dict(straight.excess))
