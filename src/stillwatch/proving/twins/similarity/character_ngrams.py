"""Runs of four characters that both texts have: spelling, punctuation and parts of words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from stillwatch.proving.twins.similarity.ngrams import rarity_weighted_cosine
from stillwatch.proving.twins.texts import Comparison, plain
from stillwatch.registry import Info

__all__ = ["MEASURE"]

_SIZES = range(4, 5)


class _CharacterNgrams:
    info: ClassVar[Info] = Info(
        name="character_ngrams",
        summary="Shared runs of four characters, weighed by how rare they are among all twins",
        reference="Damashek 1995; Spärck Jones 1972 (weights)",
        version="1",
        example="divided, dividing → divi, ivid shared",
    )

    def nearness(self, comparison: Comparison) -> npt.NDArray[np.float64]:
        """See `Measure.nearness`: a cosine, 0 to 1."""
        c = comparison
        return rarity_weighted_cosine(_characters(c.answers), _characters(c.candidates), c.pairs, _SIZES)


def _characters(texts: Sequence[str]) -> list[npt.NDArray[np.int64]]:
    """Of each text its characters as numbers, white space as single blanks."""
    spaced = (" ".join(plain(text).split()).encode("utf-32-le", "surrogatepass") for text in texts)
    return [np.frombuffer(text, dtype="<u4").astype(np.int64) for text in spaced]


MEASURE = _CharacterNgrams()
