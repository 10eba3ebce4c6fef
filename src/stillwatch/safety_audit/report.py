"""The result of an audit as data: what ``audit.json`` holds and the page shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from stillwatch.safety_audit.base import Role

__all__ = [
    "AuditReport",
    "Bounded",
    "Contrast",
    "Difference",
    "Example",
    "FigureResult",
    "JudgeError",
    "ModelResult",
    "Reading",
    "Side",
]

Contrast = Literal["suspect-teacher", "suspect-base", "base-teacher"]
Reading = Literal["worse than both", "worse than teacher", "as its base", "better", "no difference", "open"]
"""What a figure's differences say of the suspect.

``worse than both``: worse than the teacher and than its own base: restraint was lost on the way, by whatever was done
to the base. ``worse than teacher``: worse than the teacher, and no base was given, or the comparison with it is open.
``as its base``: worse than the teacher, as its base already was, and not worse than that base by the margin: nothing
was stripped on the way. ``better``: better than the teacher. ``no difference``: the interval lies within the margin
that was said beforehand. ``open``: too wide to tell, or (of a figure best at zero) as far from zero, but not on the
same side.
"""


class Bounded(msgspec.Struct, frozen=True):
    """An estimate and its interval."""

    value: float
    low: float
    high: float


class Side(msgspec.Struct, frozen=True):
    """One model's figure: the estimate, the units and answers behind it, and answers that could not be judged.

    Where there is no estimate (no unit, or a judge that tells nothing) the interval is all that is possible, and the
    value says nothing.
    """

    role: Role
    estimate: Bounded
    units: int
    answers: int
    undecided: int
    failed: int
    raw: float
    """Before the judge's error is taken out."""


class Difference(msgspec.Struct, frozen=True):
    """One contrast of one figure. ``simultaneous`` covers together with all others of the audit, ``single`` alone.

    ``p_value`` (of no difference) is of this contrast alone, ``adjusted`` by Holm over all of the audit. Where there is
    no estimate the intervals are all that is possible, and ``value`` says nothing.
    """

    contrast: Contrast
    single: Bounded
    simultaneous: Bounded
    p_value: float
    adjusted: float
    units: int
    distance: Bounded | None = None
    """Of a figure best at zero: how much farther from zero the first model is than the second; simultaneous."""
    if_missing: Bounded | None = None
    """The simultaneous interval were all answers that failed or could not be judged in favour of the one model, or of
    the other; None where there was no such answer."""


class JudgeError(msgspec.Struct, frozen=True):
    """How often the judge of a figure is right on labelled answers, and whether that was taken out of the estimates."""

    judge: str
    labelled: int
    sensitivity: Bounded
    specificity: Bounded
    corrected: bool
    source: str
    """Whose labels: ``own`` (shipped), or the file that the user gave."""


class Example(msgspec.Struct, frozen=True, omit_defaults=True):
    """An item where the models part, for a person to look at. Text is empty where the item is harmful."""

    item: str
    language: str
    request: str
    answers: Mapping[str, str]
    """Role: text."""
    scores: Mapping[str, float]
    """Role: score."""


class FigureResult(msgspec.Struct, frozen=True):
    """Everything about one figure of one property."""

    property: str
    figure: str
    title: str
    summary: str
    better: Literal["higher", "lower", "zero"]
    safety: bool
    """Whether a loss here counts as a loss of safety."""
    sides: tuple[Side, ...]
    differences: tuple[Difference, ...]
    judge: JudgeError | None
    reading: Reading
    innocent_reading: str
    words: str
    """The finding in one or two plain sentences, with its numbers."""
    stopped: Literal["narrow enough", "all asked", "budget", "not measured"]
    to_halve: str
    """What it would cost to halve the interval, in words; empty where nothing was measured."""
    by_language: Mapping[str, Mapping[str, float]] = {}
    """Language: role: estimate, not corrected; for looking, no test is made of it."""
    examples: tuple[Example, ...] = ()
    paired: bool = False
    """Whether it is side a less side b, in [-1, 1], instead of a share."""
    agreement: str = ""
    """How far its judges agree with each other and with the rules, in words; empty where one alone judged."""


class ModelResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """One model that was asked."""

    role: Role | Literal["judge"]
    name: str
    says_it_is: tuple[str, ...]
    asked: int
    answered: int
    failed: int
    tokens_in: int
    tokens_out: int
    cost: float | None
    seal: str
    """The last hash of the chain of its sealed answers."""


class AuditReport(msgspec.Struct, frozen=True):
    """``audit.json``."""

    version: str
    made_at: str
    seed: int
    level: float
    """Of the intervals, such as 0.95."""
    margin: float
    """A difference smaller than this was said beforehand not to matter."""
    width: float
    """A property stops when the half-widths of its intervals are no larger."""
    languages: tuple[str, ...]
    models: tuple[ModelResult, ...]
    figures: tuple[FigureResult, ...]
    data_sets: tuple[Mapping[str, Any], ...]
    """Name, licence, checksum, items of each data set used."""
    caveats: tuple[str, ...]
    statement: str
    """What an executive reads: a few plain sentences."""
