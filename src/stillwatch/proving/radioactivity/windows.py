"""Windows of tokens that seed a mark, and which of them may be counted so that scores under a key are independent.

A key gives every pair of a window and a token one random score. Whoever knows nothing of the key can say a pair a
thousand times, and it is still one draw. Where a suspect was shown nothing that the key had a part in, distinct pairs
are independent draws. Where it was shown marked text, they are so only at windows that occur for the first time (`first
occurrences`): the text before a second one tells which token the key liked there, and a model that repeats what it has
just read would seem to have been trained on it. Sander et al. 2024 (arXiv 2402.14904, section 4) ask for this within
what the model has before its eyes. Here it holds over all texts, because scores at two windows can depend on each other
through two texts that hold them in opposite order: then each is uniform, but their sum is too wide
(`tests/proving/radioactivity/test_windows.py` has the example).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.proving.radioactivity.base import Passage, Tokens

__all__ = ["Windows", "first_of_each", "fresh_windows", "numbered", "pair_rows", "windows_before", "windows_of"]

Mask = npt.NDArray[np.bool_]


class Windows(NamedTuple):
    """Windows of several texts, in order. ``rows`` (n, h) tokens; ``next`` (n,) the token that follows, in ``passage``
    (n,) at ``position`` (n,)."""

    rows: Tokens
    next: Tokens
    passage: Tokens
    position: Tokens

    def where(self, kept: Mask) -> Windows:
        """Those of ``kept`` (n,)."""
        return Windows(self.rows[kept], self.next[kept], self.passage[kept], self.position[kept])

    def alone(self) -> Windows:
        """Windows of one text among several, as those of that text by itself."""
        return self._replace(passage=np.zeros_like(self.passage))


def windows_of(passages: Sequence[Passage], context: int, *, given: bool = False) -> Windows:
    """The windows of ``context`` tokens before every token of the answers, as far as they lie within the answer.

    Args:
        passages: texts.
        context: tokens in a window, 0 or more.
        given: of the whole texts instead, what was given with them.

    Raises:
        ValueError: a passage is not one-dimensional, or starts beyond its end.
    """
    rows, none = [np.empty((0, context), dtype=np.int64)], np.empty(0, dtype=np.int64)
    following, passage, position = [none], [none], [none]
    for number, (tokens, start) in enumerate(passages):
        flat = np.asarray(tokens, dtype=np.int64)
        if flat.ndim != 1 or not 0 <= start <= flat.size:
            raise ValueError(f"passage {number} has shape {flat.shape} and starts at {start}: need tokens in a row")
        first = (0 if given else start) + context
        found = windows_before(flat, context)[first:]
        rows.append(found)
        following.append(flat[first:])
        passage.append(np.full(len(found), number))
        position.append(np.arange(first, first + len(found)))
    return Windows(*(np.concatenate(parts) for parts in (rows, following, passage, position)))


def fresh_windows(passages: Sequence[Passage], context: int) -> Windows:
    """The windows within answers that occur nowhere before, neither in an answer nor in what was given.

    Args:
        passages: in the order in which they were written, as far as one may have been written with another in view.
        context: as in `windows_of`, whose errors are raised here too.
    """
    whole = windows_of(passages, context, given=True)
    starts = np.asarray([0, *(passage.start for passage in passages)], dtype=np.int64)[whole.passage + 1]
    return whole.where(first_of_each(whole.rows) & (whole.position >= starts + context))


def windows_before(tokens: Tokens, context: int) -> Tokens:
    """(length, context): what stands before each token; the first ``context`` rows are no windows and hold zeros."""
    rows, whole = np.zeros((tokens.size, context), dtype=np.int64), max(tokens.size - context, 0)
    for place in range(context):
        rows[context:, place] = tokens[place : place + whole]
    return rows


def numbered(rows: Tokens) -> Tokens:
    """(n,) a number for each row of ``rows`` (n, h), the same for equal rows, counting from 0 as they first occur."""
    if not rows.size:
        return np.zeros(len(rows), dtype=np.int64)
    whole = np.ascontiguousarray(rows, dtype=np.int64)
    keys = whole.view(np.dtype((np.void, whole.dtype.itemsize * whole.shape[1]))).ravel()
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[which.ravel()]


def first_of_each(rows: Tokens) -> Mask:
    """(n,) whether a row of ``rows`` (n, h) is the first of its like."""
    first = np.zeros(len(rows), dtype=np.bool_)
    first[np.unique(numbered(rows), return_index=True)[1]] = True
    return first


def pair_rows(windows: Tokens, tokens: Tokens) -> Tokens:
    """(n, h + 1): windows (n, h) with the token (n,) that follows each."""
    return np.column_stack([windows, tokens]).astype(np.int64, copy=False)
