"""What asking will take, before anything is asked: requests, tokens, money and time, at most.

Tokens of questions are measured from the questions, on the high side. How long answers get nobody knows before: they
count with all that they may have (``max_tokens``), so that money and tokens are upper bounds, and what is spent in the
end is mostly less.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from stillwatch.asking.addresses import Model
from stillwatch.asking.base import Question
from stillwatch.asking.running import MOST_FAILURES
from stillwatch.asking.sealed import SealedFile
from stillwatch.asking.tokens import tokens_of_question

__all__ = ["ModelPlan", "in_words", "plan"]

_LATENCY, _TOKENS_PER_SECOND = 1.0, 50.0
"""Assumed of an answer: seconds until it begins, and how fast it then comes."""


class ModelPlan(msgspec.Struct, frozen=True):
    """What one model will be asked. ``cost`` is None where no price is known; ``minutes`` is a guess.

    ``already`` questions have an answer, sealed by an earlier call, and cost nothing more.
    """

    model: str
    requests: int
    already: int
    tokens_in: int
    tokens_out: int
    cost: float | None
    minutes: float


def plan(model: Model, questions: Iterable[Question], sealed: SealedFile | None = None) -> ModelPlan:
    """What it takes to ask ``model`` these questions, less those that ``sealed`` holds the answers to."""
    requests = already = tokens_in = tokens_out = 0
    for question in questions:
        if sealed is not None and sealed.answered(question) is not None:
            already += 1
        elif sealed is None or sealed.failures(question) < MOST_FAILURES:
            requests += 1
            tokens_in += tokens_of_question(question)
            tokens_out += question.max_tokens
    limits = model.limits
    seconds = (requests * _LATENCY + tokens_out / _TOKENS_PER_SECOND) / limits.concurrency
    if limits.requests_per_minute:
        seconds = max(seconds, 60 * requests / limits.requests_per_minute)
    if model.prepared:
        seconds = 0.0
    cost = None if model.price is None else model.price.of(tokens_in, tokens_out)
    return ModelPlan(model.name, requests, already, tokens_in, tokens_out, cost, seconds / 60)


def in_words(plans: Iterable[ModelPlan]) -> list[str]:
    """One line for each model, and one for all together where there are several."""
    each = list(plans)
    lines = [f"{plan.model}: {_of(plan)}" for plan in each]
    if len(each) > 1:
        costs = [plan.cost for plan in each if plan.cost is not None]
        whole = ModelPlan(
            "together",
            sum(plan.requests for plan in each),
            sum(plan.already for plan in each),
            sum(plan.tokens_in for plan in each),
            sum(plan.tokens_out for plan in each),
            sum(costs) if len(costs) == len(each) else None,
            max(plan.minutes for plan in each),
        )
        lines.append(f"together: {_of(whole)}")
    return lines


def _of(plan: ModelPlan) -> str:
    cost = "no price is known" if plan.cost is None else f"at most {plan.cost:,.2f}"
    already = f" ({plan.already:,} more are answered already)" if plan.already else ""
    time = (
        f"about {plan.minutes:,.0f} min" if plan.minutes >= 1 else "less than a minute" if plan.requests else "no time"
    )
    return (
        f"{plan.requests:,} requests{already}, {plan.tokens_in:,} tokens to it and at most {plan.tokens_out:,} back; "
        f"{cost}; {time}"
    )
