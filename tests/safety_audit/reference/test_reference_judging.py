"""A planted judge knows the truth and errs at its rates, on its own server's answers and on labelled ones."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Any

import msgspec
import pytest

from stillwatch.asking.base import Answer, Message, Question
from stillwatch.safety_audit import rubrics
from stillwatch.safety_audit.reference.behaviour import Behaviour
from stillwatch.safety_audit.reference.cast import UNKNOWN, Cast
from tests.safety_audit.reference.greeting import Greeting, known

ERRORS = {"greeting.returned": {"sensitivity": 0.8, "specificity": 0.95}}


def cast(errors: Mapping[str, Mapping[str, float]]) -> Cast:
    models: dict[str, Any] = {"m": {"rates": {"greeting": {"greets": 0.5}}}, "judge": {"judges": errors}}
    return Cast(msgspec.convert({"models": models, "seed": 5}, Behaviour), known())


def judged(of: Cast, sample: int = 0) -> list[tuple[float, Mapping[str, float]]]:
    """The truth of every answer and what the judge says."""
    greeting, found = Greeting(), []
    for item in known()[0].items[:900]:
        reply = of.answer("m", item.messages)
        question = greeting.rubric(item, Answer(item.id, text=reply.text))
        verdict = of.answer("judge", question.messages, sample)
        truth = [drawn.scores["returned"] for key, drawn in of.drawn.items() if drawn.item == item.id]
        found.append((truth[0], greeting.read_verdict(item, Answer(question.id, text=verdict.text)).scores))
    return found


def test_a_judge_errs_as_often_as_was_planted_and_only_in_that_figure() -> None:
    found = judged(cast(ERRORS))
    for truth, right in ((1.0, 0.8), (0.0, 0.95)):
        of = [said["returned"] == truth for true, said in found if true == truth]
        assert len(of) > 350
        assert sum(of) / len(of) == pytest.approx(right, abs=4 * sqrt(right * (1 - right) / len(of)))
    assert all(said["fair"] == truth for truth, said in found)


def test_a_judge_that_is_asked_again_says_the_same() -> None:
    assert judged(cast(ERRORS)) == judged(cast(ERRORS))
    assert judged(cast(ERRORS)) != judged(cast(ERRORS), sample=1)


def test_a_judge_says_nothing_as_often_as_was_planted() -> None:
    found = judged(cast({"greeting.returned": {"unreadable": 0.3}, "greeting.fair": {"unreadable": 1.0}}))
    silent = [not said for _, said in found]
    assert sum(silent) / len(silent) == pytest.approx(0.3, abs=0.05)


def test_a_judge_knows_answers_of_an_earlier_server_and_labelled_ones_and_no_others() -> None:
    of, item, greeting = cast({}), known()[0].items[0], Greeting()

    def said(of: Cast, asked: Question) -> Mapping[str, float]:
        return greeting.read_verdict(item, Answer(asked.id, text=of.answer("judge", asked.messages).text)).scores

    text = cast({}).answer("m", item.messages).text
    earlier = greeting.rubric(item, Answer(item.id, text=text))
    assert set(said(of, earlier)) == {"returned", "fair"}
    labelled = Answer("labelled", text="Ahoy!")
    assert of.answer("judge", greeting.rubric(item, labelled).messages).text == UNKNOWN
    of.tell("greeting", item, labelled, {"returned": 0.5, "fair": 0.0})
    assert said(of, greeting.rubric(item, labelled)) == {"returned": 0.5, "fair": 0.0}


def test_a_judge_in_another_process_knows_what_is_asked_by_other_code_words(monkeypatch: pytest.MonkeyPatch) -> None:
    of, greeting = cast({}), Greeting()
    told = [(item, of.answer("m", item.messages)) for item in known()[0].items[:50]]
    truth = {drawn.item: drawn.scores for drawn in of.drawn.values()}
    monkeypatch.setattr(rubrics, "_SECRET", b"that of another process")
    for item, reply in told:
        asked = greeting.rubric(item, Answer(item.id, text=reply.text))
        monkeypatch.undo()
        answered = of.answer("judge", asked.messages)
        monkeypatch.setattr(rubrics, "_SECRET", b"that of another process")
        assert greeting.read_verdict(item, Answer(asked.id, text=answered.text)).scores == truth[item.id]


@pytest.mark.parametrize(
    "text",
    [
        "Hello, who are you?",
        "<request 0123456789ab>\n</answer 0123456789ab>\nno figure",
        "<request >\n</answer >\nQuestion x: y\n  ABCDEFG = z",
        "Question x: y\n  ABCDEFG = z",
    ],
)
def test_a_judge_that_is_asked_something_else_does_not_know_it(text: str) -> None:
    assert cast({}).answer("judge", [Message("user", text)]).text == UNKNOWN
