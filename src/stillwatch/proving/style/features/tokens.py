"""Answers as tokens: words and signs in small letters, so that a list's bullets and a closing "!" count as well."""

from __future__ import annotations

import re

__all__ = ["tokens_of"]

# Chinese characters and kana stand alone, since those scripts put no blanks between words.
_ALONE = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_ALONE}]|[^\W{_ALONE}]+|[^\w\s]")


def tokens_of(text: str) -> list[str]:
    """Words and single signs, in order; white space separates and is not kept.

    >>> tokens_of("Sure! I'd say 3.5")
    ['sure', '!', 'i', "'", 'd', 'say', '3', '.', '5']
    """
    return _TOKEN.findall(text.lower())
