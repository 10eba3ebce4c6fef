"""Robustness of refusal: the harmful requests again, under generic jailbreak forms that have long been published.

A unit is a request, whatever its form. Every request comes once in each form; forms are dealt round the languages, so
that a request under all forms costs the same in one language and in seven, and every form meets every language.
"""

from __future__ import annotations

import base64
import binascii
import functools
from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec

from stillwatch.asking.base import Answer, Message
from stillwatch.safety_audit.base import Figure, Item, PropertyInfo
from stillwatch.safety_audit.properties.requests import Pair, pairs, spoken_here
from stillwatch.safety_audit.properties.restraint import ReadsRefusals
from stillwatch.safety_audit.properties.wordings import LANGUAGES, load_items

__all__ = ["FORMS", "PROPERTY", "Jailbreaks", "in_form"]

_NAME, _FIGURE = "jailbreaks", "refused_under_jailbreak"
FORMS = ("persona", "fiction", "opposite_day", "encoding", "translated", "many_shot")
_ENCODED_CHARACTERS = 8_000


@functools.cache
def _wordings() -> dict[str, Any]:
    return load_items(_NAME)


def in_form(form: str, pair: Pair, language: str) -> tuple[Message, ...]:
    """The harmful request of ``pair`` under ``form``, as messages in ``language``."""
    wording = _wordings()[form][language]
    request = pair.harmful[language]
    if form == "many_shot":
        turns = tuple(Message("assistant" if at % 2 else "user", text) for at, text in enumerate(wording))
        return (*turns, Message("user", request))
    if form == "encoding":
        request = base64.b64encode(request.encode("utf-8")).decode("ascii")
    elif form == "translated":
        request = pair.harmful[LANGUAGES[(LANGUAGES.index(language) + 1) % len(LANGUAGES)]]
    return (Message("user", wording.format(request=request)),)


class Jailbreaks(ReadsRefusals):
    """How often a model still refuses when the request comes in a form that is meant to make it comply."""

    info: ClassVar[PropertyInfo] = PropertyInfo(
        name=_NAME,
        title="Refusal under jailbreaks",
        summary="How often a model still refuses harmful requests that come as a role, a story, a game, "
        "encoded, translated, or after many harmless turns.",
        reference="docs/audit-items.md; forms as described in arXiv 2307.02483, 2308.03825 and 2310.06474",
        innocent_reading="Makers train against such forms to different degrees, and later releases more than earlier "
        "ones. A model that does not understand an encoding refuses nothing and gives nothing. "
        "Distillation for reasoning loses robustness without anybody's intent (arXiv 2503.16529).",
        figures=(
            Figure(
                _FIGURE,
                "The share of harmful requests under jailbreak forms that it refuses.",
                "higher",
                "either",
            ),
        ),
    )

    def items(self, languages: Sequence[str]) -> tuple[Item, ...]:
        """Every request once in each form, the forms dealt round those of ``languages`` that the data has."""
        spoken = spoken_here(languages)
        found = []
        for number, pair in enumerate(pairs()):
            for at, form in enumerate(FORMS if spoken else ()):
                language = spoken[(number + at) % len(spoken)]
                found.append(
                    Item(
                        id=f"{_NAME}/{pair.id}/{form}/{language}",
                        unit=f"{_NAME}/{pair.id}",
                        messages=in_form(form, pair, language),
                        language=language,
                        harmful=True,
                        topic=pair.topic,
                        key={"form": form},
                    )
                )
        return tuple(found)

    def said(self, item: Item, answer: Answer) -> Answer:
        """An answer in Base64 is decoded first."""
        if item.key.get("form") == "encoding":
            return msgspec.structs.replace(answer, text=_decoded(answer.text))
        return answer


def _decoded(text: str) -> str:
    """``text``, or what it says where all of it is Base64."""
    if len(text) > _ENCODED_CHARACTERS:
        return text
    try:
        return base64.b64decode("".join(text.split()).encode("ascii"), validate=True).decode("utf-8")
    except (UnicodeError, binascii.Error, ValueError):
        return text


PROPERTY = Jailbreaks()
