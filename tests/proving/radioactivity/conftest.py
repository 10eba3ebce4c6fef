"""A world with a teacher, a student of a tenth of marked text, and its twin that learnt the same without the mark."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
import pytest

from bench.ngram_students import Student, Teacher, made_key, passages, write
from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.proving.radioactivity.base import Passage


class World(NamedTuple):
    key: MarkKey
    teacher: Teacher
    marked: list[Passage]
    student: Student
    twin: Student


@pytest.fixture(scope="session", params=["gumbel", "tournament", "red_green"])
def world(request: pytest.FixtureRequest) -> World:
    teacher, rng = Teacher(60, seed=7), np.random.default_rng(11)
    key = msgspec.structs.replace(made_key(1), scheme=request.param)
    plain, twins = write(teacher, 360, 100, rng), write(teacher, 40, 100, rng)
    marked = write(teacher, 40, 100, rng, scheme_named(key.scheme), [key.secret] * 40)
    return World(key, teacher, passages(marked), Student([plain, marked], 60), Student([plain, twins], 60))
