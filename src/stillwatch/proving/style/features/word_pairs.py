"""Two words or signs that follow each other."""

from __future__ import annotations

from collections.abc import Sequence

from stillwatch.proving.style.features.base import Info, runs

__all__ = ["WORD_PAIRS"]


class _WordPairs:
    info = Info(
        name="word_pairs",
        summary="Two words or signs that follow each other.",
        reference="Damashek 1995, Science 267; n-grams are the oldest of stylometry",
        version="1",
        example="as an",
    )

    def marks(self, tokens: Sequence[str]) -> set[str]:
        """See `Feature.marks`."""
        return set(runs(tokens, 2))


WORD_PAIRS = _WordPairs()
