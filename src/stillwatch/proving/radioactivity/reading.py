"""Open test: the suspect is read along our texts, and what it would say next is scored under the key.

"Reading mode" of Sander et al. 2024 (arXiv 2402.14904), from the paper; what differs: `windows` says why a window is
counted once over all texts, and `p_values` why the number of scores is no constant. `predicted_tokens` scores the
likeliest token; `expected_scores` the whole distribution, which says far more: in a student that learnt from a tenth of
marked text the mark's token gains a tenth in probability and is seldom the likeliest for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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

__all__ = ["expected_scores", "predicted_tokens", "read_along"]

Floats = npt.NDArray[np.float64]
MOST_TOKENS = 64
"""Tokens of a distribution that are scored; the others count as probability 0, which costs power where it is flat."""
_AT_ONCE = 256  # positions of a text that are read at once: vocabularies are large


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
    rows = windows.rows
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
    tokens, weights = _weighed(suspect, reference, passages, windows, law_of(scheme, key), most_tokens)
    each = tokens.shape[1]
    rows, starts = np.repeat(windows.rows, each, axis=0), np.arange(len(tokens)) * each
    return evidence_of(
        judged_by_weights(scheme, key, rows, tokens.ravel(), weights.ravel(), starts, decoys),
        key,
        test="expected scores",
        n=len(tokens),
        unit="windows of tokens",
        tested_on=f"the suspect's probabilities of the next token along {len(passages)} texts",
        numbers={
            "seen": _answered(passages, scheme.context),
            "against_reference": reference is not None,
            "tokens": most_tokens,
        },
    )


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
) -> tuple[Tokens, Floats]:
    """(n, m) tokens of each window, and their weights, of which the key knows nothing."""
    known: Iterator[Floats | None] = read_along(reference, passages, windows) if reference is not None else _nothing()
    tokens: list[Tokens] = []
    weights: list[Floats] = []
    for q, p in zip(read_along(suspect, passages, windows), known, strict=reference is not None):
        if p is not None and p.shape != q.shape:
            raise InputError(
                f"knows {p.shape[1]} tokens, but the suspect {q.shape[1]}",
                "the reference",
                "take one of the same tokens",
            )
        every = _weights(q, p, law)
        best = np.argsort(-np.abs(every), axis=1, kind="stable")[:, :most]
        tokens.append(best)
        weights.append(np.take_along_axis(every, best, axis=1))
    if not tokens:
        return np.empty((0, most), dtype=np.int64), np.empty((0, most))
    return np.concatenate(tokens), np.concatenate(weights)


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
