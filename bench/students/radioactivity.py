"""What the tests of marks see in trained students: by marked share, scheme, training, size, rewording and answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.students.made import NULLS, World
from bench.students.models import Read, Text
from bench.tables import Table, say
from stillwatch.marks.base import MarkKey
from stillwatch.marks.keys import decoys
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.proving.evidence import Evidence
from stillwatch.proving.radioactivity.answers import answer_tokens
from stillwatch.proving.radioactivity.base import Passage
from stillwatch.proving.radioactivity.choices import (
    OTHERS,
    chosen_by_key,
    leans_along,
    leans_said,
    leans_to_key,
    standing,
)
from stillwatch.proving.radioactivity.counts import answer_counts
from stillwatch.proving.radioactivity.reading import expected_scores, predicted_tokens

NEVER_USED, MOST_READ = 1_000, 600
"""Keys that were never used, and texts of one key that are read at most: a tenth of the campaign."""
NULL_ANSWERS = 150
ANSWERS_OF_OTHERS, MOST_LIKE = 1_000, 5
"""Answers in which a thousand other keys are looked for, and how many of those keys get a p-value."""
CONTEXT = scheme_named("gumbel").context
"""Tokens of a window, the same of all schemes."""
LEVELS = (0.1, 0.05, 0.01, 0.001)


def log10(evidence: Evidence) -> float:
    """Of the p-value."""
    return math.log10(max(1.0 if evidence.p_value is None else evidence.p_value, 1e-300))


def passages(texts: Sequence[Text]) -> list[Passage]:
    """Texts as the tests of marks read them."""
    return [text.passage for text in texts]


def cases(world: World) -> list[tuple[str, str, str, bool]]:
    """(what is varied, student/epoch, campaign, whether it is asked too), as the table has them."""
    last = world.scale.learnt
    made = [("as taken", f"marked/{epoch}", "sparse", epoch == last) for epoch in world.students["marked"].kept]
    back = world.students["marked, kept back"].kept
    return [
        *(("kept back", f"marked, kept back/{epoch}", "kept back", epoch == back[-1]) for epoch in back),
        *made,
        *(
            ("as taken, longer", f"marked, longer/{epoch}", "sparse", False)
            for epoch in world.students["marked, longer"].kept
        ),
        ("more marked", f"marked, densely/{last}", "dense", True),
        ("a small student", f"marked, small/{last}", "sparse", False),
        ("tuned on others afterwards", "marked, then others/2", "sparse", False),
        ("half the phrases reworded before", f"marked, reworded/{last}", "sparse", False),
        ("a quarter of the exchanges", f"marked, a quarter taken/{last}", "sparse", False),
        ("saw none of it", "null 0/5", "sparse", True),
    ]


def power(world: World) -> Table:
    """log10 of p-values, student by student and key by key."""
    rows: list[dict[str, Any]] = []
    teacher = Read(world.model(world.teacher))
    for varied, name, campaign, asked in cases(world):
        say(f"marks: {name}")
        student, texts = Read(world.model(name)), world.texts(campaign)
        if name.startswith("marked, a quarter"):
            texts = texts[: world.scale.campaign // 4]
        free = passages(world.marked(campaign, None, texts))[:MOST_READ]
        said = _said(world, name, texts) if asked else []
        for of, key in world.keys(campaign).items():
            marked = passages(world.marked(campaign, of, texts))[:MOST_READ]
            row: dict[str, Any] = {
                "student": varied, "epochs": int(name.rpartition("/")[2]), "scheme": of[0], "share": f"{of[1]:.1%}",
                "marked texts": len(world.marked(campaign, of, texts)),
                "predicted": log10(predicted_tokens(student, marked, key)),
                "expected": log10(expected_scores(student, marked, key)),
                "less the teacher's": log10(expected_scores(student, marked, key, reference=teacher)),
                "the key's choice": log10(chosen_by_key(student, teacher, free, key)),
            }  # fmt: skip
            if asked:
                learnt = passages(world.marked(campaign, of, texts))
                row |= {
                    "answers": log10(answer_tokens(said, key, learnt=learnt)),
                    "counts": log10(answer_counts(said, key, learnt=learnt)),
                    "counts less the teacher's": log10(answer_counts(said, key, learnt=learnt, reference=teacher)),
                }
            rows.append({name: f"{v:.1f}" if isinstance(v, float) else v for name, v in row.items()})
    scale = world.scale
    note = (
        f"log10 of p. The campaign took {scale.campaign:,} exchanges; its student learns from them alone. Read "
        f"along at most {MOST_READ} marked texts of each key (for the key's choice, unmarked ones); the last "
        f"three: one answer to each of {scale.asked:,} of the prompts taken."
    )
    return Table("students-marks", "Students of marked text", rows, note)


def by_answers(world: World) -> Table:
    """What the key would choose in so many answers, the suspect being asked and nothing else."""
    rows, last = list[dict[str, Any]](), world.scale.learnt
    for name, campaign in (
        *((f"marked, kept back/{epochs}", "kept back") for epochs in (last, 2 * last, 3 * last)),
        (f"marked/{last}", "sparse"),
        (f"marked, longer/{3 * last}", "sparse"),
        (f"marked, densely/{last}", "dense"),
        ("null 0/5", "kept back"),
    ):
        said, teacher = _said(world, name, world.texts(campaign)), Read(world.model(world.teacher))
        parts = [leans_said(said[: world.scale.asked // part], teacher, CONTEXT) for part in (10, 5, 1)]
        for of, key in world.keys(campaign).items():
            row = {"student": name, "scheme": of[0], "share": f"{of[1]:.1%}"}
            row |= {f"{leans.texts:,} answers": f"{log10(leans_to_key(leans, key)):.1f}" for leans in parts}
            rows.append(row)
            say(str(row))
    note = "log10 of p of what the key would choose, in its answers alone (said_by_key)."
    return Table("students-answers", "How many answers it takes", rows, note)


def other_keys(world: World) -> Table:
    """The key among a thousand that were never used, corrected for all of them."""
    teacher, texts = Read(world.model(world.teacher)), world.texts("kept back")
    name = f"marked, kept back/{world.scale.learnt * 3}"
    free = passages(world.marked("kept back", None, texts))[:MOST_READ]
    ways = {
        "read along unmarked answers": leans_along(Read(world.model(name)), teacher, free, CONTEXT),
        "its own answers": leans_said(_said(world, name, texts)[:ANSWERS_OF_OTHERS], teacher, CONTEXT),
    }
    rows: list[dict[str, Any]] = []
    for of, key in world.keys("kept back").items():
        never = list(decoys(key, OTHERS + NEVER_USED))
        compared, others = [each.secret for each in never[:OTHERS]], never[OTHERS:]
        for way, leans in ways.items():
            say(f"marks: {NEVER_USED:,} other keys of {of[0]}, {way}")
            leaning = sorted(others, key=lambda each: -standing(leans, each, compared))[:MOST_LIKE]
            p = [leans_to_key(leans, each, decoys=compared).p_value or 0.0 for each in (key, *leaning)]
            rows.append({
                "scheme": of[0], "what the key would choose": way, "texts": leans.texts,
                "the key": f"{min(1.0, p[0] * (NEVER_USED + 1)):.1e}",
                "least of the others": f"{min(1.0, min(p[1:]) * (NEVER_USED + 1)):.2g}",
            })  # fmt: skip
    note = (
        f"p-values times {NEVER_USED + 1:,}, the number of keys; 10 % marked, student {name}. Of the others, p-values "
        f"are computed of the {MOST_LIKE} it leans to most; all are compared with {OTHERS} more, never used either."
    )
    return Table("students-other-keys", "No other key", rows, note)


def nulls(world: World, keys: int = 200) -> Table:
    """Students of unmarked text under keys that they never met."""
    found: dict[str, list[float]] = {}
    teacher, free = Read(world.model(world.teacher)), passages(world.marked("sparse", None, world.texts("sparse")))
    every = [each for each in sorted(world.keys("sparse").items()) if each[0][1] == 0.1]
    for number in range(NULLS):
        say(f"marks: null student {number + 1} of {NULLS}")
        (of, key), student = every[number % len(every)], Read(world.model(f"null {number}/5"))
        marked = passages(world.marked("sparse", of, world.texts("sparse")))
        said = _said(world, f"null {number}/5", world.texts("taken")[:NULL_ANSWERS])
        for at, each in enumerate((key, *decoys(key, keys - 1))):
            for name, p in _of_null(student, marked, said, each, bets=at < keys // 5).items():
                found.setdefault(name, []).append(p)
        ways = {
            "the key's choice": leans_along(student, teacher, free[:NULL_ANSWERS], CONTEXT),
            "the key's choice, answers": leans_said(said, teacher, CONTEXT),
        }
        for each in decoys(key, keys // 8):
            for name, leans in ways.items():
                some = [other.secret for other in decoys(each, 9)]
                found.setdefault(name, []).append(leans_to_key(leans, each, decoys=some).p_value or 0.0)
    rows = [
        {"statistic": name, "students": NULLS, "nulls": len(p)}
        | {f"p <= {a:g}": f"{np.mean(np.asarray(p) <= a):.4f}" for a in LEVELS}
        for name, p in found.items()
    ]
    note = (
        "The three schemes in turn. Predicted, stopped; expected; counts: bets, whose p-values are valid and lie above "
        "uniform ones. The key's choice: against nine other keys each time."
    )
    return Table("students-marks-nulls", "Students of unmarked text, keys they never met", rows, note)


def _of_null(
    student: Read, marked: Sequence[Passage], said: Sequence[Passage], key: MarkKey, bets: bool
) -> dict[str, float]:
    some = marked[:50]
    tests = {
        "predicted, planned": predicted_tokens(student, some, key, planned=600),
        "answers": answer_tokens(said, key),
        "answers at marked windows, planned": answer_tokens(said, key, learnt=some, planned=1500),
    }
    if bets:
        tests["predicted, stopped"] = predicted_tokens(student, some, key)
        tests["expected"] = expected_scores(student, some, key)
        tests["counts"] = answer_counts(said, key)
    return {name: 1.0 if evidence.p_value is None else evidence.p_value for name, evidence in tests.items()}


def _said(world: World, name: str, texts: Sequence[Text]) -> list[Passage]:
    """One answer of the student to each of so many prompts that were taken."""
    places = np.random.default_rng(9).permutation(len(texts))[: world.scale.asked].tolist()
    asked = [texts[place].prompt for place in places]
    return [Text(p, a).passage for p, a in zip(asked, world.said(name, asked), strict=True)]
