"""What a reference server knows: the items of every property that has an answerer."""

from __future__ import annotations

from collections.abc import Sequence

from stillwatch.safety_audit import PROPERTIES
from stillwatch.safety_audit.properties.identity import LANGUAGES, families, naming
from stillwatch.safety_audit.reference.answering import ANSWERERS
from stillwatch.safety_audit.reference.cast import Known

__all__ = ["known_properties"]


def known_properties(
    languages: Sequence[str] = (), names: Sequence[str] | None = None, family: str = ""
) -> tuple[Known, ...]:
    """The properties called ``names`` (all that have an answerer), with their own items in these languages (all).

    ``family`` is the teacher's, as `Behaviour.family`.
    """
    languages, family = languages or LANGUAGES, family or next(iter(families()))
    wanted = [name for name in PROPERTIES.names() if name in ANSWERERS.names()] if names is None else names
    found = ((name, PROPERTIES.get(name), ANSWERERS.get(name)) for name in wanted)
    return tuple(Known(name, asks, answers, naming(asks.items(languages), family)) for name, asks, answers in found)
