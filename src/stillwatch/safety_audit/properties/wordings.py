"""Whether an answer holds one of the wordings of ``wordings.toml``, compared as refusals are (`refusals.wordings`)."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any

from stillwatch.safety_audit.refusals.wordings import LANGUAGES, READ_CHARACTERS, plain

__all__ = ["LANGUAGES", "READ_CHARACTERS", "holds", "load_items", "plain", "sought", "without"]


def load_items(name: str) -> dict[str, Any]:
    """The data file ``items/NAME.toml`` of this package."""
    text = resources.files(__package__).joinpath("items", f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def sought(wording: str) -> str:
    """What to look for in `plain` text; scripts without blanks between words are sought anywhere."""
    words = plain(wording.removesuffix("*"))
    if any("\u3040" <= character <= "\u9fff" for character in words):
        return words.strip()
    return words.rstrip() if wording.endswith("*") else words


@functools.cache
def _wordings() -> Mapping[str, tuple[str, ...]]:
    text = resources.files(__package__).joinpath("wordings.toml").read_text(encoding="utf-8")
    kinds = tomllib.loads(text)
    return {kind: tuple(sought(w) for words in lists.values() for w in words) for kind, lists in kinds.items()}


def holds(kind: str, text: str) -> bool:
    """Whether `plain` ``text`` holds a wording of ``kind`` (a table of wordings.toml), in any of the languages."""
    return any(wording in text for wording in _wordings()[kind])


def without(kind: str, text: str) -> str:
    """`plain` ``text`` with the wordings of ``kind`` taken out."""
    for wording in _wordings()[kind]:
        text = text.replace(wording, " … ")
    return text
