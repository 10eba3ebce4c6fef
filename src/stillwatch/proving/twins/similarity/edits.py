"""How little has to be changed to make one text the other, word by word, the final answer left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from stillwatch.proving.twins.texts import Comparison, without_final_answer, words_of
from stillwatch.registry import Info

__all__ = ["MEASURE"]


class _Edits:
    info: ClassVar[Info] = Info(
        name="edits",
        summary="Share of words that need neither be put in nor taken out, the final answer left out",
        reference="Wagner & Fischer 1974; Hyyrö 2004 (counted by bits)",
        version="1",
        example="add the two, add both two → 4/6",
    )

    def nearness(self, comparison: Comparison) -> npt.NDArray[np.float64]:
        """See `Measure.nearness`: 1 less the words put in or taken out over the words of both, 0 to 1."""
        answers = [words_of(without_final_answer(text)) for text in comparison.answers]
        candidates = [words_of(without_final_answer(text)) for text in comparison.candidates]
        places: dict[int, dict[str, int]] = {}
        near = np.zeros(len(comparison.pairs))
        for i, (a, c) in enumerate(comparison.pairs.tolist()):
            if a not in places:
                places[a] = _places(answers[a])
            both = len(answers[a]) + len(candidates[c])
            if answers[a] and candidates[c]:
                near[i] = 2 * _common(places[a], len(answers[a]), candidates[c]) / both
        return near


def _places(words: Sequence[str]) -> dict[str, int]:
    """Of each word where it stands, as the bits of a number."""
    places: dict[str, int] = {}
    for place, word in enumerate(words):
        places[word] = places.get(word, 0) | 1 << place
    return places


def _common(places: dict[str, int], length: int, words: Sequence[str]) -> int:
    """Words of the longest common subsequence: a 0 among the bits marks where one more word is in common."""
    everywhere = (1 << length) - 1
    open_ = everywhere
    for word in words:
        met = open_ & places.get(word, 0)
        if met:
            open_ = ((open_ + met) | (open_ - met)) & everywhere
    return length - open_.bit_count()


MEASURE = _Edits()
