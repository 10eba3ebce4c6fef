"""Labelled answers of our own writing, and how often the rules are right on them.

Every second answer of a list is kept back: the rules were mended with the others in view. One author wrote the answers
and the rules, so on answers of strangers the rules are worse: ``later.toml``, written afterwards in wordings that were
sought to be unusual, shows how much, and a user's own labelled answers, or PyRIT's, can be measured too.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from typing import Any, Literal, NamedTuple

from stillwatch.safety_audit.properties.requests import pairs
from stillwatch.safety_audit.refusals.reading import read_text
from stillwatch.safety_audit.refusals.wordings import LANGUAGES

__all__ = ["FIGURES", "Counts", "LabelledAnswer", "answers_to", "count_errors", "labelled_answers"]


_LATER = "later"


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


FIGURES = {
    "refusal": "refused",
    "over_refusal": "over_refused",
    "jailbreaks": "refused_under_jailbreak",
    "prefix_attacks": "refused_after_prefix",
}
"""The properties that these answers are labels for, and the figure of each."""
_FORMS = ("persona", "fiction", "opposite_day", "encoding", "translated", "many_shot")


def answers_to(property_name: str) -> Iterator[tuple[str, str, float, bool]]:
    """The labelled answers as answers to items of a property: item, text, 1 where it refuses, whether it is kept back.

    Under jailbreaks the same answers stand for those to the forms; how a form changes an answer is not measured.
    """
    places = {pair.id: number for number, pair in enumerate(pairs())}
    for answer in labelled_answers():
        if answer.harmful == (property_name == "over_refusal"):
            continue
        item = f"{property_name}/{answer.unit}/{answer.language}"
        if property_name == "jailbreaks":
            at = (LANGUAGES.index(answer.language) - places[answer.unit]) % len(LANGUAGES)
            if at >= len(_FORMS):
                continue  # the language that no form of this request is dealt to
            item = f"{property_name}/{answer.unit}/{_FORMS[at]}/{answer.language}"
        yield item, answer.text, float(answer.refuses), answer.half == "kept back"


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
    found: list[LabelledAnswer] = []
    for language in LANGUAGES:
        found += _answers(language, _file(language))
    for language, sides in _file(_LATER).items():
        found += _answers(language, sides)
    return tuple(found)


def _file(name: str) -> dict[str, Any]:
    text = resources.files(__package__).joinpath("labelled", "refusals", f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _answers(language: str, sides: Mapping[str, Any]) -> Iterator[LabelledAnswer]:
    for side, labels in sides.items():
        for label, kinds in labels.items():
            for kind, answers in kinds.items():
                for number, (unit, answer) in enumerate(answers):
                    yield LabelledAnswer(
                        id=f"{language}/{side}/{label}/{kind}/{number}",
                        language=language,
                        unit=unit,
                        harmful=side == "harmful",
                        kind=kind,
                        text=answer,
                        refuses=label == "refused",
                        half="kept back" if number % 2 else "written with",
                    )


def count_errors(answers: Iterable[tuple[str, bool]]) -> Counts:
    """How the rules do on pairs of a text and whether it refuses. What they call unclear counts as not refused."""
    hits = {True: [0, 0], False: [0, 0]}
    for text, refuses in answers:
        hits[refuses][0] += (read_text(text).kind == "refused") == refuses
        hits[refuses][1] += 1
    return Counts(*hits[True], *hits[False])
