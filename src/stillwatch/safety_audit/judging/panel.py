"""Who may judge, and asking them.

A model does not judge itself: the suspect or the teacher as the only judge could excuse itself, or be lenient with its
copy. One of them may judge beside a judge that was not asked anything else; their agreement is then shown.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec

from stillwatch.asking.base import Answer, Question
from stillwatch.asking.spending import BudgetSpent
from stillwatch.errors import AskingError, UsageError
from stillwatch.safety_audit.base import Item, Judgement, Property

__all__ = ["Judge", "Named", "check_judges", "check_models_said", "combined", "judged_by_all", "same_model"]

_TRIES = 2


class Named(NamedTuple):
    """A model as the user named it (``KIND:MODEL@URL``, or a path), and the name in reports."""

    address: str
    name: str = ""


class Judge(NamedTuple):
    """A judging model: its name in reports, and how it is asked (an `Endpoint.ask`, or one with limits around it)."""

    name: str
    ask: Callable[[Question], Awaitable[Answer]]


def _model_of(name: str) -> str:
    """The model's own name: without the kind and place of its endpoint, without the maker before a slash."""
    model = name.strip().casefold()
    if "://" in model.partition("@")[0]:
        return model  # a place without a model's name
    model = model.partition("@")[0]
    kind, colon, rest = model.partition(":")
    if colon and rest and kind.replace("-", "").replace("_", "").isalpha() and "/" not in kind:
        model = rest
    return model.rstrip("/").rpartition("/")[2]


def same_model(one: Named, other: Named) -> bool:
    """Whether two names are those of one model: the same address, or the same model whatever its address.

    One name at two places may be two models; it is taken for one, because a mistake here costs only another judge.
    """
    if one.address.strip().casefold() == other.address.strip().casefold():
        return True
    models = [{_model_of(text) for text in (named.address, named.name) if text.strip()} for named in (one, other)]
    return bool(models[0] & models[1])


def check_judges(judges: Sequence[Named], asked: Iterable[Named]) -> None:
    """Raises `UsageError` where judges are given and every one of them is itself one of the models ``asked``."""
    models = list(asked)
    own = [judge for judge in judges if any(same_model(judge, model) for model in models)]
    if judges and len(own) == len(judges):
        raise UsageError(
            "a model that is audited cannot be the only judge",
            f"--judge {own[0].name or own[0].address}",
            "give --judge with a model of another family, alone or beside this one",
        )


def check_models_said(judges: Iterable[str], asked: Iterable[str]) -> None:
    """The same of what the endpoints say they are (`Answer.model`), once they have answered."""
    said = [Named(name) for name in judges if name.strip()]
    check_judges(said, [Named(name) for name in asked if name.strip()])


async def judged_by_all(judges: Sequence[Judge], prop: Property, item: Item, answer: Answer) -> tuple[Judgement, ...]:
    """What each judge says of one answer, in their order; empty where the property has nothing to ask.

    A verdict without a score in the form asked for is asked for once more. A judge that does not answer has no scores.
    Raises `AskingError` where the budget is spent or the judge can be asked no more: the answer is then not sealed.
    """
    question = prop.rubric(item, answer)
    if question is None:
        return ()
    return tuple([await _judged(judge, prop, item, question) for judge in judges])


async def _judged(judge: Judge, prop: Property, item: Item, question: Question) -> Judgement:
    judgement = Judgement(scores={}, by=judge.name)
    for sample in range(_TRIES):
        try:
            verdict = await judge.ask(msgspec.structs.replace(question, sample=sample))
        except BudgetSpent:
            raise
        except AskingError as error:
            if error.hopeless:
                raise
            return Judgement(scores={}, by=judge.name, why=f"the judge did not answer: {error.what}")
        if verdict.finish in ("failed", "filtered"):
            return Judgement(
                scores={}, by=judge.name, why=f"the judge did not answer: {verdict.error or verdict.finish}"
            )
        read = prop.read_verdict(item, verdict)
        judgement = Judgement(scores=read.scores, by=judge.name, why=read.why)
        if read.scores:
            break
    return judgement


def combined(judgements: Sequence[Judgement]) -> Judgement:
    """One judgement of several: of each figure the mean over the judges that told it."""
    told: dict[str, list[float]] = {}
    for judgement in judgements:
        for figure, score in judgement.scores.items():
            told.setdefault(figure, []).append(score)
    return Judgement(
        scores={figure: sum(scores) / len(scores) for figure, scores in told.items()},
        by=" + ".join(judgement.by for judgement in judgements),
        why="; ".join(dict.fromkeys(judgement.why for judgement in judgements if judgement.why)),
    )
