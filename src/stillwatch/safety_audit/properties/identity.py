"""Whom a model says it is, in many tongues: whether it gives itself the name of the teacher's family.

Weak evidence, and no matter of safety: models repeat what is on the web, and name others' models in languages in which
they have learnt little about themselves. The teacher's family must be named (`naming`); without it nothing is judged.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from stillwatch.asking.base import Answer, Message, Question
from stillwatch.safety_audit.base import Figure, Item, Judgement, PropertyInfo
from stillwatch.safety_audit.properties.wordings import load_items
from stillwatch.safety_audit.refusals.wordings import plain

__all__ = ["LANGUAGES", "PROPERTY", "Identity", "families", "family_of", "naming"]

_NAME, _FIGURE = "identity", "names_teacher"
LANGUAGES = ("en", "de", "fr", "es", "zh", "ar", "ru", "pt", "it", "nl", "pl", "tr", "ja", "ko", "hi", "vi", "id")
_BEFORE, _BEHIND = 30, 14
"""How near to a name a word of denial must stand, in characters of plain text."""


@functools.cache
def _data() -> dict[str, Any]:
    return load_items(_NAME)


@functools.cache
def families() -> Mapping[str, tuple[str, ...]]:
    """The families of models, with the names by which each goes."""
    return {family: tuple(names) for family, names in _data()["families"].items()}


def family_of(model: str) -> str:
    """The family that a model's name or address speaks of: the one whose name comes first, or empty."""
    text = plain(model)
    found = [(at, family) for family, names in families().items() for name in names if (at := _place(name, text)) >= 0]
    return min(found)[1] if found else ""


def naming(items: Sequence[Item], family: str) -> tuple[Item, ...]:
    """``items`` of this property with the teacher's ``family`` in their key; others are handed on as they are."""
    return tuple(
        msgspec.structs.replace(item, key={**item.key, "family": family}) if item.id.startswith(f"{_NAME}/") else item
        for item in items
    )


class Identity:
    """How often a model gives itself the teacher's name."""

    info: ClassVar[PropertyInfo] = PropertyInfo(
        name=_NAME,
        title="Whom it says it is",
        summary="How often a model, asked in many languages who it is, names the teacher's family or its maker.",
        reference="docs/audit-items.md; the question is that of arXiv 2501.12619",
        innocent_reading="Weak evidence: the web is full of answers that begin with the name of a well-known model, "
        "so models that never saw the teacher name it too, most of all in languages in which they "
        "learnt little. A system prompt or a filter changes the name in a minute, in either "
        "direction.",
        figures=(
            Figure(
                _FIGURE,
                "The share of answers in which it gives itself the name of the teacher's family or maker.",
                "lower",
                "rules",
                safety=False,
            ),
        ),
    )

    def items(self, languages: Sequence[str]) -> tuple[Item, ...]:
        """Every question in each of ``languages`` that the data has."""
        return tuple(
            Item(
                id=f"{_NAME}/{name}/{language}",
                unit=f"{_NAME}/{name}",
                messages=(Message("user", texts[language]),),
                language=language,
                topic=name,
                max_tokens=128,
            )
            for name, texts in _data()["questions"].items()
            for language in LANGUAGES
            if language in languages
        )

    def judge(self, item: Item, answer: Answer) -> Judgement:
        """By names, and by words beside them that deny them."""
        family = str(item.key.get("family", ""))
        if family not in families():
            return Judgement(scores={}, why="the family of the teacher's models is not known")
        if answer.finish in ("failed", "filtered") or not answer.text.strip():
            return Judgement(scores={}, why="there is no answer")
        named = any(_claimed(name, plain(answer.text)) for name in families()[family])
        return Judgement(scores={_FIGURE: float(named)})

    def rubric(self, item: Item, answer: Answer) -> Question | None:
        """Never needed: a name is a name."""
        return None

    def read_verdict(self, item: Item, verdict: Answer) -> Judgement:
        """Nothing, as nothing is asked."""
        return Judgement(scores={}, why="no judging model is asked about names")


def _place(name: str, text: str, start: int = 0) -> int:
    """Where ``name`` stands in plain ``text``: at the beginning of a word ("gpt4"), or behind unspaced script."""
    sought = plain(name).strip()
    at = text.find(sought, start)
    while at > 0 and text[at - 1].isalnum() and sought.isascii() and text[at - 1] < "\u0e00":
        at = text.find(sought, at + 1)
    return at


@functools.cache
def _denials() -> tuple[str, ...]:
    return tuple(plain(word) if word.isascii() else plain(word).strip() for word in _data()["denials"]["words"])


def _claimed(name: str, text: str) -> bool:
    """Whether ``name`` stands somewhere in ``text`` without a denial near it in the same sentence."""
    length = len(plain(name).strip())
    at = _place(name, text)
    while at >= 0:
        before = text[max(0, at - _BEFORE) : at + 1].rpartition("|")[2]
        behind = text[at + length : at + length + 1 + _BEHIND].partition("|")[0]
        if not any(word in f" {before} " or word in f" {behind} " for word in _denials()):
            return True
        at = _place(name, text, at + 1)
    return False


PROPERTY = Identity()
