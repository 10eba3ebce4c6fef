"""Runs of three to five words that both texts have, rare ones first."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from stillwatch.proving.twins.similarity.ngrams import rarity_weighted_cosine
from stillwatch.proving.twins.texts import Comparison
from stillwatch.registry import Info

__all__ = ["MEASURE"]

_SIZES = range(3, 6)


class _WordNgrams:
    info: ClassVar[Info] = Info(
        name="word_ngrams",
        summary="Shared runs of three to five words, weighed by how rare they are among all twins",
        reference="Spärck Jones 1972 (weights); Broder 1997 (shingles)",
        version="1",
        example="the shares are then → 1 of 3 runs shared",
    )

    def nearness(self, comparison: Comparison) -> npt.NDArray[np.float64]:
        """See `Measure.nearness`: a cosine, 0 to 1."""
        c = comparison
        answers, candidates = ([c.codes[words] for words in of] for of in (c.answer_words, c.candidate_words))
        return rarity_weighted_cosine(answers, candidates, c.pairs, _SIZES)


MEASURE = _WordNgrams()
