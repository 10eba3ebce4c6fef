"""Nulls of the tests of suspects: 10,000 keys that no suspect knew, for each statistic.

python -m bench radioactivity_nulls

Each replicate draws a key, texts marked under it by a teacher (`bench.ngram_students`), and has a suspect that never
saw them: a student of unmarked text whose answers repeat templates and run in loops, or one that repeats what it reads.
The first rows are what one gets without de-duplication.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import Any

import msgspec
import numpy as np

from bench.ngram_students import Parrot, Student, Teacher, made_key, passages, templated, write
from bench.tables import Table, publish, say
from stillwatch.marks.base import MarkKey
from stillwatch.marks.keys import decoys
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.proving.radioactivity.answers import answer_tokens
from stillwatch.proving.radioactivity.base import Passage, Tokens
from stillwatch.proving.radioactivity.choices import chosen_by_key, said_by_key
from stillwatch.proving.radioactivity.counts import answer_counts
from stillwatch.proving.radioactivity.laws import with_law
from stillwatch.proving.radioactivity.p_values import judged
from stillwatch.proving.radioactivity.reading import expected_scores, predicted_tokens
from stillwatch.proving.radioactivity.watching import AnswersWatched
from stillwatch.proving.radioactivity.windows import windows_of

REPLICATES = 10_000
LEVELS = (0.1, 0.05, 0.01, 0.001)
SCHEMES = ("gumbel", "tournament", "red_green")
VOCABULARY = 14  # few, so that windows come again and again
TEXTS, LENGTH = 2, 90


def every_token(windows: Tokens, tokens: Tokens, key: MarkKey) -> float:
    """The p-value when whatever stands there is counted."""
    scores, law = with_law(scheme_named(key.scheme).scores(windows, tokens, key.secret))
    return judged(scores, law, number_depends_on_key=False).p_value


def replicate(run: int, name: str, teacher: Teacher, student: Student, rng: np.random.Generator) -> dict[str, Any]:
    """One p-value of each statistic."""
    key, parrot = msgspec.structs.replace(made_key(run), scheme=name), Parrot(VOCABULARY)
    marked = passages(write(teacher, TEXTS, LENGTH, rng, scheme_named(name), [key.secret] * TEXTS))
    answers: list[Passage] = passages(templated(student, 15, rng))
    along, within = windows_of(marked, 2), windows_of(answers, 2)
    repeated = np.concatenate([parrot.read(t.tokens, np.arange(2, LENGTH)).argmax(axis=1) for t in marked])
    watched, few = AnswersWatched(key), [each.secret for each in decoys(key, 9)]
    return {
        "every token, read (wrong)": every_token(along.rows, repeated, key),
        "every token, answers (wrong)": every_token(within.rows, within.next, key),
        "predicted tokens, planned; parrot": predicted_tokens(parrot, marked, key, planned=60, seed=run).p_value,
        "predicted tokens, planned; student": predicted_tokens(student, marked, key, planned=60, seed=run).p_value,
        "predicted tokens, stopped; parrot": predicted_tokens(parrot, marked, key).p_value,
        "predicted tokens, unmarked texts": predicted_tokens(student, answers, key, marked=False, sampled=True).p_value,
        "expected scores; parrot": expected_scores(parrot, marked, key).p_value,
        "expected scores; student": expected_scores(student, marked, key).p_value,
        "expected scores less the teacher's; student": expected_scores(student, marked, key, reference=teacher).p_value,
        "answers": answer_tokens(answers, key).p_value,
        "answers at marked windows, planned": answer_tokens(answers, key, learnt=marked, planned=60, seed=run).p_value,
        "answers at marked windows, stopped": answer_tokens(answers, key, learnt=marked).p_value,
        "counts": answer_counts(answers, key).p_value,
        "counts less the teacher's, marked windows": answer_counts(
            answers, key, learnt=marked, reference=teacher
        ).p_value,
        "answers, least of 15 looks": min(watched.add(answer) for answer in answers),
        "what the key would choose": chosen_by_key(student, teacher, answers, key, decoys=few).p_value,
        "what the key would choose; another teacher": chosen_by_key(student, parrot, answers, key, decoys=few).p_value,
        "what the key would choose, in answers": said_by_key(answers, teacher, key, decoys=few).p_value,
    }


def table(replicates: int = REPLICATES) -> Table:
    """How often a p-value is below each level, all schemes together; and the worst scheme at 1 %."""
    found: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    teacher, rng = Teacher(VOCABULARY, 1.0, seed=3), np.random.default_rng(20)
    student = Student([write(teacher, 200, 60, rng)], VOCABULARY)
    for run in range(replicates):
        name = SCHEMES[run % len(SCHEMES)]
        for statistic, p in replicate(run, name, teacher, student, rng).items():
            found[statistic][name].append(p)
        if run % 500 == 499:
            say(f"{run + 1:,} of {replicates:,} nulls")
    rows = []
    for statistic, by_scheme in found.items():
        p = np.concatenate([np.asarray(v, dtype=float) for v in by_scheme.values()])
        row: dict[str, Any] = {"statistic": statistic, "nulls": p.size}
        row |= {f"p <= {level:g}": f"{np.mean(p <= level):.4f}" for level in LEVELS}
        worst = max(np.mean(np.asarray(v, dtype=float) <= 0.01) for v in by_scheme.values())
        rows.append(row | {"worst scheme at 0.01": f"{worst:.4f}"})
    note = "Standard errors at 10,000 nulls: 0.0030, 0.0022, 0.0010, 0.0003; of one scheme at 0.01: 0.0017."
    return Table("radioactivity-nulls", "Suspects that never saw a marked text", rows, note)


def main(replicates: int = REPLICATES) -> None:
    """Print the table."""
    publish(table(replicates))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
