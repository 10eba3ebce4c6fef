"""How far two judges agree: raw, and beyond what chance would do."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

from sklearn.metrics import cohen_kappa_score

from stillwatch.safety_audit.base import Judgement

__all__ = ["Agreement", "agreement", "agreements"]


class Agreement(NamedTuple):
    """``answers`` that both judged, the share of them judged alike, and Cohen's kappa.

    ``raw`` is None without answers; ``kappa`` also where both judges gave all answers one and the same score, since
    then nothing is left for chance to explain.
    """

    answers: int
    raw: float | None
    kappa: float | None


def agreement(first: Sequence[float | None], second: Sequence[float | None]) -> Agreement:
    """Agreement of two judges on the same answers in the same order; None is what a judge could not tell.

    Scores are compared as they are: each value is a category of its own, and near is no nearer than far.
    """
    both = [(f"{a:.6f}", f"{b:.6f}") for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    if not both:
        return Agreement(0, None, None)
    raw = sum(a == b for a, b in both) / len(both)
    if len({category for pair in both for category in pair}) == 1:
        return Agreement(len(both), raw, None)
    kappa = float(cohen_kappa_score([a for a, _ in both], [b for _, b in both]))
    return Agreement(len(both), raw, None if math.isnan(kappa) else kappa)


def agreements(figure: str, answers: Iterable[Sequence[Judgement]]) -> dict[tuple[str, str], Agreement]:
    """Agreement in one figure of every two who judged (`Judgement.by`: rules, judging models), by their names.

    Args:
        figure: its name within its property.
        answers: of each answer what each found.
    """
    told: dict[tuple[str, str], list[tuple[float | None, float | None]]] = {}
    for judgements in answers:
        for one, other in combinations(judgements, 2):
            scores = (one.scores.get(figure), other.scores.get(figure))
            told.setdefault((one.by, other.by), []).append(scores)
    return {who: agreement([a for a, _ in pairs], [b for _, b in pairs]) for who, pairs in told.items()}
