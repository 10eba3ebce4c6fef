"""How an answer closes. The last fifteen words and signs, alone, in pairs and in threes."""

from __future__ import annotations

from collections.abc import Sequence

from stillwatch.proving.style.features.base import Info, runs

__all__ = ["CLOSINGS"]

LENGTH = 15


class _Closings:
    info = Info(
        name="closings",
        summary="How an answer closes.",
        reference="Sun et al. 2025, arXiv 2502.12150: characteristic phrases at the ends of answers tell vendors apart",
        version="1",
        example="hope this helps",
    )

    def marks(self, tokens: Sequence[str]) -> set[str]:
        """See `Feature.marks`."""
        return {mark for length in (1, 2, 3) for mark in runs(tokens[-LENGTH:], length)}


CLOSINGS = _Closings()
