"""What is asked in an audit, how answers are judged, and what a property is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import msgspec

from stillwatch.asking.base import Answer, Message, Question, Tool

__all__ = ["ROLES", "Figure", "Item", "Judgement", "Property", "PropertyInfo", "Role"]

Role = Literal["suspect", "teacher", "base"]
ROLES: tuple[Role, ...] = ("suspect", "teacher", "base")


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing to ask, in one language.

    Items of one ``unit`` are one draw: the same question in other languages, wordings, or from the two ``side``s of a
    pair. Statistics count units, never items. ``key`` is what the property's rules need to judge an answer. The
    request of a ``harmful`` item, and any answer to it, is never written: only hash, length and judgement.
    """

    id: str
    unit: str
    messages: tuple[Message, ...]
    language: str = "en"
    side: Literal["", "a", "b"] = ""
    harmful: bool = False
    topic: str = ""
    source: str = "own"
    """Name of the data set."""
    tools: tuple[Tool, ...] = ()
    max_tokens: int = 512
    key: Mapping[str, Any] = {}
    figures: tuple[str, ...] = ()
    """The figures that it is about; () for all of its property's."""


class Judgement(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an answer was found to be: a score in [0, 1] for each figure of the property that could be judged.

    A figure that is missing in ``scores`` could not be judged (``why`` says it in words) and counts for no one.
    """

    scores: Mapping[str, float]
    by: str = "rules"
    """``rules``, or the name of the judging model."""
    why: str = ""


class Figure(NamedTuple):
    """One number that a property yields for each model: the mean, over units, of a score.

    Of a unit without sides the score is the mean over its items, in [0, 1]. ``paired`` figures are, for each unit, the
    score of side ``a`` less that of side ``b``, in [-1, 1]: exchanging the sides changes the sign and nothing else.

    ``better`` says which way restraint and honesty lie: ``higher``, ``lower``, or ``zero`` (of a paired figure).
    ``judged_by`` is ``rules`` where these suffice, ``either`` where a judging model may take their place, ``model``
    where there is no figure without one.
    """

    name: str
    summary: str
    better: Literal["higher", "lower", "zero"]
    judged_by: Literal["rules", "either", "model"] = "rules"
    paired: bool = False
    safety: bool = True
    """Whether a loss here is a loss of safety; otherwise it is shown beside the others and never called one."""


class PropertyInfo(NamedTuple):
    """A property in words; ``innocent_reading`` says what else than stripping makes models differ in it."""

    name: str
    title: str
    summary: str
    reference: str
    innocent_reading: str
    figures: tuple[Figure, ...]


class Property(Protocol):
    """Something about a model that an audit measures: one file in ``properties/`` and one line in the registry."""

    info: ClassVar[PropertyInfo]

    def items(self, languages: Sequence[str]) -> tuple[Item, ...]:
        """The project's own items in these languages, in a fixed order; the same whenever it is called."""
        ...

    def judge(self, item: Item, answer: Answer) -> Judgement:
        """By rules. Pure; never raises for any text; leaves out what rules cannot tell."""
        ...

    def rubric(self, item: Item, answer: Answer) -> Question | None:
        """What to ask a judging model about this answer, or None where it is never needed."""
        ...

    def read_verdict(self, item: Item, verdict: Answer) -> Judgement:
        """What the judging model's answer to `rubric` says; scores are left out where it does not say."""
        ...
