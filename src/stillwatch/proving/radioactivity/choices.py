"""Open test: does the suspect lean to what the key would have chosen, more than to what other keys would have?

Where the marking model's own probabilities p are at hand, a key says more than a score for each token: it says which
token it would have chosen just there (`Scheme.reweighted`). A student of text of which a share s was marked gives that
token about ``(1 - s) p + s``: a little more where it was likely, ten times as much where it was rare. So what counts is
the logarithm of the suspect's probability over p, at what the key would choose.

The texts that are read are ones in which the key had no part, such as the model's unmarked answers. Then what both
models say is settled before the key is looked at, a window may occur as often as it likes, and the key's coins at it
are one draw, as are those of any other key: which of them is the key's is itself a coin, thrown anew for each window.
The p-value counts all ways in which those coins could have fallen (`calibration.choice_p_value`), for any scheme,
without a law of its scores and however small it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.calibration import choice_p_value
from stillwatch.marks.base import MarkKey
from stillwatch.marks.keys import decoys as decoys_of
from stillwatch.marks.sampling.base import Scheme, coins
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.proving.evidence import Evidence
from stillwatch.proving.radioactivity.base import NextTokens, Passage
from stillwatch.proving.radioactivity.p_values import Judged, evidence_of
from stillwatch.proving.radioactivity.reading import MOST_TOKENS, heaviest, read_both
from stillwatch.proving.radioactivity.windows import Windows, first_of_each, numbered, windows_of

__all__ = ["OTHERS", "Leaning", "Leans", "chosen_by_key", "leans_to_key", "read_leaning", "standing"]

OTHERS = 48
"""Keys that were never used, with which the key is compared where none are named."""
_MOST: Final = 1.0
"""What a logarithm counts at most: a ratio of e. A rare token's chance must not outweigh a thousand windows."""
_RARE: Final = 2.0**-10
"""Tokens that the reference finds this much rarer than its likeliest are passed over: a key seldom chooses them."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Leaning(NamedTuple):
    """Both models read along texts, before any key is looked at: of windows, one after the other, the reference's
    likeliest ``tokens`` (k,), its probabilities ``p`` (k,) of them, and how far the suspect leans to each, ``lean``
    (k,): the bounded logarithm of its probability over the reference's, less its mean under p. ``counts`` (n,) says how
    many of them each window has, one at least."""

    tokens: Ints
    p: Floats
    lean: Floats
    counts: Ints


class Leans:
    """What `Leaning` is in the windows ``rows`` (n, h) of so many ``texts``, ready for many keys: each is worked on
    once."""

    def __init__(self, read: Leaning, rows: Ints, texts: int) -> None:
        self.texts, self.occurrences = texts, len(rows)
        row = np.repeat(np.arange(len(rows)), read.counts)
        place = np.arange(row.size) - np.repeat(np.cumsum(read.counts) - read.counts, read.counts)
        self._shape = (len(rows), int(read.counts.max(initial=1)))
        self._at = (row, place)
        self._p, self._lean = np.zeros(self._shape), np.zeros(self._shape)
        self._p[self._at], self._lean[self._at] = read.p, read.lean
        self._of = numbered(rows)
        self._times = np.bincount(self._of, minlength=0)
        known = int(read.tokens.max(initial=0)) + 1
        pairs, self._pair = np.unique(self._of[row] * known + read.tokens, return_inverse=True)
        self._rows, self._said = rows[first_of_each(rows)][pairs // known], pairs % known
        self._known: dict[tuple[str, bytes], Floats] = {}

    def to(self, scheme: Scheme, secret: bytes) -> Floats:
        """(windows,) how far the suspect leans to what a key would choose, summed over a window's occurrences and
        divided by the root of their number: they are alike, and the commonest window is not to decide alone."""
        name = (scheme.name, secret)
        if name not in self._known:
            words = np.zeros(self._shape, dtype=np.int64)
            words[self._at] = coins(self._rows, self._said, secret)[self._pair]
            chosen = np.asarray(scheme.reweighted(self._p, words, np))
            each = (chosen * self._lean).sum(axis=1) / np.maximum(chosen.sum(axis=1), 1e-300)
            summed = np.bincount(self._of, weights=each, minlength=len(self._times))
            self._known[name] = summed / np.sqrt(self._times)
        return self._known[name]


def chosen_by_key(
    suspect: NextTokens,
    reference: NextTokens,
    passages: Sequence[Passage],
    key: MarkKey,
    *,
    decoys: Sequence[bytes] = (),
    most_tokens: int = MOST_TOKENS,
) -> Evidence:
    """Whether the suspect leans to what ``key`` would choose after every window of the texts, more than to others'.

    Args:
        suspect: is read along the passages.
        reference: the marking model, unmarked, of the same tokens; another one costs power and no validity.
        passages: texts in which the key had no part at all, the given part included.
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
    windows = windows_of(passages, scheme_named(key.scheme).context)
    read = read_leaning(suspect, reference, passages, windows, most_tokens)
    return leans_to_key(Leans(read, windows.rows, len(passages)), key, decoys=decoys)


def leans_to_key(leans: Leans, key: MarkKey, *, decoys: Sequence[bytes] = ()) -> Evidence:
    """`chosen_by_key` of a suspect that was read before."""
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
        test="what the key would choose",
        n=len(found),
        unit="distinct windows of tokens",
        tested_on=f"the suspect's probabilities of the next token along {leans.texts} unmarked texts",
        numbers={"most": _MOST},
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


def read_leaning(
    suspect: NextTokens,
    reference: NextTokens,
    passages: Sequence[Passage],
    windows: Windows,
    most_tokens: int = MOST_TOKENS,
) -> Leaning:
    """Both models along the ``windows`` of the passages, each read once, in single precision.

    Raises:
        InputError: a model gave no probabilities, or the two are of different vocabularies.
    """
    tokens, counts = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    own, lean = [np.empty(0)], [np.empty(0)]
    for q, p in read_both(suspect, reference, passages, windows):
        if p is None:  # never: there is a reference
            continue
        best = heaviest(p, most_tokens)
        row = np.repeat(np.arange(len(p)), best.counts)
        kept = best.weights > _RARE * np.repeat(p.max(axis=1), best.counts)
        row, said, likely = row[kept], best.tokens[kept], best.weights[kept]
        left = np.bincount(row, minlength=len(p))
        edges = np.cumsum(left) - left
        likely = _rounded(likely / np.repeat(np.add.reduceat(likely, edges), left))
        other = q[row, said]
        other = other / np.maximum(np.repeat(np.add.reduceat(other, edges), left), 1e-300)
        log = np.clip(np.log(np.maximum(other, 1e-12) / np.maximum(likely, 1e-12)), -_MOST, _MOST)
        lean.append(_rounded(log - np.repeat(np.add.reduceat(likely * log, edges), left)))
        tokens.append(said)
        own.append(likely)
        counts.append(left)
    return Leaning(np.concatenate(tokens), np.concatenate(own), np.concatenate(lean), np.concatenate(counts))


def _rounded(values: Floats) -> Floats:
    """In single precision, as readings are sealed: what is tested at once and what is tested from them are the same."""
    return values.astype(np.float32).astype(np.float64)
