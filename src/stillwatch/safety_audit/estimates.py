"""A figure, or a difference of two, with its interval at any level; the judge's error taken out where it is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from stillwatch.calibration import (
    Interval,
    JudgeRates,
    corrected_difference,
    corrected_mean,
    counted,
    judge_rates,
    p_value_by_inversion,
    prediction_powered,
    score_interval,
    score_p_value,
    sign_flip_p_value,
)
from stillwatch.safety_audit.report import Bounded
from stillwatch.safety_audit.unit_scores import UnitScores

__all__ = ["Estimate", "How", "Labelled", "bounded", "how_to_correct"]

How = Literal["as judged", "rates", "own labels"]

_OTHER_LABELS = 20  # labelled answers of each kind, not of this audit, that a judge's rates need
_OWN_LABELS = 10  # labelled units that each model (and side) needs; fewer say less than the judge's known rates


class Labelled(NamedTuple):
    """Labelled answers, not of this audit, that the judge of a figure was tried on.

    Attributes:
        judge: its name.
        source: whose labels: ``own``, or a file.
        labels: 0 or 1 for each answer.
        judged: what the judge said of it, in [0, 1].
    """

    judge: str
    source: str
    labels: Sequence[float] = ()
    judged: Sequence[float] = ()


def how_to_correct(every_role: Sequence[UnitScores], labelled: Labelled | None) -> How:
    """One way for all models of a figure, so that no difference is one of ways.

    By labels of these very answers where each model (and side) has at least ten of them; else by the judge's rates on
    other labelled answers, where there are twenty of each kind: of fewer so little is known, above all at the level of
    simultaneous intervals, that nothing could be said of any model. Else not at all, which the report says.
    """
    own = [int(n) for scores in every_role for n in np.count_nonzero(~np.isnan(scores.labels), axis=0)]
    if own and min(own) >= _OWN_LABELS:
        return "own labels"
    ones = sum(1 for label in labelled.labels if label >= 0.5) if labelled else 0
    return "rates" if labelled and min(ones, len(labelled.labels) - ones) >= _OTHER_LABELS else "as judged"


class Estimate(NamedTuple):
    """A figure or a difference of two.

    Attributes:
        scores: the units behind it.
        how: whether and by what the judge's error is taken out.
        labelled: the judge's labelled answers, where its rates are used.
    """

    scores: UnitScores
    how: How
    labelled: Labelled | None = None

    def raw(self) -> float:
        """The mean of the judge's scores; the middle of what is possible where there is none."""
        whole = self.scores.whole()
        return math.fsum(whole) / whole.size if whole.size else (self.scores.low + self.scores.high) / 2

    def at(self, level: float, times: float = 1.0) -> Interval:
        """Estimate and interval; what they would be, were there ``times`` as many units like these."""
        s = self.scores
        if self.how == "own labels":
            powered = prediction_powered(s.judged, s.labels, s.signs, level).interval
            shrink = 1 / math.sqrt(times)
            ends = (powered.value + (end - powered.value) * shrink for end in powered[1:])
            return powered if math.isnan(powered.value) else Interval(powered.value, *ends)
        return self._of(s.whole(), level, times)

    def p_value(self) -> float:
        """Of no difference. 1 where the judge tells nothing.

        The larger of two: exact for models that are alike, and right for models alike in their means only, however
        skew their scores. A judge that errs alike for both makes no difference of none (`corrected_difference`).
        """
        if self.how == "own labels":
            return p_value_by_inversion(self.at)
        if self.how == "rates" and not self._rates(0.95).lift().low > 0:
            return 1.0
        whole = self.scores.whole()
        return max(sign_flip_p_value(whole), score_p_value(counted(whole, self.scores.low, self.scores.high)))

    def if_missing(self, least: ArrayLike, most: ArrayLike, level: float) -> Interval:
        """The interval were missing scores all as bad for the one model, or for the other, as they can be.

        Args:
            least: of each unit asked, the least that its figure can be (`worst_case`).
            most: the greatest.
            level: of the interval.
        """
        if self.how != "own labels":
            return Interval(self.at(level).value, self._of(least, level).low, self._of(most, level).high)
        now, raw = self.at(level), self.raw()
        if math.isnan(now.value):
            return now
        low, high = (math.fsum(np.atleast_1d(x)) / np.size(x) for x in (least, most))
        below, above = now.low + min(0.0, low - raw), now.high + max(0.0, high - raw)
        return Interval(now.value, max(self.scores.low, below), min(self.scores.high, above))

    def _of(self, whole: ArrayLike, level: float, times: float = 1.0) -> Interval:
        counts = counted(whole, self.scores.low, self.scores.high)
        judged = score_interval(counts.of_size(counts.n * times), level)
        if self.how == "as judged":
            return judged
        rates = self._rates(level)
        one = len(self.scores.signs) == 1
        return corrected_mean(judged, rates) if one else corrected_difference(judged, rates, self.scores.high)

    def _rates(self, level: float) -> JudgeRates:
        return judge_rates(self.labelled.labels, self.labelled.judged, level) if self.labelled else judge_rates([], [])


def bounded(interval: Interval, otherwise: float) -> Bounded:
    """As a report holds it: ``otherwise`` in place of a value that there is not."""
    value = otherwise if math.isnan(interval.value) else interval.value
    return Bounded(value + 0.0, float(interval.low), float(interval.high))
