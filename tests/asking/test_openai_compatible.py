"""Chat completions: what is sent, and what is made of whatever servers that speak them answer."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stillwatch.asking.addresses import open_model
from stillwatch.asking.base import Answer, Message, Question, Tool, ToolCall
from stillwatch.errors import AskingError
from tests.asking.served import chat, serving

QUESTION = Question("q1", (Message("system", "be brief"), Message("user", "why?")), sample=2, max_tokens=40)
KEY = "sk-abcdefghijklmnop"


def asked(
    reply: Response | Any, question: Question = QUESTION, settings: str = "", folder: Path | None = None
) -> tuple[Answer, dict[str, Any], Request]:
    """The answer that a server's ``reply`` becomes, and the request that it got."""
    seen: list[Any] = []

    async def handler(body: dict[str, Any], request: Request) -> Response:
        seen.extend([body, request])
        return reply if isinstance(reply, Response) else JSONResponse(reply)

    async def one(address: str) -> Answer:
        endpoint = open_model(address).endpoint
        try:
            return await endpoint.ask(question)
        finally:
            await endpoint.close()

    with serving(handler) as url:
        address = f"openai:m@{url}/v1"
        if folder is not None:
            (folder / "m.toml").write_text(f'address = "{address}"\n{settings}\n')
            address = str(folder / "m.toml")
        answer = asyncio.run(one(address))
    return answer, seen[0], seen[1]


def stream(*events: Any, done: bool = True) -> Response:
    """A stream of events, with what real ones have between them."""
    lines = [": OPENROUTER PROCESSING\r\n\r\n"]
    lines += [f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n" for event in events]
    return Response("".join(lines) + ("data: [DONE]\n\n" if done else ""), media_type="text/event-stream")


def piece(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"model": "served-1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def test_a_question_is_sent_whole_and_its_answer_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    settings = 'key = "env:MY_KEY"\ntemperature = 0.25\nextra = { top_p = 0.5 }\nheaders = { X-Org = "acme" }'
    answer, body, request = asked(chat("because"), settings=settings, folder=tmp_path)
    assert body == {
        "model": "m",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "why?"}],
        "max_tokens": 40,
        "temperature": 0.25,
        "top_p": 0.5,
    }
    assert request.url.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["x-org"] == "acme"
    assert (answer.question, answer.sample, answer.text, answer.finish) == ("q1", 2, "because", "stop")
    assert (answer.model, answer.tokens_in, answer.tokens_out) == ("served-1", 11, 7)
    assert answer.asked_at.endswith("+00:00")


def test_no_key_is_sent_where_none_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)  # a suspect's server must not be handed the user's account
    _, _, request = asked(chat("yes"))
    assert "authorization" not in request.headers
    assert KEY not in str(request.headers)


def test_tools_and_their_calls_are_told_and_read() -> None:
    turns = (
        Message("user", "what is the weather?"),
        Message("assistant", "I look."),
        Message("assistant", '{"place": "Rome"}', tool_call="c1", tool="weather"),
        Message("assistant", '{"place": "Oslo"}', tool_call="c2", tool="weather"),
        Message("tool", "sunny", tool_call="c1", tool="weather"),
    )
    question = Question("q", turns, tools=(Tool("weather", "tells it", {"type": "object"}), Tool("stop", "stops")))
    call = {"id": "c3", "type": "function", "function": {"name": "weather", "arguments": '{"place": "Bonn"}'}}
    loose = {"function": {"name": "stop", "arguments": {"now": True}}}
    answer, body, _ = asked(chat(None, "tool_calls", tool_calls=[call, loose]), question)
    assert answer.tool_calls == (ToolCall("weather", '{"place": "Bonn"}'), ToolCall("stop", '{"now":true}'))
    assert (answer.finish, answer.text) == ("tool", "")
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "tool"]
    assert body["messages"][1]["content"] == "I look."
    assert [each["id"] for each in body["messages"][1]["tool_calls"]] == ["c1", "c2"]
    assert body["messages"][2] == {"role": "tool", "tool_call_id": "c1", "content": "sunny"}
    assert [tool["function"]["name"] for tool in body["tools"]] == ["weather", "stop"]


def test_a_beginning_is_sent_as_each_server_wants_it_and_not_repeated(tmp_path: Path) -> None:
    question = Question("q", (Message("user", "go on"), Message("assistant", "Sure, here")))
    answer, body, _ = asked(chat("Sure, here it is"), question)
    assert answer.text == " it is"
    assert body["messages"][-1] == {"role": "assistant", "content": "Sure, here"}
    _, body, _ = asked(chat("x"), question, 'prefix = "continue"', tmp_path)
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)
    _, body, _ = asked(chat("x"), question, 'prefix = "flag"', tmp_path)
    assert body["messages"][-1]["prefix"] is True


@pytest.mark.parametrize(
    ("reply", "text", "reasoning", "finish"),
    [
        (chat("cut", "length"), "cut", "", "length"),
        (chat("", "content_filter"), "", "", "filtered"),
        (chat(None, refusal="I cannot."), "I cannot.", "", "filtered"),
        (chat("a", reasoning_content="hm"), "a", "hm", "stop"),
        (chat("a", reasoning="hm", reasoning_details=[1]), "a", "hm", "stop"),
        (chat("<think>\nhm\n</think>\n\na"), "a", "hm", "stop"),
        (chat("hm\n</think>\n\na"), "a", "hm", "stop"),
        (chat("<think>hm", "length"), "", "hm", "length"),
        (chat("a", "unheard_of"), "a", "", "stop"),
        (chat([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]), "ab", "", "stop"),  # type: ignore[arg-type]
        (chat([{"type": "refusal", "refusal": "no"}]), "no", "", "filtered"),  # type: ignore[arg-type]
        (chat(None), "", "", "stop"),
    ],
)
def test_what_servers_answer_is_read(reply: Any, text: str, reasoning: str, finish: str) -> None:
    answer, _, _ = asked(reply)
    assert (answer.text, answer.reasoning, answer.finish) == (text, reasoning, finish)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (
            400,
            {"code": "content_filter", "message": "filtered"},
        ),
        (400, {"message": "filtered", "innererror": {"code": "ResponsibleAIPolicyViolation"}}),
        (400, {"code": "invalid_prompt", "message": "flagged"}),
        (400, {"message": "triggering Azure OpenAI's content management policy. Please"}),
        (403, {"code": 403, "message": "flagged", "metadata": {"reasons": ["violence"], "flagged_input": "…"}}),
    ],
)
def test_a_providers_filter_is_an_answer(status: int, error: dict[str, Any]) -> None:
    answer, _, _ = asked(JSONResponse({"error": error}, status))
    assert (answer.finish, answer.text) == ("filtered", "")


def test_a_stream_is_put_together(tmp_path: Path) -> None:
    call = {"index": 0, "id": "c1", "function": {"name": "look", "arguments": ""}}
    reply = stream(
        piece(role="assistant", content=""),
        piece(reasoning_content="h"),
        piece(reasoning_content="m"),
        piece(content="a\u2028"),
        piece(content="b"),
        piece(tool_calls=[call]),
        piece(tool_calls=[{"index": 0, "function": {"arguments": '{"a"'}}]),
        piece(tool_calls=[{"index": 0, "function": {"arguments": ": 1}"}}]),
        '{"choices": [{"index": 0, "delta": {"content": "\\ud83d"}}]}',
        '{"choices": [{"index": 0, "delta": {"content": "\\ude00"}}]}',
        piece("tool_calls"),
        {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 9}},
    )
    answer, body, _ = asked(reply, settings="stream = true", folder=tmp_path)
    assert body["stream"] is True
    assert (answer.text, answer.reasoning, answer.finish) == ("a\u2028b😀", "hm", "tool")
    assert answer.tool_calls == (ToolCall("look", '{"a": 1}'),)
    assert (answer.tokens_in, answer.tokens_out, answer.model) == (5, 9, "served-1")


def test_settings_that_a_server_does_not_take_are_left_out(tmp_path: Path) -> None:
    settings = 'stream = true\nleave_out = ["stream_options", "max_tokens"]\nextra = { max_completion_tokens = 9 }'
    _, body, _ = asked(stream(piece("stop", content="a")), settings=settings, folder=tmp_path)
    assert "stream_options" not in body
    assert "max_tokens" not in body
    assert body["max_completion_tokens"] == 9


@pytest.mark.parametrize(
    ("reply", "again", "line"),
    [
        (stream(piece(content="a"), done=False), True, "the stream broke off"),
        (stream(piece(content="a"), "{broken"), True, "an event that is no JSON"),
        (stream(piece(content="a"), {"error": {"code": 429, "message": "slow"}}), True, "answers 429"),
        (stream({"error": {"message": "boom"}}), True, "answers 502"),
        ({"error": {"code": 402, "message": "no money"}}, False, "out of credit"),
        (JSONResponse({"error": {"code": "insufficient_quota", "message": "x"}}, 429), False, "out of credit"),
        ({"choices": [{"error": {"code": 503, "message": "x"}, "finish_reason": "error"}]}, True, "answers 503"),
        (Response("{", media_type="application/json"), True, "no JSON object"),
        (Response("", media_type="application/json"), True, "no JSON object"),
        (Response("<html>", media_type="text/html"), True, "no JSON object"),
        (Response("[" * 100_000, media_type="application/json"), True, "no JSON object"),
        (Response('{"choices":' + "9" * 5000 + "}"), True, "gave no answer that can be read"),
        ({"choices": "none"}, True, "choices is no list of objects"),
        ({"choices": []}, True, "it has no choices"),
        ({"choices": [{"message": None}]}, True, "its choice has no message"),
        (chat(3), True, "content is no text"),  # type: ignore[arg-type]
        (chat("a", tool_calls=[{"function": {"name": 1}}]), True, "name is no text"),
        (chat("a", tool_calls={"function": {}}), True, "tool_calls is no list"),
    ],
)
def test_what_is_no_answer_says_so_in_one_line(reply: Any, again: bool, line: str) -> None:
    with pytest.raises(AskingError) as raised:
        asked(reply)
    assert raised.value.again is again
    assert line in str(raised.value)
    assert "\n" not in str(raised.value)


def test_usage_that_is_nonsense_is_none() -> None:
    answer, _, _ = asked(chat("a") | {"usage": {"prompt_tokens": -1, "completion_tokens": "many"}})
    assert (answer.tokens_in, answer.tokens_out) == (None, None)
    answer, _, _ = asked(chat("a") | {"usage": None, "model": None})
    assert (answer.tokens_in, answer.model) == (None, "")
