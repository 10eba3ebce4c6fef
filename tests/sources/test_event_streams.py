"""Streamed answers of every vendor, put together again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.sources.calls.bodies import response_values
from stillwatch.sources.calls.event_streams import assembled, event_data, is_event_stream, stream_body


def chunk(delta: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1788739388,
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
        "usage": None,
    } | more


CHAT_USAGE = {"prompt_tokens": 10, "completion_tokens": 7, "completion_tokens_details": {"reasoning_tokens": 5}}
CHAT = [
    chunk({}, choices=[], model="", prompt_filter_results=[]),  # as Azure begins
    chunk({"role": "assistant", "content": "", "refusal": None}),
    chunk({"reasoning_content": "H"}),
    chunk({"reasoning_content": "m."}),
    chunk({"content": "S"}, obfuscation="xyz"),
    chunk({"content": "o."}),
    chunk({"tool_calls": [{"index": 0, "id": "t", "function": {"name": "f", "arguments": "{}"}}]}),
    chunk({}, choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]),
    chunk({}, choices=[], usage=CHAT_USAGE),
]
RESPONSE = {"id": "resp_1", "object": "response", "model": "m", "status": "in_progress", "output": [], "usage": None}
RESPONSE_USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 5},
}
OUTPUT = [
    {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "Hm."}]},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "So."}]},
]
SUMMARY = {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0}
TEXT = {"type": "response.output_text.delta", "output_index": 1, "content_index": 0}
RESPONSES = [
    {"type": "response.created", "response": RESPONSE, "sequence_number": 0},
    SUMMARY | {"delta": "H"},
    SUMMARY | {"delta": "m."},
    TEXT | {"delta": "S"},
    TEXT | {"delta": "o."},
    {
        "type": "response.completed",
        "response": RESPONSE | {"status": "completed", "output": OUTPUT, "usage": RESPONSE_USAGE},
    },
]
STARTED = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [],
    "usage": {"input_tokens": 4, "cache_creation_input_tokens": 1, "cache_read_input_tokens": 5, "output_tokens": 1},
}
ANTHROPIC = [
    {"type": "message_start", "message": STARTED},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "H"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "m."}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "S"}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "o."}},
    {"type": "content_block_stop", "index": 1},
    {"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "t", "input": {}}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use", "stop_sequence": None},
        "usage": {"output_tokens": 7, "input_tokens": None, "output_tokens_details": {"thinking_tokens": 5}},
    },
    {"type": "message_stop"},
]


def candidate(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "index": 0}], "modelVersion": "m"}


GEMINI = [
    candidate({"text": "H", "thought": True}) | {"usageMetadata": {"promptTokenCount": 10, "thoughtsTokenCount": 1}},
    candidate({"text": "m.", "thought": True}, {"text": "S"}),
    candidate({"text": "o."})
    | {"usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 2, "thoughtsTokenCount": 5}},
]
CONVERSE = [
    {"messageStart": {"role": "assistant"}},
    {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "H"}}}},
    {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "m."}}}},
    {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "c2ln"}}}},
    {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"text": "S"}}},
    {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"text": "o."}}},
    {"contentBlockStop": {"contentBlockIndex": 1}},
    {"messageStop": {"stopReason": "end_turn"}},
    {"metadata": {"usage": {"inputTokens": 10, "outputTokens": 7, "totalTokens": 17}, "metrics": {"latencyMs": 5}}},
]
COMPLETIONS = [
    {"object": "text_completion", "model": "m", "choices": [{"index": 0, "text": "S"}]},
    {"object": "text_completion", "model": "m", "choices": [{"index": 0, "text": "o."}], "usage": CHAT_USAGE},
]
STREAMS: dict[str, tuple[list[dict[str, Any]], tuple[Any, ...]]] = {
    "OpenAI chat completions": (CHAT, ("m", "So.", "Hm.", 10, 7, 5)),
    "OpenAI responses": (RESPONSES, ("m", "So.", "Hm.", 10, 7, 5)),
    "OpenAI responses, broken off": (RESPONSES[:-1], ("m", "So.", "Hm.", None, None, None)),
    "OpenAI completions": (COMPLETIONS, ("m", "So.", None, 10, 7, 5)),
    "Anthropic Messages": (ANTHROPIC, ("m", "So.", "Hm.", 10, 7, 5)),
    "Anthropic Messages, broken off": (ANTHROPIC[:-2], ("m", "So.", "Hm.", 10, 1, None)),
    "Anthropic Messages, beginning lost": (ANTHROPIC[3:], (None, "So.", "Hm.", None, 7, 5)),
    "Gemini": (GEMINI, ("m", "So.", "Hm.", 10, 7, 5)),
    "Bedrock Converse": (CONVERSE, (None, "So.", "Hm.", 10, 7, None)),
}


def written(events: list[dict[str, Any]], end: str = "\n", named: bool = False) -> str:
    """Events as the text that a server sends."""
    texts = []
    for event in events:
        name = f"event: {event.get('type')}{end}" if named else ""
        texts.append(f"{name}data: {json.dumps(event, ensure_ascii=False)}{end}{end}")
    return "".join(texts)


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_stream_is_the_whole_answer(stream: str, end: str) -> None:
    events, expected = STREAMS[stream]
    text = written(events, end, named=stream.startswith(("Anth", "OpenAI resp"))) + f"data: [DONE]{end}{end}"
    assert is_event_stream(text)
    assert tuple(response_values(stream_body(text) or {}).values()) == expected
    assert tuple(response_values(assembled(events) or {}).values()) == expected


def test_whole_response_without_output_is_filled_from_its_pieces() -> None:
    empty = RESPONSES[-1] | {"response": RESPONSE | {"usage": RESPONSE_USAGE}}
    body = assembled([*RESPONSES[:-1], empty]) or {}
    assert tuple(response_values(body).values()) == ("m", "So.", "Hm.", 10, 7, 5)


def test_pieces_of_several_choices_and_parts_are_not_mixed() -> None:
    choices = [
        chunk({}, choices=[{"index": index, "delta": {name: piece}}])
        for index, name, piece in [(1, "content", "N"), (0, "content", "S"), (1, "refusal", "No"), (0, "content", "o.")]
    ]
    assert response_values(assembled(choices) or {})["response"] == "So.\n\nN"
    refused = [
        TEXT | {"type": "response.refusal.delta", "content_index": place, "delta": d} for place, d in enumerate("ab")
    ]
    assert response_values(assembled(refused) or {})["response"] == "a\nb"


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"error": {"message": "no", "type": "server_error"}}, {"message": "no", "type": "server_error"}),
        ({"type": "error", "error": {"type": "overloaded_error"}}, {"type": "overloaded_error"}),
        ({"type": "error", "code": "c", "message": "no"}, {"code": "c", "message": "no"}),
        ({"modelStreamErrorException": {"message": "no"}}, {"message": "no"}),
    ],
)
@pytest.mark.parametrize("stream", STREAMS)
def test_failure_within_a_stream_is_told_beside_what_had_come(stream: str, event: Any, error: Any) -> None:
    events = STREAMS[stream][0][:2]
    assert (assembled([*events, event]) or {})["error"] == error
    assert assembled([event]) == {"error": error}
    assert "error" not in (assembled(events) or {})


def test_events_as_the_standard_says() -> None:
    fields = "\ufeff: hello\nretry: 10\nid: 1\nevent: x\n"
    text = fields + 'data: {\ndata: "a": 1}\n\ndata:2\n\ndata: {cut\n\ndata: [DONE]\n\ndata: 3'
    assert list(event_data(text)) == [{"a": 1}, 2, 3]
    assert is_event_stream(text)


def test_characters_that_end_no_line_are_kept() -> None:
    said = "a\u2028b\x85c\x1cd"
    events = [chunk({"content": said})]
    assert "\u2028" in written(events)
    assert response_values(stream_body(written(events)) or {})["response"] == said


@pytest.mark.parametrize("text", ["", "{}", '{"data: ": 1}', "[]", "data", "Hello: world"])
def test_other_bodies_are_no_event_stream(text: str) -> None:
    assert not is_event_stream(text)
    assert stream_body(text) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(STREAMS)), st.data())
def test_any_events_are_passed_over_or_read(stream: str, data: st.DataObject) -> None:
    events: list[Any] = [dict(event) for event in STREAMS[stream][0]]
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(events) - 1))
        event = events[place]
        if isinstance(event, dict) and event and data.draw(st.booleans()):
            key = data.draw(st.sampled_from(sorted(event)))
            if isinstance(event[key], dict) and event[key] and data.draw(st.booleans()):
                event[key] = event[key] | {data.draw(st.sampled_from(sorted(event[key]))): data.draw(JSON)}
            else:
                event[key] = data.draw(JSON)
        else:
            events[place] = data.draw(JSON)
    response_values(assembled(events) or {})


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    response_values(stream_body("data: " + text) or {})
