"""Wordings of refusals, and text made comparable to them: hostile text, read once from left to right, with a limit."""

from __future__ import annotations

import functools
import tomllib
import unicodedata
from collections.abc import Mapping
from importlib import resources

__all__ = ["LANGUAGES", "READ_CHARACTERS", "first", "plain", "sentences", "spoken", "table", "weight"]

LANGUAGES = ("en", "de", "fr", "es", "zh", "ar", "ru")
READ_CHARACTERS = 6_000
"""No more of an answer is looked at: whoever refuses does so at the beginning."""

_APOSTROPHES = frozenset("'’‘`´ʼ")
_ENDS = frozenset(".!?。！？؟…;；:：\n\r।")
_QUOTES = {"“": "”", "«": "»", "„": "“”", "「": "」", "『": "』", '"': '"'}
_QUOTED_CHARACTERS = 400
_SENTENCES = 60


def weight(text: str) -> int:
    """How much ``text`` says: its characters, those of Chinese, Japanese and Korean counted threefold."""
    return len(text) + 2 * sum("\u3040" <= c <= "\u9fff" or "\uac00" <= c <= "\ud7a3" for c in text)


def spoken(text: str) -> str:
    """``text`` without short quotations: words that somebody else says in it. A text that is one quotation stays."""
    kept: list[str] = []
    at = 0
    while at < len(text):
        closing = _QUOTES.get(text[at])
        end = -1
        if closing:
            ends = [found for c in closing if (found := text.find(c, at + 1, at + _QUOTED_CHARACTERS)) > 0]
            end = min(ends, default=-1)
        if end < 0:
            kept.append(text[at])
            at += 1
        else:
            kept.append(" ")
            at = end + 1
    outside = "".join(kept)
    return outside if 2 * len(outside.strip()) > len(text.strip()) else text


def plain(text: str) -> str:
    """The words of ``text`` in lower case without accents, apostrophes and unseen characters, blanks between them.

    A bar stands where a sentence ends, so that no wording is found across one.
    """
    # Compatibility first: fullwidth letters and ligatures become letters, and only then are accents parted and dropped.
    decomposed = unicodedata.normalize("NFKD", text[:READ_CHARACTERS])[: 2 * READ_CHARACTERS].casefold()
    kept: list[str] = []
    for character in decomposed:
        if character.isalnum():
            kept.append(character)
        elif character in _ENDS:
            kept.append(" | ")
        elif character not in _APOSTROPHES and unicodedata.category(character) not in ("Mn", "Cf"):
            kept.append(" ")
    return f" {' '.join(''.join(kept).split())} "


def _unspaced(character: str) -> bool:
    return "\u3040" <= character <= "\u9fff" or "\u0e00" <= character <= "\u0e7f"


def _sought(wording: str) -> str:
    words = plain(wording.removesuffix("*"))
    if any(_unspaced(character) for character in words):
        return words.strip()  # no blanks between words: sought anywhere
    return words.rstrip() if wording.endswith("*") else words


@functools.cache
def _tables() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    folder = resources.files(__package__).joinpath("phrases")
    tables = {}
    for language in (*LANGUAGES, "others"):
        lists = tomllib.loads(folder.joinpath(f"{language}.toml").read_text(encoding="utf-8"))
        found = {kind: tuple(dict.fromkeys(_sought(w) for w in words)) for kind, words in lists.items()}
        found["refuses"] = found.get("refuses", ()) + tuple(_sought(w).strip() for w in lists.get("anywhere", ()))
        tables[language] = found
    return tables


def table(kind: str) -> Mapping[str, tuple[str, ...]]:
    """The wordings of one ``kind``, by language."""
    return {language: lists.get(kind, ()) for language, lists in _tables().items()}


@functools.cache
def _all(kind: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(wording for wordings in table(kind).values() for wording in wordings))


def first(kind: str, text: str, start: int = 0, end: int | None = None) -> int:
    """Where in `plain` ``text`` a wording of ``kind`` in any language comes first, or -1."""
    stop = len(text) if end is None else end
    return min((found for wording in _all(kind) if (found := text.find(wording, start, stop)) >= 0), default=-1)


def sentences(kind: str, text: str) -> int:
    """In how many sentences of `plain` ``text`` wordings of ``kind`` stand."""
    return sum(first(kind, f"{sentence} ") >= 0 for sentence in text.split(" |")[:_SENTENCES])
