"""Does the suspect lean to what the key would have chosen, more than to what other keys would have? Open and closed.

Where the marking model's own probabilities p are at hand, a key says more than a score for each token: it says with
which probabilities r the token would have been drawn under it just there (`Scheme.reweighted`). A student of text of
which a share s was marked gives a token about ``(1 - s) p + s r``. So what counts for the key is the logarithm of the
likelihood ratio, ``log(1 - s + s r/p)``: of every token that the suspect says (`said_by_key`, which takes nothing but
its answers), or in expectation over all that it might say (`chosen_by_key`, which takes its probabilities).

What a suspect says that never met the key's text is settled before the key is looked at, and so is p. Then a window may
occur as often as it likes, the key's coins at it are one draw, as are those of any other key, and which of them is the
key's is itself a coin, thrown anew for each window. The p-value counts all ways in which those coins could have fallen
(`calibration.choice_p_value`): for any scheme, whatever s and p are, without a law of scores and however small it is.
Windows that occur in what was *given* with a text are left out, for a prompt can quote marked text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.calibration import choice_p_value
from stillwatch.marks.base import MarkKey
from stillwatch.marks.keys import decoys as decoys_of
from stillwatch.marks.sampling.base import Scheme
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.marks.sampling.randomness import seeds, values
from stillwatch.proving.evidence import Evidence
from stillwatch.proving.radioactivity.base import NextTokens, Passage
from stillwatch.proving.radioactivity.p_values import Judged, evidence_of
from stillwatch.proving.radioactivity.reading import MOST_TOKENS, heaviest, read_along, read_both
from stillwatch.proving.radioactivity.windows import Windows, first_of_each, numbered, windows_of

__all__ = [
    "OTHERS",
    "Beside",
    "Leans",
    "chosen_by_key",
    "joined",
    "leans_along",
    "leans_said",
    "leans_to_key",
    "read_beside",
    "said_beside",
    "said_by_key",
    "standing",
    "unshown",
]

OTHERS = 48
"""Keys that were never used, with which the key is compared where none are named."""
_SHARE: Final = 0.05
"""The share s of marked text that likelihoods assume. Another costs no validity, and within a factor of five little
power."""
_RARE: Final = 2.0**-12
"""Tokens that the reference finds this much rarer than its likeliest are passed over: a key seldom chooses them."""
_CELLS: Final = 1 << 19  # tokens that are worked on at once

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Beside(NamedTuple):
    """A suspect beside the marking model, before any key is looked at: of windows, one after the other, the reference's
    likeliest ``tokens`` (k,), its probabilities ``p`` (k,) of them, and the suspect's, ``q`` (k,), or where it was not
    read a 1 at the token that it said. ``counts`` (n,) says how many of them each window has, one at least."""

    tokens: Ints
    p: Floats
    q: Floats
    counts: Ints


class Leans:
    """What `Beside` is in the windows ``rows`` (n, h) of so many ``texts``, ready for many keys: each is worked on
    once. ``said``: the texts are the suspect's answers; else they are unmarked ones, along which it was read."""

    def __init__(self, read: Beside, rows: Ints, texts: int, *, said: bool) -> None:
        self.texts, self.said, self.occurrences = texts, said, len(rows)
        self._read = read
        self._of, self._windows = numbered(rows), rows[first_of_each(rows)]
        self._starts = np.cumsum(read.counts) - read.counts
        self._parts = _of_like_width(read.counts)
        self._known: dict[tuple[str, bytes], Floats] = {}

    def to(self, scheme: Scheme, secret: bytes) -> Floats:
        """(windows,) the log-likelihood ratio of what is said after each, had it been learnt from text of a key,
        summed over the window's occurrences."""
        name = (scheme.name, secret)
        if name not in self._known:
            seed, each = seeds(secret, self._windows), np.zeros(self.occurrences)
            for part in self._parts:
                each[part] = self._ratios(scheme, seed, part)
            self._known[name] = _summed(self._of, each, len(self._windows))
        return self._known[name]

    def _ratios(self, scheme: Scheme, seed: Ints, part: Ints) -> Floats:
        """(k,) the same for the occurrences ``part`` (k,) alone."""
        counts = self._read.counts[part]
        row = np.repeat(np.arange(part.size), counts)
        place = np.arange(row.size) - np.repeat(np.cumsum(counts) - counts, counts)
        at = np.repeat(self._starts[part], counts) + place
        tokens, p, q = (each[at] for each in self._read[:3])
        shape = (part.size, int(counts.max()))
        likely, words = np.zeros(shape), np.zeros(shape, dtype=np.int64)
        likely[row, place] = p
        words[row, place] = values(seed[self._of[part]][row], tokens)
        drawn = np.asarray(scheme.reweighted(likely, words, np))
        drawn = drawn / np.maximum(drawn.sum(axis=1, keepdims=True), 1e-300)
        return _summed(row, q * np.log1p(_SHARE * (drawn[row, place] / p - 1)), part.size)


def _of_like_width(counts: Ints) -> list[Ints]:
    """The windows in parts of about `_CELLS` tokens, those with as many tokens together: rows of a part are as wide as
    its widest."""
    order = np.argsort(counts, kind="stable")
    parts, first = [], 0
    while first < order.size:
        widths = counts[order[first : first + _CELLS]] * np.arange(1, min(_CELLS, order.size - first) + 1)
        last = first + max(int(np.searchsorted(widths, _CELLS)), 1)
        parts.append(order[first:last])
        first = last
    return parts


def chosen_by_key(
    suspect: NextTokens,
    reference: NextTokens,
    passages: Sequence[Passage],
    key: MarkKey,
    *,
    decoys: Sequence[bytes] = (),
    most_tokens: int = MOST_TOKENS,
) -> Evidence:
    """Open: whether the suspect's next token after every window of the texts is one that ``key`` would choose.

    Args:
        suspect: is read along the passages.
        reference: the marking model, unmarked, of the same tokens; another one costs power and no validity.
        passages: texts whose answers the key had no part in, such as unmarked ones of the marking model.
        key: that is tested; it names its scheme.
        decoys: secrets of keys that were never used, fixed with the commitment (left out: the first `OTHERS` that
            follow from the key, `marks.keys.decoys`).
        most_tokens: of each window, those that the reference finds likeliest; the others are passed over.

    Returns:
        Evidence; n is the number of distinct windows, the statistic is standardised among the keys. The p-value is 1
        where there is no window.

    Raises:
        InputError: a model gave no probabilities, the two are of different vocabularies, or the key's scheme has a
            wrong setting.
        PluginError: the key's scheme is unknown.
    """
    leans = leans_along(suspect, reference, passages, scheme_named(key.scheme).context, most_tokens)
    return leans_to_key(leans, key, decoys=decoys)


def said_by_key(
    answers: Sequence[Passage],
    reference: NextTokens,
    key: MarkKey,
    *,
    decoys: Sequence[bytes] = (),
    most_tokens: int = MOST_TOKENS,
) -> Evidence:
    """Closed: whether the tokens of the suspect's answers are those that ``key`` would choose.

    Arguments, result and errors are those of `chosen_by_key`, but that nothing is read along the ``answers`` except the
    reference; their prompts may be any, those that were taken too.
    """
    leans = leans_said(answers, reference, scheme_named(key.scheme).context, most_tokens)
    return leans_to_key(leans, key, decoys=decoys)


def leans_along(
    suspect: NextTokens,
    reference: NextTokens,
    passages: Sequence[Passage],
    context: int,
    most_tokens: int = MOST_TOKENS,
) -> Leans:
    """What `chosen_by_key` is made of, for all keys whose windows have ``context`` tokens."""
    windows = unshown(passages, context)
    read = read_beside(suspect, reference, passages, windows, most_tokens)
    return Leans(read, windows.rows, len(passages), said=False)


def leans_said(
    answers: Sequence[Passage], reference: NextTokens, context: int, most_tokens: int = MOST_TOKENS
) -> Leans:
    """What `said_by_key` is made of, for all keys whose windows have ``context`` tokens."""
    windows = unshown(answers, context)
    read = said_beside(reference, answers, windows, most_tokens)
    return Leans(read, windows.rows, len(answers), said=True)


def leans_to_key(leans: Leans, key: MarkKey, *, decoys: Sequence[bytes] = ()) -> Evidence:
    """The test of `chosen_by_key` and `said_by_key` for a suspect that was read before."""
    found = _of_keys(leans, key, decoys or [each.secret for each in decoys_of(key, OTHERS)])
    z = _standardised(found)
    numbers = {
        "keys": found.shape[1],
        "occurrences": leans.occurrences,
        "decoy_greatest": float(z[1:].max(initial=0)),
    }
    return evidence_of(
        Judged(choice_p_value(found), "choices", float(z[0]), numbers),
        key,
        test=f"what the key would choose, {'in answers' if leans.said else 'by probabilities'}",
        n=len(found),
        unit="distinct windows of tokens",
        tested_on=(
            f"the tokens of {leans.texts} answers of the suspect"
            if leans.said
            else f"the suspect's probabilities of the next token along {leans.texts} unmarked texts"
        ),
        numbers={"share": _SHARE},
    )


def standing(leans: Leans, key: MarkKey, decoys: Sequence[bytes]) -> float:
    """The statistic of `leans_to_key` alone, without its p-value, which takes a thousand times as long."""
    return float(_standardised(_of_keys(leans, key, decoys))[0])


def _of_keys(leans: Leans, key: MarkKey, others: Sequence[bytes]) -> Floats:
    """(windows, keys) how far the suspect leans to what each key would choose, ``key`` first."""
    scheme = scheme_named(key.scheme)
    return np.stack([leans.to(scheme, secret) for secret in (key.secret, *others)], axis=1)


def _standardised(found: Floats) -> Floats:
    """(keys,) sums over windows, in standard deviations of what they would be by lot."""
    z: Floats = (found.sum(axis=0) - found.mean(axis=1).sum()) / (float(np.sqrt(found.var(axis=1).sum())) or 1.0)
    return z


def unshown(passages: Sequence[Passage], context: int) -> Windows:
    """All windows within the answers, as often as they come, but for those that occur in what was given with any."""
    windows = windows_of(passages, context)
    given = windows_of([Passage(tokens[:start], 0) for tokens, start in passages], context)
    number = numbered(np.concatenate([given.rows, windows.rows]))
    return windows.where(~np.isin(number[len(given.rows) :], number[: len(given.rows)]))


def read_beside(
    suspect: NextTokens,
    reference: NextTokens,
    passages: Sequence[Passage],
    windows: Windows,
    most_tokens: int = MOST_TOKENS,
) -> Beside:
    """Both models along the ``windows`` of the passages, each read once, in single precision.

    Raises:
        InputError: a model gave no probabilities, or the two are of different vocabularies.
    """
    parts = []
    for q, p in read_both(suspect, reference, passages, windows):
        if p is not None:  # always: there is a reference
            row, tokens, likely, counts = _likeliest(p, most_tokens)
            parts.append(Beside(tokens, likely, _rounded(q[row, tokens]), counts))
    return joined(parts)


def said_beside(
    reference: NextTokens, answers: Sequence[Passage], windows: Windows, most_tokens: int = MOST_TOKENS
) -> Beside:
    """The reference along the ``windows`` of answers, beside the tokens that follow there, in single precision.

    Raises:
        InputError: the reference gave no probabilities.
    """
    parts, first = [], 0
    for p in read_along(reference, answers, windows):
        row, tokens, likely, counts = _likeliest(p, most_tokens)
        said = windows.next[first : first + len(p)]
        parts.append(Beside(tokens, likely, (tokens == said[row]).astype(np.float64), counts))
        first += len(p)
    return joined(parts)


def joined(parts: Sequence[Beside]) -> Beside:
    """What was read of several texts, one after the other."""
    whole, none = np.empty(0, dtype=np.int64), np.empty(0)
    tokens, p, q, counts = zip(Beside(whole, none, none, whole), *parts, strict=True)
    return Beside(np.concatenate(tokens), np.concatenate(p), np.concatenate(q), np.concatenate(counts))


def _likeliest(p: Floats, most: int) -> tuple[Ints, Ints, Floats, Ints]:
    """Of rows of probabilities (n, vocabulary) the likeliest tokens that are not too rare, one after the other: their
    rows (k,), themselves (k,), their probabilities (k,), which are made to sum to 1, and how many a row has (n,)."""
    best = heaviest(p, most)
    row = np.repeat(np.arange(len(p)), best.counts)
    kept = best.weights > _RARE * p.max(axis=1)[row]
    row, tokens, likely = row[kept], best.tokens[kept], best.weights[kept]
    counts = np.bincount(row, minlength=len(p))
    return row, tokens, _rounded(likely / _summed(row, likely, len(p))[row]), counts


def _summed(of: Ints, values: Floats, number: int) -> Floats:
    """(number,) the sums of ``values`` (k,) that are ``of`` (k,) the same."""
    return np.bincount(of, weights=values, minlength=number).astype(np.float64, copy=False)


def _rounded(values: Floats) -> Floats:
    """In single precision, as readings are sealed: what is tested at once and what is tested from them are the same."""
    return values.astype(np.float32).astype(np.float64)
