"""Requests made smaller: what is capped, what is never touched, and that the same bytes pass where nothing is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.gateway.shielding.shaping import shape_body, shape_fields
from stillwatch.responses.traffic import API, Shape

CAP = Shape(reasoning_tokens=4000, reasoning_effort="low")
OFF = Shape(reasoning_tokens=0, reasoning_effort="none")
DETAIL = Shape(drop_logprobs=True, one_answer=True)
ALL = Shape(reasoning_tokens=0, reasoning_effort="none", drop_logprobs=True, one_answer=True)

CASES: list[tuple[API, Shape, dict[str, Any], dict[str, Any]]] = [
    ("openai_chat", CAP, {"reasoning_effort": "high"}, {"reasoning_effort": "low"}),
    ("openai_chat", CAP, {"reasoning_effort": "minimal"}, {"reasoning_effort": "minimal"}),
    ("openai_chat", CAP, {"reasoning_effort": "ultra"}, {"reasoning_effort": "low"}),
    ("openai_chat", CAP, {"max_completion_tokens": 9000}, {"max_completion_tokens": 9000}),
    ("openai_chat", CAP, {"reasoning": {"max_tokens": 9000}}, {"reasoning": {"max_tokens": 4000}}),
    ("openai_chat", CAP, {"thinking_budget": -1}, {"thinking_budget": 4000}),
    (
        "openai_chat",
        OFF,
        {"chat_template_kwargs": {"x": 1}},
        {"chat_template_kwargs": {"x": 1, "enable_thinking": False}},
    ),
    ("openai_chat", OFF, {"enable_thinking": True}, {"enable_thinking": False}),
    ("openai_chat", DETAIL, {"logprobs": True, "top_logprobs": 5, "n": 8, "stop": "x"}, {"n": 1, "stop": "x"}),
    ("openai_chat", DETAIL, {"n": 1, "best_of": 4}, {"n": 1, "best_of": 1}),
    (
        "openai_responses",
        CAP,
        {"reasoning": {"effort": "high", "summary": "auto"}},
        {"reasoning": {"effort": "low", "summary": "auto"}},
    ),
    (
        "openai_responses",
        DETAIL,
        {"include": ["a", "message.output_text.logprobs"], "top_logprobs": 2},
        {"include": ["a"]},
    ),
    (
        "anthropic_messages",
        CAP,
        {"thinking": {"type": "enabled", "budget_tokens": 16000}, "max_tokens": 20000},
        {"thinking": {"type": "enabled", "budget_tokens": 4000}, "max_tokens": 20000},
    ),
    (
        "anthropic_messages",
        Shape(reasoning_tokens=100),
        {"thinking": {"type": "enabled", "budget_tokens": 16000}},
        {"thinking": {"type": "enabled", "budget_tokens": 1024}},
    ),
    (
        "anthropic_messages",
        OFF,
        {"thinking": {"type": "enabled", "budget_tokens": 16000}, "temperature": 1},
        {"thinking": {"type": "disabled"}, "temperature": 1},
    ),
    ("anthropic_messages", OFF, {"thinking": {"type": "adaptive"}}, {"thinking": {"type": "disabled"}}),
    (
        "anthropic_messages",
        CAP,
        {"thinking": {"type": "adaptive"}},
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}},
    ),
    (
        "anthropic_messages",
        CAP,
        {"output_config": {"effort": "max", "format": {}}},
        {"output_config": {"effort": "low", "format": {}}},
    ),
    ("other", ALL, {"n": 4, "logprobs": True}, {"n": 4, "logprobs": True}),
]


@pytest.mark.parametrize(("api", "shape", "body", "expected"), CASES)
def test_a_request_is_made_smaller(api: API, shape: Shape, body: dict[str, Any], expected: dict[str, Any]) -> None:
    if body.get("thinking", {}).get("type") == "adaptive" and shape is CAP:
        expected = {**expected, "output_config": {"effort": "low"}}  # the lower of both caps
    before = json.dumps(body)
    new = shape_fields(api, body, shape)
    assert new == expected
    assert json.dumps(body) == before, "what was given is not changed"
    assert [name for name in body if name in new] == [name for name in new if name in body], "order is kept"
    assert shape_fields(api, new, shape) is new, "twice is once"
    assert (shape_body(api, before.encode(), shape) == before.encode()) == (new == body)


def test_disabled_thinking_leaves_nothing_that_the_api_refuses() -> None:
    thinking = {"type": "thinking", "thinking": "a", "signature": "b"}
    edits = [{"type": "clear_thinking_20251015"}, {"type": "clear_tool_uses_20250919"}]
    history = {"role": "assistant", "content": [thinking, {"type": "text", "text": "c"}]}
    begun = {"role": "assistant", "content": [thinking, {"type": "text", "text": "It is"}]}
    body: dict[str, Any] = {
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "messages": [history, {"role": "user", "content": "?"}, begun],
        "context_management": {"edits": edits},
    }
    new: dict[str, Any] = shape_fields("anthropic_messages", body, OFF)
    assert new["messages"][0] == history
    assert new["messages"][2]["content"] == [{"type": "text", "text": "It is"}]
    assert new["context_management"] == {"edits": edits[1:]}


def test_a_model_that_is_known_to_reason_is_told_an_effort() -> None:
    assert shape_fields("openai_chat", {"model": "m"}, CAP, reasons=True) == {"model": "m", "reasoning_effort": "low"}
    new = shape_fields("openai_responses", {"model": "m"}, CAP, reasons=True)
    assert new == {"model": "m", "reasoning": {"effort": "low"}}
    assert shape_fields("openai_chat", {"model": "m"}, DETAIL, reasons=True) == {"model": "m"}


def test_a_key_that_stands_twice_gets_nobody_past() -> None:
    for body in (b'{"n": 8, "n": 1}', b'{"n": 1, "n": 8}', b'{"\\u006e": 8, "n": 1}'):
        assert shape_body("openai_chat", body, DETAIL) == b'{"n":1}'


INNER = ["type", "effort", "budget_tokens", "edits", "content", "role"]
SHAPES = [CAP, OFF, DETAIL, ALL, Shape()]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 99999) | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "effort", "budget_tokens", "edits", "content", "role"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)
NAMES = [
    "thinking",
    "reasoning",
    "reasoning_effort",
    "n",
    "best_of",
    "logprobs",
    "chat_template_kwargs",
    "messages",
    "output_config",
    "context_management",
    "include",
    "thinking_budget",
    "else",
]


@given(
    api=st.sampled_from(["openai_chat", "openai_responses", "anthropic_messages", "other"]),
    shape=st.sampled_from(SHAPES),
    body=st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6),
)
def test_hostile_requests_never_break_it(api: API, shape: Shape, body: dict[str, Any]) -> None:
    data = json.dumps(body).encode()
    new = shape_body(api, data, shape)
    assert shape_body(api, new, shape) == new
    if shape == Shape():
        assert new == data
    assert json.loads(new).get("else") == body.get("else")


@given(st.binary(max_size=200))
def test_what_is_no_json_passes_as_it_is(data: bytes) -> None:
    out = shape_body("openai_chat", data, ALL)
    assert out == data or isinstance(json.loads(data), dict)
