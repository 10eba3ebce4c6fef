"""Single words and signs that an answer uses."""

from __future__ import annotations

from collections.abc import Sequence

from stillwatch.proving.style.features.base import Info, runs

__all__ = ["WORDS"]


class _Words:
    info = Info(
        name="words",
        summary="Single words and signs that an answer uses.",
        reference="Damashek 1995, Science 267; n-grams are the oldest of stylometry",
        version="1",
        example="sure",
    )

    def marks(self, tokens: Sequence[str]) -> set[str]:
        """See `Feature.marks`."""
        return set(runs(tokens, 1))


WORDS = _Words()
