"""What is said of an asking before it begins, and what fast and slow servers do to its pace."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from stillwatch.asking.addresses import Model, open_model
from stillwatch.asking.base import Answer, Message, Question
from stillwatch.asking.limits import Breaker, Limits, Pace
from stillwatch.asking.plan import in_words, plan
from stillwatch.asking.sealed import open_sealed
from stillwatch.asking.tokens import tokens_of_question
from stillwatch.errors import AskingError
from tests.asking.questions import ask_all, questions, toml
from tests.asking.served import Flaky, serving


def model(tmp_path: Path, settings: str = "") -> Model:
    return open_model(str(toml(tmp_path, "suspect", "https://host", settings)))


def test_a_plan_counts_requests_tokens_money_and_time(tmp_path: Path) -> None:
    asked = questions(100)
    settings = "requests_per_minute = 20\nprice = { input = 1000.0, output = 2000.0 }"
    made = plan(model(tmp_path, settings), asked)
    assert (made.requests, made.already, made.tokens_out) == (100, 0, 2000)
    assert made.tokens_in == sum(tokens_of_question(each) for each in asked)
    assert made.cost == pytest.approx((made.tokens_in * 1000 + 2000 * 2000) / 1e6)
    assert made.minutes == pytest.approx(5.0)
    assert plan(model(tmp_path), asked).cost is None


def test_a_plan_leaves_out_what_is_answered(tmp_path: Path) -> None:
    asked = questions(10)
    with open_sealed(tmp_path / "a.jsonl", model="m", seed=0) as sealed:
        for question in asked[:4]:
            sealed.add(question, Answer(question.id, text="yes"))
        made = plan(model(tmp_path), asked, sealed)
    assert (made.requests, made.already) == (6, 4)


def test_a_plan_in_words_is_a_line_for_each_model_and_one_for_all(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"question": "q0", "text": "yes"}\n')
    priced = plan(model(tmp_path, "price = { input = 1000.0, output = 2000.0 }"), questions(1000))
    free = plan(open_model(str(tmp_path / "a.jsonl")), questions(1000))
    assert (free.cost, free.minutes) == (0.0, 0.0)
    lines = in_words([priced, free])
    assert len(lines) == 3
    assert lines[0].startswith("openai:suspect@host: 1,000 requests, ")
    assert f"at most {priced.cost:,.2f}" in lines[0]
    assert "together: 2,000 requests" in lines[2]
    unknown = plan(model(tmp_path), questions(10))
    assert "no price is known" in in_words([unknown, priced])[2]  # a sum that leaves something out is no sum


def test_a_plan_is_not_overrun(tmp_path: Path) -> None:
    server = Flaky()
    with serving(server) as url:
        toml(tmp_path, "suspect", url, "price = { input = 5.0, output = 10.0 }")
        made = plan(open_model(str(tmp_path / "suspect.toml")), questions(40))
        results, spending = asyncio.run(ask_all(tmp_path, 40, models=("suspect",)))
    assert results[0].answered == 40
    assert spending.requests == made.requests
    assert spending.tokens <= made.tokens_in + made.tokens_out
    assert made.cost is not None
    assert 0 < spending.cost <= made.cost


@pytest.mark.parametrize(
    "text",
    [
        "Why does the sky look blue at noon and red in the evening? Explain it to a child of ten.",
        "为什么天空在中午看起来是蓝色的，而在傍晚看起来是红色的？请向一个十岁的孩子解释。",
        "لماذا تبدو السماء زرقاء عند الظهر وحمراء في المساء؟ اشرح ذلك لطفل في العاشرة.",
    ],
)
def test_tokens_are_estimated_on_the_high_side(text: str) -> None:
    """Of the tokens that current tokenizers make (words and a third in English, one for each Chinese character)."""
    words = len(text.split())
    assert tokens_of_question(Question("q", (Message("user", text),))) >= max(1.3 * words, len(text) / 4)


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_busy_endpoint_is_asked_half_as_much_and_then_slowly_more() -> None:
    async def course() -> list[int]:
        clock = Clock()
        pace = Pace(Limits(concurrency=8), clock)
        room = []

        async def fill() -> int:
            sent = 0
            while True:
                try:
                    async with asyncio.timeout(0.02):
                        await pace.enter(lambda: False)
                except TimeoutError:
                    break
                sent += 1
            for _ in range(sent):
                pace.leave()
            return sent

        room.append(await fill())
        for _ in range(8):  # all that were under way together are turned away: that counts once
            assert pace.slow_down(5.0, sent_at=clock.now) == 5.0
        assert await fill() == 0  # it is left alone for as long as it asked
        clock.now += 5.1
        room.append(await fill())
        for _ in range(6):
            pace.went_well()
        room.append(await fill())
        for _ in range(200):
            pace.went_well()
        room.append(await fill())
        return room

    assert asyncio.run(course()) == [8, 4, 5, 8]


def test_waits_double_where_it_does_not_say_how_long() -> None:
    clock = Clock()
    pace = Pace(Limits(), clock)
    waits = []
    for _ in range(9):
        waits.append(pace.slow_down(None, sent_at=clock.now))
        clock.now += 100.0
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_one_that_asks_to_be_left_alone_for_hours_is_left_for_good() -> None:
    breaker = Breaker(Limits(longest_wait=300))
    breaker.went_well()
    breaker.try_failed(AskingError("answers 429", "m", again=True, after=86400, busy=True), 86400)
    assert breaker.why is not None
    assert "asks to be left alone for 86400 s; call again then" in str(breaker.why)


def test_one_that_only_turns_away_is_left_after_a_while() -> None:
    clock = Clock()
    breaker = Breaker(Limits(longest_wait=60), clock=clock)
    error = AskingError("answers 429", "m", again=True, busy=True)
    for _ in range(20):
        breaker.try_failed(error, 5.0)
        clock.now += 5.0
    assert breaker.why is None
    breaker.went_well()
    for _ in range(26):
        breaker.try_failed(error, 5.0)
        clock.now += 5.0
    assert "has answered nothing for 125 s" in str(breaker.why)
