"""Makes ``weights.json`` from the formulations: ``python -m stillwatch.signals.techniques.training``.

Deterministic: the same formulations and seed give the same weights. The passages' regression is fitted on the
sentences of each wording and on ordinary texts; the exchanges' regression on scores of wordings that the first had
not seen, or it would trust the first too much.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, diags_array, hstack, vstack
from sklearn.linear_model import LogisticRegression

from stillwatch.signals.techniques.examples import (
    ORDINARY,
    TECHNIQUES,
    Example,
    Family,
    Formulations,
    compose,
    load_formulations,
)
from stillwatch.signals.techniques.lexicon import counts, rarity, words
from stillwatch.signals.techniques.model import Matrix, Request, Weights, features, over_passages, over_texts
from stillwatch.signals.techniques.passages import Passages, passages

SEED = 20_260
_FOLDS = 3
_ORDINARY_SHARE = 0.75  # of examples; most of those are near misses, far rarer in traffic than here
_PASSAGE_C, _EXCHANGE_C = 2.0, 0.1
_FAMILIES = 2  # that use a word before it is in the lexicon


def request_of(examples: Sequence[Example]) -> Request:
    """The classifier's columns of made examples."""
    return Request(
        text=[e.text for e in examples],
        system=[e.system for e in examples],
        tool_count=np.array([e.tool_count for e in examples], dtype=np.int64),
        is_tool_result=np.array([e.is_tool_result for e in examples], dtype=np.bool_),
        history_length=np.array([e.history_length for e in examples], dtype=np.int64),
    )


def _fit(x: Matrix | csr_matrix, y: npt.NDArray[np.int64], c: float, weight: Matrix) -> Matrix:
    """Multinomial logistic regression over all eight classes, weights and intercepts [f + 1, 8]."""
    model = LogisticRegression(C=c, max_iter=2000, tol=1e-6)
    model.fit(x, y, sample_weight=weight * len(y) / weight.sum())
    out = np.zeros((x.shape[1] + 1, ORDINARY + 1))
    out[-1] = -30.0  # a class without examples stays impossible
    out[:-1, model.classes_] = model.coef_.T
    out[-1, model.classes_] = model.intercept_
    return out


def _wordings(source: Formulations) -> tuple[list[str], list[int], Matrix]:
    """Every formulation without its slots, and ordinary texts; their classes; the weight of each within its family."""
    found: list[tuple[str, int, float]] = []
    for label, name in enumerate(TECHNIQUES):
        lists = source.agents.values() if name == "agent_traces" else [source.wordings[name]]
        for family in (family for families in lists for family in families):
            found += [(text, label, _share(family)) for text in family]
    for families in source.ordinary.values():
        for family in families:
            found += [(text, ORDINARY, _share(family)) for text in family]
    texts = [text for text, _, _ in found]
    for slot in ("{task2}", "{answer2}", "{task}", "{answer}"):
        texts = [text.replace(slot, "") for text in texts]
    return texts, [label for _, label, _ in found], np.array([share for _, _, share in found])


def _share(family: Family) -> float:
    """The weight of one text of a family: a pattern counts as four wordings, however many texts it has."""
    return 1.0 if len(family) == 1 else 4.0 / len(family)


def fit_passages(source: Formulations) -> Weights:
    """The first regression (that of exchanges left empty)."""
    texts, labels, shares = _wordings(source)
    vocabulary = _vocabulary(source)
    idf = rarity(texts, vocabulary)
    parts = passages(texts)
    owner = np.concatenate([parts.owner, np.arange(len(texts))])
    found = counts(parts.pieces, vocabulary)
    lexical = vstack([_of_passages(parts) @ found, counts(texts, vocabulary)])
    length = np.sqrt(np.maximum(lexical @ np.square(idf), 1e-12))
    lexical = diags_array(1 / length) @ lexical @ diags_array(idf)
    sums = np.vstack([over_passages(parts.sums, parts), over_texts(parts.sums, parts)])
    vectors = sums / np.maximum(np.sqrt(np.square(sums).sum(axis=1, keepdims=True)), 1e-12)
    x = hstack([csr_matrix(vectors), lexical]).tocsr()
    y = np.array(labels, dtype=np.int64)[owner]
    share = shares[owner] / np.sqrt(np.bincount(owner, minlength=len(texts)))[owner]
    fitted = _fit(x, y, _PASSAGE_C, _balanced(y, 0.6, share))
    d = vectors.shape[1]
    return Weights(
        vocabulary=vocabulary,
        rarity=idf,
        words=fitted[d:-1] * idf[:, None],
        passage=np.vstack([fitted[:d], fitted[-1:]]),
        exchange=np.zeros((0, 0)),
        centre=np.zeros(0),
        scale=np.zeros(0),
    )


def _of_passages(parts: Passages) -> csr_matrix:
    """Which pieces make each passage, sparse [m, pieces]."""
    rows = np.repeat(np.arange(len(parts.begin)), parts.length)
    places = np.concatenate([np.arange(b, b + k) for b, k in zip(parts.begin, parts.length, strict=True)])
    columns = parts.which[places]
    return csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(parts.begin), len(parts.pieces)))


def _vocabulary(source: Formulations) -> dict[str, int]:
    """Words that at least two families use (a word of one is that family's payload more often than not), sorted."""
    families: Counter[str] = Counter()
    for lists in (source.wordings, source.agents, source.ordinary):
        for found in lists.values():
            for family in found:
                families.update({word for text in family for word in words(text)})
    return {word: i for i, word in enumerate(sorted(word for word, n in families.items() if n >= _FAMILIES))}


def _balanced(y: npt.NDArray[np.int64], ordinary_share: float, share: Matrix | None = None) -> Matrix:
    """Weights under which ordinary examples hold their share and the techniques share the rest evenly."""
    each = np.ones(len(y)) if share is None else share
    total = np.bincount(y, weights=each, minlength=ORDINARY + 1)
    goal = np.full(ORDINARY + 1, (1 - ordinary_share) / max((total[:ORDINARY] > 0).sum(), 1))
    goal[ORDINARY] = ordinary_share
    weight: Matrix = each * (goal / np.maximum(total, 1e-12))[y]
    return weight


def train(source: Formulations, seed: int = SEED) -> Weights:
    """Both regressions from formulations (about 15 s)."""
    blocks, labels = [], []
    for fold in range(_FOLDS):
        first = fit_passages(source.part(_FOLDS, fold, inside=False))
        unseen = compose(source.part(_FOLDS, fold, inside=True), seed + fold)
        blocks.append(features(request_of(unseen), first))
        labels.append(np.array([e.label for e in unseen], dtype=np.int64))
    x, y = np.vstack(blocks), np.concatenate(labels)
    centre, scale = x.mean(axis=0), x.std(axis=0)
    scale[scale == 0] = 1.0
    exchange = _fit((x - centre) / scale, y, _EXCHANGE_C, _balanced(y, _ORDINARY_SHARE))
    return replace(fit_passages(source), exchange=exchange, centre=centre, scale=scale)


def write(weights: Weights, path: Path) -> None:
    """The weights as JSON, four decimals a number: small, and a change can be read in a diff."""
    arrays = [name for name in Weights.__slots__ if name != "vocabulary"]
    held = {name: np.round(getattr(weights, name), 4).tolist() for name in arrays}
    held["vocabulary"] = list(weights.vocabulary)
    path.write_text(json.dumps(held, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(train(load_formulations()), Path(__file__).with_name("weights.json"))
