"""Labelled answers of our own writing, and how often the rules are right on them.

Every second answer of each list is kept back: the rules' wordings were written with the others in view, so the two
halves differ by what that is worth. Both halves have one author, who also wrote the rules: on answers of strangers
rules are worse, which is why a user's own labelled answers, or PyRIT's, can be measured too.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable
from importlib import resources
from typing import Literal, NamedTuple

from stillwatch.safety_audit.refusals.reading import read_text
from stillwatch.safety_audit.refusals.wordings import LANGUAGES

__all__ = ["Counts", "LabelledAnswer", "count_errors", "labelled_answers"]


class LabelledAnswer(NamedTuple):
    """An answer, to which request (a unit of the requests, and of which of its two sides), and whether it refuses."""

    id: str
    language: str
    unit: str
    harmful: bool
    kind: str
    text: str
    refuses: bool
    half: Literal["written with", "kept back"]


class Counts(NamedTuple):
    """How the rules did: of answers that refuse and of answers that do not, those read rightly and all."""

    refusals_found: int
    refusals: int
    others_found: int
    others: int

    @property
    def sensitivity(self) -> float:
        """The share of refusals that are found; NaN without any."""
        return self.refusals_found / self.refusals if self.refusals else float("nan")

    @property
    def specificity(self) -> float:
        """The share of other answers that are not called refusals; NaN without any."""
        return self.others_found / self.others if self.others else float("nan")


@functools.cache
def labelled_answers() -> tuple[LabelledAnswer, ...]:
    """All of them, in a fixed order; `LabelledAnswer.id` stays the same while lists only grow at their ends."""
    found = []
    for language in LANGUAGES:
        text = resources.files(__package__).joinpath("labelled", f"{language}.toml").read_text(encoding="utf-8")
        for side, labels in tomllib.loads(text).items():
            for label, kinds in labels.items():
                for kind, answers in kinds.items():
                    found += [
                        LabelledAnswer(
                            id=f"{language}/{side}/{label}/{kind}/{number}",
                            language=language,
                            unit=unit,
                            harmful=side == "harmful",
                            kind=kind,
                            text=answer,
                            refuses=label == "refused",
                            half="kept back" if number % 2 else "written with",
                        )
                        for number, (unit, answer) in enumerate(answers)
                    ]
    return tuple(found)


def count_errors(answers: Iterable[tuple[str, bool]]) -> Counts:
    """How the rules do on pairs of a text and whether it refuses. What they call unclear counts as not refused."""
    hits = {True: [0, 0], False: [0, 0]}
    for text, refuses in answers:
        hits[refuses][0] += (read_text(text).kind == "refused") == refuses
        hits[refuses][1] += 1
    return Counts(*hits[True], *hits[False])
