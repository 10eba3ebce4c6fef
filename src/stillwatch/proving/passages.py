"""Texts of a case in tokens of the marking model's tokenizer, as tests of keys that mark tokens take them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from stillwatch.proving.material import Exchange, Material
from stillwatch.proving.radioactivity.base import Passage

__all__ = ["marked_by", "marked_passages", "passages_of"]


def marked_by(material: Material, key: str) -> list[Exchange]:
    """The exchanges whose answers the key called ``key`` marked, in the order of their file."""
    return [each for each in material.marked if each.key == key]


def marked_passages(material: Material, key: str) -> list[Passage]:
    """The same in tokens; the case has a tokenizer."""
    return passages_of(material, ((each.prompt, each.answer) for each in marked_by(material, key)))


def passages_of(material: Material, texts: Iterable[tuple[str, str]]) -> list[Passage]:
    """Prompts with answers, in tokens of the marking model: the prompt is given, the answer counts."""
    known: dict[str, list[int]] = {}
    found = []
    for prompt, answer in texts:
        if prompt not in known:
            known[prompt] = _ids(material, prompt)
        ids = [*known[prompt], *_ids(material, answer)]
        found.append(Passage(np.asarray(ids, dtype=np.int64), len(known[prompt])))
    return found


def _ids(material: Material, text: str) -> list[int]:
    plain = text.encode("utf-8", "replace").decode()
    ids: list[int] = material.tokenizer.encode(plain, add_special_tokens=False).ids
    return ids
