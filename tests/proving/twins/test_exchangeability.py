"""Twins that were drawn otherwise than the answers in the log are noticed; fair ones are let be."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.proving.twins.base import Unit
from stillwatch.proving.twins.exchangeability import told_apart
from tests.proving.twins.made import KEY

WORDS = [f"word{i}" for i in range(200)]


def units(rng: np.random.Generator, n: int, twin: object, slots: int = 2, prompts: int = 1) -> list[Unit]:
    """``twin(rng, text)`` makes a twin of a text that was drawn like the taken one."""
    made = []
    for i in range(n):
        rows, ends = [], []
        for _ in range(prompts):
            texts = [" ".join(rng.choice(WORDS, int(rng.integers(8, 40)))) + "." for _ in range(slots)]
            rows.append((texts[0], *(twin(rng, text) for text in texts[1:])))  # type: ignore[operator]
            ends.append(("stop",) * slots)
        places = tuple(tuple(range(slots)) for _ in range(prompts))
        made.append(Unit(f"u{i}", tuple(f"p{i}-{j}" for j in range(prompts)), tuple(rows), places, tuple(ends)))
    return made


def fair(rng: np.random.Generator, text: str) -> str:
    return text


@pytest.mark.parametrize(
    ("unfair", "by"),
    [
        (lambda rng, text: text[: len(text) * 3 // 4], "form"),  # another limit of length
        (lambda rng, text: text.replace(" ", "\n", 1), "form"),
        (lambda rng, text: text + (" certainly." if rng.random() < 0.4 else " indeed."), "words"),  # a habit
    ],
)
def test_other_lengths_layouts_and_habits_are_noticed(unfair: object, by: str) -> None:
    found = told_apart(units(np.random.default_rng(1), 400, unfair), KEY)
    assert found.failed
    assert found.p_values[by] < 1e-4
    assert found.told > found.by_chance == 0.5


def test_answers_from_a_cache_are_noticed_for_they_repeat_one_another() -> None:
    rng = np.random.default_rng(2)
    cached = [
        unit._replace(candidates=tuple((unit.candidates[0][0], row[1]) for row in unit.candidates))
        for unit in units(rng, 120, fair, prompts=3)
    ]
    found = told_apart(cached, KEY)
    assert found.failed
    assert found.p_values["repeats"] < 1e-6


def test_fair_twins_are_let_be() -> None:
    p = [told_apart(units(np.random.default_rng(100 + i), 90, fair, slots=3), KEY).p_value for i in range(40)]
    assert all(each is not None and each > 0.001 for each in p)
    assert np.mean([each is not None and each <= 0.2 for each in p]) <= 0.2 + 3 * np.sqrt(0.16 / 40)


def test_how_answers_ended_counts() -> None:
    made = [unit._replace(finishes=(("stop", "length"),)) for unit in units(np.random.default_rng(3), 100, fair)]
    assert told_apart(made, KEY).failed


def test_too_few_units_say_nothing() -> None:
    for few in ([], units(np.random.default_rng(4), 20, fair)):
        found = told_apart(few, KEY)
        assert found.p_value is None
        assert not found.failed
