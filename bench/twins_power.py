"""``python -m bench.twins_power [REPLICATES]``: what twin answers see of students whose copying is known.

A student writes each step of an answer as the taken answer has it with probability ``copies``, else in its own words
(`bench.twin_texts`). Median p-values; ten replicates a row by default, about ten minutes. Students that were really
trained are another bench's business.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench.tables import Table, publish, say
from bench.twin_texts import Student, paraphrased, prompts, text_of, voice
from stillwatch.calibration import choice_p_value
from stillwatch.proving.twins.base import LogProbability, Pair
from stillwatch.proving.twins.choosing import choose
from stillwatch.proving.twins.scoring import score_open, score_texts
from stillwatch.proving.twins.sequential import follow
from stillwatch.proving.twins.splitting import chooses, in_order
from stillwatch.proving.twins.units import units_of

REPLICATES = 10
LEVEL = 1e-3


@dataclass(frozen=True)
class Setting:
    copies: float = 0.02
    n: int = 500
    samples: int = 3
    twins: int = 1
    temperature: float = 1.0
    reworded: float = 0.0


SETTINGS = (
    *(Setting(copies) for copies in (0.0, 0.005, 0.01, 0.02, 0.05)),
    *(replace(Setting(), n=n) for n in (125, 250, 1000)),
    *(replace(Setting(), samples=samples) for samples in (1, 8)),
    *(replace(Setting(), twins=twins) for twins in (3,)),
    *(replace(Setting(), temperature=temperature) for temperature in (0.5, 0.3)),
    *(replace(Setting(copies=0.05), reworded=rate) for rate in (0.5, 1.0)),
)


def one(rng: np.random.Generator, setting: Setting) -> dict[str, Any]:
    teacher = voice(rng, 4.0)
    student = Student(voice(rng, like=teacher), setting.copies)
    teacher = teacher.cooled(setting.temperature)
    pairs, answers, given = [], {}, dict[tuple[str, int], LogProbability]()
    for prompt in prompts(rng, setting.n):
        steps = [teacher.write(rng) for _ in range(1 + setting.twins)]
        learnt = paraphrased(rng, steps[0], setting.reworded) if setting.reworded else steps[0]
        texts = [text_of(prompt, each) for each in steps]
        pairs.append(Pair(prompt_id=prompt.id, prompt=prompt.text, taken=texts[0], twins=tuple(texts[1:])))
        answers[prompt.id] = tuple(text_of(prompt, student.write(rng, learnt)) for _ in range(setting.samples))
        given |= {(prompt.id, place): student.log_probability(each, learnt) for place, each in enumerate(steps)}
    key = rng.bytes(32)
    units = units_of(pairs, key).taken
    scored = score_texts(units, answers)
    half = np.array([chooses(key, name) for name in scored.names])
    weighted = choose(scored.only(half))
    course = follow(scored, in_order(key, scored.names))
    alone = {name: choice_p_value(scored.values[:, :, at]) for at, name in enumerate(scored.measures)}
    return {
        "text": choice_p_value(weighted.scores(scored.only(~half))),
        "probability": choice_p_value(score_open(units, given).values[:, :, 0]),
        "sequential": course.p_value,
        "decided": course.decided(LEVEL) or np.inf,
    } | alone


def table(replicates: int = REPLICATES) -> Table:
    rows = []
    for seed, setting in enumerate(SETTINGS):
        rng = np.random.default_rng(seed)
        found = [one(rng, setting) for _ in range(replicates)]
        row: dict[str, Any] = {name: getattr(setting, name) for name in Setting.__dataclass_fields__}
        for name in found[0]:
            middle = float(np.median([each[name] for each in found]))
            row[name] = f"{middle:.0f}" if name == "decided" else f"{middle:.1e}"
        row["power"] = float(np.mean([each["text"] <= LEVEL for each in found]))
        rows.append(row)
        say(str(row))
    note = (
        f"Medians of {replicates}. text: weights from one half of the prompts, p-value from the other; sequential: all "
        f"prompts; decided: prompts until it is at most {LEVEL}; power: share of text at most {LEVEL}. The single "
        "measures are on all prompts, as if settled beforehand."
    )
    return Table("twins-power", "Twin answers of students that copy steps at a known rate", rows, note)


def main(replicates: int = REPLICATES) -> None:
    publish(table(replicates))


if __name__ == "__main__":
    main(*(int(each) for each in sys.argv[1:2]))
