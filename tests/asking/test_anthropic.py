"""Anthropic's Messages: what is sent, and what is made of what comes back."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stillwatch.asking.addresses import open_model
from stillwatch.asking.base import Answer, Message, Question, Tool, ToolCall
from stillwatch.errors import AskingError
from tests.asking.served import serving

KEY = "sk-ant-abcdefghijklmnop"
QUESTION = Question("q1", (Message("system", "be brief"), Message("user", "why?")), temperature=0.0, max_tokens=40)


def message(*content: dict[str, Any], stop: str = "end_turn") -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "served-1",
        "content": list(content),
        "stop_reason": stop,
        "usage": {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 7},
    }


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def asked(reply: Response | Any, question: Question = QUESTION) -> tuple[Answer, dict[str, Any], Request]:
    seen: list[Any] = []

    async def handler(body: dict[str, Any], request: Request) -> Response:
        seen.extend([body, request])
        return reply if isinstance(reply, Response) else JSONResponse(reply)

    async def one(url: str) -> Answer:
        endpoint = open_model(f"anthropic:m@{url}#env:MY_KEY").endpoint
        try:
            return await endpoint.ask(question)
        finally:
            await endpoint.close()

    with serving(handler) as url:
        return asyncio.run(one(url)), seen[0], seen[1]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)


def test_a_question_is_sent_whole_and_its_answer_read() -> None:
    answer, body, request = asked(message({"type": "thinking", "thinking": "hm", "signature": "x"}, text("because")))
    assert body == {
        "model": "m",
        "system": "be brief",
        "messages": [{"role": "user", "content": [text("why?")]}],
        "max_tokens": 40,
        "temperature": 0.0,
    }
    assert request.url.path == "/v1/messages"
    assert request.headers["x-api-key"] == KEY
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert (answer.text, answer.reasoning, answer.finish, answer.model) == ("because", "hm", "stop", "served-1")
    assert (answer.tokens_in, answer.tokens_out) == (15, 7)


def test_tools_beginnings_and_turns_of_one_role() -> None:
    turns = (
        Message("user", "what is the weather?"),
        Message("assistant", '{"place": "Rome"}', tool_call="c1", tool="weather"),
        Message("tool", "sunny", tool_call="c1", tool="weather"),
        Message("user", "and?"),
        Message("assistant", "It is "),
    )
    question = Question("q", turns, tools=(Tool("weather", "tells it"),))
    use = {"type": "tool_use", "id": "c2", "name": "weather", "input": {"place": "Bonn"}}
    answer, body, _ = asked(message(text("sunny"), use, stop="tool_use"), question)
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user", "assistant"]
    assert body["messages"][1]["content"] == [
        {"type": "tool_use", "id": "c1", "name": "weather", "input": {"place": "Rome"}}
    ]
    assert body["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "c1", "content": "sunny"},
        text("and?"),
    ]
    assert body["messages"][3]["content"] == [text("It is")]
    assert body["tools"][0]["input_schema"] == {"type": "object", "properties": {}}
    assert (answer.finish, answer.tool_calls) == ("tool", (ToolCall("weather", '{"place":"Bonn"}'),))


@pytest.mark.parametrize(
    ("stop", "finish"),
    [("max_tokens", "length"), ("refusal", "filtered"), ("stop_sequence", "stop"), ("pause_turn", "stop")],
)
def test_reasons_to_stop(stop: str, finish: str) -> None:
    answer, _, _ = asked(message(text("a"), stop=stop))
    assert answer.finish == finish


def test_a_refusal_with_no_content_and_a_filter_are_answers() -> None:
    assert asked(message(stop="refusal"))[0].finish == "filtered"
    error = {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "blocked by content filtering policy"},
    }
    assert asked(JSONResponse(error, 400))[0].finish == "filtered"


def stream(*events: dict[str, Any]) -> Response:
    lines = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    return Response(lines, media_type="text/event-stream; charset=utf-8")


EVENTS: tuple[dict[str, Any], ...] = (
    {"type": "message_start", "message": message() | {"usage": {"input_tokens": 12, "output_tokens": 1}}},
    {"type": "ping"},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "x"}},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "a"}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "b"}},
    {"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "name": "look", "input": {}}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"a"'}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": ": 1}"}},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},
    {"type": "message_stop"},
)


def test_a_stream_is_put_together() -> None:
    answer, _, _ = asked(stream(*EVENTS))
    assert (answer.text, answer.reasoning, answer.finish) == ("ab", "hm", "tool")
    assert answer.tool_calls == (ToolCall("look", '{"a": 1}'),)
    assert (answer.tokens_in, answer.tokens_out) == (12, 9)


@pytest.mark.parametrize(
    ("reply", "again", "busy", "line"),
    [
        (stream(*EVENTS[:-1]), True, False, "the stream broke off"),
        (stream(*EVENTS[:4], {"type": "error", "error": {"type": "overloaded_error"}}), True, True, "answers 529"),
        (stream({"type": "error", "error": {"type": "invalid_request_error"}}), False, False, "answers 400"),
        (JSONResponse({"error": {"type": "overloaded_error", "message": "x"}}, 529), True, True, "answers 529"),
        (JSONResponse({"error": {"type": "authentication_error", "message": "x"}}, 401), False, False, "give its key"),
        (
            JSONResponse(
                {"error": {"type": "rate_limit_error", "details": {"error_code": "enforced_spend_limit_reached"}}}, 429
            ),
            False,
            False,
            "out of credit",
        ),
        ({"content": "text"}, True, False, "content is no list"),
        ({"role": "assistant"}, True, False, "it has no content"),
        (message({"type": "text", "text": 4}), True, False, "text is no text"),
        (stream({"type": "content_block_delta", "delta": {}}), True, False, "an event has no index"),
    ],
)
def test_what_is_no_answer_says_so_in_one_line(reply: Any, again: bool, busy: bool, line: str) -> None:
    with pytest.raises(AskingError) as raised:
        asked(reply)
    assert (raised.value.again, raised.value.busy) == (again, busy)
    assert line in str(raised.value)
    assert KEY not in str(raised.value)
