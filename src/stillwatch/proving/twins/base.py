"""A prompt with the answer that was taken and its twins, and what a suspect says to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

__all__ = ["Answers", "LogProbabilities", "LogProbability", "Pair", "Scored", "Unit"]

Floats = npt.NDArray[np.float64]

Answers = Mapping[str, tuple[str, ...]]
"""Of each prompt id what the suspect answered, sample by sample."""


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """One prompt and what was, or could have been, the answer to it.

    ``prompt`` is all that the model was given, as one text. ``taken`` is what the campaign got. Of a *control*, a
    prompt that was never taken, ``taken`` is the answer in the log, which the suspect cannot have had; or None, where
    there are two twins or more and a coin calls one of them the taken one. ``finishes`` says why each answer ended, the
    taken one first, where that is known.
    """

    prompt_id: str
    prompt: str
    taken: str | None
    twins: tuple[str, ...]
    control: bool = False
    finishes: tuple[str, ...] = ()


class LogProbability(NamedTuple):
    """What a suspect gives to one text as the answer to its prompt.

    ``total`` is the natural log of the text's probability, ``tokens`` its length in the suspect's tokens; ``reference``
    the same log by another model (the teacher, the suspect's base), which takes off what any model finds likely.
    """

    total: float
    tokens: int
    reference: float | None = None


LogProbabilities = Mapping[tuple[str, int], LogProbability]
"""By prompt id and place of the candidate: 0 the taken one, 1 the first twin."""


class Unit(NamedTuple):
    """What counts once: prompts that are the same or nearly so. Whichever slot of candidates was handed out to one of
    them was handed out to all.

    ``candidates`` (prompts of the unit, slots), the taken ones first. Of the same shape are ``places``, which candidate
    of its pair each is (0 the taken one, 1 the first twin), and ``finishes``, why it ended ("" where unknown).
    """

    name: str
    prompt_ids: tuple[str, ...]
    candidates: tuple[tuple[str, ...], ...]
    places: tuple[tuple[int, ...], ...]
    finishes: tuple[tuple[str, ...], ...]

    @property
    def alike(self) -> bool:
        """Whether nothing tells its slots apart, so that it cannot say anything."""
        return all(len(set(row)) == 1 for row in self.candidates)

    def of(self, kept: Sequence[bool]) -> Unit:
        """The unit with only those of its prompts where ``kept`` is true."""
        at = [place for place, wanted in enumerate(kept) if wanted]
        return Unit(
            self.name,
            tuple(self.prompt_ids[i] for i in at),
            tuple(self.candidates[i] for i in at),
            tuple(self.places[i] for i in at),
            tuple(self.finishes[i] for i in at),
        )


class Scored(NamedTuple):
    """Units in numbers: ``values`` (units, slots, measures), the taken slot first, NaN where a unit has fewer slots."""

    names: tuple[str, ...]
    measures: tuple[str, ...]
    values: Floats

    def between(self, start: int, end: int) -> Scored:
        """The units from ``start`` up to ``end``."""
        return Scored(self.names[start:end], self.measures, self.values[start:end])

    def only(self, chosen: npt.NDArray[np.bool_]) -> Scored:
        """The units where ``chosen`` (units,) is true."""
        names = tuple(name for name, kept in zip(self.names, chosen.tolist(), strict=True) if kept)
        return Scored(names, self.measures, self.values[chosen])
