"""What is promised of asking: it finishes, nothing is lost, nothing is asked twice, and no budget is overrun."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stillwatch.asking.addresses import open_model
from stillwatch.asking.base import Answer, Question
from stillwatch.asking.running import MOST_FAILURES, Asker, Kept, Work, ask
from stillwatch.asking.sealed import open_sealed, read_sealed
from stillwatch.asking.spending import Budget, BudgetSpent, Spending
from stillwatch.errors import AskingError, UsageError
from tests.asking.questions import MODELS, ask_all, kept, questions, toml
from tests.asking.served import Flaky, chat, serving

ROOT = Path(__file__).parent.parent.parent
QUICK = "timeout = 5\nconcurrency = 8\nlongest_wait = 30"


@pytest.mark.slow
def test_500_questions_to_3_models_of_a_bad_server_are_all_answered_and_each_once(tmp_path: Path) -> None:
    server = Flaky(fails=0.1, hangs=0.005, per_second=30)
    with serving(server) as url:
        for model in MODELS:
            toml(tmp_path, model, url, QUICK)
        results, spending = asyncio.run(ask_all(tmp_path, 500))
    assert [(r.answered, r.failed, r.left, r.stopped) for r in results] == [(500, 0, 0, "")] * 3
    assert server.failed > 100
    assert server.hung > 2
    assert server.turned_away > 0
    assert set(server.delivered.values()) == {1}
    assert len(server.delivered) == 1500
    unseen = spending.requests - server.tried.total() - server.turned_away
    assert 0 <= unseen <= 5, "on a busy machine a try may end before the server has read it: spent all the same"
    for model in MODELS:
        entries = read_sealed(tmp_path / f"{model}.jsonl").entries
        assert {entry.answer.question for entry in entries} == {f"q{n}" for n in range(500)}
        assert all(entry.data == {"right": True} for entry in entries)
        assert sum("text" in entry.withheld for entry in entries) == 167
        assert 'answer to q3"' not in (tmp_path / f"{model}.jsonl").read_text()


@pytest.mark.slow
def test_a_killed_process_loses_nothing_and_only_what_was_under_way_is_asked_again(tmp_path: Path) -> None:
    server, number = Flaky(fails=0.05), 400
    server.pause = 0.05
    chance = random.Random(7)
    kills = 0
    with serving(server) as url:
        for model in MODELS:
            toml(tmp_path, model, url, QUICK)
        command = [sys.executable, "-m", "tests.asking.questions", str(tmp_path), str(number)]
        environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
        while True:
            before = server.delivered.total()
            client = subprocess.Popen(command, env=environment, cwd=ROOT)
            while server.delivered.total() == before and client.poll() is None:
                time.sleep(0.01)
            wait = time.monotonic() + chance.uniform(0.0, 1.5)
            while time.monotonic() < wait and client.poll() is None:
                time.sleep(0.01)
            if kills == 6 or client.poll() is not None:
                assert client.wait(120) == 0
                break
            client.kill()
            client.wait()
            kills += 1
            time.sleep(0.3)  # what was under way is delivered to nobody
    assert kills >= 3
    sealed = {model: read_sealed(tmp_path / f"{model}.jsonl").entries for model in MODELS}
    for entries in sealed.values():
        names = [entry.answer.question for entry in entries if entry.answer.finish != "failed"]
        assert sorted(names) == sorted(f"q{n}" for n in range(number))
    again = server.delivered.total() - 3 * number
    assert 0 <= again <= kills * 3 * 8
    assert max(server.delivered.values()) <= 1 + kills


def test_ctrl_c_keeps_what_was_answered_even_while_it_is_being_judged(tmp_path: Path) -> None:
    server = Flaky()

    async def slowly(question: Question, answer: Answer) -> Kept:
        await asyncio.sleep(0.2)
        return kept(question, answer)

    async def interrupted(url: str) -> None:
        model = open_model(str(toml(tmp_path, "suspect", url)))
        with open_sealed(tmp_path / "suspect.jsonl", model=model.name, seed=1) as sealed:
            asker = Asker(model, Spending(), sealed=sealed)
            asking = asyncio.create_task(ask([Work(asker, questions(200), slowly)]))
            while server.delivered.total() < 20:
                await asyncio.sleep(0.01)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await asker.close()

    with serving(server) as url:
        asyncio.run(interrupted(url))
        time.sleep(0.3)  # what was under way is delivered to nobody
        answered = read_sealed(tmp_path / "suspect.jsonl").entries
        assert 20 - 8 <= len(answered) < 200
        before = server.delivered.total()
        results, _ = asyncio.run(ask_all(tmp_path, 200, models=("suspect",)))
    assert results[0].already == len(answered)
    assert server.delivered.total() - before == 200 - len(answered)
    assert before - len(answered) <= 8


def test_a_real_interrupt_ends_the_process_at_once_and_a_second_call_goes_on(tmp_path: Path) -> None:
    server = Flaky()
    server.pause = 0.05
    with serving(server) as url:
        for model in MODELS:
            toml(tmp_path, model, url)
        command = [sys.executable, "-m", "tests.asking.questions", str(tmp_path), "150"]
        environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
        client = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL)
        while server.delivered.total() < 30:
            time.sleep(0.01)
        client.send_signal(signal.SIGINT)
        assert client.wait(30) != 0
        results, _ = asyncio.run(ask_all(tmp_path, 150))
    assert all(result.already > 0 and result.already + result.answered == 150 for result in results)


@pytest.mark.parametrize(("status", "most"), [(404, 8), (500, 8 + 16)])
def test_one_line_says_why_an_endpoint_that_fails_everything_was_given_up(
    status: int, most: int, tmp_path: Path
) -> None:
    asked = 0

    async def broken(body: dict[str, Any], request: Request) -> Response:
        nonlocal asked
        asked += 1
        return JSONResponse({"error": {"message": "no such model"}}, status)

    with serving(broken) as url:
        toml(tmp_path, "suspect", url, f"{QUICK}\ntries = 1")
        results, _ = asyncio.run(ask_all(tmp_path, 300, models=("suspect",)))
    assert asked <= most
    assert results[0].left == 300
    assert f"answers {status}" in results[0].stopped
    assert "no such model" in results[0].stopped
    assert "\n" not in results[0].stopped
    assert read_sealed(tmp_path / "suspect.jsonl").entries == ()  # an endpoint that is down is no question's fault


def test_one_that_cannot_be_reached_is_given_up_soon(tmp_path: Path) -> None:
    toml(tmp_path, "suspect", "http://127.0.0.1:9")
    began = time.monotonic()
    results, spending = asyncio.run(ask_all(tmp_path, 300, models=("suspect",)))
    assert time.monotonic() - began < 30
    assert "cannot be reached" in results[0].stopped
    assert spending.requests <= 24


def test_one_that_is_away_for_a_while_is_waited_for_and_no_question_pays(tmp_path: Path) -> None:
    server, away = Flaky(), []

    async def starting_again(body: dict[str, Any], request: Request) -> Response:
        if server.delivered.total() >= 30 and (not away or time.monotonic() - away[0] < 4.0):
            away.append(time.monotonic())
            return Response("Bad Gateway", 502)
        return await server(body, request)

    with serving(starting_again) as url:
        toml(tmp_path, "suspect", url, "tries = 2")
        results, _ = asyncio.run(ask_all(tmp_path, 100, models=("suspect",)))
    assert (results[0].answered, results[0].failed, results[0].left) == (100, 0, 0)
    assert 8 <= len(away) < 30  # it is not hammered meanwhile


def test_questions_that_a_server_always_fails_on_do_not_end_a_later_call(tmp_path: Path) -> None:
    async def choosy(body: dict[str, Any], request: Request) -> Response:
        if int(body["messages"][0]["content"].split("q")[2].partition(":")[0]) < 12:
            return JSONResponse({"error": "too much"}, 500)
        return JSONResponse(chat("yes"))

    with serving(choosy) as url:
        toml(tmp_path, "suspect", url, "tries = 2")
        calls = [asyncio.run(ask_all(tmp_path, 60, models=("suspect",)))[0][0] for _ in range(2)]
    assert [(r.answered, r.already, r.failed, r.left) for r in calls] == [(48, 0, 12, 0), (0, 48, 12, 0)]


def test_a_question_that_is_refused_is_given_up_and_the_others_are_asked(tmp_path: Path) -> None:
    asked: list[str] = []

    async def choosy(body: dict[str, Any], request: Request) -> Response:
        text = body["messages"][0]["content"]
        asked.append(text)
        if "q5:" in text:
            return JSONResponse({"error": {"message": f"I will not hear {text}"}}, 400)
        return JSONResponse(chat("yes"))

    with serving(choosy) as url:
        toml(tmp_path, "suspect", url, QUICK)
        calls = [asyncio.run(ask_all(tmp_path, 20, models=("suspect",)))[0][0] for _ in range(MOST_FAILURES + 2)]
    assert [(r.answered, r.already, r.failed, r.left) for r in calls[:2]] == [(19, 0, 1, 0), (0, 19, 1, 0)]
    assert sum("q5:" in text for text in asked) == MOST_FAILURES
    assert len(asked) == 19 + MOST_FAILURES
    assert "I will not hear" not in (tmp_path / "suspect.jsonl").read_text()  # it may quote a harmful question


@pytest.mark.parametrize(
    ("budget", "most"),
    [(Budget(requests=25), 25), (Budget(tokens=25 * 18), 25), (Budget(cost=25 * 18 * 2 / 1e6), 25)],
)
def test_no_budget_is_overrun_by_what_is_under_way_and_a_later_call_counts_the_earlier(
    budget: Budget, most: int, tmp_path: Path
) -> None:
    server = Flaky()
    with serving(server) as url:
        toml(tmp_path, "suspect", url, "price = { input = 2.0, output = 2.0 }")
        results, spending = asyncio.run(ask_all(tmp_path, 100, budget, models=("suspect",)))
        again, _ = asyncio.run(ask_all(tmp_path, 100, budget, models=("suspect",)))
    assert most - 3 <= server.delivered.total() <= most
    assert results[0].stopped
    assert "--max-" in results[0].stopped
    assert again[0].answered == 0
    assert spending.tokens == server.delivered.total() * 18


def test_what_an_earlier_call_spent_counts_even_where_the_server_counts_no_tokens(tmp_path: Path) -> None:
    tried = 0

    async def countless(body: dict[str, Any], request: Request) -> Response:
        nonlocal tried
        tried += 1
        return JSONResponse({}, 500) if tried % 4 == 0 else JSONResponse(chat("abcdef") | {"usage": None})

    with serving(countless) as url:
        toml(tmp_path, "suspect", url)
        _, first = asyncio.run(ask_all(tmp_path, 10, models=("suspect",)))
        _, second = asyncio.run(ask_all(tmp_path, 10, models=("suspect",)))
    assert first.requests == second.requests == tried > 10
    assert first.tokens == second.tokens > 10 * 2


def test_no_more_is_asked_when_the_minutes_are_over(tmp_path: Path) -> None:
    server = Flaky()
    server.pause = 0.1
    with serving(server) as url:
        toml(tmp_path, "suspect", url)
        results, _ = asyncio.run(ask_all(tmp_path, 5000, Budget(minutes=0.01), models=("suspect",)))
    assert results[0].left > 4000
    assert "--max-minutes" in results[0].stopped


def test_requests_per_minute_and_concurrency_are_kept(tmp_path: Path) -> None:
    server = Flaky()
    server.pause = 0.05
    with serving(server) as url:
        toml(tmp_path, "suspect", url, "concurrency = 3")
        asyncio.run(ask_all(tmp_path, 30, models=("suspect",)))
        assert server.most_at_once == 3
        toml(tmp_path, "teacher", url, "requests_per_minute = 1200")
        began = time.monotonic()
        asyncio.run(ask_all(tmp_path, 21, models=("teacher",)))
        assert time.monotonic() - began >= 20 * 0.05


def test_a_budget_of_money_needs_a_price() -> None:
    with pytest.raises(UsageError, match="has no price"):
        Asker(open_model("openai:m@http://127.0.0.1:1/v1"), Spending(Budget(cost=1.0)))


def test_a_judging_model_is_asked_in_the_same_way_and_from_the_same_budget(tmp_path: Path) -> None:
    server = Flaky(fails=0.3)

    async def one(url: str) -> None:
        spending = Spending(Budget(requests=200))
        judge = Asker(open_model(str(toml(tmp_path, "judge", url))), spending)
        answers = [await judge.ask(question) for question in questions(5)]
        assert [answer.text for answer in answers] == [f"answer to q{n}" for n in range(5)]
        assert spending.requests == server.tried.total() >= 5
        spending.recall(200, 0, 0.0)
        with pytest.raises(BudgetSpent):
            await judge.ask(questions(6)[5])
        await judge.close()

    with serving(server) as url:
        asyncio.run(one(url))


def test_what_the_judge_raises_stops_the_asking_and_the_answer_is_asked_again(tmp_path: Path) -> None:
    server = Flaky()

    async def fails(question: Question, answer: Answer) -> Kept:
        raise AskingError("is gone", "the judge", again=False)

    async def one(url: str) -> None:
        model = open_model(str(toml(tmp_path, "suspect", url)))
        with open_sealed(tmp_path / "suspect.jsonl", model=model.name, seed=1) as sealed:
            asker = Asker(model, Spending(), sealed=sealed)
            [result] = await ask([Work(asker, questions(50), fails)])
            await asker.close()
        assert (result.answered, result.left, result.stopped) == (0, 50, "the judge: is gone")

    with serving(server) as url:
        asyncio.run(one(url))
