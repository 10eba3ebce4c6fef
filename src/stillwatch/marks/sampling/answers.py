"""Answers as contexts and tokens: which tokens of an answer were marked, and which pairs a test may count.

A token is marked only where its whole context lies in the answer (the first h tokens are drawn as ever: so answers to
one prompt still differ, and a test needs no prompt), and only the first time that this context occurs in the answer,
as SynthID-Text does. That makes a scheme that distorts no single token distort no whole answer either: given what came
before, every marked token meets coins that were not used yet. *Between* answers under one key coins do come again:
averaged over keys each answer is as it would have been, but two answers are not independent of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.marks.sampling.base import Scheme, Tokens, drawn

__all__ = ["Pairs", "UsedContexts", "distinct_pairs", "marked_answer"]


Model = Callable[[Sequence[int]], npt.NDArray[np.float64]]
"""The tokens of an answer so far to the probabilities (vocabulary,) of the next."""


class Pairs(NamedTuple):
    """``contexts`` (n, h) and ``tokens`` (n,), no pair twice; ``n_seen`` tokens were looked at."""

    contexts: Tokens
    tokens: Tokens
    n_seen: int


class UsedContexts:
    """The contexts that one answer has met so far."""

    def __init__(self, width: int) -> None:
        self.width = width
        self._met: set[tuple[int, ...]] = set()
        self._read = 0

    def next(self, answer: Sequence[int]) -> tuple[int, ...] | None:
        """The context of the token that will follow ``answer``, which has grown since; None where it is not marked:
        too near the beginning, or met before."""
        for end in range(max(self._read, self.width), len(answer)):
            self._met.add(tuple(answer[end - self.width : end]))
        self._read = len(answer)
        if len(answer) < self.width:
            return None
        context = tuple(answer[len(answer) - self.width :])
        return None if context in self._met else context


def distinct_pairs(answers: Iterable[npt.ArrayLike], context: int, first_only: bool = True) -> Pairs:
    """All different pairs of context and token in the answers, sorted.

    Under the null no pair's score tells of another's, but that of the same pair, seen again, is the same: it counts
    once. What is kept depends on the tokens alone, never on the key, so that the null stays exact.

    Args:
        answers: the token ids of each answer, without its prompt.
        context: h of the scheme.
        first_only: leave out tokens in a context that the answer had met before: they were not marked. Set it to
            False for text that somebody else made, such as a suspect's, who knows no such rule.
    """
    rows, n_seen = [], 0
    for answer in answers:
        tokens = np.ascontiguousarray(answer, dtype=np.int64)
        if tokens.ndim != 1:
            raise ValueError(f"an answer must be a list of token ids, not {tokens.ndim}-dimensional")
        if len(tokens) <= context:
            continue
        windows = np.lib.stride_tricks.sliding_window_view(tokens, context + 1)
        n_seen += len(windows)
        if first_only:
            windows = windows[np.unique(_whole(windows[:, :-1]), return_index=True)[1]]
        rows.append(windows)
    if not rows:
        return Pairs(np.empty((0, context), np.int64), np.empty(0, np.int64), n_seen)
    table = np.concatenate(rows)
    table = table[np.unique(_whole(table), return_index=True)[1]]
    return Pairs(np.ascontiguousarray(table[:, :-1]), np.ascontiguousarray(table[:, -1]), n_seen)


def _whole(table: Tokens) -> npt.NDArray[np.void]:
    """Each row as one value that can be sorted: five times as fast as sorting by columns."""
    packed = np.ascontiguousarray(table)
    return packed.view(np.dtype((np.void, packed.itemsize * packed.shape[1])))[:, 0]


def marked_answer(
    model: Model,
    length: int,
    scheme: Scheme,
    secret: bytes | None,
    rng: np.random.Generator,
) -> list[int]:
    """An answer of ``length`` tokens by ``model`` (what came before → probabilities), marked unless ``secret`` is None.

    For tests and for models in numpy: engines do the same where a real model generates.
    """
    answer: list[int] = []
    used = UsedContexts(scheme.context)
    for _ in range(length):
        probabilities = model(answer)
        context = used.next(answer)
        if secret is None or context is None:
            answer.append(drawn(probabilities, rng))
        else:
            answer.append(scheme.choose(probabilities, np.array(context, dtype=np.int64), secret, rng))
    return answer
