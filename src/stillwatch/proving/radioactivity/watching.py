"""Closed test while answers come in: stop when it is decided."""

from __future__ import annotations

import math

import numpy as np

from stillwatch.calibration import Wealth
from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.proving.evidence import Evidence
from stillwatch.proving.radioactivity.answers import UNIT
from stillwatch.proving.radioactivity.base import Passage
from stillwatch.proving.radioactivity.laws import law_of, with_law
from stillwatch.proving.radioactivity.p_values import STAKES, Judged, evidence_of, log_factors
from stillwatch.proving.radioactivity.windows import pair_rows, windows_of

__all__ = ["AnswersWatched"]


class AnswersWatched:
    """The p-value after each answer of a suspect, valid at all of them at once (Ville's inequality).

    One may look as often as one likes, stop when it is small enough, go on when it is not, and choose the next question
    by what came so far; for that it takes more answers than `answers.answer_tokens` with a number settled beforehand.
    Like there, each pair of a window and a token counts once, and none at a window that was given with an answer so
    far.
    """

    def __init__(self, key: MarkKey) -> None:
        scheme = self._scheme = scheme_named(key.scheme)
        self._key = key
        self._pairs: set[bytes] = set()
        self._given: set[bytes] = set()
        self._wealth, self._total, self.answers = Wealth(STAKES.size), 0.0, 0
        self._law = law_of(scheme, key)

    def add(self, answer: Passage) -> float:
        """The p-value with one more answer, in tokens of the marking model.

        Raises:
            ValueError: as `windows.windows_of`.
        """
        tokens = np.asarray(answer.tokens, dtype=np.int64)
        windows = windows_of([Passage(tokens, answer.start)], self._scheme.context)
        asked = windows_of([Passage(tokens[: answer.start])], self._scheme.context).rows
        self._given.update(row.tobytes() for row in asked)
        fresh = []
        for at, pair in enumerate(pair_rows(windows.rows, windows.next)):
            window, whole = pair[:-1].tobytes(), pair.tobytes()
            if window not in self._given and whole not in self._pairs:
                self._pairs.add(whole)
                fresh.append(at)
        kept = windows.rows[fresh], windows.next[fresh]
        scores, law = with_law(self._scheme.scores(*kept, self._key.secret))
        self._wealth.add(log_factors((scores - law.mean) / law.sd, law))
        self._total += float(scores.sum())
        self.answers += 1
        return self.p_value

    @property
    def p_value(self) -> float:
        """Now; 1 before the first answer."""
        return self._wealth.p_value

    def evidence(self) -> Evidence:
        """Of all answers so far."""
        n = self._wealth.n
        z = (self._total - n * self._law.mean) / (self._law.sd * math.sqrt(n)) if n else 0.0
        numbers = {"total": self._total, "most_log_e": self._wealth.most, "log_e": self._wealth.log_e}
        return evidence_of(
            Judged(self.p_value, "stopped", z, numbers),
            self._key,
            test="answers, watched",
            n=n,
            unit=UNIT,
            tested_on=f"tokens of {self.answers} answers, as they came",
        )
