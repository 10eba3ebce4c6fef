"""A judging model that knows what is true, and errs as often as was planted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stillwatch.asking.base import Answer, Message
from stillwatch.safety_audit.base import Item
from stillwatch.safety_audit.reference.answering import Reply
from stillwatch.safety_audit.reference.behaviour import ErrorRates
from stillwatch.safety_audit.reference.book import Entry, fingerprint
from stillwatch.safety_audit.reference.draws import uniform

__all__ = ["Bench", "verdict"]

EXACT = ErrorRates()


class Bench:
    """What is true of the answers that a judge may be asked about, by the text of the question about them."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[Entry, Mapping[str, float]]] = {}

    def add(self, entry: Entry, answer: Answer, scores: Mapping[str, float]) -> None:
        """Know what this answer truly scores; one that needs no judging model is passed over."""
        question = entry.property.rubric(entry.item, answer)
        if question is not None:
            self._known[fingerprint(question.messages)] = (entry, scores)

    def find(self, messages: Sequence[Message]) -> tuple[Entry, Mapping[str, float]] | None:
        """The item and the true scores of the answer that this question is about."""
        return self._known.get(fingerprint(messages))


def verdict(
    entry: Entry,
    scores: Mapping[str, float],
    errors: Mapping[str, ErrorRates],
    key: tuple[object, ...],
) -> Reply:
    """What the judge says. ``key`` names judge, question and sample: asked again, it says the same.

    A score s in between is mistaken for 1 - s, in s of the cases as often as a 1 is, else as often as a 0 is.
    """
    said: dict[str, float] = {}
    for figure, score in scores.items():
        rates = errors.get(f"{entry.name}.{figure}", EXACT)
        if uniform(*key, figure, "unreadable") < rates.unreadable:
            continue
        wrong = (1 - rates.sensitivity) * score + (1 - rates.specificity) * (1 - score)
        said[figure] = 1 - score if uniform(*key, figure, "wrong") < wrong else score
    return Reply(_worded(entry, entry.item, said))


def _worded(entry: Entry, item: Item, said: Mapping[str, float]) -> str:
    return entry.answerer.verdict(item, said) if said else "I would rather not say."
