"""Calls as doors see them: the journal says what a log would say, and nothing that strangers send breaks a door."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stillwatch.exchange import EXCHANGE
from stillwatch.gateway.doors.calls import Call, Caller, read_call, request_ids, request_of, row_of
from stillwatch.sources.formats.http_pairs import SOURCE as PAIRS
from stillwatch.sources.log import open_log

CALLER = Caller("a1", "k1", client_ip="192.0.2.7", user_agent="agent/1")
NOON = 1_788_955_200_000_000
CHAT = {
    "model": "m",
    "temperature": 0.2,
    "max_completion_tokens": 50,
    "tools": [{"type": "function", "function": {"name": "f"}}],
    "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Why?"}],
}
MESSAGES = {"model": "c", "max_tokens": 9, "system": "Be kind.", "messages": [{"role": "user", "content": "Why?"}]}
RESPONSES = {"model": "r", "input": "Why?", "instructions": "Be kind.", "reasoning": {"effort": "high"}}
CHAT_ANSWER = {
    "model": "m-1",
    "choices": [{"message": {"role": "assistant", "content": "So.", "reasoning_content": "Hm."}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 2}},
}
MESSAGES_STREAM = (
    b'event: message_start\ndata: {"type":"message_start","message":{"model":"c-1","usage":{"input_tokens":4,'
    b'"cache_read_input_tokens":6,"output_tokens":1}}}\n\n'
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text",'
    b'"text":""}}\n\n'
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta",'
    b'"text":"So: \\"usage\\":{"}}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":'
    b'{"output_tokens":7}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'
)
CHAT_STREAM = (
    b'data: {"model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":"So"}}],"usage":null}\n\n'
    b'data: {"model":"m-1","choices":[{"index":0,"delta":{"content":"."}}],"usage":null}\n\n'
    b'data: {"model":"m-1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5}}\n\ndata: [DONE]\n\n'
)
RESPONSES_STREAM = (
    b'event: response.created\ndata: {"type":"response.created","response":{"model":"r-1","usage":null}}\n\n'
    b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","output_index":0,"delta":"So."}\n\n'
    b'event: response.completed\ndata: {"type":"response.completed","response":{"model":"r-1","output":[{"type":'
    b'"message","content":[{"type":"output_text","text":"So."}]}],"usage":{"input_tokens":3,"output_tokens":5}}}\n\n'
)
PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses?x=1"}
EXCHANGES: list[tuple[str, dict[str, Any], bytes]] = [
    ("chat", CHAT, json.dumps(CHAT_ANSWER).encode()),
    ("chat", CHAT, CHAT_STREAM),
    ("messages", MESSAGES, MESSAGES_STREAM),
    ("messages", MESSAGES, MESSAGES_STREAM[: len(MESSAGES_STREAM) // 2]),
    ("responses", RESPONSES, RESPONSES_STREAM),
    ("chat", CHAT, b'{"error":{"type":"rate_limit_error","message":"Slowly."}}'),
    ("chat", CHAT, b'data: {"error":{"type":"overloaded_error"}}\n\n'),
]
NUMBERS = [field.name for field in EXCHANGE if field.name not in {"system_prompt", "messages", "response", "reasoning"}]


def told(kind: str, body: dict[str, Any], answer: bytes, *, text: bool = True, **headers: str) -> dict[str, object]:
    call = read_call("POST", PATHS[kind], json.dumps(body).encode())
    request = request_of(call, CALLER, "r1", NOON)
    return row_of(call, request, CALLER, status=200, answer=answer, ended_at=NOON + 840_000, headers=headers, text=text)


@pytest.mark.parametrize(("kind", "body", "answer"), EXCHANGES)
def test_the_journal_says_what_a_log_of_the_same_call_says(
    kind: str, body: dict[str, Any], answer: bytes, tmp_path: Path
) -> None:
    pair = {
        "id": "r1",
        "timestamp": NOON,
        "duration_ms": 840,
        "account_id": "a1",
        "api_key_id": "k1",
        "client_ip": "192.0.2.7",
        "user_agent": "agent/1",
        "request": {"method": "POST", "url": PATHS[kind], "body": body},
        "response": {"status": 200, "body": answer.decode()},
    }
    (values,) = PAIRS.exchanges(pair)
    logged, journal = tmp_path / "pairs.jsonl", tmp_path / "journal.jsonl"
    logged.write_text(json.dumps(pair) + "\n")
    journal.write_text(json.dumps(told(kind, body, answer)) + "\n")
    expected = open_log([logged]).read().to_pylist()
    assert open_log([journal]).read().to_pylist() == expected
    assert len(expected) == 1
    assert values["account_id"] == "a1"


@pytest.mark.parametrize(("kind", "body", "answer"), EXCHANGES)
def test_without_text_the_numbers_are_the_same(kind: str, body: dict[str, Any], answer: bytes) -> None:
    whole, numbers = told(kind, body, answer), told(kind, body, answer, text=False)
    assert {name: numbers[name] for name in NUMBERS} == {name: whole[name] for name in NUMBERS}
    assert all(numbers[name] is None for name in ("system_prompt", "messages", "response", "reasoning"))


def test_a_compressed_answer_is_read_and_an_unknown_coding_is_not_guessed() -> None:
    row = told("chat", CHAT, gzip.compress(CHAT_STREAM), **{"content-encoding": "gzip"})
    assert (row["response"], row["output_tokens"]) == ("So.", 5)
    assert told("chat", CHAT, b"\x8b\x00", **{"content-encoding": "br"})["response"] is None


@pytest.mark.parametrize(
    ("method", "path", "api", "operation"),
    [
        ("POST", "/v1/chat/completions", "openai_chat", "chat"),
        ("POST", "/openai/deployments/gpt/chat/completions?api-version=1", "openai_chat", "chat"),
        ("POST", "/v1/responses/", "openai_responses", "responses"),
        ("POST", "/v1/messages", "anthropic_messages", "messages"),
        ("POST", "/v1/messages/batches", "anthropic_messages", "batch"),
        ("POST", "/v1/batches", "openai_chat", "batch"),
        ("POST", "/v1/messages/count_tokens", "anthropic_messages", "other"),
        ("GET", "/v1/responses/resp_1", "openai_responses", "other"),
        ("POST", "/v1/threads/t/messages", "other", "other"),
        ("GET", "/v1/models", "other", "other"),
        ("GET", "/v1/chat/completions", "openai_chat", "other"),
    ],
)
def test_a_path_names_dialect_and_operation(method: str, path: str, api: str, operation: str) -> None:
    assert read_call(method, path, b"")[:2] == (api, operation)


def test_what_is_asked_is_seen() -> None:
    def asked(kind: str, body: dict[str, Any]) -> Any:
        return request_of(read_call("POST", PATHS[kind], json.dumps(body).encode()), CALLER, "r1", NOON)

    plain = asked("chat", CHAT)
    assert (plain.model, plain.tokens, plain.asks_reasoning, plain.asks_detail) == ("m", 50, False, False)
    assert asked("responses", RESPONSES).asks_reasoning
    assert asked("messages", {**MESSAGES, "thinking": {"type": "enabled", "budget_tokens": 2000}}).asks_reasoning
    assert not asked("messages", {**MESSAGES, "thinking": {"type": "disabled"}}).asks_reasoning
    assert asked("chat", {**CHAT, "n": 3}).tokens == 150
    assert asked("chat", {**CHAT, "logprobs": True}).asks_detail
    batch = {"requests": [{"custom_id": "1", "params": MESSAGES}, {"custom_id": "2", "params": MESSAGES}]}
    request = request_of(read_call("POST", "/v1/messages/batches", json.dumps(batch).encode()), CALLER, "r1", NOON)
    assert (request.items, request.tokens, request.model) == (2, 18, "c")


@pytest.mark.parametrize(
    ("wish", "seen"),
    [
        *[({"reasoning": {"effort": "high"}}, "asks_reasoning"), ({"reasoning_effort": "low"}, "asks_reasoning")],
        *[({"thinking": True}, "asks_reasoning"), ({"include_reasoning": True}, "asks_reasoning")],
        ({"chat_template_kwargs": {"enable_thinking": True}}, "asks_reasoning"),
        ({"include": ["reasoning.encrypted_content"]}, "asks_reasoning"),
        *[({"logprobs": 5}, "asks_detail"), ({"top_logprobs": 2}, "asks_detail"), ({"n": 2}, "asks_detail")],
        *[({"best_of": 2}, "asks_detail"), ({"include": ["message.output_text.logprobs"]}, "asks_detail")],
        *[({name: 7}, "tokens") for name in ("max_tokens", "max_completion_tokens", "max_output_tokens")],
    ],
)
def test_each_wish_is_seen_where_it_is_the_only_one(wish: dict[str, Any], seen: str) -> None:
    call = read_call("POST", PATHS["chat"], json.dumps({"model": "m", "messages": [], **wish}).encode())
    asked = {name: getattr(request_of(call, CALLER, "r1", NOON), name) for name in ("asks_reasoning", "asks_detail")}
    asked["tokens"] = request_of(call, CALLER, "r1", NOON).tokens
    assert [name for name, value in asked.items() if value] == [seen]


def test_names_of_requests_are_long_and_never_the_same() -> None:
    names = list(itertools.islice(request_ids(), 1_000)) + list(itertools.islice(request_ids(), 1_000))
    assert len(set(names)) == 2_000
    assert {len(bytes.fromhex(name)) for name in names} == {12}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(
    ["model", "messages", "input", "tools", "n", "reasoning", "thinking", "include", "usage", "choices", "max_tokens"]
)


@given(body=st.dictionaries(KEYS, JSON), answer=st.dictionaries(KEYS, JSON), stream=st.booleans())
@example(body={"model": "\ud800", "messages": [{"role": "user", "content": "\ud800"}]}, answer={}, stream=False)
@example(body={"n": 10**30, "max_tokens": -1}, answer={"usage": {"input_tokens": 2**70}}, stream=True)
def test_nothing_that_strangers_send_breaks_a_door(body: dict[str, Any], answer: dict[str, Any], stream: bool) -> None:
    sent = json.dumps(answer).encode()
    sent = b"data: " + sent + b"\n\n" if stream else sent
    call = read_call("POST", "/v1/chat/completions", json.dumps(body).encode())
    request = request_of(call, CALLER, "r1", NOON)
    for text in (True, False):
        row = row_of(call, request, CALLER, status=200, answer=sent, ended_at=NOON, headers={}, text=text)
        assert list(row) == EXCHANGE.names
        assert json.dumps(row).encode()


@given(st.binary())
def test_any_bytes_are_a_call_of_no_body_or_an_object(data: bytes) -> None:
    call = read_call("POST", "/v1/chat/completions", data)
    assert call.body is None or isinstance(call.body, dict)
    request = request_of(call, CALLER, "r1", NOON)
    assert row_of(call, request, CALLER, status=200, answer=data, ended_at=NOON, headers={})["account_id"] == "a1"
    assert isinstance(call, Call)
