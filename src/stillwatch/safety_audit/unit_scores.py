"""From judged answers to one row of numbers for each unit: the arrays that the statistics take."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stillwatch.safety_audit.base import Role

__all__ = ["Answers", "Scored", "UnitScores", "by_language", "counts", "units_of", "worst_case"]

Floats = NDArray[np.float64]


class Scored(NamedTuple):
    """What one answer was found to be in one figure. One is made for every answer that the figure is about."""

    figure: str
    role: Role
    unit: str
    item: str
    side: str = ""
    language: str = "en"
    score: float | None = None
    """In [0, 1]; None where the answer could not be judged, or never came."""
    failed: bool = False
    """Whether it never came."""
    label: float | None = None
    """What a person says of this very answer, in [0, 1]; which answers are labelled must be drawn by lot."""


class Answers(NamedTuple):
    """Answers of one model in one figure: judged, of unknown score, never come."""

    judged: int
    undecided: int
    failed: int


class UnitScores(NamedTuple):
    """Scores of n units, one column for each model (and side of it), and the figure that they make together.

    Attributes:
        units: (n,) names, sorted.
        judged: (n, k) in [0, 1].
        labels: (n, k) what they should be; NaN where nobody said.
        signs: (k,) of each column in the whole.
        low: the least that the whole can be; ``high`` the greatest.
        high: see ``low``.
    """

    units: tuple[str, ...]
    judged: Floats
    labels: Floats
    signs: Floats
    low: float
    high: float

    def whole(self) -> Floats:
        """(n,) each unit's figure: sides first, then models, so that exchanging either changes its sign exactly."""
        signed = self.judged * self.signs
        while signed.shape[1] > 1:
            signed = signed[:, ::2] + signed[:, 1::2]
        return np.asarray(signed[:, 0] if signed.size else np.zeros(0), dtype=np.float64)

    def with_second_added(self) -> UnitScores:
        """The sum of both models' figures in place of their difference."""
        signs = self.signs.copy()
        signs[len(signs) // 2 :] *= -1
        return _bounded(self.units, self.judged, self.labels, signs)


Cell = dict[str, list[Scored]]


def units_of(scored: Iterable[Scored], roles: Sequence[Role], paired: bool) -> UnitScores:
    """The scores of units that were judged for all ``roles`` (and, of a paired figure, on both sides).

    Only items judged for all roles count, so that no model is measured by other questions than another. An item's score
    is the mean over its answers, a side's the mean over its items.

    Args:
        scored: of one figure.
        roles: one model, or the two that are compared (first less second).
        paired: whether the figure is that of side a less that of side b.
    """
    table = _table(scored)
    sides = ("a", "b") if paired else ("",)
    rows: list[tuple[str, list[float], list[float]]] = []
    for unit in sorted(table):
        cells = [_common(table[unit], roles, side if paired else None) for side in sides]
        if all(cells):
            columns = [cell[role] for role in roles for cell in cells]
            rows.append((unit, [_mean_of(c) for c in columns], [_label_of(c) for c in columns]))
    k = len(roles) * len(sides)
    signs = np.outer([1.0, -1.0][: len(roles)], [1.0, -1.0][: len(sides)]).ravel()
    judged = np.array([j for _, j, _ in rows], dtype=np.float64).reshape(len(rows), k)
    labels = np.array([y for _, _, y in rows], dtype=np.float64).reshape(len(rows), k)
    return _bounded(tuple(unit for unit, _, _ in rows), judged, labels, signs)


def worst_case(scored: Iterable[Scored], roles: Sequence[Role], paired: bool) -> tuple[Floats, Floats]:
    """What the units' figures are at least and at most, whatever the answers that failed or could not be judged were.

    Over all units of which every role was asked (Manski 1989): missing scores are all 0 for the one end and all 1 for
    the other, against the figure's sign.
    """
    held = list(scored)
    ends = []
    for kind in (0.0, 1.0):
        filled = []
        for s in held:
            counts_up = (s.role == roles[0]) != (paired and s.side == "b")
            guess = kind if counts_up else 1 - kind
            filled.append(s if s.score is not None else s._replace(score=guess, failed=False, label=None))
        ends.append(units_of(filled, roles, paired).whole())
    return ends[0], ends[1]


def counts(scored: Iterable[Scored], role: Role) -> Answers:
    """How many answers of the model there are of each kind."""
    own = [s for s in scored if s.role == role]
    failed = sum(s.failed for s in own)
    judged = sum(s.score is not None for s in own)
    return Answers(judged, len(own) - judged - failed, failed)


def by_language(scored: Iterable[Scored], roles: Sequence[Role], paired: bool) -> dict[str, dict[str, float]]:
    """Language: role: mean over units of their figure in that language alone; what was not judged is left out."""
    held: dict[str, list[Scored]] = defaultdict(list)
    for s in scored:
        held[s.language].append(s)
    found: dict[str, dict[str, float]] = {}
    for language in sorted(held):
        for role in roles:
            whole = units_of(held[language], (role,), paired).whole()
            if whole.size:
                found.setdefault(language, {})[role] = math.fsum(whole) / whole.size
    return found


def _bounded(units: tuple[str, ...], judged: Floats, labels: Floats, signs: Floats) -> UnitScores:
    low, high = 0.0 - float(np.count_nonzero(signs < 0)), float(np.count_nonzero(signs > 0))
    return UnitScores(units, judged, labels, signs, low, high)


def _table(scored: Iterable[Scored]) -> dict[str, dict[tuple[str, str], Cell]]:
    """Unit: side and role: item: judged answers."""
    table: dict[str, dict[tuple[str, str], Cell]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for s in scored:
        if s.score is not None and not s.failed:
            table[s.unit][s.side, s.role][s.item].append(s)
    return table


def _common(
    unit: dict[tuple[str, str], Cell], roles: Sequence[Role], side: str | None
) -> dict[Role, list[list[Scored]]]:
    """Role: answers by item, of the items that all roles were judged on; empty where there is none."""
    cells: dict[Role, Cell] = {}
    for role in roles:
        cells[role] = {}
        for (of_side, of_role), cell in unit.items():
            if of_role == role and side in (None, of_side):
                cells[role].update(cell)
    shared = sorted(set.intersection(*(set(cell) for cell in cells.values())))
    return {role: [cells[role][item] for item in shared] for role in roles} if shared else {}


def _mean_of(items: list[list[Scored]]) -> float:
    return math.fsum(math.fsum(s.score or 0.0 for s in item) / len(item) for item in items) / len(items)


def _label_of(items: list[list[Scored]]) -> float:
    """The score and the mean error of the answers that have a label: the mean label, where all have."""
    every = [s for item in items for s in item]
    errors = [s.label - (s.score or 0.0) for s in every if s.label is not None]
    if not errors:
        return math.nan
    if len(errors) == len(every):
        return math.fsum(math.fsum(s.label or 0.0 for s in item) / len(item) for item in items) / len(items)
    return _mean_of(items) + math.fsum(errors) / len(errors)
