"""How like two models' answers to one prompt are, beyond what the lengths of the answers explain.

Answers to the same prompt are compared, so the topic cancels. A mark (a word, a phrase at the end) that few families of
candidates use on that prompt weighs more than one that most use: that is what a student can have from one of them only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from stillwatch.proving.style.answers import Answers
from stillwatch.proving.style.features import DEFAULT, FEATURES
from stillwatch.proving.style.features.base import Feature
from stillwatch.proving.style.features.tokens import tokens_of

__all__ = ["Cosines", "Likeness", "cosines", "likeness"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cosines:
    """Likenesses as they are: ``values[feature, prompt, i, j]`` in [0, 1]; ``lengths[prompt, i]`` in tokens."""

    models: tuple[str, ...]
    prompts: tuple[str, ...]
    lengths: NDArray[np.int64]
    values: NDArray[np.float32]

    def of(self, models: Sequence[str]) -> Cosines:
        """The same of some models only, in the order given."""
        at = np.array([self.models.index(model) for model in models])
        return Cosines(tuple(models), self.prompts, self.lengths[:, at], self.values[:, :, at[:, np.newaxis], at])


@dataclass(frozen=True, slots=True)
class Likeness:
    """``pairs[prompt, k]``: the likeness of the ``k``-th pair of models (``i < j``, row by row), lengths taken out."""

    models: tuple[str, ...]
    pairs: Floats

    def between(self, weights: Floats) -> Floats:
        """The mean likeness of every two models, prompts weighted: (n, n), symmetric, ones on the diagonal."""
        n = len(self.models)
        matrix = np.eye(n)
        above = np.triu_indices(n, 1)
        matrix[above] = matrix.T[above] = weights @ self.pairs
        return matrix


def cosines(
    answers: Answers,
    models: Sequence[str],
    families: Mapping[str, str],
    prompts: Sequence[str],
    features: Iterable[str] = DEFAULT,
) -> Cosines:
    """Compare the answers of all models, prompt by prompt and feature by feature.

    Of each answer the set of marks counts; a mark weighs ``log((F + 1) / f)``, where ``f`` of the ``F`` families of
    candidates use it on this prompt (Spärck Jones 1972; at least 1). Candidates alone set the weights, so that a
    suspect and the controls are treated alike, which the p-value rests on.

    Args:
        answers: of all ``models`` to all ``prompts``.
        models: candidates, controls and the suspect, in any order.
        families: family of each candidate.
        prompts: their ids.
        features: names of what is compared.

    Returns:
        Cosines of weighted sets; 0 for an answer without marks.
    """
    chosen = [FEATURES.get(name) for name in features]
    values = np.zeros((len(chosen), len(prompts), len(models), len(models)), dtype=np.float32)
    lengths = np.zeros((len(prompts), len(models)), dtype=np.int64)
    family = [families.get(model, "") for model in models]
    for p, prompt in enumerate(prompts):
        tokens = [tokens_of(answers.texts[model][prompt]) for model in models]
        lengths[p] = [len(found) for found in tokens]
        for f, feature in enumerate(chosen):
            values[f, p] = _cosine(feature, tokens, family)
    return Cosines(tuple(models), tuple(prompts), lengths, values)


def _cosine(feature: Feature, tokens: Sequence[Sequence[str]], family: Sequence[str]) -> NDArray[np.float32]:
    rows, columns, numbers = [], [], dict[str, int]()
    for row, found in enumerate(tokens):
        # A set's order differs from run to run; its numbers must not, nor therefore the last digits of a sum.
        marks = sorted(feature.marks(found))
        rows += [row] * len(marks)
        columns += [numbers.setdefault(mark, len(numbers)) for mark in marks]
    size = len(tokens), max(1, len(numbers))
    bears = sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=size)
    names = sorted(set(family) - {""})
    users = np.zeros(size[1])
    for name in names:
        users += bears[np.array([of == name for of in family])].sum(axis=0) > 0
    weighted = sparse.csr_array(bears.multiply(np.log((len(names) + 1) / np.maximum(users, 1.0))))
    products = (weighted @ weighted.T).toarray()
    norms = np.sqrt(np.maximum(np.diag(products), np.finfo(float).tiny))
    return np.asarray(products / norms[:, np.newaxis] / norms, dtype=np.float32)


def likeness(found: Cosines) -> Likeness:
    """Take out what the two lengths explain, and average over the features.

    Short answers are like short answers and unlike long ones, whoever wrote them. For each feature, likeness is
    regressed over all pairs and prompts (least squares, an intercept for each prompt) on the logarithm of the shorter
    length, the ratio of the two, their squares and product; what is left, with the mean put back, is the likeness.

    Returns:
        One number for each prompt and pair.
    """
    n = len(found.models)
    above = np.triu_indices(n, 1)
    logs = np.log1p(found.lengths)
    shorter = np.minimum(logs[:, above[0]], logs[:, above[1]])
    ratio = np.abs(logs[:, above[0]] - logs[:, above[1]])
    terms = np.stack([shorter, ratio, shorter**2, ratio**2, shorter * ratio], axis=-1)
    terms -= terms.mean(axis=1, keepdims=True)
    flat = terms.reshape(-1, terms.shape[-1])
    # Terms may be equal (all answers of one length): the pseudoinverse leaves what cannot be told at nought.
    solve = np.linalg.pinv(flat.T @ flat, hermitian=True)
    total = np.zeros(terms.shape[:2])
    for of_feature in found.values:
        raw = of_feature[:, above[0], above[1]].astype(np.float64)
        centred = raw - raw.mean(axis=1, keepdims=True)
        total += centred - terms @ (solve @ (flat.T @ centred.ravel())) + raw.mean()
    return Likeness(found.models, total / len(found.values))
