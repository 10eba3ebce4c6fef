"""The longest run of words that both texts have: what is known by heart shows in one long piece."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from stillwatch.proving.twins.texts import Comparison
from stillwatch.registry import Info

__all__ = ["MEASURE"]


class _LongestRun:
    info: ClassVar[Info] = Info(
        name="longest_run",
        summary="Words of the longest run that both texts have, as the logarithm of one more",
        reference="Blumer et al. 1985 (the automaton of all runs of a text)",
        version="1",
        example="a run of 15 words → 2.77",
    )

    def nearness(self, comparison: Comparison) -> npt.NDArray[np.float64]:
        """See `Measure.nearness`: log(1 + words), 0 or more."""
        found = np.zeros(len(comparison.pairs))
        at, automaton = -1, _Automaton(())
        for place in np.argsort(comparison.pairs[:, 0], kind="stable").tolist():
            a, c = comparison.pairs[place].tolist()
            if a != at:
                at, automaton = a, _Automaton(comparison.answer_words[a].tolist())
            found[place] = automaton.longest(comparison.candidate_words[c].tolist())
        return np.log1p(found)


class _Automaton:
    """All runs of a text, as the states of an automaton that reads them: built and read in linear time."""

    def __init__(self, words: Sequence[int]) -> None:
        self.next: list[dict[int, int]] = [{}]
        self.link, self.length = [-1], [0]
        last = 0
        for word in words:
            last = self._add(word, last)

    def _add(self, word: int, last: int) -> int:
        new = self._state(self.length[last] + 1, {})
        state = last
        while state >= 0 and word not in self.next[state]:
            self.next[state][word] = new
            state = self.link[state]
        if state < 0:
            self.link[new] = 0
            return new
        onward = self.next[state][word]
        if self.length[onward] == self.length[state] + 1:
            self.link[new] = onward
            return new
        copy = self._state(self.length[state] + 1, dict(self.next[onward]))
        self.link[copy] = self.link[onward]
        while state >= 0 and self.next[state].get(word) == onward:
            self.next[state][word] = copy
            state = self.link[state]
        self.link[onward] = self.link[new] = copy
        return new

    def _state(self, length: int, onward: dict[int, int]) -> int:
        self.next.append(onward)
        self.link.append(0)
        self.length.append(length)
        return len(self.length) - 1

    def longest(self, words: Sequence[int]) -> int:
        """The longest run of ``words`` that is one of the text."""
        state = length = best = 0
        for word in words:
            while state and word not in self.next[state]:
                state = self.link[state]
                length = self.length[state]
            if word in self.next[state]:
                state, length = self.next[state][word], length + 1
                best = max(best, length)
            else:
                length = 0
        return best


MEASURE = _LongestRun()
