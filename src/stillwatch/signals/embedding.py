"""Static embeddings of texts: each token has a vector, a text the normalised mean of its tokens' vectors.

WordLlama (https://github.com/dleemiller/WordLlama, MIT), 256 dimensions, weights inside its wheel:
no network, no GPU. A row depends on its own text alone, to the last bit, however many others stand beside it.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import wordllama
from scipy.sparse import csr_matrix

DIMENSIONS = 256
_CHUNK = 1024  # texts tokenised at a time: bounds memory
_REMEMBERED = 200_000  # words whose tokens are kept: bounds memory (about 40 MB)
_MEMORY: list[dict[str, list[int]]] = [{}]
FloatArray = npt.NDArray[np.float32]


@functools.cache
def _model() -> tuple[Any, FloatArray]:
    """The tokeniser and the vectors of its tokens, float32 [32000, 256]; loaded once (0.3 s)."""
    loaded = wordllama.WordLlama.load(disable_download=True, cache_dir=Path(wordllama.__file__).parent)
    loaded.tokenizer.no_padding()
    return loaded.tokenizer, loaded.embedding


def shorten(text: str, head: int, tail: int) -> str:
    """The first ``head`` and last ``tail`` characters of a longer text, else the text."""
    return text if len(text) <= head + tail else f"{text[:head]}\n{text[-tail:] if tail else ''}"


def _known_words() -> dict[str, list[int]]:
    """The tokens of the words met so far; begun anew when full, not emptied: another thread may be reading it."""
    if len(_MEMORY[0]) > _REMEMBERED:
        _MEMORY[0] = {}
    return _MEMORY[0]


def _learn(words: Iterable[str], known: dict[str, list[int]]) -> None:
    """Fill ``known`` with the tokens of words not met before: a tokeniser spends its time on repeated words."""
    tokenizer, _ = _model()
    missing = list({word for word in words if word not in known})
    for start in range(0, len(missing), _CHUNK):
        chunk = missing[start : start + _CHUNK]
        encodings = tokenizer.encode_batch_fast(chunk, add_special_tokens=False)
        known.update((word, encoding.ids) for word, encoding in zip(chunk, encodings, strict=True))


def token_sums(texts: Sequence[str]) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Sum of the token vectors of each text, float32 [n, 256], and its number of tokens, int64 [n].

    Sums of neighbouring pieces add up to the sum of the piece they make, so windows cost no tokenising.
    An empty text has the zero vector and no token; n = 0 gives empty arrays.
    """
    _, vectors = _model()
    sums = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
    counts = np.zeros(len(texts), dtype=np.int64)
    for start in range(0, len(texts), _CHUNK):
        words = [text.split() for text in texts[start : start + _CHUNK]]
        known = _known_words()
        _learn(itertools.chain.from_iterable(words), known)
        ids = [list(itertools.chain.from_iterable(map(known.__getitem__, row))) for row in words]
        lengths = np.array([len(row) for row in ids], dtype=np.int64)
        flat = np.fromiter(itertools.chain.from_iterable(ids), dtype=np.int64, count=int(lengths.sum()))
        np.minimum(flat, len(vectors) - 1, out=flat)
        ends = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
        shape = (len(ids), len(vectors))
        sums[start : start + len(ids)] = csr_matrix((np.ones(len(flat), np.float32), flat, ends), shape=shape) @ vectors
        counts[start : start + len(ids)] = lengths
    return sums, counts


def normalise(sums: FloatArray) -> FloatArray:
    """Rows scaled to length 1, float32 [n, 256]; the zero vector stays zero."""
    norms = np.sqrt(np.square(sums).sum(axis=1, keepdims=True))
    unit: FloatArray = np.divide(sums, norms, out=np.zeros_like(sums), where=norms > 0)
    return unit


def embed(texts: Sequence[str], head: int = 1500, tail: int = 500) -> FloatArray:
    """Unit vectors of texts, float32 [n, 256] (an empty text: zeros; n = 0: shape [0, 256]).

    Of a text longer than ``head + tail`` characters only its first and last characters are read. Equal
    texts are embedded once.
    """
    places: dict[str, int] = {}
    rows = [places.setdefault(shorten(text, head, tail), len(places)) for text in texts]
    sums, _ = token_sums(list(places))
    return normalise(sums)[rows] if rows else np.zeros((0, DIMENSIONS), dtype=np.float32)
