"""Bodies of calls in every vendor's shape, as its SDK's types define it, and what they tell."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.sources.calls.bodies import request_values, response_values
from stillwatch.sources.calls.usage import usage_values

USER, ASSISTANT = {"role": "user", "content": "Why?"}, {"role": "assistant", "content": None}
CHAT_TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}

REQUESTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "OpenAI chat completions": (
        {
            "model": "m",
            "messages": [
                {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "Why?"},
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,eA=="}},
                    ],
                },
                {"role": "assistant", "content": None, "tool_calls": [{"id": "t", "type": "function"}]},
                {"role": "tool", "tool_call_id": "t", "content": "42"},
                {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
            ],
            "temperature": 0.5,
            "max_completion_tokens": 9,
            "tools": [CHAT_TOOL, CHAT_TOOL],
        },
        {
            "model": "m",
            "system_prompt": "Be brief.",
            "messages": [
                USER,
                ASSISTANT,
                {"role": "tool", "content": "42"},
                {"role": "assistant", "content": "No."},
            ],
            "temperature": 0.5,
            "max_tokens": 9,
            "tool_count": 2,
        },
    ),
    "OpenAI responses": (
        {
            "model": "m",
            "instructions": "Be brief.",
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "Why?"}]},
                {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "old thought"}]},
                {"type": "item_reference", "id": "msg"},
                {"type": "web_search_call", "id": "ws", "status": "completed"},
                {"type": "function_call", "call_id": "t", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "t", "output": [{"type": "input_text", "text": "42"}]},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "So."}]},
            ],
            "max_output_tokens": 9,
            "tools": [{"type": "web_search"}, {"type": "namespace", "name": "n", "tools": [{}, {}]}],
            "reasoning": {"effort": "high"},
        },
        {
            "model": "m",
            "system_prompt": "Be brief.",
            "messages": [
                USER,
                ASSISTANT,
                ASSISTANT,
                {"role": "tool", "content": "42"},
                {"role": "assistant", "content": "So."},
            ],
            "temperature": None,
            "max_tokens": 9,
            "tool_count": 3,
        },
    ),
    "Anthropic Messages": (
        {
            "model": "m",
            "max_tokens": 9,
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                USER,
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "old thought", "signature": "c2ln"},
                        {"type": "redacted_thinking", "data": "eA=="},
                        {"type": "tool_use", "id": "t", "name": "f", "input": {}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "42"}]},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "eA=="}},
                    ],
                },
            ],
            "temperature": 1,
            "tools": [{"name": "f", "input_schema": {}}],
        },
        {
            "model": "m",
            "system_prompt": "Be brief.",
            "messages": [USER, ASSISTANT, {"role": "user", "content": "42"}],
            "temperature": 1,
            "max_tokens": 9,
            "tool_count": 1,
        },
    ),
    "Gemini": (
        {
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [
                {"parts": [{"text": "Why?"}, {"inlineData": {"mimeType": "image/png", "data": "eA=="}}]},
                {"role": "model", "parts": [{"text": "old thought", "thought": True}, {"text": "So."}]},
            ],
            "generationConfig": {"temperature": 0.5, "maxOutputTokens": 9},
            "tools": [{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}, {"googleSearch": {}}],
        },
        {
            "model": None,
            "system_prompt": "Be brief.",
            "messages": [USER, {"role": "assistant", "content": "So."}],
            "temperature": 0.5,
            "max_tokens": 9,
            "tool_count": 3,
        },
    ),
    "Bedrock Converse": (
        {
            "modelId": "m",
            "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default"}}],
            "messages": [
                {"role": "user", "content": [{"guardContent": {"text": {"text": "Why?"}}}]},
                {
                    "role": "assistant",
                    "content": [
                        {"reasoningContent": {"reasoningText": {"text": "old thought", "signature": "c2ln"}}},
                        {"toolUse": {"toolUseId": "t", "name": "f", "input": {}}},
                    ],
                },
                {"role": "user", "content": [{"toolResult": {"toolUseId": "t", "content": [{"text": "42"}]}}]},
            ],
            "inferenceConfig": {"maxTokens": 9, "temperature": 0.5},
            "toolConfig": {"tools": [{"toolSpec": {"name": "f"}}, {"cachePoint": {"type": "default"}}]},
        },
        {
            "model": "m",
            "system_prompt": "Be brief.",
            "messages": [USER, ASSISTANT, {"role": "user", "content": "42"}],
            "temperature": 0.5,
            "max_tokens": 9,
            "tool_count": 1,
        },
    ),
}


@pytest.mark.parametrize("shape", REQUESTS)
def test_request(shape: str) -> None:
    body, expected = REQUESTS[shape]
    assert request_values(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"input": "Why?"}, ["Why?"]),
        ({"input": ["Why?", "How?"]}, ["Why?", "How?"]),
        ({"input": [1, 2, 3]}, None),
        ({"input": [[1, 2], [3]]}, None),
        ({"prompt": "Why?"}, ["Why?"]),
        ({"prompt": ["Why?", "How?"]}, ["Why?", "How?"]),
        ({"prompt": [5, 6]}, None),
        ({"prompt": {"id": "pmpt_1", "variables": {"city": "Rome"}}}, None),
        ({"prompt": {"id": "pmpt_1"}, "input": "Why?"}, ["Why?"]),
        ({"contents": "Why?"}, ["Why?"]),
        ({"contents": {"parts": [{"text": "Why?"}]}}, ["Why?"]),
        ({}, None),
    ],
)
def test_texts_without_a_role_are_the_users_and_tokens_are_none(body: dict[str, Any], expected: Any) -> None:
    messages = request_values(body)["messages"]
    assert expected == (messages and [message["content"] for message in messages])


RESPONSES: dict[str, tuple[dict[str, Any], tuple[Any, ...]]] = {
    "OpenAI chat completions": (
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": "m",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": "So.", "refusal": None},
                },
                {
                    "index": 1,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": None, "refusal": "No."},
                },
            ],
            "usage": {
                "prompt_tokens": 10,
                "completion_tokens": 7,
                "total_tokens": 17,
                "prompt_tokens_details": {"cached_tokens": 4},
                "completion_tokens_details": {"reasoning_tokens": 5},
            },
        },
        ("m", "So.\n\nNo.", None, 10, 7, 5),
    ),
    "compatible server with reasoning": (
        {"model": "m", "choices": [{"message": {"content": "So.", "reasoning": "Hm.", "reasoning_content": "Hm."}}]},
        ("m", "So.", "Hm.", None, None, None),
    ),
    "Mistral with thinking": (
        {
            "choices": [
                {
                    "message": {
                        "content": [
                            {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
                            {"type": "text", "text": "So."},
                        ]
                    }
                }
            ]
        },
        (None, "So.", "Hm.", None, None, None),
    ),
    "OpenAI chat completions, spoken": (
        {"choices": [{"message": {"content": None, "audio": {"id": "a", "data": "eA==", "transcript": "So."}}}]},
        (None, "So.", None, None, None, None),
    ),
    "OpenAI completions": (
        {"model": "m", "object": "text_completion", "choices": [{"text": "So.", "index": 0, "finish_reason": "stop"}]},
        ("m", "So.", None, None, None, None),
    ),
    "OpenAI embeddings": (
        {
            "object": "list",
            "model": "m",
            "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
            "usage": {"prompt_tokens": 3, "total_tokens": 3},
        },
        ("m", None, None, 3, None, None),
    ),
    "OpenAI responses": (
        {
            "id": "resp_1",
            "object": "response",
            "model": "m",
            "output": [
                {
                    "type": "reasoning",
                    "id": "rs",
                    "summary": [{"type": "summary_text", "text": "Hm."}],
                    "content": None,
                    "encrypted_content": "eA==",
                },
                {"type": "function_call", "call_id": "t", "name": "f", "arguments": "{}"},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "So."}]},
            ],
            "usage": {
                "input_tokens": 10,
                "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
                "output_tokens": 7,
                "output_tokens_details": {"reasoning_tokens": 5},
                "total_tokens": 17,
            },
        },
        ("m", "So.", "Hm.", 10, 7, 5),
    ),
    "Anthropic Messages": (
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
                {"type": "redacted_thinking", "data": "eA=="},
                {"type": "text", "text": "So."},
                {"type": "tool_use", "id": "t", "name": "f", "input": {}},
            ],
            "stop_reason": "tool_use",
            "usage": {
                "input_tokens": 4,
                "cache_creation_input_tokens": 1,
                "cache_read_input_tokens": 5,
                "output_tokens": 7,
                "output_tokens_details": {"thinking_tokens": 5},
            },
        },
        ("m", "So.", "Hm.", 10, 7, 5),
    ),
    "Gemini": (
        {
            "modelVersion": "m",
            "candidates": [
                {"content": {"role": "model", "parts": [{"text": "Hm.", "thought": True}, {"text": "So."}]}}
            ],
            "usageMetadata": {
                "promptTokenCount": 8,
                "cachedContentTokenCount": 4,
                "toolUsePromptTokenCount": 2,
                "candidatesTokenCount": 2,
                "thoughtsTokenCount": 5,
                "totalTokenCount": 17,
            },
        },
        ("m", "So.", "Hm.", 10, 7, 5),
    ),
    "Gemini as its SDK dumps it": (
        {
            "model_version": "m",
            "candidates": [{"content": {"role": "model", "parts": [{"text": "So.", "thought": None}]}}],
            "usage_metadata": {"prompt_token_count": 10, "candidates_token_count": 2, "thoughts_token_count": 5},
        },
        ("m", "So.", None, 10, 7, 5),
    ),
    "Bedrock Converse": (
        {
            "output": {
                "message": {
                    "role": "assistant",
                    "content": [
                        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
                        {"text": "So."},
                        {"citationsContent": {"content": [{"text": "Thus."}], "citations": [{"title": "t"}]}},
                    ],
                }
            },
            "stopReason": "end_turn",
            "usage": {
                "inputTokens": 4,
                "cacheReadInputTokens": 5,
                "cacheWriteInputTokens": 1,
                "outputTokens": 7,
                "totalTokens": 17,
            },
        },
        (None, "So.\nThus.", "Hm.", 10, 7, None),
    ),
    "a failure": ({"error": {"message": "no", "type": "invalid_request_error"}}, (None,) * 6),
}


@pytest.mark.parametrize("shape", RESPONSES)
def test_response(shape: str) -> None:
    body, expected = RESPONSES[shape]
    assert tuple(response_values(body).values()) == expected


@pytest.mark.parametrize("usage", [{"input_tokens": -1}, {"input_tokens": "x", "cache_read_input_tokens": 2}])
def test_counts_that_are_none_are_left_for_the_row_to_be_set_aside(usage: dict[str, Any]) -> None:
    assert usage_values(usage)["input_tokens"] == usage["input_tokens"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KNOWN = [body for bodies in (REQUESTS, RESPONSES) for body, _ in bodies.values()]


@st.composite
def spoilt(draw: st.DrawFn, value: Any) -> Any:
    """A document with one of its values, however deep, replaced by any JSON."""
    if isinstance(value, dict) and value and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(sorted(value)))
        return value | {key: draw(spoilt(value[key]))}
    if isinstance(value, list) and value and draw(st.integers(0, 4)):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], draw(spoilt(value[place])), *value[place + 1 :]]
    return draw(JSON)


@given(st.sampled_from(KNOWN).flatmap(spoilt))
def test_any_body_is_read(body: Any) -> None:
    if isinstance(body, dict):
        response_values(body)
        request_values(body)
