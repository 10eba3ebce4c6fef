"""What reference models say: phrases of ours by what they mean and by language."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import NamedTuple

from stillwatch.safety_audit.base import Item
from stillwatch.safety_audit.reference.answering import Reply, Voice

__all__ = ["Said", "Worded", "phrase", "wordings"]

_ODDLY = "_oddly"


@functools.cache
def _phrases() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    text = resources.files(__package__).joinpath("phrases.toml").read_text(encoding="utf-8")
    tables: dict[str, dict[str, list[str]]] = tomllib.loads(text)
    return {sense: {tongue: tuple(said) for tongue, said in table.items()} for sense, table in tables.items()}


def wordings(sense: str, language: str, odd: bool = False) -> tuple[str, ...]:
    """Everything that says ``sense`` in a language, else in English; an ``odd`` sense where there is one."""
    tables = _phrases()
    oddly = tables.get(sense + _ODDLY, {}).get(language) if odd else None
    return oddly or tables[sense].get(language) or tables[sense]["en"]


def phrase(sense: str, language: str, voice: Voice) -> str:
    """Something that says ``sense``."""
    return voice.one_of(wordings(sense, language, voice.odd))


class Said(NamedTuple):
    """One kind of answer: the senses of its sentences, in order, and what it truly scores."""

    senses: tuple[str, ...]
    scores: Mapping[str, float]


class Worded:
    """An answerer whose answers are phrases, and score the same for every item."""

    def __init__(self, usual: str, table: Mapping[str, Said]) -> None:
        self.usual, self.table, self.kinds = usual, table, tuple(table)

    def scores(self, item: Item, kind: str) -> Mapping[str, float]:
        """See `Answerer.scores`."""
        return self.table[kind].scores

    def reply(self, item: Item, kind: str, voice: Voice) -> Reply:
        """See `Answerer.reply`."""
        return Reply("\n".join(phrase(sense, item.language, voice) for sense in self.table[kind].senses))
