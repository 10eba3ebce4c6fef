"""Rare words that both texts have, wherever they stand."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from stillwatch.proving.twins.similarity.ngrams import rarity_weighted_cosine
from stillwatch.proving.twins.texts import Comparison
from stillwatch.registry import Info

__all__ = ["MEASURE"]

_RARE = float(np.log(10.0))
"""A word that at most about one in 10 candidates has."""


class _RareWords:
    info: ClassVar[Info] = Info(
        name="rare_words",
        summary="Shared words that few candidates have, weighed by how rare they are",
        reference="Spärck Jones 1972 (weights)",
        version="1",
        example="the word kumquat in both",
    )

    def nearness(self, comparison: Comparison) -> npt.NDArray[np.float64]:
        """See `Measure.nearness`: a cosine, 0 to 1."""
        c = comparison
        answers, candidates = (
            [c.codes[words[c.rarity[words] >= _RARE]] for words in of] for of in (c.answer_words, c.candidate_words)
        )
        return rarity_weighted_cosine(answers, candidates, c.pairs, range(1, 2))


MEASURE = _RareWords()
