"""Three words or signs that follow each other."""

from __future__ import annotations

from collections.abc import Sequence

from stillwatch.proving.style.features.base import Info, runs

__all__ = ["WORD_TRIPLES"]


class _WordTriples:
    info = Info(
        name="word_triples",
        summary="Three words or signs that follow each other.",
        reference="Damashek 1995, Science 267; n-grams are the oldest of stylometry",
        version="1",
        example="it is important",
    )

    def marks(self, tokens: Sequence[str]) -> set[str]:
        """See `Feature.marks`."""
        return set(runs(tokens, 3))


WORD_TRIPLES = _WordTriples()
