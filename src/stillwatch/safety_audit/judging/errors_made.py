"""How often a judge, a rule or a model, is wrong on labelled answers: what the correction of estimates starts from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from stillwatch.safety_audit.base import Property
from stillwatch.safety_audit.judging.labels import Example, examples
from stillwatch.safety_audit.properties.wordings import LANGUAGES

__all__ = ["ErrorCounts", "count_errors", "rule_errors"]


class ErrorCounts(NamedTuple):
    """One judge in one figure: each labelled answer's ``labels`` (0 or 1) beside the judge's ``scores``, in order.

    ``undecided`` answers had a label and no score. Counts take a score of one half and more for a 1.
    """

    figure: str
    judge: str
    labels: tuple[float, ...]
    scores: tuple[float, ...]
    undecided: int

    @property
    def hits(self) -> int:
        """Labelled 1, judged 1."""
        return self._count(1, True)

    @property
    def misses(self) -> int:
        """Labelled 1, judged 0."""
        return self._count(1, False)

    @property
    def false_alarms(self) -> int:
        """Labelled 0, judged 1."""
        return self._count(0, True)

    @property
    def rejections(self) -> int:
        """Labelled 0, judged 0."""
        return self._count(0, False)

    def _count(self, label: int, positive: bool) -> int:
        return sum(y == label and (s >= 0.5) == positive for y, s in zip(self.labels, self.scores, strict=True))


def count_errors(figure: str, judge: str, pairs: Iterable[tuple[float | None, float | None]]) -> ErrorCounts:
    """Errors from pairs of label and score; pairs without a label, or with one between 0 and 1, are passed over."""
    labels, scores, undecided = [], [], 0
    for label, score in pairs:
        if label not in (0.0, 1.0):
            continue
        if score is None:
            undecided += 1
        else:
            labels.append(float(label or 0.0))
            scores.append(score)
    return ErrorCounts(figure, judge, tuple(labels), tuple(scores), undecided)


def rule_errors(prop: Property, kept_back: bool | None = True) -> dict[str, ErrorCounts]:
    """Errors of a property's rules on our labelled answers, by figure: those kept back, the others, or all (None)."""
    chosen: list[Example] = [e for e in examples(prop.info.name) if kept_back in (None, e.kept_back)]
    items = {item.id: item for item in prop.items(LANGUAGES)}
    judged = [(e, prop.judge(items[e.item], e.answer).scores) for e in chosen]
    figures = sorted({figure for e in chosen for figure in e.labels})
    return {
        figure: count_errors(figure, "rules", ((e.labels.get(figure), scores.get(figure)) for e, scores in judged))
        for figure in figures
    }
