"""Text of a log with what is private in it left out: only words that several accounts of the campaign use are shown.

What a campaign's requests have in common is the evidence; what stands in one account's requests alone may be about a
person who was caught up in it. So a word is shown only where `FEWEST` accounts wrote it, and never where it looks like
an address, a number or a key. Nothing here knows names of persons, and needs to: a name that one account wrote is
hidden, whatever it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set

__all__ = ["FEWEST", "common_words", "redacted"]

FEWEST = 5
"""Accounts that must have written a word before it is shown (k); of a smaller campaign all of them must."""
MOST_WORDS = 4_000
"""Words of one text that are looked at."""
_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_SPACED = re.compile(r"\S+|\s+")
_PRIVATE = re.compile(r"[@\d\\]|://|www\.|_{2,}")
LONGEST_WORD = 40


def words_of(text: str) -> set[str]:
    """The words of a text that may be shown where enough accounts wrote them, in small letters."""
    found: set[str] = set()
    for chunk in _SPACED.findall(text[: 20 * MOST_WORDS])[: 2 * MOST_WORDS]:
        if not chunk.isspace() and not _PRIVATE.search(chunk):
            found.update(word.casefold() for word in _WORD.findall(chunk) if len(word) <= LONGEST_WORD)
    return found


def common_words(texts: Iterable[tuple[str, str]], accounts: int) -> frozenset[str]:
    """The words that enough accounts wrote, of ``texts`` as pairs (account, text); ``accounts`` is the campaign's size.

    Without texts there are none.
    """
    by_word: dict[str, set[str]] = {}
    least = max(2, min(FEWEST, accounts))
    for account, text in texts:
        for word in words_of(text):
            known = by_word.setdefault(word, set())
            if len(known) < least:
                known.add(account)
    return frozenset(word for word, writers in by_word.items() if len(writers) >= least)


def redacted(text: str, shown: Set[str], *, longest: int) -> str:
    """``text`` with every word that is not among ``shown`` left out: ``explain [3 words left out] step by step``.

    Cut after about ``longest`` characters of what is shown. Line breaks stay, other white space is one blank.
    """
    written: list[str] = []
    length = hidden = 0

    def leave_out() -> None:
        nonlocal hidden
        if hidden:
            written.append(f"[{hidden:,} {'word' if hidden == 1 else 'words'} left out]")
            hidden = 0

    for chunk in re.split(r"(\s+)", text[: 50 * longest]):
        if not chunk:
            continue
        if chunk.isspace():
            if "\n" in chunk and not hidden:
                written.append("\n")
            continue
        known = [word.casefold() for word in _WORD.findall(chunk)]
        if known and not _PRIVATE.search(chunk) and all(word in shown for word in known):
            leave_out()
            written.append(chunk)
            length += len(chunk) + 1
        elif not known and len(chunk) <= 3 and not _PRIVATE.search(chunk):  # punctuation on its own
            if not hidden:
                written.append(chunk)
        else:
            hidden += 1
        if length > longest:
            leave_out()
            written.append("[cut here]")
            return _joined(written)
    leave_out()
    if len(text) > 50 * longest:
        written.append("[cut here]")
    return _joined(written)


def _joined(parts: list[str]) -> str:
    return re.sub(r" ?\n ?", "\n", " ".join(parts)).strip()
