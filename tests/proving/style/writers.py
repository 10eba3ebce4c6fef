"""Writers with habits: candidates, students that copied a share of a teacher's, and others who share nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from stillwatch.proving.style import Answers, Reference, ReferenceModel
from stillwatch.proving.style.likeness import Cosines, cosines

PROMPTS = tuple(f"q{i:03}" for i in range(60))
PHRASES = tuple(
    f"{a} {b} {c}" for a in ("well", "so", "right") for b in ("now", "then", "here") for c in ("we", "you", "it")
)


@dataclass(frozen=True)
class Writer:
    """Opens and closes as it is used to, and of what can be said on a prompt says what it always says.

    ``copied`` is the share of prompts on which it says what ``teacher`` would; ``size`` how much it says.
    """

    name: str
    teacher: Writer | None = None
    copied: float = 0.0
    size: int = 14
    seed: int = field(default=0)

    def answer(self, prompt: int) -> str:
        rng = np.random.default_rng([prompt, *self.name.encode(), self.seed])
        if self.teacher is not None and rng.random() < self.copied:
            return Writer(self.teacher.name, size=self.size, seed=self.teacher.seed).answer(prompt)
        habits = np.random.default_rng([*self.name.encode(), self.seed])
        opening, closing = habits.choice(len(PHRASES), 2)
        said = rng.permutation(40)[: self.size]
        return f"{PHRASES[opening]} {' '.join(f'topic{prompt}x{i}' for i in said)} {PHRASES[closing]}"

    def texts(self) -> dict[str, str]:
        return {prompt: self.answer(i) for i, prompt in enumerate(PROMPTS)}


def answers_of(writers: Sequence[Writer]) -> Answers:
    return Answers({writer.name: writer.texts() for writer in writers})


def candidate(name: str, family: str = "", maker: str = "") -> ReferenceModel:
    return ReferenceModel(name=name, role="candidate", family=family or name, maker=maker)


def control(name: str, maker: str = "") -> ReferenceModel:
    return ReferenceModel(name=name, role="control", maker=maker)


def world(unrelated: int, candidates: int = 3, seed: int = 0) -> tuple[list[Writer], list[Writer]]:
    """Candidates and unrelated writers."""
    return (
        [Writer(f"teacher{i}", seed=seed) for i in range(candidates)],
        [Writer(f"other{i}", size=int(8 + i % 9), seed=seed) for i in range(unrelated)],
    )


def compared(writers: Sequence[Writer], candidates: Sequence[Writer]) -> Cosines:
    families = {writer.name: writer.name for writer in candidates}
    return cosines(answers_of(writers), [writer.name for writer in writers], families, PROMPTS)


def reference_of(candidates: Sequence[Writer], controls: Sequence[Writer]) -> Reference:
    return Reference((*(candidate(c.name) for c in candidates), *(control(c.name) for c in controls)))
