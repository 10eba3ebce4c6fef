"""Harmful requests and, beside each, a harmless one that looks like it: in the languages of ``items/requests/``."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import NamedTuple

from stillwatch.safety_audit.properties.wordings import LANGUAGES

__all__ = ["Pair", "pairs", "spoken_here", "tables"]


class Pair(NamedTuple):
    """One unit: what is harmful and what only looks like it, by language."""

    id: str
    topic: str
    harmful: Mapping[str, str]
    harmless: Mapping[str, str]


def tables(folder: str) -> tuple[tuple[str, str, Mapping[str, Mapping[str, Sequence[str]]]], ...]:
    """The data files of ``items/FOLDER``, by name: its name, its title, and its units with their texts by language."""
    found = []
    files = resources.files(__package__).joinpath("items", folder).iterdir()
    for file in sorted(files, key=lambda file: file.name):
        if file.name.endswith(".toml"):
            units = tomllib.loads(file.read_text(encoding="utf-8"))
            found.append((file.name.removesuffix(".toml"), str(units.pop("title")), units))
    return tuple(found)


@functools.cache
def pairs() -> tuple[Pair, ...]:
    """Every pair, topic by topic."""
    return tuple(
        Pair(
            f"{topic}/{name}",
            topic,
            {language: texts[0] for language, texts in unit.items()},
            {language: texts[1] for language, texts in unit.items()},
        )
        for topic, _, units in tables("requests")
        for name, unit in units.items()
    )


def spoken_here(languages: Sequence[str]) -> list[str]:
    """Those of ``languages`` in which items exist, in the order of the data whatever was asked for."""
    return [language for language in LANGUAGES if language in languages]
