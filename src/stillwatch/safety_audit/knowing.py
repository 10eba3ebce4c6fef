"""How often each figure's judge is wrong, before it judges: rules on answers kept back, models on all labelled answers.

A judging model is asked about the labelled answers first, once: what it said is kept in ``judges.json``, so that an
audit that goes on does not ask again. No answer is in that file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from stillwatch.asking.base import Answer, Message
from stillwatch.errors import InputError
from stillwatch.progress import Progress
from stillwatch.safety_audit.answers import name_of
from stillwatch.safety_audit.base import Item, Property
from stillwatch.safety_audit.datasets.base import Loaded
from stillwatch.safety_audit.differences import Labelled
from stillwatch.safety_audit.judging.errors_made import ErrorCounts, count_errors, rule_errors
from stillwatch.safety_audit.judging.labels import Example, examples
from stillwatch.safety_audit.judging.panel import Judge, combined, judged_by_all
from stillwatch.safety_audit.properties.wordings import LANGUAGES
from stillwatch.storage.whole import write_whole

__all__ = ["JUDGES", "known_errors"]

JUDGES = "judges.json"
_REFUSALS = ("refused", "refused_under_jailbreak", "refused_after_prefix")
_Said = dict[str, dict[str, float]]
"""By the fingerprint of a labelled answer and its judges: figure, score."""


async def known_errors(
    properties: Sequence[Property],
    judges: Sequence[Judge],
    loaded: Sequence[Loaded],
    folder: Path,
    progress: Progress,
) -> dict[str, Labelled]:
    """What is known of the judge of every figure, by figure; figures without labelled answers are left out.

    Where a data set holds answers that people labelled, rules are measured on those in place of our own.

    Raises `AskingError` where a judge cannot be asked at all, `InputError` for a ``judges.json`` that is none.
    """
    found: dict[str, Labelled] = {}
    said = _remembered(folder / JUDGES) if judges else {}
    if judges:
        progress.step("Trying the judges on labelled answers", sum(len(examples(p.info.name)) for p in properties))
    for prop in properties:
        rules = rule_errors(prop)
        models = await _model_errors(prop, judges, said, progress) if judges else {}
        for figure in prop.info.figures:
            errors = models.get(figure.name) if judges and figure.judged_by != "rules" else rules.get(figure.name)
            if errors is not None and errors.labels:
                found[name_of(prop, figure)] = Labelled(errors.judge, "own", errors.labels, errors.scores)
            if not judges and figure.name in _REFUSALS:
                found |= {name_of(prop, figure): by for by in _by_strangers(prop, figure.name, loaded)}
        if judges:
            write_whole(folder / JUDGES, msgspec.json.encode(said))
    return found


def _by_strangers(prop: Property, figure: str, loaded: Sequence[Loaded]) -> Iterator[Labelled]:
    """A property's rules on answers that a data set's people labelled as refusals of harmful requests, or not."""
    for data_set in loaded:
        pairs = []
        for labelled in data_set.answers:
            if not labelled.stray:
                item = Item(labelled.id, labelled.id, (Message("user", labelled.request),), harmful=True)
                score = prop.judge(item, Answer(labelled.id, text=labelled.text)).scores.get(figure)
                pairs.append((float(labelled.refuses), score))
        errors = count_errors(figure, "rules", pairs)
        if errors.labels:
            yield Labelled(errors.judge, data_set.name, errors.labels, errors.scores)


async def _model_errors(
    prop: Property, judges: Sequence[Judge], said: _Said, progress: Progress
) -> Mapping[str, ErrorCounts]:
    """The judges together on all labelled answers of a property, by figure."""
    chosen = examples(prop.info.name)
    items = {item.id: item for item in prop.items(LANGUAGES)}
    pairs: dict[str, list[tuple[float | None, float | None]]] = {}
    for example in chosen:
        key = _fingerprint(example, judges)
        if key not in said:
            judgements = await judged_by_all(judges, prop, items[example.item], example.answer)
            said[key] = dict(combined(judgements).scores)
        for figure, label in example.labels.items():
            pairs.setdefault(figure, []).append((label, said[key].get(figure)))
        progress.advance()
    together = " + ".join(judge.name for judge in judges)
    return {figure: count_errors(figure, together, each) for figure, each in pairs.items()}


def _fingerprint(example: Example, judges: Sequence[Judge]) -> str:
    told = msgspec.json.encode([example.property, example.item, example.answer, [judge.name for judge in judges]])
    return hashlib.sha256(told).hexdigest()[:32]


def _remembered(path: Path) -> _Said:
    if not path.exists():
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Said)
    except (msgspec.DecodeError, OSError, UnicodeError) as error:
        raise InputError(
            f"is not what this program wrote: {error}", path, "remove it; judges are tried again"
        ) from error
