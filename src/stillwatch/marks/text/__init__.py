"""Marks in whole texts, in a keyed random half of the answers: one file for each kind of mark.

`TEXT_MARKS` lists them; a new one is one file and one line here, or an entry point of the group
``stillwatch.marks.text`` in another wheel.
"""

from __future__ import annotations

from stillwatch.marks.text.base import TextMark
from stillwatch.marks.text.tables import SCHEME
from stillwatch.registry import Registry

__all__ = ["SCHEME", "TEXT_MARKS"]

TEXT_MARKS: Registry[TextMark] = Registry(
    "stillwatch.marks.text",
    {
        "phrases": "stillwatch.marks.text.phrases:MARK",
        "order": "stillwatch.marks.text.order:MARK",
        "heading_style": "stillwatch.marks.text.habits:HEADING_STYLE",
        "bullet_sign": "stillwatch.marks.text.habits:BULLET_SIGN",
        "closing_question": "stillwatch.marks.text.habits:CLOSING_QUESTION",
        "canary_phrases": "stillwatch.marks.text.canaries:PHRASES",
        "canary_facts": "stillwatch.marks.text.canaries:FACTS",
    },
)
