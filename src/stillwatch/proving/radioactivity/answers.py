"""Closed test: only answers of the suspect are known, and their tokens are scored under the key.

After Sander et al. 2024 (arXiv 2402.14904), from the paper: each pair of a window and a token counts once, and where
our marked texts are at hand, only windows that occur in them are tested, since a suspect can carry the mark nowhere
else. The filter is on windows alone: pairs that occur in marked text score high whoever says them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling.answers import Pairs, distinct_pairs
from stillwatch.marks.sampling.base import Scheme
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.proving.evidence import Evidence
from stillwatch.proving.radioactivity.base import Passage, Tokens
from stillwatch.proving.radioactivity.laws import with_law
from stillwatch.proving.radioactivity.p_values import against_decoys, evidence_of, judged
from stillwatch.proving.radioactivity.windows import fresh_windows, numbered, windows_of

__all__ = ["UNIT", "answer_tokens", "in_order_of", "own_pairs"]

UNIT = "pairs of a window and a token"


def answer_tokens(
    answers: Sequence[Passage],
    key: MarkKey,
    *,
    learnt: Sequence[Passage] = (),
    planned: int | None = None,
    decoys: Sequence[bytes] = (),
    seed: int = 0,
) -> Evidence:
    """Scores of the tokens of a suspect's answers.

    Args:
        answers: in tokens of the marking model, each with what was asked as its given part. Windows that occur in any
            given part are not counted: the suspect may have repeated them.
        key: that is tested; it names its scheme.
        learnt: our marked texts that the suspect may have been trained on, in the order in which they were written.
            Then only pairs at windows that occur in them are tested; the others are told of, and should show nothing.
        planned: with ``learnt``, how many pairs are to be counted, settled without looking at them: an exact p-value,
            which otherwise it is only without ``learnt`` (which windows were marked is the key's doing too).
        decoys: secrets of keys that were never used, fixed with the commitment.
        seed: of draws in place of pairs that are missing from the plan.

    Returns:
        Evidence; the p-value is 1 where no pair is left to count.

    Raises:
        PluginError, InputError: the key's scheme is unknown or has a wrong setting.
    """
    scheme = scheme_named(key.scheme)
    (rows, tokens, n_seen), outside = own_pairs(answers, scheme.context), {}
    if learnt:
        order, other = in_order_of(learnt, rows, scheme.context)
        outside = _told(rows[other], tokens[other], scheme, key)
        rows, tokens = rows[order], tokens[order]
    scores, law = with_law(scheme.scores(rows, tokens, key.secret))
    found = judged(scores, law, number_depends_on_key=bool(learnt), planned=planned, seed=seed)

    def total(secret: bytes) -> float:
        return float(with_law(scheme.scores(rows, tokens, secret))[0].sum())

    return evidence_of(
        found,
        key,
        test="answers at windows of marked text" if learnt else "answers",
        n=min(scores.size, planned or scores.size),
        unit=UNIT,
        tested_on=f"tokens of {len(answers)} answers",
        chosen_on=f"windows that occur in {len(learnt)} marked texts" if learnt else "",
        seed=seed if planned else None,
        numbers={"seen": n_seen} | outside | against_decoys(float(scores.sum()), total, decoys),
    )


def own_pairs(answers: Sequence[Passage], context: int) -> Pairs:
    """Each pair of a window and a token that answers say, once; none at a window that was given with an answer.

    Raises:
        ValueError: tokens are not in a row.
    """
    every = distinct_pairs([np.asarray(a.tokens)[a.start :] for a in answers], context, first_only=False)
    asked = windows_of([Passage(np.asarray(a.tokens)[: a.start]) for a in answers], context).rows
    number = numbered(np.concatenate([asked, every.contexts]))
    own = number[len(asked) :] > number[: len(asked)].max(initial=-1)
    return Pairs(every.contexts[own], every.tokens[own], every.n_seen)


def in_order_of(learnt: Sequence[Passage], rows: Tokens, context: int) -> tuple[Tokens, Tokens]:
    """Which of windows (n, context) occur in marked texts, as these have them first, and which do not.

    In that order a window's scores are fresh draws given those of the windows before: whether it occurs in the texts
    at all is the key's doing, but only by windows that came before it.
    """
    marked = fresh_windows(learnt, context).rows
    number = numbered(np.concatenate([marked, rows]))[len(marked) :]
    order, within = np.argsort(number, kind="stable"), int(np.count_nonzero(number < len(marked)))
    return order[:within], order[within:]


def _told(rows: Tokens, tokens: Tokens, scheme: Scheme, key: MarkKey) -> dict[str, Any]:
    scores, _ = with_law(scheme.scores(rows, tokens, key.secret))
    return {"outside": int(scores.size), "outside_mean": float(scores.mean()) if scores.size else None}
