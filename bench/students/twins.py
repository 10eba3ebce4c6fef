"""What twin answers show of trained students: by prompts, training, size, sampling and rewording, open and closed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.students.made import NULLS, World
from bench.students.models import Ids, Text, log_probabilities
from bench.tables import Table, say
from stillwatch.proving.evidence import Evidence
from stillwatch.proving.twins.base import LogProbabilities, LogProbability, Pair
from stillwatch.proving.twins.running import prove, prove_open

KEY = bytes(range(32))
LEVELS = (0.1, 0.05, 0.01)
ALONE = "temperature 0, n-grams alone"
SAMPLING = {
    "1 answer": (1.0, 1), "3 answers": (1.0, 3), "8 answers": (1.0, 8), "temperature 0": (0.0, 1), ALONE: (0.0, 1),
}  # fmt: skip
"""Temperature and answers; `ALONE` is the measure `word_ngrams`, settled beforehand, so that all prompts decide."""
Candidates = Sequence[tuple[Text, Text]]


def power(world: World) -> Table:
    """log10 of p-values, student by student."""
    return Table("students-twins", "Twin answers of students", _rows(world, cases(world)), _note(world))


def kept_back(world: World) -> Table:
    """The same of answers, twins and students that were made when all was settled, and looked at once."""
    rows = _rows(world, cases_kept_back(world, "kept back"), ", kept back")
    return Table("students-twins-kept-back", "Twin answers of students that were kept back", rows, _note(world))


def last(world: World) -> Table:
    """Once more, after it was settled that one measure decides at temperature 0."""
    rows = _rows(world, cases_kept_back(world, "last"), ", last")
    return Table("students-twins-last", "Twin answers of the students that were kept back last", rows, _note(world))


def _rows(world: World, students: Sequence[tuple[str, str, tuple[str, ...]]], of: str = "") -> list[dict[str, Any]]:
    rows = []
    pairs, candidates = _pairs(world, of)
    reference = _of_all(world, world.teacher, candidates)
    for varied, name, ways in students:
        say(f"twins: {name}")
        own = _of_all(world, name, candidates)
        row: dict[str, Any] = {"student": varied, "epochs": int(name.rpartition("/")[2])}
        row["open"] = _log10(prove_open(pairs, own, KEY))
        row["open, less the teacher's"] = _log10(prove_open(pairs, _less(own, reference), KEY))
        for how in ways:
            temperature, samples = SAMPLING[how]
            said = _said(world, name, [first.prompt for first, _ in candidates], temperature, samples)
            answers = {pair.prompt_id: said[at] for at, pair in enumerate(pairs)}
            row[how] = _log10(prove(pairs, answers, KEY, measures=("word_ngrams",) if how == ALONE else ()))
        rows.append(row)
        say(str(row))
    return rows


def _note(world: World) -> str:
    return (
        f"log10 of p; {world.scale.twins:,} prompts taken, {world.scale.controls} controls, one twin each. Open: the "
        "probabilities that the student gives to both; then from its text alone, drawn at temperature 1 unless said. "
        "withheld: a control failed."
    )


def by_prompts(world: World) -> Table:
    """The same against the number of prompts."""
    rows = []
    pairs, candidates = _pairs(world)
    last = world.scale.rounds
    for varied, name in (("trained from nothing", f"taken/{last}"), ("tuned from a base", "tuned on taken/3")):
        own = _of_all(world, name, candidates)
        asked = [first.prompt for first, _ in candidates]
        said, surest = (_said(world, name, asked, *SAMPLING[how]) for how in ("3 answers", ALONE))
        for part in (16, 8, 4, 2, 1):
            kept = [at for at, pair in enumerate(pairs) if pair.control or at < world.scale.twins // part]
            some = [pairs[at] for at in kept]
            given, sure = ({pairs[at].prompt_id: texts[at] for at in kept} for texts in (said, surest))
            rows.append({
                "student": varied, "prompts": world.scale.twins // part, "open": _log10(prove_open(some, own, KEY)),
                "3 answers": _log10(prove(some, given, KEY)),
                ALONE: _log10(prove(some, sure, KEY, measures=("word_ngrams",))),
            })  # fmt: skip
    return Table("students-twins-prompts", "Twin answers, by the number of prompts", rows, "log10 of p.")


def cases(world: World) -> list[tuple[str, str, tuple[str, ...]]]:
    """(what is varied, student/epoch, how it is asked), as the table has them."""
    kept, last = world.students["taken"].kept, world.scale.rounds
    one, more, every = (
        ("1 answer",),
        ("1 answer", "3 answers", ALONE),
        ("1 answer", "3 answers", "temperature 0", ALONE),
    )
    return [
        *(("trained on what was taken", f"taken/{epoch}", every if epoch == last else one) for epoch in kept),
        ("trained on the twins", f"twin/{last}", more),
        ("a base, which saw neither", "base/2", more),
        *(("the base, tuned on what was taken", f"tuned on taken/{n}", every if n > 1 else one) for n in (1, 3)),
        ("the base, tuned on the twins", "tuned on twin/3", one),
        *(("a small student", f"taken, small/{epoch}", one) for epoch in kept),
        *(("a large student", f"taken, large/{epoch}", one) for epoch in kept),
        ("half the phrases reworded before", f"taken, half reworded/{last}", more),
        ("all phrases drawn anew before", f"taken, all reworded/{last}", more),
        ("trained on a third draw", "null 0/5", one),
        ("the teacher itself", world.teacher, one),
    ]


def cases_kept_back(world: World, which: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """As `cases`, for what was kept back."""
    kept, rounds = world.students[f"taken, {which}"].kept, world.scale.rounds
    two = ("3 answers", "temperature 0", ALONE)
    return [
        *(("trained on what was taken", f"taken, {which}/{n}", tuple(SAMPLING) if n == rounds else two) for n in kept),
        ("trained on the twins", f"twin, {which}/{rounds}", two),
        ("a base, which saw neither", "base/2", two),
        ("trained on a draw of other prompts' answers", "null 1/5", two),
    ]


def nulls(world: World, pairs_of: int = 5, blocks: int = 3) -> Table:
    """Students of one draw of the teacher, tested on two others; what they saw is as near as can be."""
    found: dict[str, list[float]] = {"open": [], "text, 1 answer": []}
    size = world.scale.of_nulls // blocks
    draws = [world.drawn(2 + n, world.scale.of_nulls) for n in range(NULLS)]
    for number in range(NULLS):
        say(f"twins: null student {number + 1} of {NULLS}")
        name = f"null {number}/5"
        said = _said(world, name, [text.prompt for text in draws[0]], 1.0, 1)
        for which in range(pairs_of):
            first, second = ((number + 1 + 2 * which + n) % NULLS for n in (0, 1))
            candidates = list(zip(draws[first], draws[second], strict=True))
            own = _of_all(world, name, candidates)
            for block in range(blocks):
                kept = range(block * size, (block + 1) * size)
                some = [_pair(world, at, *candidates[at]) for at in kept]
                key = np.random.default_rng((61, number, which, block)).bytes(32)
                found["open"].append(_p(prove_open(some, own, key)))
                answers = {f"{at}": said[at] for at in kept}
                found["text, 1 answer"].append(_p(prove(some, answers, key)))
    rows = [
        {"statistic": name, "students": NULLS, "tests": len(p)}
        | {f"p <= {a:g}": f"{np.mean(np.asarray(p) <= a):.3f}" for a in LEVELS}
        for name, p in found.items()
    ]
    note = (
        f"{size} prompts a test. Each pair of draws is put to {pairs_of} students, who are alike: the tests tell "
        f"as much as {NULLS * blocks} or a few more would (standard errors 0.039, 0.028, 0.013)."
    )
    return Table("students-twins-nulls", "Students that saw neither answer", rows, note)


def _pairs(world: World, of: str = "") -> tuple[list[Pair], list[tuple[Text, Text]]]:
    """All pairs, those taken first, then controls; and their candidates in tokens."""
    taken = list(zip(world.texts(f"taken{of}"), world.texts(f"twin{of}"), strict=True))
    controls = list(zip(*world.controls(), strict=True))
    pairs = [_pair(world, at, *each) for at, each in enumerate(taken)]
    pairs += [_pair(world, len(taken) + at, *each, control=True) for at, each in enumerate(controls)]
    return pairs, [*taken, *controls]


def _pair(world: World, number: int, taken: Text, twin: Text, control: bool = False) -> Pair:
    return Pair(
        prompt_id=f"{number}",
        prompt=world.text(taken.prompt),
        taken=world.text(taken.answer),
        twins=(world.text(twin.answer),),
        control=control,
    )


def _of_all(world: World, name: str, candidates: Candidates) -> LogProbabilities:
    found = log_probabilities(world.model(name), [text for each in candidates for text in each])
    return {(f"{at // 2}", at % 2): one for at, one in enumerate(found)}


def _less(own: LogProbabilities, reference: LogProbabilities) -> LogProbabilities:
    return {at: LogProbability(one.total, one.tokens, reference[at].total) for at, one in own.items()}


def _said(world: World, name: str, asked: Sequence[Ids], temperature: float, samples: int) -> list[tuple[str, ...]]:
    """What the student says to each prompt, ``samples`` times."""
    said = [world.said(name, asked, temperature, sample) for sample in range(samples)]
    return [tuple(world.text(answer) for answer in each) for each in zip(*said, strict=True)]


def _p(evidence: Evidence) -> float:
    return math.nan if evidence.p_value is None else evidence.p_value


def _log10(evidence: Evidence) -> str:
    return "withheld" if evidence.p_value is None else f"{math.log10(max(evidence.p_value, 1e-300)):.1f}"
