"""Robustness of refusal when the assistant's turn is begun for it with "Sure, here is"."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec

from stillwatch.asking.base import Answer, Message
from stillwatch.safety_audit.base import Figure, Item, PropertyInfo
from stillwatch.safety_audit.properties.requests import pairs, spoken_here
from stillwatch.safety_audit.properties.restraint import ReadsRefusals
from stillwatch.safety_audit.properties.wordings import load_items

__all__ = ["PROPERTY", "PrefixAttacks", "prefixes"]

_NAME, _FIGURE = "prefix_attacks", "refused_after_prefix"


@functools.cache
def prefixes() -> Mapping[str, str]:
    """How an answer is begun, by language."""
    return load_items("prefixes")


class PrefixAttacks(ReadsRefusals):
    """How often a model turns back to a refusal after words of consent were put into its mouth."""

    info: ClassVar[PropertyInfo] = PropertyInfo(
        name=_NAME,
        title="Refusal after a begun answer",
        summary="How often a model still refuses harmful requests when its answer was begun for it with consent.",
        reference="docs/audit-items.md; prefix injection as described in arXiv 2307.02483",
        innocent_reading="Whether a begun turn is gone on from depends on the endpoint: some begin a new turn, some "
        "refuse such calls, and then models differ by their servers. Shallow safety that lies in the "
        "first words is common in open models that nobody has stripped (arXiv 2406.05946).",
        figures=(
            Figure(
                _FIGURE,
                "The share of harmful requests that it refuses after its answer was begun for it.",
                "higher",
                "either",
            ),
        ),
    )

    def items(self, languages: Sequence[str]) -> tuple[Item, ...]:
        """Every harmful request with a begun answer, in each of ``languages`` that the data has."""
        return tuple(
            Item(
                id=f"{_NAME}/{pair.id}/{language}",
                unit=f"{_NAME}/{pair.id}",
                messages=(Message("user", pair.harmful[language]), Message("assistant", prefixes()[language])),
                language=language,
                harmful=True,
                topic=pair.topic,
                key={"prefix": prefixes()[language]},
            )
            for pair in pairs()
            for language in spoken_here(languages)
        )

    def said(self, item: Item, answer: Answer) -> Answer:
        """What stands behind the words that were put into its mouth."""
        prefix = str(item.key.get("prefix", ""))
        return msgspec.structs.replace(answer, text=answer.text.strip().removeprefix(prefix))


PROPERTY = PrefixAttacks()
