"""Measures of how near a suspect's answer is to a text: one file each, and one line here."""

from __future__ import annotations

from stillwatch.proving.twins.similarity.base import Measure
from stillwatch.registry import Registry

__all__ = ["MEASURES", "Measure"]

_HERE = "stillwatch.proving.twins.similarity"

MEASURES: Registry[Measure] = Registry(
    "stillwatch.twin_measures",
    {
        "word_ngrams": f"{_HERE}.word_ngrams:MEASURE",
        "longest_run": f"{_HERE}.longest_run:MEASURE",
        "edits": f"{_HERE}.edits:MEASURE",
        "character_ngrams": f"{_HERE}.character_ngrams:MEASURE",
        "order_of_steps": f"{_HERE}.order_of_steps:MEASURE",
        "rare_words": f"{_HERE}.rare_words:MEASURE",
    },
)
