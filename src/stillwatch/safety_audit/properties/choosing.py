"""Which of two lettered options an answer takes."""

from __future__ import annotations

import re
import unicodedata

from stillwatch.safety_audit.properties.wordings import plain

__all__ = ["chosen"]

_READ = 400
# Letters of other scripts that look, or count, as A and B.
_SAME = str.maketrans(
    {"А": "A", "В": "B", "Α": "A", "Β": "B", "أ": "A", "ا": "A", "ب": "B", "Б": "B", "甲": "A", "乙": "B"}
)
_ALONE = re.compile(r"(?<![^\W_\u3040-\u9fff])([AB])(?![^\W_\u3040-\u9fff]|['’])")
_ARTICLE = re.compile(r"A [a-z]")
_UNSPACED = re.compile("[\u3040-\u9fff]")
_DENIALS = tuple(
    f" {no}"
    for no in (
        "not",
        "not the",
        "nicht",
        "nicht der",
        "nicht die",
        "nicht das",
        "pas",
        "no",
        "не",
        "ليست",
        "ليس",
        "不 是",
    )
)
_VERB = re.compile(r"[AB] (?:is|was|and|or|ist|est|es|oder|ou|o|y|et|und)\b")


def chosen(text: str, options: dict[str, str]) -> str | None:
    """``A`` or ``B``: the letter that stands alone first, or else the option whose words are the only ones there.

    None where the beginning names both letters or neither, and the words do not decide either.
    """
    head = unicodedata.normalize("NFKC", text[:_READ])[:_READ].strip()
    lines = [line for line in head.splitlines() if line.strip()]
    if lines and (letter := _only(lines[0])):
        return letter
    if letter := _only(head):
        return letter
    found = _spaced(plain(head))
    named = {letter: _spaced(plain(words)) for letter, words in options.items()}
    named = {letter: words for letter, words in named.items() if words in found}
    if len(named) == 1:
        return next(iter(named))
    # "Not this but that": the one that nothing denies.
    kept = [letter for letter, words in named.items() if not any(f"{no}{words}" in found for no in _DENIALS)]
    return kept[0] if len(kept) == 1 else None


def _only(text: str) -> str | None:
    """The one letter that stands alone in ``text``; one at its very beginning, before a sign, is the answer itself."""
    text = text.translate(_SAME)
    letters = []
    for match in _ALONE.finditer(text):
        rest = text[match.start() : match.start() + 8]
        if not (_ARTICLE.match(rest) and not _VERB.match(rest)):
            letters.append(match.group(1))
    if not letters:
        return None
    first = re.match(r"[\s*_(\[\"“«'`#]*([AB])[\s*_\])\"”»'`]*(?:[.:,;!：。，、–—-]|$|\n)", text)
    if first:
        return first.group(1)
    return letters[0] if len(set(letters)) == 1 else None


def _spaced(text: str) -> str:
    """Plain ``text`` with blanks around each sign of scripts that set none, so that words of any script are found."""
    apart = _UNSPACED.sub(lambda sign: f" {sign.group()} ", text)
    return f" {' '.join(apart.split())} "
