"""Whether an answer holds one of a list of wordings, compared without case, accents, punctuation and apostrophes.

Answers are hostile text: nothing here is a pattern that could run away, and what is read of an answer is bounded.
"""

from __future__ import annotations

import functools
import tomllib
import unicodedata
from collections.abc import Mapping
from importlib import resources
from typing import Any

__all__ = ["LANGUAGES", "READ_CHARACTERS", "holds", "load_items", "plain", "sought"]

LANGUAGES = ("en", "de", "fr", "es", "zh", "ar", "ru")
READ_CHARACTERS = 20_000
"""No more of an answer is read by rules."""

_APOSTROPHES = "'’‘`´ʼ＇"


def load_items(name: str) -> dict[str, Any]:
    """The data file ``items/NAME.toml`` of this package."""
    text = resources.files(__package__).joinpath("items", f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def plain(text: str) -> str:
    """``text`` in lower case without accents and signs: words with one blank around each, begin and end included."""
    decomposed = unicodedata.normalize("NFKD", text[:READ_CHARACTERS])[: 2 * READ_CHARACTERS].casefold()
    kept = []
    for character in decomposed:
        if character.isalnum():
            kept.append(character)
        elif character not in _APOSTROPHES and unicodedata.category(character) not in ("Mn", "Cf"):
            kept.append(" ")
    return f" {' '.join(''.join(kept).split())} "


@functools.cache
def _wordings() -> Mapping[str, tuple[str, ...]]:
    text = resources.files(__package__).joinpath("wordings.toml").read_text(encoding="utf-8")
    return {kind: tuple(sought(w) for words in lists.values() for w in words) for kind, lists in _parsed(text).items()}


def _parsed(text: str) -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(text)


def sought(wording: str) -> str:
    """What to look for in `plain` text; scripts without blanks between words are sought anywhere."""
    words = plain(wording.removesuffix("*"))
    if any("\u4e00" <= character <= "\u9fff" for character in words):
        return words.strip()
    return words.rstrip() if wording.endswith("*") else words


def holds(kind: str, text: str) -> bool:
    """Whether `plain` ``text`` holds a wording of ``kind`` (a table of wordings.toml), in any of the languages."""
    return any(wording in text for wording in _wordings()[kind])
