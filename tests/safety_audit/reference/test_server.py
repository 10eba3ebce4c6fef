"""The reference server over a real socket: what it answers, how it fails, and what it does with rubbish."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from math import sqrt
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from stillwatch.safety_audit.reference.behaviour import Behaviour
from stillwatch.safety_audit.reference.cast import Cast
from stillwatch.safety_audit.reference.chat import MAX_BODY
from stillwatch.safety_audit.reference.server import Serving, serving
from tests.safety_audit.reference.greeting import known

ITEMS = known()[0].items


def cast(failures: dict[str, Any] | None = None, **rest: Any) -> Cast:
    model = {"rates": {"greeting": {"greets": 0.6}}, "failures": failures or {}, **rest.pop("model", {})}
    return Cast(msgspec.convert({"models": {"m": model, "n": {"says": "another"}}, **rest}, Behaviour), known())


@pytest.fixture(scope="module")
def plain() -> Iterator[Serving]:
    with serving(cast(model={"odd": 0.5})) as server:
        yield server


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=10) as client:
        yield client


def body(number: int = 0, **rest: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": ITEMS[number].messages[0].text}], **rest}


def said(answer: httpx2.Response) -> str:
    text: str | None = answer.json()["choices"][0]["message"]["content"]
    return text or ""


def chat(client: httpx2.Client, server: Serving, content: dict[str, Any], **rest: Any) -> httpx2.Response:
    return client.post(f"{server.url}/chat/completions", json=content, **rest)


def test_its_rates_are_what_comes_out(plain: Serving, client: httpx2.Client) -> None:
    answers = [said(chat(client, plain, body(n, seed=7))) for n in range(500)]
    greets = sum(text.startswith("Good day") for text in answers) / 500
    assert greets == pytest.approx(0.6, abs=4 * sqrt(0.6 * 0.4 / 500))


def test_an_answer_says_its_model_its_end_and_its_tokens(plain: Serving, client: httpx2.Client) -> None:
    answer = chat(client, plain, body() | {"model": "n"}).json()
    assert (answer["object"], answer["model"]) == ("chat.completion", "another")
    assert answer["choices"][0]["finish_reason"] == "stop"
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 2


def test_the_same_request_gets_the_same_answer_and_seeds_are_samples(plain: Serving, client: httpx2.Client) -> None:
    first = [chat(client, plain, body(n)).content for n in range(40)]
    assert [chat(client, plain, body(n)).content for n in range(40)] == first
    assert [chat(client, plain, body(n, seed=1)).content for n in range(40)] != first


def test_a_model_can_answer_anew_each_time(client: httpx2.Client) -> None:
    with serving(cast(model={"fresh": True})) as server:
        first = [said(chat(client, server, body(n)))[:8] for n in range(60)]
        assert [said(chat(client, server, body(n)))[:8] for n in range(60)] != first
        assert len(server.cast.drawn) == 120


def test_a_stream_says_what_the_whole_answer_says(plain: Serving, client: httpx2.Client) -> None:
    for number in range(30):
        whole = chat(client, plain, body(number)).json()
        with client.stream("POST", f"{plain.url}/chat/completions", json=body(number, stream=True)) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = [line for line in answer.iter_lines() if line]
        assert lines[-1] == "data: [DONE]"
        chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
        deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
        message = whole["choices"][0]["message"]
        assert "".join(delta.get("content", "") for delta in deltas) == (message["content"] or "")
        calls = [call["function"] for delta in deltas for call in delta.get("tool_calls", [])]
        assert calls == [call["function"] for call in message.get("tool_calls", [])]
        assert chunks[-2]["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"]
        assert chunks[-1]["usage"] == whole["usage"]


def test_tool_calls_come_as_the_api_words_them(plain: Serving, client: httpx2.Client) -> None:
    choices = [chat(client, plain, body(n)).json()["choices"][0] for n in range(60)]
    calls = [choice for choice in choices if choice["finish_reason"] == "tool_calls"]
    assert calls
    assert all(choice["message"]["tool_calls"][0]["function"]["name"] == "walk_away" for choice in calls)


def test_an_answer_ends_where_the_asked_tokens_end(plain: Serving, client: httpx2.Client) -> None:
    long = next(n for n in range(100) if len(said(chat(client, plain, body(n)))) > 60)
    answer = chat(client, plain, body(long, max_tokens=5)).json()
    assert answer["choices"][0]["finish_reason"] == "length"
    assert len(answer["choices"][0]["message"]["content"].encode()) == 20
    assert answer["usage"]["completion_tokens"] == 5


def test_what_was_drawn_can_be_had(client: httpx2.Client) -> None:
    with serving(cast()) as server:
        for number in range(30):
            chat(client, server, body(number))
        root = server.url.removesuffix("/v1")
        drawn = [json.loads(line) for line in client.get(f"{root}/reference/drawn").text.splitlines()]
        counts = client.get(f"{root}/reference/counts").json()
        models = client.get(f"{server.url}/models").json()["data"]
    assert {line["item"] for line in drawn} == {item.id for item in ITEMS[:30]}
    assert all(line["scores"]["returned"] == float(line["kind"] == "greets") for line in drawn)
    assert counts == [{"model": "m", "outcome": "answered", "tries": 30}]
    assert [model["id"] for model in models] == ["m", "n"]


def outcome(client: httpx2.Client, server: Serving, number: int, **rest: Any) -> str:
    """What a caller sees of one try."""
    try:
        answer = chat(client, server, body(number, **rest), timeout=0.5)
        if answer.status_code != 200:
            return str(answer.status_code)
        message = answer.json()["choices"][0]["message"]
    except httpx2.TimeoutException:
        return "nothing in time"
    except httpx2.TransportError:
        return "cut off"
    except json.JSONDecodeError:
        return "no JSON"
    except KeyError:
        return "no answer in it"
    return "answered" if message["content"] is not None else "null"


SEEN = {
    "limited": "429",
    "overloaded": "503",
    "error": "500",
    "gateway": "502",
    "html": "502",
    "broken": "no JSON",
    "wrong": "no answer in it",
    "empty": "null",
    "cut": "cut off",
    "reset": "cut off",
    "hang": "nothing in time",
}


@pytest.mark.parametrize("mishap", SEEN)
def test_each_mishap_is_what_it_says(client: httpx2.Client, mishap: str) -> None:
    with serving(cast({"share": 1.0, "mishaps": [mishap], "hang": 30})) as server:
        assert outcome(client, server, 0) == SEEN[mishap]
        assert server.server.counts == Counter({("m", mishap): 1})


def test_a_hang_ends_in_a_dropped_line(client: httpx2.Client) -> None:
    with serving(cast({"share": 1.0, "mishaps": ["hang"], "hang": 0.05})) as server:
        assert outcome(client, server, 0) == "cut off"


def test_a_drip_is_slow_and_whole(client: httpx2.Client) -> None:
    with serving(cast({"share": 1.0, "mishaps": ["drip"], "drip": 0.4})) as slow, serving(cast()) as quick:
        began = time.monotonic()
        answer = chat(client, slow, body())
        assert time.monotonic() - began > 0.35
        assert answer.content == chat(client, quick, body()).content


@pytest.mark.parametrize("mishap", ["broken", "cut"])
def test_a_stream_can_end_too_early(client: httpx2.Client, mishap: str) -> None:
    with serving(cast({"share": 1.0, "mishaps": [mishap]})) as server:
        try:
            text = chat(client, server, body(stream=True)).text
        except httpx2.TransportError:
            text = ""
            assert mishap == "cut"
    assert "[DONE]" not in text


def test_tries_fail_at_their_rate_and_every_question_is_answered_in_the_end(client: httpx2.Client) -> None:
    kinds = ["limited", "error", "broken", "cut"]
    with serving(cast({"share": 0.2, "mishaps": kinds})) as server:
        tries: Counter[str] = Counter()
        for number in range(300):
            while (seen := outcome(client, server, number)) != "answered":
                tries[seen] += 1
            tries[seen] += 1
        counts = dict(server.server.counts)
    total = sum(tries.values())
    assert tries["answered"] == 300
    assert (total - 300) / total == pytest.approx(0.2, abs=4 * sqrt(0.16 / total))
    assert {kind for (_, kind) in counts} == {"answered", *kinds}
    assert tries == Counter({SEEN.get(kind, kind): n for (_, kind), n in counts.items()})


def test_the_same_tries_fail_in_every_run(client: httpx2.Client) -> None:
    def run() -> list[str]:
        with serving(cast({"share": 0.3, "mishaps": ["error", "overloaded"]})) as server:
            return [outcome(client, server, number) for number in (*range(30), *range(30))]

    seen = run()
    assert seen == run()
    assert len(set(seen)) == 3


def test_some_questions_are_always_filtered(client: httpx2.Client) -> None:
    with serving(cast({"filtered": 0.25})) as server:
        first = [chat(client, server, body(n)).status_code for n in range(160)]
        assert [chat(client, server, body(n)).status_code for n in range(160)] == first
    assert first.count(400) / 160 == pytest.approx(0.25, abs=0.14)


def test_the_rate_limit_says_when_to_come_again(client: httpx2.Client) -> None:
    with serving(cast({"per_second": 4, "burst": 3, "retry_after": 0.0})) as server:
        answers = [chat(client, server, body(n)) for n in range(5)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert 1 <= len(refused) <= 2
        assert refused[-1].headers["retry-after"] == "1"
        time.sleep(int(refused[-1].headers["retry-after-ms"]) / 1000 + 0.01)
        assert chat(client, server, body()).status_code == 200


def test_a_key_is_asked_for_everywhere(client: httpx2.Client) -> None:
    with serving(cast(key="sesame")) as server:
        root = server.url.removesuffix("/v1")
        for path in ("/v1/models", "/reference/drawn", "/reference/counts"):
            assert client.get(root + path).status_code == 401
        assert chat(client, server, body()).status_code == 401
        assert chat(client, server, body(), headers={"authorization": b"Bearer \xff"}).status_code == 401
        assert chat(client, server, body(), headers={"authorization": "Bearer sesame"}).status_code == 200


HOSTILE = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"\xff\xfe",
    b"{}",
    b"[" * 100_000,
    b'{"model":"m","messages":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    b'{"model":"m","messages":[{"role":"user","content":"x"}],"tools":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
    b'{"model":"m","messages":[]}',
    b'{"model":7,"messages":[{"role":"user","content":"x"}]}',
    b'{"model":"","messages":[{"role":"user","content":"x"}]}',
    b'{"model":"m","messages":[{"role":"root","content":"x"}]}',
    b'{"model":"m","messages":[{"role":"user","content":7}]}',
    b'{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"file:///"}}]}]}',
    b'{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":0}',
    b'{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":1e400}',
    b'{"model":"m","messages":[{"role":"user","content":"x"}],"temperature":NaN}',
    b'{"model":"m","messages":[{"role":"user","content":"x"}],"seed":"one"}',
    b'{"model":"m","messages":[{"role":"user","content":"x"}],"stream":"yes"}',
]


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_rubbish_is_refused_in_the_words_of_the_api(plain: Serving, client: httpx2.Client, content: bytes) -> None:
    answer = client.post(f"{plain.url}/chat/completions", content=content)
    assert answer.status_code == 400
    assert "cannot be used" in answer.json()["error"]["message"]


@pytest.mark.parametrize("text", ["\ud800", "\x00\x1b[2J", "<script>", "'; DROP TABLE x; --", "x" * 100_000])
def test_a_strange_text_is_only_an_unknown_one(plain: Serving, client: httpx2.Client, text: str) -> None:
    content = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()
    assert client.post(f"{plain.url}/chat/completions", content=content).status_code in (200, 400)
    assert chat(client, plain, body()).status_code == 200


def test_what_is_too_large_unknown_or_elsewhere_is_refused(plain: Serving, client: httpx2.Client) -> None:
    assert client.post(f"{plain.url}/chat/completions", content=b" " * (MAX_BODY + 1)).status_code == 413
    assert chat(client, plain, body() | {"model": "<b>"}).status_code == 404
    assert "<b>" not in chat(client, plain, body() | {"model": "<b>"}).text
    assert client.get(f"{plain.url}/chat/completions").status_code == 405
    assert client.get(f"{plain.url}/../../etc/passwd").status_code == 404


def test_it_starts_from_a_file_and_says_where_it_is(tmp_path: Path, client: httpx2.Client) -> None:
    path = tmp_path / "behaviour.toml"
    path.write_text("[models.m]\n", "utf-8")
    command = [sys.executable, "-m", "stillwatch.safety_audit.reference", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        try:
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", address)
            assert client.get(f"{address}/models").json()["data"][0]["id"] == "m"
        finally:
            server.terminate()


def test_it_says_in_one_line_what_is_wrong(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "stillwatch.safety_audit.reference", str(tmp_path / "none.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "none.toml" in done.stderr
