"""What tests are given of a suspect that was read: from the sealed file and the case alone, without any model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from stillwatch.errors import InputError
from stillwatch.proving.material import Material
from stillwatch.proving.radioactivity.choices import Beside, Leans, joined
from stillwatch.proving.radioactivity.reading import MOST_TOKENS, Weighed
from stillwatch.proving.readings.along import Along, along, unmarked
from stillwatch.proving.readings.base import KeyRead, Readings
from stillwatch.proving.readings.planning import contexts_of, items_of
from stillwatch.proving.readings.sealed import Kept, read_readings, unpacked, unpacked_choice
from stillwatch.proving.report import ReadFacts, ReadingPlan
from stillwatch.proving.twins.base import LogProbability

__all__ = ["ABOUT", "head", "joined_choices", "load_readings", "plan_in"]

ABOUT = "reading"


def head(plan: ReadingPlan, seal: str) -> dict[str, Any]:
    """What goes into the head of the answers: what was read, and the seal of the last reading."""
    return {ABOUT: {"plan": msgspec.to_builtins(plan), "seal": seal}}


def plan_in(about: Mapping[str, Any]) -> tuple[ReadingPlan, str] | None:
    """The plan and the seal in the head of the answers; None where nothing was read.

    Raises `InputError` where there is something else.
    """
    told = about.get(ABOUT)
    if told is None:
        return None
    try:
        return msgspec.convert(told["plan"], ReadingPlan), msgspec.convert(told["seal"], str)
    except (msgspec.ValidationError, KeyError, TypeError) as error:
        raise InputError(f"tell of readings that cannot be: {error}", "the answers' head", "restore the file") from None


def load_readings(path: Path, material: Material, plan: ReadingPlan, seal: str, case: str) -> Readings:
    """The readings in ``path``, which are those that the answers' head tells of.

    Raises `InputError` where they are not, where a line was changed, or where one is missing or too much.
    """
    kept = read_readings(path)
    if kept.seal != seal or kept.head.plan != plan:
        do = "restore the file that was there when the suspect was asked"
        raise InputError(f"ends with the seal {kept.seal[:16]}…, not with the one in the answers' head", path, do)
    if kept.head.case != case:
        raise InputError("was read for another case", path, "restore the file")
    items = list(items_of(material, plan))
    names = {item.name for item in items}
    if names != kept.items.keys():
        lacks, more = len(names - kept.items.keys()), len(kept.items.keys() - names)
        raise InputError(f"lacks {lacks:,} readings of the case, and has {more:,} of none", path, "restore the file")
    keys = {
        opened.key.id: _key(kept, path, material, opened.key.id) for opened in material.opened
        if opened.key.id in plan.planned
    }  # fmt: skip
    leans = {context: _leans(kept, path, material, context) for context in contexts_of(material, plan.choices)}
    candidates = {}
    for item in items:
        if not item.candidate:
            continue
        read = kept.items[item.name].candidate
        if read is None:
            raise InputError("is no reading of a candidate", _where(path, kept, item.name), "restore the file")
        if read.tokens > 0:  # an answer without a token has no probability, and its prompt is left out
            name = material.pairs[item.at].prompt_id
            candidates[name, item.place] = LogProbability(read.total, read.tokens, read.reference)
    facts = ReadFacts(plan=plan, began=kept.head.made_at, seal=kept.seal)
    return Readings(keys, leans, candidates, kept.head.about, facts)


def _key(kept: Kept, path: Path, material: Material, name: str) -> KeyRead:
    key = next(opened.key for opened in material.opened if opened.key.id == name)
    found = along(material, key)
    texts = []
    for number in found.texts:
        item = f"marks/{name}/{number}"
        where, read = _where(path, kept, item), kept.items[item].text
        if read is None:
            raise InputError("is no reading of a text", where, "restore the file")
        texts.append(unpacked(read, len(found.of(number).rows), MOST_TOKENS, where))
    none = np.empty(0, dtype=np.int64)
    beside = [each.reference_best for each in texts if each.reference_best is not None]
    if len(beside) not in (0, len(texts)):
        raise InputError(f"has a reference in some of the texts of {name}", path, "restore the file")
    return KeyRead(
        found.passages,
        found.windows.rows,
        np.concatenate([none, *(each.best for each in texts)]),
        Weighed(
            np.concatenate([none, *(each.weighed.tokens for each in texts)]),
            np.concatenate([np.empty(0), *(each.weighed.weights for each in texts)]),
            np.concatenate([none, *(each.weighed.counts for each in texts)]),
        ),
        np.concatenate([none, *beside]) if beside else None,
    )


def _leans(kept: Kept, path: Path, material: Material, context: int) -> Leans:
    found = unmarked(material, context)
    read = joined_choices(kept, path, found, (f"choices/{context}/{number}" for number in found.texts))
    return Leans(read, found.windows.rows, len(found.passages), said=False)


def joined_choices(kept: Kept, path: Path, found: Along, names: Iterable[str]) -> Beside:
    """What was read along all texts of ``found`` that have windows; ``names`` are their items, in order.

    Raises `InputError` where one holds something else.
    """
    texts = []
    for number, item in zip(found.texts, names, strict=True):
        where, read = _where(path, kept, item), kept.items[item].choice
        if read is None:
            raise InputError("is no reading of a text beside a model", where, "restore the file")
        texts.append(unpacked_choice(read, len(found.of(number).rows), MOST_TOKENS, where))
    return joined(texts)


def _where(path: Path, kept: Kept, item: str) -> str:
    return f"{path}:{kept.items[item].line}"
