"""What a test of a suspect model is given: texts, and a model that can be read."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["NextTokens", "Passage", "Probabilities", "Tokens"]

Tokens = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.floating]


class Passage(NamedTuple):
    """A text in tokens of the *marking* model's tokenizer. ``tokens`` (length,): up to ``start`` it was given (system,
    question, earlier turns), from there on it is an answer."""

    tokens: Tokens
    start: int = 0


class NextTokens(Protocol):
    """A model of which one can read what it would say next, in the tokens that the mark is of."""

    def read(self, tokens: Tokens, positions: Tokens) -> Probabilities:
        """(k, vocabulary) probabilities of the token at each of ``positions`` (k,), given ``tokens`` before it.

        ``tokens`` (length,) is one whole text, and nothing at or after a position may matter to it. Whoever learns only
        which token the suspect would say, gives it probability 1.
        """
        ...
