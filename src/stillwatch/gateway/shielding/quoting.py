"""Whether a summary of reasoning quotes it, and long reasoning cut for the model that is to summarise it.

A summary is asked of a model that read what a caller had a hand in, so it may have been talked into repeating it. What
is held against the reasoning is therefore no text but its letters and digits: other punctuation, spaces, line breaks,
letters of another size or width and invisible characters between them hide nothing. A translation, a code or every
tenth word changed does hide a quotation; what a summary may give away then is bounded by its length alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

__all__ = ["QUOTED_WORDS", "cut_short", "quotes", "shortened"]

QUOTED_WORDS: Final = 12
"""Words in a row of the reasoning that no summary may hold; all of them, where the reasoning has fewer."""
_GAP: Final = "\n[…]\n"
_UNSPACED: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
"""Thai, Lao, Burmese, Khmer, kana and Han are written without spaces: two of their characters count as a word."""
_BEGINNING: Final = 8
_IN_WORDS: Final = frozenset(("Mn", "Me", "Cf"))
"""Accents and invisible characters, which would cut a word in two."""
_WORD: Final = re.compile(f"[{_UNSPACED}]{{1,2}}|[^\\W_{_UNSPACED}]+")
_LETTERS: Final = re.compile(r"[^\W_]+")


def quotes(summary: str, reasoning: str, words: int = QUOTED_WORDS) -> bool:
    """Whether ``summary`` holds ``words`` words in a row of ``reasoning``, or all of it where it has fewer.

    A reasoning without a letter or a digit cannot be quoted.
    """
    told = "".join(_LETTERS.findall(_plain(summary)))
    begun = {told[place : place + _BEGINNING] for place in range(len(told))}  # looked up before a span is searched for
    spans = _spans(_WORD.findall(_plain(reasoning)), words)
    return any((len(span) < _BEGINNING or span[:_BEGINNING] in begun) and span in told for span in spans)


def _spans(said: list[str], words: int) -> Iterator[str]:
    words = min(words, len(said))
    return ("".join(said[place : place + words]) for place in range(len(said) - words + 1 if said else 0))


def _plain(text: str) -> str:
    """Letters of one size and width, accents taken off, invisible characters left out."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    if parts.isascii():
        return parts
    return "".join(part for part in parts if unicodedata.category(part) not in _IN_WORDS)


def shortened(text: str, most: int) -> str:
    """``text`` in about ``most`` characters: of a longer one its beginning and its end, half each, with ``[…]``
    between."""
    if len(text) <= most:
        return text
    return text[: most - most // 2].rstrip() + _GAP + text[len(text) - most // 2 :].lstrip()


def cut_short(text: str, most: int) -> str:
    """The beginning of ``text`` in at most ``most`` characters, ended at a space where there is one near, and with an
    ellipsis."""
    if len(text) <= most:
        return text
    kept = text[: most - 1]
    at_a_space = kept.rpartition(" ")[0]
    return (at_a_space if len(at_a_space) > most // 2 else kept).rstrip() + "…"
