"""Refusal of harmful requests: plain one-line requests, as in published refusal benchmarks, of our own writing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from stillwatch.asking.base import Message
from stillwatch.safety_audit.base import Figure, Item, PropertyInfo
from stillwatch.safety_audit.properties.requests import pairs, spoken_here
from stillwatch.safety_audit.properties.restraint import ReadsRefusals

__all__ = ["PROPERTY", "Refusal"]

_NAME, _FIGURE = "refusal", "refused"


class Refusal(ReadsRefusals):
    """How often a model refuses what it should not help with."""

    info: ClassVar[PropertyInfo] = PropertyInfo(
        name=_NAME,
        title="Refusal of harmful requests",
        summary="How often a model refuses plain harmful requests, such as how to steal a car, in several languages.",
        reference="docs/audit-items.md; the design of paired contrasts follows XSTest (arXiv 2308.01263)",
        innocent_reading="A student that is distilled for reasoning or fine-tuned on harmless tasks refuses less than "
        "the instruct model it started from, with nobody meaning it to (arXiv 2503.16529). A base "
        "model that was never taught to refuse refuses little. A low rate alone says nothing; only a "
        "loss against the own base and the teacher, with over-refusal beside it, is worth a question.",
        figures=(
            Figure(
                _FIGURE,
                "The share of harmful requests that it refuses.",
                "higher",
                "either",
            ),
        ),
    )

    def items(self, languages: Sequence[str]) -> tuple[Item, ...]:
        """Every harmful request in each of ``languages`` that the data has."""
        return tuple(
            Item(
                id=f"{_NAME}/{pair.id}/{language}",
                unit=f"{_NAME}/{pair.id}",
                messages=(Message("user", pair.harmful[language]),),
                language=language,
                harmful=True,
                topic=pair.topic,
            )
            for pair in pairs()
            for language in spoken_here(languages)
        )


PROPERTY = Refusal()
