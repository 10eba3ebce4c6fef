"""From what a model answered to scores: judged as it comes, sealed with its judgement, read back for the statistics.

An answer is judged while it is in memory, because of a harmful item nothing else is kept. What is sealed beside it is
``{"judgements": [...]}``: that of the rules first, then one for each judging model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from stillwatch.asking.base import Answer, Question
from stillwatch.asking.running import Keep, Kept
from stillwatch.asking.sealed import Entry, SealedFile
from stillwatch.safety_audit.base import Figure, Item, Judgement, Property, Role
from stillwatch.safety_audit.judging.label_sheet import SheetRow
from stillwatch.safety_audit.judging.labels import LabelBook
from stillwatch.safety_audit.judging.panel import Judge, combined, judged_by_all
from stillwatch.safety_audit.unit_scores import Scored

__all__ = ["Asked", "figures_of", "judgements_of", "keeper", "name_of", "score_of", "scores", "sheet_rows"]


class Asked(NamedTuple):
    """A question of an audit: the property and item that it came from."""

    property: Property
    item: Item
    question: Question


def name_of(prop: Property, figure: Figure) -> str:
    """How statistics and reports call a figure."""
    return f"{prop.info.name}.{figure.name}"


def figures_of(prop: Property, item: Item) -> tuple[Figure, ...]:
    """The figures that an item is about."""
    return tuple(f for f in prop.info.figures if not item.figures or f.name in item.figures)


def keeper(asked: Mapping[str, Asked], judges: Sequence[Judge]) -> Keep:
    """What is done with every answer before it is sealed; ``asked`` by the question's id."""

    async def keep(question: Question, answer: Answer) -> Kept:
        prop, item, _ = asked[question.id]
        found = [prop.judge(item, answer), *await judged_by_all(judges, prop, item, answer)]
        return Kept({"judgements": msgspec.to_builtins(found)}, with_text=not item.harmful)

    return keep


def judgements_of(entry: Entry) -> list[Judgement]:
    """The judgements that were sealed with an answer: rules first; none of an answer that never came."""
    return msgspec.convert(entry.data.get("judgements", []), list[Judgement])


def score_of(figure: Figure, judgements: Sequence[Judgement]) -> float | None:
    """The score that counts: the judging models' (their mean) where there are any that may judge, else the rules'.

    Rules never stand in for a judge that could not tell: the figure would then have the errors of both.
    """
    rules, models = judgements[:1], judgements[1:]
    told = rules if figure.judged_by == "rules" or (figure.judged_by == "either" and not models) else models
    return combined(told).scores.get(figure.name)


def scores(role: Role, sealed: SealedFile, asked: Iterable[Asked], labels: LabelBook) -> Iterator[Scored]:
    """One score for each figure that each answered question is about; questions still to be asked give none.

    Args:
        role: the model's.
        sealed: its answers.
        asked: the questions.
        labels: what people said of answers.
    """
    for prop, item, question in asked:
        entry = sealed.answered(question)
        if entry is None and not sealed.failures(question):
            continue
        judgements = judgements_of(entry) if entry is not None else []
        for figure in figures_of(prop, item):
            yield Scored(
                figure=name_of(prop, figure),
                role=role,
                unit=item.unit,
                item=item.id,
                side=item.side,
                language=item.language,
                score=score_of(figure, judgements),
                failed=entry is None,
                label=None if entry is None else labels.label(name_of(prop, figure), item.id, role, entry.answer),
            )


def sheet_rows(role: Role, sealed: SealedFile, asked: Iterable[Asked]) -> Iterator[SheetRow]:
    """The answers that a person may label, in every figure that each is about."""
    for prop, item, question in asked:
        entry = sealed.answered(question)
        if entry is not None:
            for figure in figures_of(prop, item):
                yield SheetRow(item, role, entry.answer, name_of(prop, figure), figure.summary)
