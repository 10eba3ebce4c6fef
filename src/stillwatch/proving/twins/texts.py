"""Texts prepared once for all measures: words as numbers, and how rare each word is."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["LONGEST", "Comparison", "compared", "is_number", "without_final_answer", "words_of"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

LONGEST = 4000
"""Words of a text that are compared; what comes after is passed over, in all texts alike."""
_CHARACTERS = 40_000
# Scripts written without spaces count each character as a word; each alternative starts with its own characters.
_UNSPACED = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+|[^\w\s]")
_STEP = re.compile(r"(?<=[.!?。！？])\s+|\n+")


class Comparison(NamedTuple):
    """Which answers are compared with which candidates.

    ``pairs`` (m, 2) are rows of ``answers`` and ``candidates``, all different texts; of each text ``answer_words`` and
    ``candidate_words`` hold the words as numbers (n,), ``vocabulary`` what they are. ``rarity`` (words,) is the natural
    log of all candidates over those that have the word: taken answers and twins together, so that it does not know
    which were taken; a word of no candidate has the largest. ``codes`` (words,) stand for the words in every comparison
    alike.
    """

    answers: tuple[str, ...]
    candidates: tuple[str, ...]
    pairs: Ints
    answer_words: tuple[Ints, ...]
    candidate_words: tuple[Ints, ...]
    vocabulary: tuple[str, ...]
    rarity: Floats
    codes: Ints


def compared(answers: Sequence[str], candidates: Sequence[str], pairs: Ints) -> Comparison:
    """The comparison of ``answers`` with ``candidates`` at ``pairs`` (m, 2)."""
    of_answers, of_candidates = [words_of(text) for text in answers], [words_of(text) for text in candidates]
    # In the order of the alphabet: numbers must not tell which candidate came first.
    vocabulary = sorted({word for words in (*of_answers, *of_candidates) for word in words})
    numbers = {word: number for number, word in enumerate(vocabulary)}
    answer_words, candidate_words = (
        tuple(np.array([numbers[word] for word in words], dtype=np.int64) for words in texts)
        for texts in (of_answers, of_candidates)
    )
    having = np.zeros(len(vocabulary), dtype=np.int64)
    for words in candidate_words:
        having[np.unique(words)] += 1
    rarity = np.log((len(candidates) + 1) / (having + 1))
    codes = np.array([_code(word) for word in vocabulary], dtype=np.int64)
    return Comparison(
        tuple(answers), tuple(candidates), pairs, answer_words, candidate_words, tuple(vocabulary), rarity, codes
    )


def words_of(text: str) -> list[str]:
    """The words of a text in order, in lower case; each mark of punctuation is one."""
    return _WORD.findall(plain(text))[:LONGEST]


def plain(text: str) -> str:
    """The text in one spelling of each character and in lower case; beyond 40,000 characters it is cut.

    Lone surrogates, which no encoder takes, become question marks.
    """
    whole = text[:_CHARACTERS].encode("utf-8", "replace").decode()
    return unicodedata.normalize("NFKC", whole).casefold()[:_CHARACTERS]


def is_number(word: str) -> bool:
    """Whether a word is a number."""
    return word[:1].isdigit()


def without_final_answer(text: str) -> str:
    """The text without its last step (line or sentence), where it has two or more.

    Whoever solves a task gets the same result: it says nothing about whom it was learnt from.
    """
    steps = list(_STEP.finditer(text.strip()))
    return text.strip()[: steps[-1].start()] if steps else text


def _code(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big", signed=True)
