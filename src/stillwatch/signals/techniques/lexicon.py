"""The words that the formulations use, each with a weight per technique; beside a passage's vector.

A vector of means knows neighbours of a word that nobody wrote down, a lexicon knows how exactly a word tells: in
held-out wordings the two together find clearly more than either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

_WORD = re.compile(r"\w+")
_LONGEST = 60  # characters of a word that are read


def words(text: str) -> list[str]:
    """Words of a text in lower case."""
    return _WORD.findall(text.lower())


def counts(texts: Sequence[str], vocabulary: Mapping[str, int]) -> csr_matrix:
    """How often each text has each word of the vocabulary, float64 sparse [n, v]; other words are passed over."""
    known: dict[str, list[int]] = {}
    rows: list[list[int]] = []
    for text in texts:
        row: list[int] = []
        for raw in text.split():
            found = known.get(raw)
            if found is None:
                found = known[raw] = [vocabulary[w] for w in words(raw[:_LONGEST]) if w in vocabulary]
            row += found
        rows.append(row)
    ends = np.cumsum([0, *map(len, rows)])
    at = np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=int(ends[-1]))
    return csr_matrix((np.ones(len(at)), at, ends), shape=(len(rows), len(vocabulary)))


def rarity(texts: Sequence[str], vocabulary: Mapping[str, int]) -> npt.NDArray[np.float64]:
    """Smoothed inverse document frequency of each word, [v]."""
    having = np.asarray((counts(texts, vocabulary) > 0).sum(axis=0), dtype=np.float64).ravel()
    return np.log((1 + len(texts)) / (1 + having)) + 1
