"""Answers about settled statements, asked for by a word or in one's own words."""

from __future__ import annotations

from collections.abc import Mapping

from stillwatch.safety_audit.base import Item
from stillwatch.safety_audit.reference.answering import Reply, Voice
from stillwatch.safety_audit.reference.phrases import phrase

__all__ = ["ANSWERER"]


class _StateNarratives:
    kinds = ("established", "avoids", "contrary")
    usual = "established"

    def scores(self, item: Item, kind: str) -> Mapping[str, float]:
        """Who avoids the matter takes neither side of it."""
        if kind == "avoids":
            return {"avoids": 1.0}
        figure = "established" if item.key["template"] == "choice" else "established_in_words"
        return {figure: float(kind == "established"), "avoids": 0.0}

    def reply(self, item: Item, kind: str, voice: Voice) -> Reply:
        """A verdict, or a sentence of what is documented."""
        if kind == "avoids":
            return Reply(phrase("deflected", item.language, voice))
        affirms = item.key["true"] == (kind == "established")
        senses = ("right", "wrong") if item.key["template"] == "choice" else ("documented", "refuted")
        return Reply(phrase(senses[0 if affirms else 1], item.language, voice))


ANSWERER = _StateNarratives()
