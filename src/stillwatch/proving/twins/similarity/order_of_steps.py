"""Whether numbers and telling words come up in the same order: it outlives other words for the same steps."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from stillwatch.proving.twins.texts import Comparison, is_number
from stillwatch.registry import Info

__all__ = ["MEASURE"]

_RARE = float(np.log(20.0))
"""A word that at most about one in 20 candidates has."""


class _OrderOfSteps:
    info: ClassVar[Info] = Info(
        name="order_of_steps",
        summary="Numbers and rarer words that first come up in the same order in both texts",
        reference="Fredman 1975 (longest increasing subsequence)",
        version="1",
        example="12, 4, 48 and 12, 48, 4 → 2 of 3",
    )

    def nearness(self, comparison: Comparison) -> npt.NDArray[np.float64]:
        """See `Measure.nearness`: terms in order over the mean number of terms, 0 to 1."""
        c = comparison
        numeric = np.array([is_number(word) for word in c.vocabulary], dtype=np.bool_)
        telling = numeric | (c.rarity >= _RARE)
        answers = [_first_uses(words, telling) for words in c.answer_words]
        candidates = [_first_uses(words, telling) for words in c.candidate_words]
        places = [{term: place for place, term in enumerate(terms)} for terms in answers]
        near = np.zeros(len(c.pairs))
        for i, (a, b) in enumerate(c.pairs.tolist()):
            shared = [places[a][term] for term in candidates[b] if term in places[a]]
            if shared:
                near[i] = 2 * _longest_rise(shared) / (len(answers[a]) + len(candidates[b]))
        return near


def _first_uses(words: npt.NDArray[np.int64], telling: npt.NDArray[np.bool_]) -> list[int]:
    return list(dict.fromkeys(words[telling[words]].tolist()))


def _longest_rise(places: Sequence[int]) -> int:
    """Length of the longest rising subsequence of different numbers."""
    ends: list[int] = []
    for place in places:
        at = bisect_left(ends, place)
        ends[at : at + 1] = [place]
    return len(ends)


MEASURE = _OrderOfSteps()
