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
from typing import Final

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
from stillwatch.proving.radioactivity.reading import MOST_TOKENS, read_both
from stillwatch.proving.radioactivity.windows import first_of_each, numbered, windows_of

__all__ = ["OTHERS", "chosen_by_key"]

OTHERS = 48
"""Keys that were never used, with which the key is compared where none are named."""
_MOST: Final = 1.0
"""What a logarithm counts at most: a ratio of e. A rare token's chance must not outweigh a thousand windows."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class _Read:
    """Both models read along the texts: the likeliest tokens (n, k) of the reference in every window, its probabilities
    of them (n, k), and the bounded logarithm (n, k) of the suspect's over it, less its mean."""

    def __init__(self, rows: Ints, tokens: Ints, p: Floats, q: Floats) -> None:
        self.tokens, self.p = tokens, p / p.sum(axis=1, keepdims=True)
        q = q / np.maximum(q.sum(axis=1, keepdims=True), 1e-300)
        lean = np.clip(np.log(np.maximum(q, 1e-12) / np.maximum(self.p, 1e-12)), -_MOST, _MOST)
        self.lean = lean - (self.p * lean).sum(axis=1, keepdims=True)
        self.windows, self.of = rows[first_of_each(rows)], numbered(rows)
        self.times = np.bincount(self.of, minlength=len(self.windows))
        known = int(tokens.max(initial=0)) + 1
        pairs, self.pair = np.unique(self.of[:, None] * known + tokens, return_inverse=True)
        self.rows, self.said = self.windows[pairs // known], pairs % known

    def leans(self, scheme: Scheme, secret: bytes) -> Floats:
        """(windows,) how far the suspect leans to what a key would choose, summed over a window's occurrences and
        divided by the root of their number: they are alike, and the commonest window is not to decide alone."""
        words = coins(self.rows, self.said, secret)[self.pair].reshape(self.p.shape)
        chosen = np.asarray(scheme.reweighted(self.p, words, np))
        chosen = chosen / chosen.sum(axis=1, keepdims=True)
        summed = np.bincount(self.of, weights=(chosen * self.lean).sum(axis=1), minlength=len(self.windows))
        leans: Floats = summed / np.sqrt(self.times)
        return leans


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
    scheme = scheme_named(key.scheme)
    secrets = [key.secret, *(decoys or [each.secret for each in decoys_of(key, OTHERS)])]
    read = _read(suspect, reference, passages, scheme.context, most_tokens)
    leans = np.stack([read.leans(scheme, secret) for secret in secrets], axis=1)
    spread = float(np.sqrt(leans.var(axis=1).sum())) or 1.0
    z = (leans.sum(axis=0) - leans.mean(axis=1).sum()) / spread
    numbers = {
        "keys": len(secrets),
        "occurrences": int(read.times.sum()),
        "decoy_greatest": float(z[1:].max(initial=0)),
    }
    return evidence_of(
        Judged(choice_p_value(leans), "choices", float(z[0]), numbers),
        key,
        test="what the key would choose",
        n=len(leans),
        unit="distinct windows of tokens",
        tested_on=f"the suspect's probabilities of the next token along {len(passages)} unmarked texts",
        numbers={"tokens": most_tokens, "most": _MOST},
    )


def _read(suspect: NextTokens, reference: NextTokens, passages: Sequence[Passage], context: int, most: int) -> _Read:
    windows = windows_of(passages, context)
    tokens: list[Ints] = []
    own: list[Floats] = []
    others: list[Floats] = []
    for q, p in read_both(suspect, reference, passages, windows):
        if p is None:  # never: there is a reference
            continue
        best = np.argsort(-p, axis=1, kind="stable")[:, :most]
        tokens.append(best)
        own.append(np.take_along_axis(q, best, axis=1))
        others.append(np.take_along_axis(p, best, axis=1))
    if not tokens:
        return _Read(windows.rows, np.empty((0, 1), dtype=np.int64), np.empty((0, 1)), np.empty((0, 1)))
    return _Read(windows.rows, np.concatenate(tokens), np.concatenate(others), np.concatenate(own))
