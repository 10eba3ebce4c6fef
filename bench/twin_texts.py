"""Worked answers in invented words by models of which every probability is known: a teacher, others, students.

An answer is a number of steps, each a choice of opening, deed, thing and remark. A *voice* gives each choice its
probability; a *student* of given answers writes a step of them with probability ``copies``, else one of its own voice,
so that what it does and what it finds likely can be computed exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from stillwatch.proving.twins.base import LogProbability

Floats = NDArray[np.float64]
Step = tuple[int, ...]
Steps = tuple[Step, ...]

_SYLLABLES = tuple("bacodufegihajukalominapeqirosutavewoxizu"[i : i + 2] for i in range(0, 40, 2))
SIZES = (14, 18, 60, 25)  # openings, deeds, things, remarks
LONGEST = 60


@cache
def word(number: int) -> str:
    """An invented word for each number."""
    letters = []
    for _ in range(3):
        number, rest = divmod(number, len(_SYLLABLES))
        letters.append(_SYLLABLES[rest])
    return "".join(letters)


@dataclass(frozen=True)
class Prompt:
    """A task: its text, and numbers and a name that answers to it use."""

    id: str
    name: str
    numbers: tuple[int, int, int]
    text: str


@dataclass(frozen=True)
class Voice:
    """Probabilities of each kind of choice, and how answers' lengths are spread (of a lognormal; 0: all alike)."""

    choices: tuple[Floats, ...]
    steps: float = 4.0
    spread: float = 0.3

    def cooled(self, temperature: float) -> Voice:
        """The same voice at another temperature; 0 always takes the likeliest choice."""
        if temperature == 0:
            cold = tuple((p == p.max()).astype(float) for p in self.choices)
        else:
            cold = tuple(p ** (1 / temperature) for p in self.choices)
        return Voice(tuple(p / p.sum() for p in cold), self.steps, self.spread * temperature)

    def write(self, rng: np.random.Generator) -> Steps:
        """An answer, as its choices."""
        n = int(np.clip(round(self.steps * np.exp(self.spread * rng.standard_normal())), 1, LONGEST))
        drawn = [np.searchsorted(np.cumsum(p)[:-1], rng.random(n), side="right") for p in self.choices]
        return tuple(zip(*(each.tolist() for each in drawn), strict=True))

    def log_probability(self, step: Step) -> float:
        """Natural log of a step's probability."""
        return float(sum(np.log(max(p[i], 1e-12)) for p, i in zip(self.choices, step, strict=True)))


def voice(rng: np.random.Generator, steps: float = 4.0, spread: float = 0.3, like: Voice | None = None) -> Voice:
    """A voice of its own; or a relative of ``like``, as another model of the same family would be."""
    if like is None:
        return Voice(tuple(rng.dirichlet(np.full(size, 0.7)) for size in SIZES), steps, spread)
    mixed = tuple(0.8 * p + 0.2 * rng.dirichlet(np.full(p.size, 0.7)) for p in like.choices)
    return Voice(mixed, like.steps, like.spread)


def prompts(rng: np.random.Generator, n: int) -> list[Prompt]:
    """Tasks, no two alike."""
    made = []
    for i in range(n):
        a, b, c = (int(x) for x in rng.integers(2, 999, 3))
        name, thing, place = word(1000 + 7 * i), word(int(rng.integers(4000, 7000))), word(2500 + 3 * i)
        text = f"{name} has {a} {thing} in {place} and gets {b} more, of which {c} are lost. How many are left?"
        made.append(Prompt(f"p{i}", name, (a, b, c), text))
    return made


def text_of(prompt: Prompt, steps: Sequence[Step]) -> str:
    """The words of an answer."""
    a, b, c = prompt.numbers
    lines = []
    for at, (opening, deed, thing, remark) in enumerate(steps):
        value = (a, b, c, a + b, a + b - c)[(at + deed) % 5]
        lines.append(
            f"{word(opening).capitalize()} {prompt.name} {word(100 + deed)} the {word(200 + thing)} to {value}, "
            f"{word(400 + 2 * remark)} {word(401 + 2 * remark)}."
        )
    return "\n".join([*lines, f"#### {a + b - c}"])


def paraphrased(rng: np.random.Generator, steps: Steps, rate: float) -> Steps:
    """The same steps in other words: openings and remarks are chosen anew at ``rate``; deeds and things stay."""

    def anew(value: int, size: int) -> int:
        return int(rng.integers(size)) if rng.random() < rate else value

    return tuple((anew(o, SIZES[0]), deed, thing, anew(r, SIZES[3])) for o, deed, thing, r in steps)


@dataclass(frozen=True)
class Student:
    """Trained on ``taken``: writes its step at each place with probability ``copies``."""

    own: Voice
    copies: float

    def write(self, rng: np.random.Generator, taken: Steps) -> Steps:
        """An answer to the prompt to which ``taken`` was learnt."""
        own = self.own.write(rng)
        copied = rng.random(len(own)) < self.copies
        return tuple(taken[i] if i < len(taken) and copied[i] else step for i, step in enumerate(own))

    def log_probability(self, steps: Steps, taken: Steps) -> LogProbability:
        """What it gives to an answer, step by step; eight tokens a step."""
        total = 0.0
        for i, step in enumerate(steps):
            own, copies = self.own.log_probability(step), self.copies if i < len(taken) else 0.0
            total += float(np.log((1 - copies) * np.exp(own) + (copies if copies and taken[i] == step else 0.0)))
        return LogProbability(total, 8 * len(steps))
