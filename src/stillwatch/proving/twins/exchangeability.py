"""Whether taken answers and their twins can be told apart without the suspect: if so, they are no coin.

Twins from a later version of the model, under another system prompt or with another limit of length differ from the
answers in the log, and a suspect that resembles the one rather than the other would seem to have seen it. Who reads the
texts alone must not be able to say which was taken, so a classifier is trained to say it on one half of the units, and
an exact test sees how it does on the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, vstack
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression

from stillwatch.calibration import choice_p_value
from stillwatch.proving.twins.base import Floats, Unit
from stillwatch.proving.twins.choosing import fit_weights
from stillwatch.proving.twins.splitting import chooses
from stillwatch.proving.twins.texts import is_number, words_of

__all__ = ["LEVEL", "Diagnosis", "told_apart"]

LEVEL = 0.001
"""Twins that are fair are taken for unfair, and the result is withheld, once in so many tests."""
FEWEST = 30
"""Units of each half below which nothing can be said."""
_FEATURES = 2**12
_SPREAD = 1e-9


class Diagnosis(NamedTuple):
    """``p_values`` of "nobody can tell": by ``form`` (length, lines, punctuation, how they ended), by ``words``, and by
    ``repeats`` (whether taken answers to nearly the same prompts repeat one another more than twins do, as answers from
    a cache would). ``p_value`` is the least times their number; None where there were too few units.

    ``told`` is the share of the deciding units in which the better of form and words picks the taken one, and
    ``by_chance`` what guessing would.
    """

    units: int
    p_value: float | None
    p_values: dict[str, float]
    told: float
    by_chance: float

    @property
    def failed(self) -> bool:
        """Whether taken answers and twins are told apart."""
        return self.p_value is not None and self.p_value <= LEVEL

    def numbers(self) -> dict[str, Any]:
        """For `Evidence.numbers`: what is unknown is None."""
        known = {name: None if value != value else value for name, value in self._asdict().items()}
        return known | {"failed": self.failed}


def told_apart(units: Sequence[Unit], key: bytes) -> Diagnosis:
    """Try to tell the first slot from the others by texts alone; ``key`` splits the units as for the test itself."""
    live = [unit for unit in units if not unit.alike]
    learns = np.array([chooses(key, unit.name) for unit in live], dtype=np.bool_)
    decides = int((~learns).sum())
    if min(decides, int(learns.sum())) < FEWEST:
        return Diagnosis(decides, None, {}, float("nan"), float("nan"))
    scores = {"form": _by_form(live, learns), "words": _by_words(live, learns)}
    p_values = {name: choice_p_value(score[~learns]) for name, score in scores.items()}
    better = scores[min(p_values, key=lambda name: p_values[name])][~learns]
    repeats = _slots(live, [[float(_repeats(column)) for column in zip(*u.candidates, strict=True)] for u in live])
    p_values["repeats"] = min(1.0, 2 * min(choice_p_value(repeats), choice_p_value(-repeats)))
    top = better >= np.nanmax(better, axis=1, keepdims=True) - _SPREAD
    told = float(np.mean(top[:, 0] / top.sum(axis=1)))
    chance = float(np.mean(1 / np.count_nonzero(~np.isnan(better), axis=1)))
    return Diagnosis(decides, min(1.0, len(p_values) * min(p_values.values())), p_values, told, chance)


def _by_form(units: Sequence[Unit], learns: npt.NDArray[np.bool_]) -> Floats:
    rows = [
        np.mean([_form(text, finish) for text, finish in zip(texts, finishes, strict=True)], axis=0)
        for unit in units
        for texts, finishes in zip(zip(*unit.candidates, strict=True), zip(*unit.finishes, strict=True), strict=True)
    ]
    values = np.array(rows)
    owner, slot = _owners(units)
    table = np.full((len(units), int(slot.max()) + 1, values.shape[1]), np.nan)
    table[owner, slot] = values
    table -= np.nanmean(table, axis=1, keepdims=True)
    scale = np.sqrt(np.nanmean(table[learns] ** 2, axis=(0, 1)))
    table /= np.where(scale > _SPREAD, scale, np.inf)
    scores: Floats = table @ fit_weights(table[learns], signed=True)
    return scores


def _form(text: str, finish: str) -> list[float]:
    words = words_of(text)
    n, length = max(len(words), 1), max(len(text), 1)
    return [
        np.log1p(len(text)),
        np.log1p(len(words)),
        np.log1p(text.count("\n")),
        sum(map(len, words)) / n,
        sum(is_number(word) for word in words) / n,
        sum(not word[0].isalnum() for word in words) / n,
        sum(character.isupper() for character in text) / length,
        sum(not character.isascii() for character in text) / length,
        len(set(words)) / n,
        float(text.rstrip()[-1:] in set(".!?。")),
        float(finish == "length"),
        float(finish not in ("", "stop", "length")),
    ]


def _by_words(units: Sequence[Unit], learns: npt.NDArray[np.bool_]) -> Floats:
    """Logistic regression on differences of words, the taken slot less each other one."""
    owner, slot = _owners(units)
    hashing = HashingVectorizer(n_features=_FEATURES, analyzer=words_of, alternate_sign=False, norm="l2")
    joined = ("\n".join(column) for unit in units for column in zip(*unit.candidates, strict=True))
    vectors = csr_matrix(hashing.transform(joined))
    first = np.flatnonzero(slot == 0)[owner]
    learnt = learns[owner] & (slot > 0)
    apart = vectors[first[learnt]] - vectors[learnt]
    model = LogisticRegression(fit_intercept=False, C=10.0, max_iter=300)
    model.fit(vstack([apart, -apart]), np.repeat([1, 0], apart.shape[0]))
    scores = np.full((len(units), int(slot.max()) + 1), np.nan)
    scores[owner, slot] = vectors @ model.coef_[0]
    return scores


def _owners(units: Sequence[Unit]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Of each slot of each unit in turn: which unit's, and which slot."""
    counts = [len(unit.candidates[0]) for unit in units]
    return np.repeat(np.arange(len(units)), counts), np.concatenate([np.arange(count) for count in counts])


def _slots(units: Sequence[Unit], rows: Sequence[Sequence[float]]) -> Floats:
    owner, slot = _owners(units)
    table = np.full((len(units), int(slot.max()) + 1), np.nan)
    table[owner, slot] = np.concatenate([np.asarray(row) for row in rows])
    return table


def _repeats(texts: Sequence[str]) -> int:
    """Pairs of equal texts."""
    return sum(one == other for one, other in combinations(texts, 2))
