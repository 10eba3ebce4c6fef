"""How near a suspect is to each candidate, unit by unit: by its texts, or by the probability that it gives to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from stillwatch.proving.twins.base import Answers, Floats, LogProbabilities, LogProbability, Scored, Unit
from stillwatch.proving.twins.similarity import MEASURES
from stillwatch.proving.twins.texts import compared

__all__ = ["answered", "measured", "score_open", "score_texts"]

OPEN = ("log_probability", "log_probability_over_reference")


def answered(units: Sequence[Unit], answers: Answers) -> tuple[Unit, ...]:
    """The units with only those of their prompts that the suspect answered; units without any are left out."""
    return _left((unit, [bool(answers.get(name)) for name in unit.prompt_ids]) for unit in units)


def measured(units: Sequence[Unit], given: LogProbabilities) -> tuple[Unit, ...]:
    """The same for prompts that have a probability of every candidate."""
    return _left(
        (
            unit,
            [
                all((name, place) in given for place in places)
                for name, places in zip(unit.prompt_ids, unit.places, strict=True)
            ],
        )
        for unit in units
    )


def score_texts(
    units: Sequence[Unit], answers: Answers, measures: Sequence[str] = (), among: Sequence[Unit] = ()
) -> Scored:
    """Nearness of the suspect's answers to each slot: means over a prompt's samples, then over a unit's prompts.

    How rare a word is counts over all candidates, controls and all. Which of them were taken is not known here but for
    the order of slots, which nothing reads.

    Args:
        units: every prompt of them has an answer (`answered`).
        answers: of the suspect.
        measures: names of `MEASURES`; default all.
        among: the units whose candidates rarity is counted over besides; give all of them, answered or not, so that a
            unit's figures stay what they are while answers come in.

    Returns:
        (units, slots, measures), NaN for slots that a unit lacks.
    """
    names = tuple(measures) or MEASURES.names()
    said = sorted({text for unit in units for name in unit.prompt_ids for text in answers[name]})
    texts = sorted({text for unit in (*units, *among) for row in unit.candidates for text in row})
    of_said, of_texts = ({text: i for i, text in enumerate(each)} for each in (said, texts))
    rows: list[tuple[int, int, int, int]] = []
    shares: list[float] = []
    for number, unit in enumerate(units):
        for name, row in zip(unit.prompt_ids, unit.candidates, strict=True):
            share = 1 / (len(unit.prompt_ids) * len(answers[name]))
            for text in answers[name]:
                rows += [(number, slot, of_said[text], of_texts[one]) for slot, one in enumerate(row)]
                shares += [share] * len(row)
    where = np.array(rows, dtype=np.int64).reshape(-1, 4)
    pairs, inverse = np.unique(where[:, 2:], axis=0, return_inverse=True)
    comparison = compared(said, texts, pairs)
    values = _empty(units, len(names))
    for at, name in enumerate(names):
        near = MEASURES.get(name).nearness(comparison)[inverse.ravel()] * np.array(shares)
        np.add.at(values[:, :, at], (where[:, 0], where[:, 1]), near)
    return Scored(tuple(unit.name for unit in units), names, values)


def score_open(units: Sequence[Unit], given: LogProbabilities) -> Scored:
    """Natural log of the probability that the suspect gives to each slot, per token; means over a unit's prompts.

    Where every candidate has a reference's, the difference to it. One measure, settled by what is there.

    Args:
        units: every candidate of them has a probability (`measured`).
        given: by the suspect.

    Returns:
        (units, slots, 1), NaN for slots that a unit lacks.
    """
    keys = [
        (name, place)
        for unit in units
        for name, places in zip(unit.prompt_ids, unit.places, strict=True)
        for place in places
    ]
    over_reference = bool(keys) and all(given[key].reference is not None for key in keys)
    values = _empty(units, 1)
    for number, unit in enumerate(units):
        for name, places in zip(unit.prompt_ids, unit.places, strict=True):
            for slot, place in enumerate(places):
                values[number, slot, 0] += _per_token(given[name, place], over_reference) / len(unit.prompt_ids)
    return Scored(tuple(unit.name for unit in units), (OPEN[over_reference],), values)


def _per_token(one: LogProbability, over_reference: bool) -> float:
    return (one.total - (one.reference or 0.0 if over_reference else 0.0)) / one.tokens


def _left(units: Iterable[tuple[Unit, Sequence[bool]]]) -> tuple[Unit, ...]:
    left = [unit.of(kept) for unit, kept in units]
    return tuple(unit for unit in left if unit.prompt_ids)


def _empty(units: Sequence[Unit], measures: int) -> Floats:
    """(units, most slots, measures): 0 where a unit has the slot, else NaN."""
    counts = np.array([len(unit.candidates[0]) for unit in units], dtype=np.int64)
    values = np.zeros((len(units), int(counts.max(initial=2)), measures))
    values[np.arange(values.shape[1])[np.newaxis, :] >= counts[:, np.newaxis]] = np.nan
    return values
