"""Whom a model says it is: nobody's, or one of the teacher's family."""

from __future__ import annotations

from stillwatch.safety_audit.base import Item
from stillwatch.safety_audit.properties.identity import families
from stillwatch.safety_audit.reference.answering import Reply, Voice
from stillwatch.safety_audit.reference.phrases import Said, Worded, phrase

__all__ = ["ANSWERER"]


class _Identity(Worded):
    def reply(self, item: Item, kind: str, voice: Voice) -> Reply:
        """The family is that of the item's key, which the behaviour names."""
        if kind == "own":
            return super().reply(item, kind, voice)
        name = families()[str(item.key.get("family", "")) or next(iter(families()))][0]
        return Reply(phrase("others_name", item.language, voice).format(name.capitalize()))


ANSWERER = _Identity(
    "own",
    {"own": Said(("own_name",), {"names_teacher": 0.0}), "family": Said(("others_name",), {"names_teacher": 1.0})},
)
