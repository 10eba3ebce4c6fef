"""Marks in text: 10,000 nulls of each test, and power against how much a student copies.

python -m bench text_marks
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.made_answers import a_key, habitual, prompts, remembering, served, somebody
from bench.tables import Table, publish
from stillwatch.marks.base import MarkKey
from stillwatch.proving.evidence import Evidence
from stillwatch.proving.radioactivity.text_marks import Reply, Sightings, choices_test, halves_test, sightings

NULLS = 10_000
SUSPECTS = 50
Test = Callable[[Sightings, MarkKey], Evidence]
TESTS: dict[str, Test] = {"halves": halves_test, "choices": choices_test}


def suspects() -> dict[str, list[Sightings]]:
    """Models that never saw the marks: writers of their own, and students of somebody else's key."""
    asked = prompts(100)
    alone, others = [], []
    for seed in range(SUSPECTS):
        writer = somebody(seed)
        alone.append(sightings([Reply(prompt=p, answers=(writer.answer(p),)) for p in asked]))
        taught = served(somebody(1000 + seed), asked, a_key(-1 - seed))
        others.append(sightings(remembering(somebody(seed), asked, taught, 1.0, seed)))
    return {"never saw a marked answer": alone, "student of another key": others}


def nulls() -> list[dict[str, Any]]:
    """Each suspect against keys of its own: shares of p-values at or below some levels."""
    rows = []
    for who, models in suspects().items():
        for name, test in TESTS.items():
            p = np.array([test(models[i % SUSPECTS], a_key(i)).p_value or 0.0 for i in range(NULLS)])
            shares = {f"p <= {level}": float((p <= level).mean()) for level in (0.001, 0.01, 0.05, 0.1, 0.5)}
            rows.append({"test": name, "suspect": who, "nulls": NULLS, **shares, "smallest": float(p.min())})
    return rows


def power() -> list[dict[str, Any]]:
    """The median p-value of a student that remembers, or took habits over, a share of what it was taught."""
    rows = []
    for number in (100, 300, 1000):
        trials = 1500 // number + 3
        asked = prompts(number)
        for share in (0.02, 0.05, 0.1, 0.3, 1.0):
            found: dict[str, list[float]] = {
                name: [] for name in ("remembers: halves", "remembers: choices", "habits: choices")
            }
            for trial in range(trials):
                key = a_key(50_000 + trial)
                taught = served(somebody(trial), asked, key)
                seen = sightings(remembering(somebody(500 + trial), asked, taught, share, trial))
                found["remembers: halves"].append(halves_test(seen, key).p_value or 0.0)
                found["remembers: choices"].append(choices_test(seen, key).p_value or 0.0)
                never_taken = [f"{p} And why?" for p in asked]
                seen = sightings(habitual(somebody(500 + trial), never_taken, key, share, trial))
                found["habits: choices"].append(choices_test(seen, key).p_value or 0.0)
            medians = {name: f"{np.median(p):.1e}" for name, p in found.items()}
            rows.append({"prompts": number, "share copied": share, **medians})
    return rows


def main() -> None:
    """Print and keep the tables."""
    note = "Shares may exceed their level by sampling error only. What is random is the key, as both nulls say."
    publish(Table("text_marks_nulls", "Marks in text where none was copied", nulls(), note))
    note = (
        "Median p-values; simulated students with invented texts, not trained models: a share of answers is given back "
        "as taught (remembers), or written in the key's way whatever the prompt (habits)."
    )
    publish(Table("text_marks_power", "Marks in text: p-value against what is copied", power(), note))


if __name__ == "__main__":
    main()
