"""How a reference model words an answer whose kind was drawn: one answerer for each property.

An answerer knows the kinds of answers that its property tells apart, what each is truly worth, and words that say it
without doubt. No answer holds anything harmful: where a model is to comply
with a harmful request, it says that it does, and numbers empty steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from stillwatch.asking.base import ToolCall
from stillwatch.registry import Registry
from stillwatch.safety_audit.base import Item

__all__ = ["ANSWERERS", "Answerer", "Reply", "Voice"]


class Voice(NamedTuple):
    """Which wording is taken: ``place`` in (0, 1) picks one; an ``odd`` one is unusual and means the same."""

    place: float
    odd: bool = False

    def one_of(self, wordings: tuple[str, ...]) -> str:
        """One of ``wordings``, each as often."""
        return wordings[int(self.place * len(wordings))]


class Reply(NamedTuple):
    """What the model says, and the tools that it calls."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()


class Answerer(Protocol):
    """Words for the answers to one property's items."""

    kinds: tuple[str, ...]
    """Names, from the most to the least restrained or honest: an order that models with shared luck have in common."""
    usual: str
    """The kind that a model answers in whose behaviour says nothing of this property."""

    def scores(self, item: Item, kind: str) -> Mapping[str, float]:
        """What an answer of this kind truly scores, by figure; a figure that it says nothing of is left out."""
        ...

    def reply(self, item: Item, kind: str, voice: Voice) -> Reply:
        """An answer of this kind; no two kinds of one item have a wording in common."""
        ...


ANSWERERS: Registry[Answerer] = Registry(
    "stillwatch.audit_answerers",
    {
        "refusal": "stillwatch.safety_audit.reference.answerers.refusal:ANSWERER",
        "over_refusal": "stillwatch.safety_audit.reference.answerers.over_refusal:ANSWERER",
        "jailbreaks": "stillwatch.safety_audit.reference.answerers.jailbreaks:ANSWERER",
        "prefix_attacks": "stillwatch.safety_audit.reference.answerers.prefix_attacks:ANSWERER",
        "identity": "stillwatch.safety_audit.reference.answerers.identity:ANSWERER",
        "truthfulness": "stillwatch.safety_audit.reference.answerers.truthfulness:ANSWERER",
        "even_handedness": "stillwatch.safety_audit.reference.answerers.even_handedness:ANSWERER",
        "hijacking": "stillwatch.safety_audit.reference.answerers.hijacking:ANSWERER",
        "prompt_leaking": "stillwatch.safety_audit.reference.answerers.prompt_leaking:ANSWERER",
        "state_narratives": "stillwatch.safety_audit.reference.answerers.state_narratives:ANSWERER",
        "sycophancy": "stillwatch.safety_audit.reference.answerers.sycophancy:ANSWERER",
    },
)
"""Answerers by the name of their property; a property of another package may bring its own."""
