"""What marks cost: how many answers are touched, how far each is from what it was, and a sample for reading."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from stillwatch.marks.text.base import Edit, apply
from stillwatch.marks.text.marking import Marked

__all__ = ["Cost", "MarkCost", "Shown", "measure", "word_distance"]

_AROUND = 40
_LONGEST_SHOWN = 160


class Shown(msgspec.Struct, frozen=True):
    """One change for a person to read, with what stands around it."""

    mark: str
    before: str
    after: str


class MarkCost(msgspec.Struct, frozen=True, kw_only=True):
    """Of one mark. ``could``: answers that have something to mark; ``touched``: those of them in its half that were
    changed; ``words``: words added, taken out or exchanged in those."""

    could: int
    touched: int
    words: int


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Of all marks together, over ``answers`` answers of ``words`` words. ``changed`` is the word edit distance
    (Levenshtein) between answers and marked answers, summed; ``touched`` how many answers differ in any character."""

    answers: int
    touched: int
    words: int
    changed: int
    by_mark: dict[str, MarkCost]
    sample: tuple[Shown, ...]


def measure(pairs: Iterable[tuple[str, Marked]], *, shown: int = 20, seed: int = 0) -> Cost:
    """The cost of marks, from answers as they were and as they became.

    The distance is summed edit by edit: it is exact where edits do not cancel one another, and else too large, never
    too small.

    Args:
        pairs: the answer before, and what `marking.mark_answer` made of it.
        shown: how many changes to show, drawn evenly.
        seed: of that draw.

    Returns:
        The cost; all zeros for no answers.
    """
    totals = {"answers": 0, "touched": 0, "words": 0, "changed": 0}
    by_mark: dict[str, list[int]] = {}
    changes: list[Shown] = []
    for before, marked in pairs:
        totals["answers"] += 1
        totals["words"] += len(_words(before))
        totals["touched"] += marked.text != before
        for name in marked.could:
            by_mark.setdefault(name, [0, 0, 0])[0] += 1
        text = before
        for name, edits in marked.edits.items():
            words = sum(word_distance(_words(text[e.start : e.end]), _words(e.new)) for e in edits)
            counts = by_mark.setdefault(name, [0, 0, 0])
            counts[1] += 1
            counts[2] += words
            totals["changed"] += words
            changes += [_shown(name, text, edit) for edit in edits[:1]]
            text = apply(text, edits)
    drawn = np.random.default_rng(seed).permutation(len(changes))[:shown]
    return Cost(
        **totals,
        by_mark={name: MarkCost(could=c, touched=t, words=w) for name, (c, t, w) in by_mark.items()},
        sample=tuple(changes[i] for i in sorted(drawn.tolist())),
    )


def word_distance(before: Sequence[str], after: Sequence[str]) -> int:
    """The least number of words to add, take out or exchange (Levenshtein 1966), in time len(before) · len(after)."""
    left, right = np.asarray(before, dtype=object), np.asarray(after, dtype=object)
    row = np.arange(len(right) + 1)
    for i, word in enumerate(left, 1):
        best = np.empty_like(row)
        best[0] = i
        best[1:] = np.minimum(row[1:] + 1, row[:-1] + (right != word))
        # What is left is to come from the left, one word more at each step: a running minimum of best[j] - j.
        row = np.minimum.accumulate(best - np.arange(len(row))) + np.arange(len(row))
    return int(row[-1])


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text)


def _shown(mark: str, text: str, edit: Edit) -> Shown:
    left, right = text[max(0, edit.start - _AROUND) : edit.start], text[edit.end : edit.end + _AROUND]
    was, new = text[edit.start : edit.end][:_LONGEST_SHOWN], edit.new[:_LONGEST_SHOWN]
    return Shown(mark, f"{left}[{was}]{right}", f"{left}[{new}]{right}")
