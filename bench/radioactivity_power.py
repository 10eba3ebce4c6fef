"""What the tests of suspects see in n-gram students that learnt from a share of marked text.

python -m bench radioactivity_power

Not language models, but students that truly learnt from what they read, and no more than that. Median p-values over
worlds; 600 texts of 200 tokens to learn from, 5,000 answers of 60 tokens.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np

from bench.ngram_students import Student, Teacher, made_key, passages, write
from bench.tables import Table, publish, say
from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.proving.radioactivity.answers import answer_tokens
from stillwatch.proving.radioactivity.base import Passage
from stillwatch.proving.radioactivity.choices import chosen_by_key, said_by_key
from stillwatch.proving.radioactivity.counts import answer_counts
from stillwatch.proving.radioactivity.reading import expected_scores, predicted_tokens
from stillwatch.proving.radioactivity.watching import AnswersWatched

SCHEMES = ("gumbel", "tournament", "red_green")
SHARES = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1)
TEXTS, LENGTH, ANSWERS, ANSWER = 600, 200, 5000, 60
VOCABULARY, WORLDS, LEVEL = 100, 3, 1e-3
UNMARKED, FEW = 30, 200
"""Texts and answers for what the key would choose, which takes fewer."""


def world(name: str, share: float, seed: int) -> tuple[MarkKey, Teacher, list[Passage], Student]:
    """A key, a teacher, its marked texts, and a student that learnt from them among others."""
    teacher, rng = Teacher(VOCABULARY, seed=seed), np.random.default_rng((31, seed))
    key = msgspec.structs.replace(made_key(seed), scheme=name)
    number = round(TEXTS * share)
    marked = write(teacher, max(number, 12), LENGTH, rng, scheme_named(name), [key.secret] * max(number, 12))
    plain = write(teacher, TEXTS - number, LENGTH, rng)
    return key, teacher, passages(marked), Student([plain, marked[:number]], VOCABULARY)


def p_values(name: str, share: float, seed: int) -> dict[str, float]:
    """log10 of the p-value of each test."""
    key, teacher, marked, student = world(name, share, seed)
    answers = passages(student.answers(ANSWERS, ANSWER, np.random.default_rng((32, seed))))
    unmarked = passages(write(teacher, UNMARKED, LENGTH, np.random.default_rng((34, seed))))
    tests = {
        "predicted tokens": predicted_tokens(student, marked, key),
        "expected scores": expected_scores(student, marked, key),
        "less the teacher's": expected_scores(student, marked, key, reference=teacher),
        "answers": answer_tokens(answers, key),
        "at marked windows": answer_tokens(answers, key, learnt=marked),
        "counts": answer_counts(answers, key, learnt=marked),
        "counts less the teacher's": answer_counts(answers, key, learnt=marked, reference=teacher),
        "the key's choice": chosen_by_key(student, teacher, unmarked, key),
        "the key's choice, answers": said_by_key(answers[:FEW], teacher, key),
    }
    return {test: math.log10(max(evidence.p_value or 0.0, 1e-300)) for test, evidence in tests.items()}


def stopping(runs: int = 40) -> Table:
    """Answers until it is decided, watched and with a settled number, for a student of marked text alone."""
    rows = []
    for name in SCHEMES:
        key, _, _, student = world(name, 1.0, 77)
        watched, settled = [], []
        for run in range(runs):
            answers = passages(student.answers(600, ANSWER, np.random.default_rng((33, run))))
            watch = AnswersWatched(key)
            watched.append(next((n for n, a in enumerate(answers, 1) if watch.add(a) <= LEVEL), 600))
            settled.append([(answer_tokens(answers[:n], key).p_value or 0) <= LEVEL for n in range(1, 61)])
        needed = next((n for n, share in enumerate(np.mean(settled, axis=0), 1) if share >= 0.5), None)
        rows.append({"scheme": name, "watched, median": float(np.median(watched)), "settled, half the time": needed})
    note = f"Answers of {ANSWER} tokens until p <= {LEVEL:g}; a student of marked text alone."
    return Table("radioactivity-stopping", "Stopping when it is decided", rows, note)


def main() -> None:
    """Print both tables."""
    rows: list[dict[str, Any]] = []
    for name in SCHEMES:
        for share in SHARES:
            found = [p_values(name, share, seed) for seed in range(WORLDS)]
            medians = {test: f"{np.median([one[test] for one in found]):.1f}" for test in found[0]}
            rows.append({"scheme": name, "marked share": f"{share:.1%}", **medians})
            say(f"{name}, {share:.1%}")
    note = (
        f"log10 of the median p-value of {WORLDS} worlds; {ANSWERS:,} answers of {ANSWER} tokens; for the key's choice "
        f"{FEW}, or {UNMARKED} unmarked texts."
    )
    publish(Table("radioactivity-power", "Students of a share of marked text", rows, note))
    publish(stopping())


if __name__ == "__main__":
    main()
