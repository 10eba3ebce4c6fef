"""Models that weigh evidence: gradient-boosted trees, fitted to labelled logs of our own making and shipped as text.

`stillwatch.linkage.models` holds them; `python -m bench.training` makes them anew. A model names its features, and a
model whose names are not ours is refused: weights of other features would be noise with a verdict.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from stillwatch.errors import PluginError
from stillwatch.linkage.accounts import Accounts
from stillwatch.linkage.activity import CONTENT, CUSTOMERS, NETWORK, Activity, Floats, Singles
from stillwatch.linkage.comparisons import COMPARISONS

try:
    import lightgbm
except OSError as error:  # pragma: no cover - a machine without the OpenMP runtime
    raise PluginError(f"LightGBM cannot be loaded ({error}); on Debian: apt-get install libgomp1") from error

_ROWS, _PAIRS = 200, 500_000  # accounts compared with all others at a time, and pairs at most: bounds memory
_FEW = 5000
_OF_CUSTOMERS = {"pay", "org", "age", "ageL", "created"}
_OF_NETWORK = {"ip", "asn", "ja4", "client", "mclient", "nip", "nasn", "nasnL"}
_OF_CONTENT = {"word", "dup", "emb", "worded", "viral", "talk", "techmax", *(f"tech{j}" for j in range(7))}


FITS = {"pair": ("pair",), "member": ("member-nearest", "member-mutual"), "taken": ("taken",)}
"""The packaged models and the fits that each is the mean of: two that were taught differently err differently."""
SHIFT = {"member": 0.5}
"""Nats added to a model's log-odds: how much more often a candidate is a campaign in a scan than it was in training."""


class Model:
    """Sums of trees over the same named features, averaged, plus ``shift`` nats; missing features are NaN."""

    def __init__(self, name: str, *texts: str, shift: float = 0.0) -> None:
        self._boosters = [lightgbm.Booster(model_str=text) for text in texts]
        self.name, self.texts, self._shift = name, texts, shift

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features, in order."""
        names: list[str] = self._boosters[0].feature_name()
        return tuple(names)

    def require(self, names: Sequence[str]) -> None:
        """Raises `PluginError` where the model was fitted to other features."""
        if self.features != tuple(names):
            ours, theirs = list(names), list(self.features)
            odd = next((f"{a} for {b}" for a, b in zip(theirs, ours, strict=False) if a != b), "their number")
            raise PluginError(
                f"was fitted to other features than ours ({len(theirs)} for {len(ours)}; first: {odd})",
                f"the model {self.name!r}",
                "uninstall the plugin that brings comparisons, or fit it anew: python -m bench.training",
            )

    def log_odds(self, features: NDArray[np.floating]) -> Floats:
        """Log-odds of each row, (k,)."""
        if not len(features):
            return np.zeros(0)
        threads = 1 if len(features) < _FEW else 0  # a few rows are done before a second thread has started
        odds = [
            np.asarray(b.predict(features, raw_score=True, num_threads=threads), dtype=np.float64)
            for b in self._boosters
        ]
        result: Floats = np.mean(odds, axis=0) + self._shift
        return result

    def probability(self, features: NDArray[np.floating], shift: float = 0.0) -> Floats:
        """Probability of each row, (k,), with ``shift`` nats added to its log-odds."""
        result: Floats = 1.0 / (1.0 + np.exp(-(self.log_odds(features) + shift)))
        return result

    def contributions(self, features: NDArray[np.floating]) -> Floats:
        """What each feature adds to the log-odds, and the base last, (k, f + 1); rows sum to `log_odds`."""
        if not len(features):
            return np.zeros((0, len(self.features) + 1))
        each = [np.asarray(b.predict(features, pred_contrib=True), dtype=np.float64) for b in self._boosters]
        parts: Floats = np.mean(each, axis=0)
        parts[:, -1] += self._shift
        return parts


@cache
def load_model(name: str) -> Model:
    """The packaged model ``name``: "pair", "member" or "taken"."""
    folder = resources.files("stillwatch.linkage.models")
    texts = [gzip.decompress(folder.joinpath(f"{fit}.txt.gz").read_bytes()).decode() for fit in FITS[name]]
    return Model(name, *texts, shift=SHIFT.get(name, 0.0))


def pair_features() -> tuple[str, ...]:
    """The names of the features of a pair, in order."""
    return tuple(name for _, comparison in COMPARISONS.all() for name in comparison.names)


def unseen_pair_features(sees: frozenset[str]) -> NDArray[np.int64]:
    """Places of the features that a log cannot show, given what it `sees`."""
    places = []
    for i, name in enumerate(n for _, comparison in COMPARISONS.all() for n in comparison.names):
        last = name.split("_")[-1]
        asked = name.startswith(("hel", "llr")) or last in _OF_CONTENT
        hidden = (
            (CUSTOMERS not in sees and last in _OF_CUSTOMERS)
            or (NETWORK not in sees and last in _OF_NETWORK)
            or (CONTENT not in sees and asked)
        )
        if hidden:
            places.append(i)
    return np.array(places, dtype=np.int64)


class Comparisons:
    """All comparisons of a log, prepared once."""

    def __init__(self, activity: Activity, accounts: Accounts) -> None:
        self._accounts = activity.accounts
        self._hidden = unseen_pair_features(activity.sees)
        self._parts = [(len(c.names), c.prepare(activity, accounts)) for _, c in COMPARISONS.all()]

    def block(self, rows: NDArray[np.int64], start: int = 0) -> Singles:
        """Features of ``rows`` against the accounts from ``start`` on, (features, rows, accounts - start)."""
        total = sum(size for size, _ in self._parts)
        out = np.empty((total, len(rows), self._accounts - start), dtype=np.float32)
        place = 0
        for size, fill in self._parts:
            fill(rows, start, out[place : place + size])
            place += size
        out[self._hidden] = np.nan
        return out


def pair_scores(comparisons: Comparisons, judged: NDArray[np.bool_], model: Model) -> Singles:
    """Log-odds that two accounts are one operator's, (n, n): symmetric, diagonal 0; n = 0 or 1: zeros.

    Only pairs of ``judged`` (n,) accounts are scored; the others' scores are 0. Beyond the result, memory for some
    500,000 pairs (or two accounts') is taken at a time: half are described while the other half are scored.
    """
    chosen = np.flatnonzero(judged)
    scores = np.zeros((len(judged), len(judged)), dtype=np.float32)
    together = max(1, min(_ROWS, _PAIRS // 2 // max(len(judged), 1)))
    blocks = [(chosen[first : first + together], chosen[first:]) for first in range(0, len(chosen), together)]

    def describe(rows: NDArray[np.int64], others: NDArray[np.int64]) -> Singles:
        start = int(rows[0])
        described: Singles = comparisons.block(rows, start)[:, :, others - start]
        return described

    with ThreadPoolExecutor(1) as beside:
        ahead = [beside.submit(describe, *block) for block in blocks[:1]]
        for number, (rows, others) in enumerate(blocks):
            block = ahead.pop().result()
            ahead += [beside.submit(describe, *following) for following in blocks[number + 1 : number + 2]]
            odds = model.log_odds(block.reshape(len(block), -1).T)
            scores[np.ix_(rows, others)] = odds.reshape(len(rows), -1)
    upper = np.triu(scores, 1)
    symmetric: Singles = upper + upper.T
    return symmetric
