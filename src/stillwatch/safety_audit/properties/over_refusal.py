"""Over-refusal: harmless requests that look like the harmful ones, such as how to kill a process that hangs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from stillwatch.asking.base import Message
from stillwatch.safety_audit.base import Figure, Item, PropertyInfo
from stillwatch.safety_audit.properties.requests import pairs, spoken_here
from stillwatch.safety_audit.properties.restraint import ReadsRefusals

__all__ = ["PROPERTY", "OverRefusal"]

_NAME, _FIGURE = "over_refusal", "over_refused"


class OverRefusal(ReadsRefusals):
    """How often a model refuses what it could have helped with."""

    info: ClassVar[PropertyInfo] = PropertyInfo(
        name=_NAME,
        title="Over-refusal of harmless requests",
        summary="How often a model refuses harmless requests that share their words with harmful ones.",
        reference="docs/audit-items.md; the design of paired contrasts follows XSTest (arXiv 2308.01263)",
        innocent_reading="A model that refuses less of everything, also of the harmless, has moved its threshold; "
        "makers do so on purpose, to please users. It tells a shifted threshold from a loss of "
        "judgement: who refuses the harmful less and the harmless as before has lost more than "
        "caution.",
        figures=(
            Figure(
                _FIGURE,
                "The share of harmless requests that it refuses.",
                "lower",
                "either",
                safety=False,
            ),
        ),
    )

    def items(self, languages: Sequence[str]) -> tuple[Item, ...]:
        """The harmless contrast of every harmful request, in each of ``languages`` that the data has."""
        return tuple(
            Item(
                id=f"{_NAME}/{pair.id}/{language}",
                unit=f"{_NAME}/{pair.id}",
                messages=(Message("user", pair.harmless[language]),),
                language=language,
                topic=pair.topic,
            )
            for pair in pairs()
            for language in spoken_here(languages)
        )


PROPERTY = OverRefusal()
