"""Students that are really trained: they show what they learnt from, and nothing else. Needs ``make suspects``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from bench.students.made import Scale, World
from bench.students.models import Read, Text, ids_of, log_probabilities, new_model, teach, tokenizer_of
from bench.students.problems import problems, reworded
from bench.students.radioactivity import passages
from stillwatch.marks.keys import decoys
from stillwatch.proving.radioactivity.local import LocalModel
from stillwatch.proving.radioactivity.reading import expected_scores
from stillwatch.proving.twins.base import Pair
from stillwatch.proving.twins.running import prove_open

SIZE = "0.2 M"
TINY = Scale(people=400, taught=6, campaign=240, learnt=20, twins=20, controls=4, rounds=2, of_nulls=20, asked=20)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("students"), TINY)


def test_a_student_of_marked_text_shows_the_key_and_no_other(tiny: World) -> None:
    student = Read(tiny.model(f"marked/{TINY.learnt}"))
    of = ("gumbel", 0.1)
    key, marked = tiny.keys("sparse")[of], passages(tiny.marked("sparse", of, tiny.texts("sparse")))
    assert len(marked) == 24
    teacher = Read(tiny.model(tiny.teacher))
    assert (expected_scores(student, marked, key, reference=teacher).p_value or 1) < 1e-6
    others = [expected_scores(student, marked, each, reference=teacher).p_value or 0 for each in decoys(key, 30)]
    assert min(others) > 1e-4


def test_what_was_made_is_not_made_again(tiny: World) -> None:
    name = f"marked/{TINY.learnt}"
    tiny.model(name)
    before = (tiny.folder / name / "model.safetensors").stat().st_mtime_ns
    again = World(tiny.folder, TINY)
    again.model(name)
    assert again.texts("sparse") == tiny.texts("sparse")
    assert (tiny.folder / name / "model.safetensors").stat().st_mtime_ns == before


def test_a_kept_student_reads_as_the_product_reads_it(tiny: World) -> None:
    name = f"marked/{TINY.learnt}"
    text = tiny.texts("sparse")[0].passage
    at = np.arange(text.start, len(text.tokens))
    ours, product = Read(tiny.model(name)), LocalModel(Path(tiny.folder) / name, "cpu")
    assert np.allclose(ours.read(text.tokens, at), product.read(text.tokens, at), atol=1e-5)


def test_a_student_shows_which_of_two_answers_it_learnt() -> None:
    made = problems(np.random.default_rng(1), 150)
    tokens = tokenizer_of([f"{p.prompt} {p.answer}" for p in made])
    rng = np.random.default_rng(2)
    asked = ids_of(tokens, [p.prompt for p in made])
    taken, twin = (ids_of(tokens, [reworded(p.answer, rng, 1.0) for p in made], end=True) for _ in range(2))
    first, second = ([Text(*each) for each in zip(asked, said, strict=True)] for said in (taken, twin))
    pairs = [
        Pair(prompt_id=f"{at}", prompt=p.prompt, taken=tokens.decode(taken[at]), twins=(tokens.decode(twin[at]),))
        for at, p in enumerate(made)
    ]
    student = new_model(SIZE, 1)
    assert _p(pairs, student, first, second) > 1e-3
    teach(student, first, 16, 1)
    assert _p(pairs, student, first, second) < 1e-4
    mirrored = new_model(SIZE, 1)
    teach(mirrored, second, 16, 1)
    assert _p(pairs, mirrored, first, second) > 0.99


def _p(pairs: Sequence[Pair], student: Any, first: Sequence[Text], second: Sequence[Text]) -> float:
    given = {}
    for place, texts in enumerate((first, second)):
        given |= {(f"{at}", place): one for at, one in enumerate(log_probabilities(student, texts))}
    return prove_open(pairs, given, bytes(32)).p_value or 0.0
