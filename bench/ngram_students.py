"""Small worlds in which it is known who learnt from whom: a teacher, texts it wrote with or without a mark, students.

The teacher is a Markov chain of order 2 whose tokens follow Zipf's law, so its texts repeat windows as real ones do.
A student is an n-gram model that backs off (Witten & Bell 1991), trained by counting. Both are read and asked like any
suspect. Pure numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling.base import Scheme
from stillwatch.marks.sampling.randomness import seeds, uniforms, values
from stillwatch.proving.radioactivity.base import Passage

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ORDER = 2
ODD = np.int64(0x2545F4914F6CDD1D)


def made_key(number: int, about: str = "") -> MarkKey:
    """A key for simulations: whoever knows the number knows the secret."""
    secret = np.random.default_rng((711, number)).bytes(32)
    return MarkKey(id=f"key-{number}", secret=secret, scheme="gumbel", scope="campaign", about=about, epoch=0)


@dataclass(frozen=True)
class Teacher:
    """``p(x | a, b)`` is proportional to ``zipf(x) exp(sharpness noise(a, b, x))``: fixed noise, of no key."""

    vocabulary: int = 100
    sharpness: float = 1.5
    seed: int = 0

    def probabilities(self, windows: Ints) -> Floats:
        """(n, vocabulary), for windows (n, 2)."""
        tokens = np.arange(self.vocabulary)
        start = (windows[:, 0] * 7919 + windows[:, 1] + 104729 * self.seed) * ODD
        noise = uniforms(values(start[:, np.newaxis], tokens[np.newaxis]), np)
        logits = self.sharpness * np.log(noise / (1 - noise)) - np.log(tokens + 2.0)
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def read(self, tokens: Ints, positions: Ints) -> Floats:
        """As `NextTokens.read`; nothing in particular before the third token."""
        return self.probabilities(np.stack([tokens[positions - 2], tokens[positions - 1]], axis=1))


def write(
    teacher: Teacher,
    texts: int,
    length: int,
    rng: np.random.Generator,
    scheme: Scheme | None = None,
    secrets: Sequence[bytes] = (),
) -> Ints:
    """(texts, length) what a teacher writes, marked under one secret a text where there is a scheme.

    A window that the text has had before is not marked again, as engines do, so that texts do not run in circles.
    """
    tokens = rng.integers(0, teacher.vocabulary, (texts, length))
    every = np.arange(teacher.vocabulary)
    had = np.zeros((texts, teacher.vocabulary**ORDER), dtype=np.bool_)
    rows = np.arange(texts)
    for at in range(ORDER, length):
        window = tokens[:, at - ORDER : at]
        p = teacher.probabilities(window)
        number = window @ np.array([teacher.vocabulary, 1])
        if scheme is not None:
            start = np.concatenate(
                [seeds(s, w[np.newaxis, -scheme.context :]) for s, w in zip(secrets, window, strict=True)]
            )
            marked = scheme.reweighted(p, values(start[:, np.newaxis], every[np.newaxis]), np)
            p = np.where(had[rows, number][:, np.newaxis], p, marked)
            had[rows, number] = True
        tokens[:, at] = drawn(p, rng)
    return tokens


def drawn(p: Floats, rng: np.random.Generator) -> Ints:
    """(n,) a token from each row of probabilities (n, vocabulary)."""
    steps = np.cumsum(p, axis=1)
    return np.minimum((steps < rng.random((len(p), 1)) * steps[:, -1:]).sum(axis=1), p.shape[1] - 1)


class Student:
    """An n-gram model of order 2 that backs off to pairs and single tokens."""

    def __init__(self, texts: Sequence[Ints], vocabulary: int) -> None:
        v = self.vocabulary = vocabulary
        triples = np.concatenate([np.stack([t[:, :-2], t[:, 1:-1], t[:, 2:]], axis=-1).reshape(-1, 3) for t in texts])
        counts = np.bincount(triples @ np.array([v * v, v, 1]), minlength=v**3).reshape(v * v, v)
        pairs, single = counts.reshape(v, v, v).sum(axis=0), counts.sum(axis=0)
        self._single = (single + 1) / (single.sum() + v)
        self._pairs = self._backed(pairs, self._single[np.newaxis])
        self._triples = self._backed(counts, np.tile(self._pairs, (v, 1)))

    @staticmethod
    def _backed(counts: Ints, below: Floats) -> Floats:
        kinds = np.count_nonzero(counts, axis=1, keepdims=True)
        total = counts.sum(axis=1, keepdims=True)
        return np.asarray((counts + np.maximum(kinds, 1) * below) / (total + np.maximum(kinds, 1)))

    def probabilities(self, windows: Ints) -> Floats:
        """(n, vocabulary), for windows (n, 2)."""
        return self._triples[windows[:, 0] * self.vocabulary + windows[:, 1]]

    def read(self, tokens: Ints, positions: Ints) -> Floats:
        """As `NextTokens.read`."""
        return self.probabilities(np.stack([tokens[positions - 2], tokens[positions - 1]], axis=1))

    def answers(self, number: int, length: int, rng: np.random.Generator) -> Ints:
        """(number, length) what it says, from a random beginning."""
        tokens = rng.integers(0, self.vocabulary, (number, length))
        for at in range(ORDER, length):
            tokens[:, at] = drawn(self.probabilities(tokens[:, at - ORDER : at]), rng)
        return tokens


class Parrot:
    """A suspect that knows nothing but what it has just read: it says again what came after the window of two tokens
    when that last stood there, or else what came most often. Real models do the same ("induction heads")."""

    def __init__(self, vocabulary: int) -> None:
        self.vocabulary = vocabulary

    def read(self, tokens: Ints, positions: Ints) -> Floats:
        """As `NextTokens.read`."""
        rows = np.full((len(positions), self.vocabulary), 0.2 / self.vocabulary)
        last: dict[tuple[int, int], int] = {}
        counts, text, wanted, row = np.zeros(self.vocabulary), tokens.tolist(), positions.tolist(), 0
        for at, token in enumerate([*text, 0]):
            if at >= ORDER:
                window = (text[at - 2], text[at - 1])
                if row < len(wanted) and wanted[row] == at:
                    rows[row, last.get(window, int(counts.argmax()))] += 0.8
                    row += 1
                last[window] = token
            counts[token] += 1
        return rows


def templated(student: Student, number: int, rng: np.random.Generator) -> Ints:
    """Answers as people get them: one opening and one closing, between them tokens by Zipf's law; every fifth loops."""
    own = student.answers(number, 40, rng)
    own[::5, 10:] = np.resize([3, 1, 4, 1, 5], own.shape[1] - 10)
    opening = np.tile([9, 2, 6, 5, 3, 5, 8, 9, 7, 9], (number, 1))
    closing = np.tile([2, 7, 1, 8, 2, 8, 1, 8], (number, 1))
    return np.concatenate([opening, own, closing], axis=1)


def passages(texts: Ints, start: int = 0) -> list[Passage]:
    """Texts (n, length) as passages."""
    return [Passage(row, start) for row in texts]
