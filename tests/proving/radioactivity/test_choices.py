"""What the key would choose: p-values of suspects that learnt nothing, a tenth of marked text, and other keys."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from bench.ngram_students import Parrot, Student, Teacher, made_key, passages, templated, write
from stillwatch.errors import InputError
from stillwatch.marks.base import MarkKey
from stillwatch.marks.keys import decoys
from stillwatch.proving.radioactivity.base import Passage
from stillwatch.proving.radioactivity.choices import chosen_by_key, said_by_key
from tests.proving.radioactivity.conftest import World
from tests.proving.radioactivity.uniformity import uniform


def few(key: MarkKey) -> list[bytes]:
    """Decoys of its own for each key: with the same for all, p-values would depend on each other."""
    return [each.secret for each in decoys(key, 9)]


@pytest.fixture(scope="module")
def plain(world: World) -> list[Passage]:
    """Unmarked texts of the teacher that nobody learnt from."""
    return passages(write(world.teacher, 40, 100, np.random.default_rng(77)))


@pytest.mark.parametrize("scheme", ["gumbel", "tournament", "red_green"])
def test_suspects_that_met_no_mark_are_null_however_unlike_the_teacher(scheme: str) -> None:
    """Windows come often in so small a world; that must not count as evidence."""
    teacher, rng = Teacher(14, 1.0, seed=3), np.random.default_rng(5)
    texts = passages(write(teacher, 6, 60, rng))
    for suspect in (Parrot(14), Student([write(teacher, 20, 60, rng)], 14), Teacher(14, 1.0, seed=4)):
        keys = [msgspec.structs.replace(made_key(run), scheme=scheme) for run in range(150)]
        assert uniform([chosen_by_key(suspect, teacher, texts, key, decoys=few(key)).p_value for key in keys])


@pytest.mark.parametrize("scheme", ["gumbel", "tournament", "red_green"])
def test_answers_of_suspects_that_met_no_mark_are_null_and_loops_do_not_count(scheme: str) -> None:
    teacher, rng = Teacher(14, 1.0, seed=3), np.random.default_rng(6)
    student = Student([write(teacher, 20, 60, rng)], 14)
    keys = [msgspec.structs.replace(made_key(500 + run), scheme=scheme) for run in range(150)]
    for answers in (templated(student, 12, rng), np.tile(student.answers(1, 60, rng), (12, 1))):
        said = passages(answers)
        assert uniform([said_by_key(said, teacher, key, decoys=few(key)).p_value for key in keys])


def test_answers_alone_show_a_tenth_of_marked_text(world: World) -> None:
    said = passages(world.student.answers(300, 60, np.random.default_rng(8)))
    found = said_by_key(said, world.teacher, world.key)
    assert found.p_value is not None
    assert found.p_value < 1e-6
    assert found.numbers["occurrences"] == 300 * 58
    others = passages(world.twin.answers(300, 60, np.random.default_rng(9)))
    assert (said_by_key(others, world.teacher, world.key).p_value or 0) > 0.01


def test_what_a_prompt_holds_is_no_evidence(world: World) -> None:
    """A suspect that is asked about marked text and repeats it has not been trained on it."""
    repeated = [Passage(np.concatenate([text.tokens, text.tokens]), len(text.tokens)) for text in world.marked[:20]]
    bare = [Passage(text.tokens, 0) for text in world.marked[:20]]
    assert (said_by_key(bare, world.teacher, world.key).p_value or 1) < 1e-6
    quoting = said_by_key(repeated, world.teacher, world.key)
    assert (quoting.n, quoting.p_value) == (0, 1.0)


def test_a_tenth_of_marked_text_is_seen_and_its_twin_is_not(world: World, plain: list[Passage]) -> None:
    student = chosen_by_key(world.student, world.teacher, plain, world.key)
    assert student.p_value is not None
    assert student.p_value < 1e-6
    assert student.numbers["keys"] == 49
    twin = chosen_by_key(world.twin, world.teacher, plain, world.key)
    assert twin.p_value is not None
    assert twin.p_value > 0.01


def test_no_other_key_is_found(world: World, plain: list[Passage]) -> None:
    others = [msgspec.structs.replace(made_key(2000 + n), scheme=world.key.scheme) for n in range(8)]
    found = [chosen_by_key(world.student, world.teacher, plain, key, decoys=few(key)).p_value or 0 for key in others]
    assert min(found) * 8 > 1e-2


def test_a_reference_that_is_not_the_marking_model_costs_power_and_no_validity(
    world: World, plain: list[Passage]
) -> None:
    for suspect in (world.student, world.twin):
        key = msgspec.structs.replace(made_key(3000), scheme=world.key.scheme)
        assert (chosen_by_key(suspect, Parrot(60), plain, key).p_value or 0) > 1e-3


def test_nothing_to_read_shows_nothing_and_other_tokens_are_refused(world: World, plain: list[Passage]) -> None:
    for texts in ([], [Passage(np.array([1, 2]))], [Passage(np.arange(10), 10)]):
        assert chosen_by_key(world.student, world.teacher, texts, world.key).p_value == 1.0
    with pytest.raises(InputError, match="knows 61 tokens, but the suspect 60"):
        chosen_by_key(world.student, Parrot(61), plain, world.key)
