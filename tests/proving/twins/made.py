"""Pairs and a suspect's answers, by models of which everything is known (`bench.twin_texts`)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bench.twin_texts import Student, Voice, paraphrased, prompts, text_of, voice
from stillwatch.proving.twins.base import LogProbability, Pair

KEY = bytes(range(32))


class Made(NamedTuple):
    pairs: list[Pair]
    answers: dict[str, tuple[str, ...]]
    given: dict[tuple[str, int], LogProbability]


def made(
    seed: int,
    n: int = 300,
    copies: float = 0.1,
    *,
    trained_on: str = "taken",
    controls: int = 40,
    samples: int = 3,
    temperature: float = 1.0,
    later: Voice | None = None,
    reworded: float = 0.0,
) -> Made:
    """``trained_on``: the ``taken`` answers, the ``twins``, or neither (``""``). ``later`` draws the twins, else the
    teacher itself does. ``reworded``: the student learnt from paraphrases, at this rate."""
    rng = np.random.default_rng(seed)
    teacher = voice(rng, 3.0)
    student = Student(voice(rng, like=teacher), copies)
    teacher = teacher.cooled(temperature)
    pairs, answers, given = [], {}, {}
    for number, prompt in enumerate(prompts(rng, n + controls)):
        control = number >= n
        taken, twin, other = teacher.write(rng), (later or teacher).write(rng), teacher.write(rng)
        learnt = other if control else {"taken": taken, "twins": twin}.get(trained_on, other)
        if reworded:
            learnt = paraphrased(rng, learnt, reworded)
        texts = [text_of(prompt, steps) for steps in (taken, twin)]
        pairs.append(Pair(prompt_id=prompt.id, prompt=prompt.text, taken=texts[0], twins=(texts[1],), control=control))
        answers[prompt.id] = tuple(text_of(prompt, student.write(rng, learnt)) for _ in range(samples))
        given |= {(prompt.id, i): student.log_probability(s, learnt) for i, s in enumerate((taken, twin))}
    return Made(pairs, answers, given)
