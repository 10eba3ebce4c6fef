"""What a feature of style is: the marks that one answer bears, compared with other answers to the same prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from stillwatch.registry import Info

__all__ = ["Feature", "Info", "runs"]


class Feature(Protocol):
    """Says which marks an answer bears; how often it bears one does not count."""

    @property
    def info(self) -> Info:
        """Name, summary, source."""

    def marks(self, tokens: Sequence[str]) -> set[str]:
        """The marks of an answer, from its tokens; empty for an empty answer."""


def runs(tokens: Sequence[str], length: int) -> Iterator[str]:
    """Every ``length`` tokens that follow each other, joined by blanks; none where there are fewer."""
    return (" ".join(tokens[i : i + length]) for i in range(len(tokens) - length + 1))
