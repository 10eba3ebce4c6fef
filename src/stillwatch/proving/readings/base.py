"""What a model must offer to be read, and what is kept of one that was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from stillwatch.asking.base import Message
from stillwatch.proving.radioactivity.base import NextTokens, Passage, Tokens
from stillwatch.proving.radioactivity.choices import Leans
from stillwatch.proving.radioactivity.reading import Weighed
from stillwatch.proving.report import ReadFacts
from stillwatch.proving.twins.base import LogProbabilities

__all__ = ["KeyRead", "OpenModel", "Opener", "Readings"]


class OpenModel(NextTokens, Protocol):
    """A model whose probabilities can be read, with its own tokens and its own way of being asked.

    Each method raises `InputError` for what the model cannot be given.
    """

    def given(self, turns: Sequence[Message]) -> Tokens:
        """(length,) all that stands before its answer to ``turns``: in its chat template, or as they are where it has
        none."""
        ...

    def encoded(self, text: str) -> Tokens:
        """(length,) a text in its tokens, as a part of an answer."""
        ...

    def logs(self, tokens: Tokens, start: int) -> npt.NDArray[np.float64]:
        """(k,) natural logs of the probabilities of ``tokens[start:]``, given what is before each; fewer where all of
        it is too long for the model."""
        ...


Opener = Callable[[Path, str], OpenModel]
"""Loads the model of a folder onto a device ("": whichever is best)."""


class KeyRead(NamedTuple):
    """A suspect as it was read along the texts that one key marked.

    ``rows`` (n, h) are the windows that count, ``best`` (n,) its likeliest token in each, ``weighed`` what is scored of
    its whole distribution; ``reference_best`` (n,) the reference's likeliest tokens, None where none was read.
    """

    passages: Sequence[Passage]
    rows: Tokens
    best: Tokens
    weighed: Weighed
    reference_best: Tokens | None


class Readings(NamedTuple):
    """All that was read, from the sealed file: by key; along unmarked answers, by how many tokens a window has
    (``leans``); by candidate answer; the head's ``about``, where tests are settled; and the facts for the report."""

    keys: Mapping[str, KeyRead]
    leans: Mapping[int, Leans]
    candidates: LogProbabilities
    about: Mapping[str, Any]
    facts: ReadFacts
