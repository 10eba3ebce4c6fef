"""Open test: the suspect is read along our texts, and what it would say next is scored under the key.

"Reading mode" of Sander et al. 2024 (arXiv 2402.14904), from the paper; what differs: `windows` says why a window is
counted once over all texts, and `p_values` why the number of scores is no constant. `predicted_tokens` scores the
likeliest token; `expected_scores` the whole distribution, which says far more: in a student that learnt from a tenth of
marked text the mark's token gains a tenth in probability and is seldom the likeliest for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.errors import InputError
from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.proving.evidence import Evidence
from stillwatch.proving.radioactivity.base import NextTokens, Passage, Tokens
from stillwatch.proving.radioactivity.laws import Law, law_of, with_law
from stillwatch.proving.radioactivity.p_values import against_decoys, evidence_of, judged, judged_by_weights
from stillwatch.proving.radioactivity.windows import Windows, first_of_each, fresh_windows, pair_rows, windows_of

__all__ = [
    "MOST_TOKENS",
    "TextRead",
    "Weighed",
    "expected_scores",
    "heaviest",
    "predicted_tokens",
    "read_along",
    "read_both",
    "read_text",
    "scores_of_predicted",
    "scores_of_weighed",
]

Floats = npt.NDArray[np.float64]
MOST_TOKENS = 64
"""Tokens of a distribution that are scored; the others count as probability 0, which costs power where it is flat."""
_AT_ONCE = 256  # positions of a text that are read at once: vocabularies are large


class Weighed(NamedTuple):
    """Of windows, one after the other, the ``tokens`` (k,) that are scored and their ``weights`` (k,), of which the key
    knows nothing; ``counts`` (n,) says how many of them each window has, one at least."""

    tokens: Tokens
    weights: Floats
    counts: Tokens


class TextRead(NamedTuple):
    """One text as a suspect was read along it: the likeliest token ``best`` (n,) in each window, what is scored of its
    whole distribution, and the reference's likeliest token (n,), where there is one."""

    best: Tokens
    weighed: Weighed
    reference_best: Tokens | None


def predicted_tokens(
    suspect: NextTokens,
    passages: Sequence[Passage],
    key: MarkKey,
    *,
    marked: bool = True,
    sampled: bool = False,
    planned: int | None = None,
    decoys: Sequence[bytes] = (),
    seed: int = 0,
) -> Evidence:
    """Scores of the token that the suspect finds likeliest (or draws) next, in windows of our texts.

    Args:
        suspect: is read along the passages.
        passages: in the order in which they were written. Best are those it may have been trained on.
        key: that is tested; it names its scheme.
        marked: whether the key had a part in any passage, the given part included. If not, several tokens of one
            window count, and the p-value is the exact tail.
        sampled: draw the tokens instead, by ``seed``.
        planned: how many windows are to be counted, settled without looking at them: an exact p-value for marked
            passages also.
        decoys: secrets of keys that were never used, fixed with the commitment.
        seed: of all draws.

    Returns:
        Evidence; the p-value is 1 where no window is left to count.

    Raises:
        InputError: the suspect gave no probabilities, or the key's scheme has a wrong setting.
        PluginError: the key's scheme is unknown.
    """
    rng, scheme = np.random.default_rng(seed) if sampled else None, scheme_named(key.scheme)
    windows = (fresh_windows if marked else windows_of)(passages, scheme.context)
    tokens = np.concatenate([np.empty(0, np.int64), *(_said(p, rng) for p in read_along(suspect, passages, windows))])
    return scores_of_predicted(
        tokens, windows.rows, passages, key, marked=marked, sampled=sampled, planned=planned, decoys=decoys, seed=seed
    )


def scores_of_predicted(
    tokens: Tokens,
    rows: Tokens,
    passages: Sequence[Passage],
    key: MarkKey,
    *,
    marked: bool = True,
    sampled: bool = False,
    planned: int | None = None,
    decoys: Sequence[bytes] = (),
    seed: int = 0,
) -> Evidence:
    """`predicted_tokens` of a suspect that was read before: it said ``tokens`` (n,) in the windows ``rows`` (n, h)."""
    scheme = scheme_named(key.scheme)
    if not marked:
        kept = first_of_each(pair_rows(rows, tokens))
        rows, tokens = rows[kept], tokens[kept]
    scores, law = with_law(scheme.scores(rows, tokens, key.secret))
    found = judged(scores, law, number_depends_on_key=marked, planned=planned, seed=seed + 1)

    def total(secret: bytes) -> float:
        return float(with_law(scheme.scores(rows, tokens, secret))[0].sum())

    return evidence_of(
        found,
        key,
        test="predicted tokens",
        n=min(scores.size, planned or scores.size),
        unit="windows of tokens" if marked else "pairs of a window and a token",
        tested_on=f"the suspect's next token along {len(passages)} {'marked' if marked else 'unmarked'} texts",
        seed=seed,
        numbers={"seen": _answered(passages, scheme.context), "sampled": sampled}
        | against_decoys(float(scores.sum()), total, decoys),
    )


def expected_scores(
    suspect: NextTokens,
    passages: Sequence[Passage],
    key: MarkKey,
    *,
    reference: NextTokens | None = None,
    decoys: Sequence[bytes] = (),
    most_tokens: int = MOST_TOKENS,
) -> Evidence:
    """The score that the suspect's next token has in expectation, less what it has under a key that was never used.

    Each window counts with weights a(x) for its tokens, made of the suspect's probabilities q before the key is looked
    at: q itself, or ``q - reference`` where another model's probabilities are at hand that knows nothing of the key
    (the marking model unmarked, or the suspect's base), which leaves what the suspect learnt since. Windows where a
    mark can do little, or where probabilities are concentrated so that scores are noisy, count less.

    Under the null ``sum_x a(x) z(x)`` is a sum of independent standardised scores of known distribution, given all
    windows before, and ``exp(sum_x b(x) z(x))`` over its mean, which is known exactly, is a fair bet for all b that are
    made of a. So the p-value is valid at any number of windows, without an approximation, however small it is.

    Args:
        suspect: is read along the passages.
        passages: as in `predicted_tokens`, marked or not; each window counts where it occurs first.
        key: that is tested; it names its scheme.
        reference: a model of the same tokens that the key had no part in.
        decoys: secrets of keys that were never used, fixed with the commitment.
        most_tokens: of the greatest weight in each window that are scored.

    Returns:
        Evidence; its statistic is standardised (mean 0, variance 1 under the null), its p-value 1 for no windows.

    Raises:
        InputError: a model gave no probabilities, the two are of different vocabularies, or the key's scheme has a
            wrong setting.
        PluginError: the key's scheme is unknown.
    """
    scheme = scheme_named(key.scheme)
    windows = fresh_windows(passages, scheme.context)
    weighed = _weighed(suspect, reference, passages, windows, law_of(scheme, key), most_tokens)
    return scores_of_weighed(
        weighed, windows.rows, passages, key, against_reference=reference is not None, decoys=decoys, most=most_tokens
    )


def scores_of_weighed(
    weighed: Weighed,
    rows: Tokens,
    passages: Sequence[Passage],
    key: MarkKey,
    *,
    against_reference: bool,
    decoys: Sequence[bytes] = (),
    most: int = MOST_TOKENS,
) -> Evidence:
    """`expected_scores` of a suspect that was read before, in the windows ``rows`` (n, h)."""
    scheme = scheme_named(key.scheme)
    each, starts = np.repeat(rows, weighed.counts, axis=0), np.cumsum(weighed.counts) - weighed.counts
    return evidence_of(
        judged_by_weights(scheme, key, each, weighed.tokens, weighed.weights, starts, decoys),
        key,
        test="expected scores",
        n=len(rows),
        unit="windows of tokens",
        tested_on=f"the suspect's probabilities of the next token along {len(passages)} texts",
        numbers={
            "seen": _answered(passages, scheme.context),
            "against_reference": against_reference,
            "tokens": most,
        },
    )


def read_text(
    suspect: NextTokens,
    reference: NextTokens | None,
    passage: Passage,
    windows: Windows,
    key: MarkKey,
    most_tokens: int = MOST_TOKENS,
) -> TextRead:
    """All that `scores_of_predicted` and `scores_of_weighed` need of one text, each model read along it once.

    ``windows`` are those of this text that count, taken from `fresh_windows` over all texts; ``key`` says what law
    scores follow, and nothing else of it is looked at.

    Raises:
        InputError: as `expected_scores`.
    """
    best, other, parts = [], [], []
    law = law_of(scheme_named(key.scheme), key)
    for q, p in read_both(suspect, reference, [passage], windows.alone()):
        best.append(q.argmax(axis=1))
        parts.append(heaviest(_weights(q, p, law), most_tokens))
        if p is not None:
            other.append(p.argmax(axis=1))
    return TextRead(_joined(best), _in_one(parts), _joined(other) if reference is not None else None)


def _joined(parts: Sequence[Tokens]) -> Tokens:
    return np.concatenate([np.empty(0, dtype=np.int64), *parts])


def _said(p: Floats, rng: np.random.Generator | None) -> Tokens:
    """The likeliest token of each row of probabilities (k, vocabulary), or one that ``rng`` draws."""
    if rng is None:
        return np.asarray(p.argmax(axis=1))
    steps = np.cumsum(p, axis=1)
    return np.asarray(np.minimum((steps < rng.random((len(p), 1)) * steps[:, -1:]).sum(axis=1), p.shape[1] - 1))


def _answered(passages: Sequence[Passage], context: int) -> int:
    """Tokens that a window of the same answer stands before."""
    return sum(max(len(passage.tokens) - passage.start - context, 0) for passage in passages)


def read_along(model: NextTokens, passages: Sequence[Passage], windows: Windows) -> Iterator[Floats]:
    """(k, vocabulary) probabilities of what follows the windows, in their order, some at a time.

    Raises:
        InputError: the model gave something else.
    """
    edges = np.searchsorted(windows.passage, np.arange(len(passages) + 1))
    for number, passage in enumerate(passages):
        positions = windows.position[edges[number] : edges[number + 1]]
        for start in range(0, len(positions), _AT_ONCE):
            part = positions[start : start + _AT_ONCE]
            p = np.asarray(model.read(np.asarray(passage.tokens, dtype=np.int64), part), dtype=np.float64)
            if p.ndim != 2 or len(p) != len(part) or not bool(np.all(p >= 0)) or not bool(np.all(p.sum(axis=1) > 0)):
                raise InputError(
                    f"gave no probabilities at {len(part)} positions of text {number}: an array of shape {p.shape}",
                    "the suspect or its reference",
                    "let it give one row of probabilities for each position",
                )
            yield p / p.sum(axis=1, keepdims=True)


def _weighed(
    suspect: NextTokens,
    reference: NextTokens | None,
    passages: Sequence[Passage],
    windows: Windows,
    law: Law,
    most: int,
) -> Weighed:
    """What is scored of each window."""
    return _in_one(
        [heaviest(_weights(q, p, law), most) for q, p in read_both(suspect, reference, passages, windows)],
    )


def read_both(
    suspect: NextTokens, reference: NextTokens | None, passages: Sequence[Passage], windows: Windows
) -> Iterator[tuple[Floats, Floats | None]]:
    """Probabilities by the suspect and, where there is one, the reference, in the same windows."""
    known: Iterator[Floats | None] = read_along(reference, passages, windows) if reference is not None else _nothing()
    for q, p in zip(read_along(suspect, passages, windows), known, strict=reference is not None):
        if p is not None and p.shape != q.shape:
            raise InputError(
                f"knows {p.shape[1]} tokens, but the suspect {q.shape[1]}",
                "the reference",
                "take one of the same tokens",
            )
        yield q, p


def heaviest(weights: Floats, most: int) -> Weighed:
    """The ``most`` tokens of greatest weight in each row of weights (k, vocabulary)."""
    size = np.abs(weights)
    if size.shape[1] > 8 * most:  # sorting whole vocabularies takes longer than reading a small model
        among = np.sort(np.argpartition(-size, most, axis=1)[:, :most], axis=1)
        order = np.argsort(-np.take_along_axis(size, among, axis=1), axis=1, kind="stable")
        best = np.take_along_axis(among, order, axis=1)
    else:
        best = np.argsort(-size, axis=1, kind="stable")[:, :most]
    counts = np.full(len(best), best.shape[1], dtype=np.int64)
    return Weighed(best.ravel(), np.take_along_axis(weights, best, axis=1).ravel(), counts)


def _in_one(parts: Sequence[Weighed]) -> Weighed:
    none = Weighed(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0, dtype=np.int64))
    return Weighed(*(np.concatenate(each) for each in zip(none, *parts, strict=True)))


def _nothing() -> Iterator[None]:
    while True:
        yield None


def _weights(q: Floats, p: Floats | None, law: Law) -> Floats:
    """Weights (k, vocabulary): what the suspect makes likely, times what a mark could raise the score by there, less
    where probabilities are concentrated and the score is noisy. Of several such weights the one that did well in all
    simulated worlds (``bench/ngram_students.py``, of other seeds than any table's)."""
    change = q if p is None else q - p
    pull = law.room(q if p is None else p) / (1 + np.square(change).sum(axis=1))
    return np.asarray(pull[:, np.newaxis] * change)
