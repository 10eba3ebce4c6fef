"""``python -m bench.twins_nulls [REPLICATES]``: twin answers where the suspect has seen none of them.

Ten kinds of nulls, REPLICATES each (1,000 by default: 10,000 for each statistic). Every replicate writes new prompts,
answers, twins and answers of the suspect, makes units of them and scores texts, as a real test does; the statistics
look at the same replicate. A share of 0.01 over 1,000 replicates has a standard error of 0.003, over all of 0.001.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.tables import Table, publish, say
from bench.twin_texts import Prompt, Steps, Student, prompts, text_of, voice
from stillwatch.calibration import choice_p_value
from stillwatch.proving.twins.base import LogProbability, Pair
from stillwatch.proving.twins.choosing import choose
from stillwatch.proving.twins.controls import control
from stillwatch.proving.twins.scoring import measured, score_open, score_texts
from stillwatch.proving.twins.sequential import follow
from stillwatch.proving.twins.splitting import chooses, in_order
from stillwatch.proving.twins.units import units_of

REPLICATES = 1000
LEVELS = (0.01, 0.05, 0.2)
Rng = np.random.Generator


@dataclass(frozen=True)
class Null:
    """One kind: how many prompts, how often each is asked, and how teacher and suspect write."""

    n: int = 60
    repeats: int = 1
    samples: int = 1
    twins: int = 1
    temperature: float = 1.0
    spread: float = 0.3
    suspect: str = "relative"
    preamble: str = ""


KINDS = {
    "a relative of the teacher": Null(),
    "the teacher itself": Null(suspect="teacher"),
    "lengths that vary widely": Null(spread=1.3),
    "each prompt asked three times": Null(n=40, repeats=3),
    "temperature 0.3": Null(n=100, temperature=0.3),
    "three samples": Null(n=40, samples=3),
    "one to three twins": Null(n=45, twins=3),
    "trained on other answers to the same prompts": Null(suspect="others"),
    "a suspect that always says the same": Null(suspect="parrot"),
    "a long wording shared by prompts and answers": Null(preamble="please think step by step and check " * 4),
}


@dataclass(frozen=True)
class Drawn:
    """One replicate: pairs, the suspect's answers, the probabilities that it gives."""

    pairs: list[Pair]
    answers: dict[str, tuple[str, ...]]
    given: dict[tuple[str, int], LogProbability]


def draw(rng: Rng, kind: Null) -> Drawn:
    """A replicate in which the suspect has seen none of the candidates."""
    teacher = voice(rng, 2.5, kind.spread)
    own = teacher if kind.suspect == "teacher" else voice(rng, like=teacher)
    teacher = teacher.cooled(kind.temperature)
    student = Student(own, 0.5 if kind.suspect == "others" else 0.0)
    parrot = own.write(rng)
    pairs, answers, given = [], {}, {}
    for prompt in prompts(rng, kind.n):
        for again in range(kind.repeats):
            name = f"{prompt.id}-{again}"
            candidates = [teacher.write(rng) for _ in range(2 + int(rng.integers(kind.twins)))]
            other = teacher.write(rng)
            said = [parrot if kind.suspect == "parrot" else student.write(rng, other) for _ in range(kind.samples)]
            pairs.append(_pair(prompt, name, candidates, kind.preamble))
            answers[name] = tuple(kind.preamble + text_of(prompt, steps) for steps in said)
            for place, steps in enumerate(candidates):
                given[name, place] = student.log_probability(steps, other)
    return Drawn(pairs, answers, given)


def _pair(prompt: Prompt, name: str, candidates: list[Steps], preamble: str) -> Pair:
    texts = [preamble + text_of(prompt, steps) for steps in candidates]
    return Pair(prompt_id=name, prompt=preamble + prompt.text, taken=texts[0], twins=tuple(texts[1:]))


def p_values(drawn: Drawn, key: bytes) -> dict[str, float]:
    """What each statistic makes of a replicate."""
    units = units_of(drawn.pairs, key).taken
    scored = score_texts(units, drawn.answers)
    half = np.array([chooses(key, name) for name in scored.names])
    weighted, best = choose(scored.only(half)), choose(scored.only(half), "best")
    deciding = scored.only(~half)
    alone = scored.measures.index("word_ngrams")
    return {
        "weighted": choice_p_value(weighted.scores(deciding)),
        "best": choice_p_value(best.scores(deciding)),
        "word n-grams alone": choice_p_value(scored.values[:, :, alone]),
        "by probability": choice_p_value(score_open(measured(units, drawn.given), drawn.given).values[:, :, 0]),
        "control (two-sided)": control(weighted.scores(deciding)).p_value or 1.0,
        "sequential": follow(scored, in_order(key, scored.names)).p_value,
    }


def simulate(kind: Null, replicates: int, seed: int) -> dict[str, np.ndarray]:
    """(replicates,) p-values of each statistic."""
    rng = np.random.default_rng(seed)
    rows = [p_values(draw(rng, kind), rng.bytes(32)) for _ in range(replicates)]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def table(replicates: int = REPLICATES) -> Table:
    rows: list[dict[str, Any]] = []
    every: dict[str, list[np.ndarray]] = {}
    for seed, (name, kind) in enumerate(KINDS.items()):
        for statistic, p in simulate(kind, replicates, seed).items():
            every.setdefault(statistic, []).append(p)
            rows.append({"null": name, "statistic": statistic} | {f"p <= {a}": float(np.mean(p <= a)) for a in LEVELS})
        say(name)
    for statistic, parts in every.items():
        p = np.concatenate(parts)
        rows.append({"null": "all", "statistic": statistic} | {f"p <= {a}": float(np.mean(p <= a)) for a in LEVELS})
    note = f"{replicates:,} replicates a null, {replicates * len(KINDS):,} in all for each statistic."
    return Table("twins-nulls", "Twin answers that the suspect has not seen: share of p-values", rows, note)


def main(replicates: int = REPLICATES) -> None:
    publish(table(replicates))


if __name__ == "__main__":
    main(*(int(each) for each in sys.argv[1:2]))
