"""Closed test with counts: how often the suspect says a token in a window, each pair still scored only once.

De-duplication makes p-values right and throws away what a student that learnt the mark shows most: that it says the
marked token there *more often*. Here each pair has one score and a weight made of counts. The weights have nothing to
do with the key under the null, so a weighted sum of independent scores is left, whose bets are fair
(`p_values.bets_on`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.proving.evidence import Evidence
from stillwatch.proving.radioactivity.answers import UNIT, in_order_of
from stillwatch.proving.radioactivity.base import NextTokens, Passage, Tokens
from stillwatch.proving.radioactivity.p_values import evidence_of, judged_by_weights
from stillwatch.proving.radioactivity.reading import read_along
from stillwatch.proving.radioactivity.windows import Windows, numbered, pair_rows, windows_of

__all__ = ["answer_counts"]

Floats = npt.NDArray[np.float64]
_FEW = 10.0  # occurrences below which a window counts in proportion to their number


class _Counted(NamedTuple):
    """Pairs, sorted by ``window`` (k,); ``rows`` (k, h), ``tokens`` (k,), ``weights`` (k,)."""

    window: Tokens
    rows: Tokens
    tokens: Tokens
    weights: Floats


def answer_counts(
    answers: Sequence[Passage],
    key: MarkKey,
    *,
    learnt: Sequence[Passage] = (),
    reference: NextTokens | None = None,
    decoys: Sequence[bytes] = (),
) -> Evidence:
    """Scores of the tokens of a suspect's answers, weighted by how often it says them.

    Args:
        answers: as in `answers.answer_tokens`: the more there are, the more it pays to count.
        key: that is tested; it names its scheme.
        learnt: our marked texts that the suspect may have been trained on, in the order in which they were written:
            only windows that occur in them are tested.
        reference: a model of the same tokens that the key had no part in, best the marking model itself without the
            mark: what it would say in the suspect's place is taken off the counts.
        decoys: secrets of keys that were never used, fixed with the commitment.

    Returns:
        Evidence; its statistic is standardised, and its p-value valid at any number of answers. 1 where no pair is
        left to count.

    Raises:
        PluginError, InputError: the key's scheme is unknown or has a wrong setting; the reference gave no
            probabilities.
    """
    scheme = scheme_named(key.scheme)
    found = _counted(answers, scheme.context, reference)
    if learnt:
        order, _ = in_order_of(learnt, found.rows, scheme.context)
        found = _Counted(found.window[order], found.rows[order], found.tokens[order], found.weights[order])
    starts = np.flatnonzero(np.diff(found.window, prepend=-1))
    judged = judged_by_weights(scheme, key, found.rows, found.tokens, found.weights, starts, decoys)
    return evidence_of(
        judged,
        key,
        test="counts in answers at windows of marked text" if learnt else "counts in answers",
        n=found.weights.size,
        unit=UNIT,
        tested_on=f"tokens of {len(answers)} answers",
        chosen_on=f"windows that occur in {len(learnt)} marked texts" if learnt else "",
        numbers={"against_reference": reference is not None},
    )


def _counted(answers: Sequence[Passage], context: int, reference: NextTokens | None) -> _Counted:
    """The pairs that may count, as answers have their windows first, and what each weighs."""
    said, window = _own(answers, context)
    tokens = said.next
    pair = numbered(pair_rows(said.rows, tokens))
    first = np.unique(pair, return_index=True)[1]
    order = np.lexsort((tokens[first], window[first]))
    first, place = first[order], np.argsort(order)
    counts = np.bincount(place[pair], minlength=first.size).astype(np.float64)
    group = numbered(window[first][:, np.newaxis])
    whole = np.bincount(group, weights=counts)[group]
    if reference is not None:
        expected = _expected(reference, answers, said, numbered(window[:, np.newaxis]), group, tokens[first])
        return _Counted(group, said.rows[first], tokens[first], (counts - expected) / (whole + _FEW))
    squares = np.bincount(group, weights=np.square(counts))[group]
    draws = whole * (whole - 1) / 2  # pairs of occurrences, and how many of them differ: can a mark do anything here?
    room = (1 + draws - (squares - whole) / 2) / (2 + draws)
    return _Counted(group, said.rows[first], tokens[first], counts * room / np.sqrt(squares))


def _own(answers: Sequence[Passage], context: int) -> tuple[Windows, Tokens]:
    """Windows of answers without those that were given with any, and the number of each as they first occur."""
    said = windows_of(answers, context)
    asked = windows_of([Passage(np.asarray(a.tokens)[: a.start]) for a in answers], context).rows
    number = numbered(np.concatenate([asked, said.rows]))
    own = number[len(asked) :] > number[: len(asked)].max(initial=-1)
    return said.where(own), number[len(asked) :][own]


def _expected(
    reference: NextTokens, answers: Sequence[Passage], said: Windows, window: Tokens, group: Tokens, tokens: Tokens
) -> Floats:
    """(k,) how often the reference would have said the token of each pair, at all places where its window stands.

    ``window`` (n,) numbers the places' windows, ``group`` (k,) those of the pairs, sorted.
    """
    expected, sizes = np.zeros(group.size), np.bincount(group)
    starts, done = np.cumsum(sizes) - sizes, 0
    for p in read_along(reference, answers, said):
        here = window[done : done + len(p)]
        done += len(p)
        row = np.repeat(np.arange(len(p)), sizes[here])
        within = np.arange(row.size) - np.repeat(np.cumsum(sizes[here]) - sizes[here], sizes[here])
        pair = np.repeat(starts[here], sizes[here]) + within
        np.add.at(expected, pair, p[row, tokens[pair]])
    return expected
