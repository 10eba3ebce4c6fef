"""The classifier: passages → log-odds of each technique → one calibrated probability per technique.

Two multinomial logistic regressions. The first reads one passage's vector. The second reads, per technique, the
strongest passage (anywhere, at the beginning, at the end), the whole text and the system prompt, and a few features
of shape that hold no words. Both are small matrices in ``weights.json``, made by ``training.py``.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from stillwatch.signals.techniques.examples import ORDINARY, TECHNIQUES
from stillwatch.signals.techniques.lexicon import counts
from stillwatch.signals.techniques.passages import SPAN, Passages, passages

Matrix = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating[Any]]
_ROWS = 256  # rows of a matrix product: always so many, so that a row's sum does not depend on its neighbours
_CHUNK = 8192  # exchanges at a time: bounds memory
_FLOOR, _CEILING = -7.0, 7.0  # log-odds
_NEAR_END = 2  # pieces that count as the beginning or the end
_LABELLED = re.compile(r"(?m)^[^\n:]{1,30}:(?=\s)|^\s*(?:#{1,4} |\[[^\]\n]{1,30}\]|<[^>\n]{1,30}>)")
_SHAPES = 8


@dataclass(frozen=True, slots=True)
class Request:
    """What the classifier reads of n exchanges, column by column; all of one length."""

    text: Sequence[str]
    system: Sequence[str]
    tool_count: npt.NDArray[np.int64]
    is_tool_result: npt.NDArray[np.bool_]
    history_length: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Weights:
    """Both regressions.

    ``passage`` [257, 8] (last row: intercepts) and ``words`` [v, 8] with ``rarity`` [v] read a passage;
    ``exchange`` [f + 1, 8] with ``centre`` and ``scale`` [f] reads an exchange. ``vocabulary``: v words.
    """

    vocabulary: Mapping[str, int]
    rarity: Matrix
    words: Matrix
    passage: Matrix
    exchange: Matrix
    centre: Matrix
    scale: Matrix


@functools.cache
def shipped_weights() -> Weights:
    """The weights that ship with the package."""
    held = json.loads((files(__package__) / "weights.json").read_text(encoding="utf-8"))
    vocabulary = {word: i for i, word in enumerate(held.pop("vocabulary"))}
    return Weights(vocabulary=vocabulary, **{name: np.array(held[name], dtype=np.float64) for name in held})


def product(rows: Matrix | npt.NDArray[np.float32], weights: Matrix) -> Matrix:
    """``rows @ weights[:-1] + weights[-1]``, each row to the last bit what it is alone."""
    out = np.empty((len(rows), weights.shape[1]))
    block = np.zeros((_ROWS, rows.shape[1]))
    for start in range(0, len(rows), _ROWS):
        part = rows[start : start + _ROWS]
        block[: len(part)] = part
        out[start : start + len(part)] = (block @ weights[:-1])[: len(part)]
    out += weights[-1]
    return out


def softmax(logits: Matrix) -> Matrix:
    """Probabilities of each row; n = 0 gives an empty matrix."""
    shifted: Matrix = np.exp(logits - logits.max(axis=1, keepdims=True))
    shifted /= shifted.sum(axis=1, keepdims=True)
    return shifted


def _log_odds(logits: Matrix) -> Matrix:
    """Log-odds of each technique, [m, 7], bounded."""
    p = np.clip(softmax(logits)[:, :ORDINARY], 1e-6, 1 - 1e-6)
    odds: Matrix = np.clip(np.log(p) - np.log1p(-p), _FLOOR, _CEILING)
    return odds


def over_passages(values: Floats, parts: Passages) -> Floats:
    """Sums over the places of each passage, [m, …], of values of the different pieces."""
    out: Floats = values[parts.which[parts.begin]]
    for k in range(1, SPAN):
        longer = np.flatnonzero(parts.length > k)
        out[longer] += values[parts.which[parts.begin[longer] + k]]
    return out


def over_texts(values: Floats, parts: Passages) -> Floats:
    """Sums over all places of each text, [n, …], of values of the different pieces."""
    ends = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(parts.count)])
    places = csr_matrix((np.ones(len(parts.which)), parts.which, ends), shape=(len(parts.count), len(parts.pieces)))
    total: Floats = places @ values
    return total


def _lengths(parts: Passages) -> tuple[Matrix, Matrix]:
    """Squared lengths of the summed vectors of each passage, [m], and of each text, [n].

    |a + b|² = |a|² + |b|² + 2ab: the vectors of passages need not be formed, only products of neighbours.
    """
    squares = np.einsum("ij,ij->i", parts.sums, parts.sums, dtype=np.float64)
    out = np.asarray(over_passages(squares, parts), dtype=np.float64)
    for apart in range(1, SPAN):
        if len(parts.which) > apart:
            dots = np.empty(len(parts.which) - apart)
            for start in range(0, len(dots), _CHUNK):
                stop = min(start + _CHUNK, len(dots))
                here = parts.sums[parts.which[start:stop]]
                there = parts.sums[parts.which[start + apart : stop + apart]]
                dots[start:stop] = np.einsum("ij,ij->i", here, there, dtype=np.float64)
            for k in range(SPAN - apart):
                longer = np.flatnonzero(parts.length > k + apart)
                out[longer] += 2 * dots[parts.begin[longer] + k]
    wholes = over_texts(parts.sums, parts)
    return out, np.einsum("ij,ij->i", wholes, wholes)


def _judge(parts: Passages, weights: Weights) -> tuple[Matrix, Matrix]:
    """Log-odds of the techniques for every passage, [m, 7], and for the texts as wholes, [n, 7]."""
    found = counts(parts.pieces, weights.vocabulary)
    meant = product(parts.sums, np.vstack([weights.passage[:-1], np.zeros((1, ORDINARY + 1))]))
    told = np.hstack([meant, found @ weights.words, (found @ np.square(weights.rarity))[:, None]])
    odds = []
    for values, squares in zip((over_passages(told, parts), over_texts(told, parts)), _lengths(parts), strict=True):
        by_vector = values[:, : ORDINARY + 1] / np.sqrt(np.maximum(squares, 1e-12))[:, None]
        by_word = values[:, ORDINARY + 1 : -1] / np.sqrt(np.maximum(values[:, -1:], 1e-12))
        odds.append(_log_odds(by_vector + by_word + weights.passage[-1]))
    return odds[0], odds[1]


def _strongest(odds: Matrix, owner: npt.NDArray[np.int64], keep: npt.NDArray[np.bool_], n: int) -> Matrix:
    """The maximum over the kept passages of each text, [n, 7]; the floor for a text that has none."""
    out = np.full((n, odds.shape[1]), _FLOOR)
    rows = owner[keep]
    if rows.size:
        begins = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]])
        out[rows[begins]] = np.maximum.reduceat(odds[keep], begins, axis=0)
    return out


def _of_texts(texts: Sequence[str], weights: Weights) -> Matrix:
    """Per technique: strongest passage anywhere, at the beginning, at the end; the whole text. [n, 28]"""
    n = len(texts)
    parts = passages(texts)
    odds, whole = _judge(parts, weights)
    everywhere = np.ones(len(odds), dtype=np.bool_)
    whole = np.where((parts.count > 0)[:, None], whole, _FLOOR)
    return np.hstack(
        [
            _strongest(odds, parts.owner, everywhere, n),
            _strongest(odds, parts.owner, parts.first < _NEAR_END, n),
            _strongest(odds, parts.owner, parts.last < _NEAR_END, n),
            whole,
        ]
    )


def _shape(request: Request, start: int, stop: int) -> Matrix:
    """What a text looks like without reading it, [stop - start, `_SHAPES`]."""
    rows = []
    for text, system in zip(request.text[start:stop], request.system[start:stop], strict=True):
        seen = text[:4000]
        labelled = min(len(_LABELLED.findall(seen)), 6)
        blocks = min(seen.count("\n\n"), 8)
        rows.append((np.log1p(len(text)), labelled, blocks, "```" in seen, bool(system)))
    tools = request.tool_count[start:stop]
    shape = np.array(rows, dtype=np.float64).reshape(-1, 5)
    more = (np.log1p(np.clip(tools, 0, 50)), request.is_tool_result[start:stop], request.history_length[start:stop] > 0)
    return np.hstack([shape, np.column_stack(more).astype(np.float64)])


def features(request: Request, weights: Weights) -> Matrix:
    """What the second regression reads, [n, 43]; of ``weights`` only those of the passages are used."""
    out = np.zeros((len(request.text), 5 * ORDINARY + _SHAPES))
    for start in range(0, len(request.text), _CHUNK):
        stop = min(start + _CHUNK, len(request.text))
        mine = _of_texts(request.text[start:stop], weights)
        prompts: dict[str, int] = {}
        at = [prompts.setdefault(system, len(prompts)) for system in request.system[start:stop]]
        theirs = _of_texts(list(prompts), weights)[at, :ORDINARY]
        out[start:stop] = np.hstack([mine, theirs, _shape(request, start, stop)])
    return out


def classify(request: Request, weights: Weights | None = None) -> Matrix:
    """Probability of each of `TECHNIQUES` for each exchange, float64 [n, 7] (n = 0: empty).

    Rows sum to at most 1; what is missing is the probability of an ordinary exchange. Calibrated on made
    traffic of which three in four exchanges are ordinary, most of them near misses. A row depends on its own
    exchange alone.
    """
    used = shipped_weights() if weights is None else weights
    if not len(request.text):
        return np.zeros((0, len(TECHNIQUES)))
    scaled = (features(request, used) - used.centre) / used.scale
    return softmax(product(scaled, used.exchange))[:, :ORDINARY]
