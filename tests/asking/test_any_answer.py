"""Whatever a server sends, it becomes an answer or one line: never another error, never a text that cannot be kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response

from stillwatch.asking.addresses import open_model
from stillwatch.asking.base import Message, Question
from stillwatch.errors import AskingError
from tests.asking.served import serving

QUESTION = Question("q", (Message("user", "why?"),))
NAMES = st.sampled_from(
    [
        "choices",
        "message",
        "content",
        "text",
        "type",
        "refusal",
        "reasoning_content",
        "reasoning",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "finish_reason",
        "usage",
        "prompt_tokens",
        "completion_tokens",
        "input_tokens",
        "output_tokens",
        "model",
        "error",
        "code",
        "metadata",
        "reasons",
        "details",
        "stop_reason",
        "thinking",
        "input",
        "delta",
        "index",
        "content_block",
        "partial_json",
        "event",
        "data",
    ]
)
WORDS = st.sampled_from(
    [
        "text",
        "thinking",
        "tool_use",
        "refusal",
        "stop",
        "length",
        "error",
        "content_filter",
        "text_delta",
        "input_json_delta",
        "message_start",
        "content_block_start",
        "content_block_delta",
        "message_delta",
        "message_stop",
    ]
)
LEAVES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5) | WORDS
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
BODIES = st.dictionaries(NAMES, VALUES, max_size=5) | VALUES
MESSAGES = st.builds(
    lambda message, choice, body: {"choices": [{"message": message} | choice]} | body,
    st.dictionaries(NAMES, VALUES, max_size=4),
    st.dictionaries(NAMES, VALUES, max_size=2),
    st.dictionaries(st.sampled_from(["usage", "model", "error"]), VALUES, max_size=2),
)
EVENTS = st.lists(
    st.builds(lambda kind, told: {"type": kind} | told, WORDS, st.dictionaries(NAMES, VALUES)), max_size=5
)


class Says:
    """A server that says what it was told to."""

    def __init__(self) -> None:
        self.body, self.status, self.kind, self.url = b"", 200, "application/json", ""
        self.lines: list[str] = []

    async def __call__(self, body: dict[str, Any], request: Request) -> Response:
        return Response(self.body, self.status, media_type=self.kind)

    def hear(self, address: str) -> None:
        """Ask it: an answer that can be kept, or one line."""

        async def one() -> None:
            endpoint = open_model(address.format(self.url)).endpoint
            try:
                answer = await endpoint.ask(QUESTION)
                assert msgspec.json.decode(msgspec.json.encode(answer), type=type(answer)) == answer
            except AskingError as error:
                self.lines.append(str(error))
            finally:
                await endpoint.close()

        asyncio.run(one())
        assert all(line.isprintable() for line in self.lines)
        self.lines.clear()


@pytest.fixture(scope="module")
def says() -> Iterator[Says]:
    server = Says()
    with serving(server) as url:
        server.url = url
        yield server


QUIETLY = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ADDRESSES = st.sampled_from(["openai:m@{}/v1", "anthropic:m@{}"])


@QUIETLY
@given(BODIES | MESSAGES, ADDRESSES, st.sampled_from([200, 200, 200, 400, 403, 429, 500]))
def test_any_body(says: Says, body: Any, address: str, status: int) -> None:
    says.body, says.status, says.kind = json.dumps(body).encode(), status, "application/json"
    says.hear(address)


@QUIETLY
@given(EVENTS, ADDRESSES, st.booleans())
def test_any_stream(says: Says, events: list[Any], address: str, done: bool) -> None:
    lines = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + ("data: [DONE]\n\n" if done else "")
    says.body, says.status, says.kind = lines.encode(), 200, "text/event-stream"
    says.hear(address)


@QUIETLY
@given(st.binary(max_size=300), ADDRESSES, st.booleans())
def test_any_bytes(says: Says, body: bytes, address: str, streamed: bool) -> None:
    says.body, says.status, says.kind = body, 200, "text/event-stream" if streamed else "application/json"
    says.hear(address)


CALL = '{"choices": [{"message": {"tool_calls": [{"function": {"name": "f", "arguments": {"a": VALUE}}}]}}]}'
USE = '{"content": [{"type": "tool_use", "name": "f", "input": {"a": VALUE}}]}'


@pytest.mark.parametrize(
    "value", ["1" + "0" * 30, '"\\ud800"', "[" * 400 + "]" * 400, "NaN", "1e999", "[" * 3000 + "]" * 3000]
)
def test_any_arguments_of_a_tool(says: Says, value: str) -> None:
    says.status, says.kind = 200, "application/json"
    for body, address in ((CALL, "openai:m@{}/v1"), (USE, "anthropic:m@{}")):
        says.body = body.replace("VALUE", value).encode()
        says.hear(address)
