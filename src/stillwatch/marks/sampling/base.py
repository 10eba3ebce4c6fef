"""What a sampling scheme is: how it chooses a token under a key, and how tokens are scored under that key afterwards."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from stillwatch.marks.base import TokenScores

__all__ = ["Scheme"]

Tokens = npt.NDArray[np.int64]


class Scheme(Protocol):
    """One way to mark the choice of tokens. Without input or output, in numpy; engines wrap it."""

    @property
    def name(self) -> str:
        """As `MarkKey.scheme` has it."""
        ...

    @property
    def distortion_free(self) -> bool:
        """Whether, averaged over keys, tokens are distributed as without the mark."""
        ...

    @property
    def context(self) -> int:
        """How many tokens before the one that is chosen seed the choice."""
        ...

    def choose(self, probabilities: npt.NDArray[np.float64], context: Tokens, secret: bytes) -> int:
        """The next token. ``probabilities`` (vocabulary,) after temperature, top-k and top-p; ``context`` (context,)."""
        ...

    def scores(self, contexts: Tokens, tokens: Tokens, secret: bytes) -> TokenScores:
        """Scores of ``tokens`` (n,) in their ``contexts`` (n, context), whoever chose them; nothing is de-duplicated
        here. For n = 0 there are none."""
        ...
