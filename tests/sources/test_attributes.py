"""Attributes of spans: lists of messages are found whether they stay in one piece or are spread over many names."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stillwatch.sources.calls.attributes import flat, numbered, spread
from stillwatch.sources.calls.model_spans import call_values, is_call
from stillwatch.sources.calls.span_window import _characters

NAMES = st.sampled_from(
    [
        *(
            "llm",
            "input_messages",
            "llm.input_messages",
            "llm.output_messages",
            "message",
            "contents",
            "role",
            "content",
        ),
        *(
            "message.contents",
            "message.role",
            "message.content",
            "message_content.text",
            "message_content.type",
            "0",
            "x",
        ),
        *(
            "llm.input_messages.0.message.role",
            "llm.input_messages.1",
            "llm.model_name",
            "message.reasoning_summary",
            "",
        ),
    ]
)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "user", "system", "text", "reasoning", "Why?"])
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4))
MESSAGES = st.lists(st.dictionaries(NAMES, VALUES, min_size=1, max_size=3), min_size=1, max_size=3)
ATTRIBUTES = st.builds(
    lambda first, messages, last: {**first, **messages, **last},
    st.dictionaries(NAMES, VALUES | MESSAGES, max_size=2),
    st.fixed_dictionaries(
        {"llm.input_messages": MESSAGES | VALUES}, optional={"llm": st.dictionaries(NAMES, MESSAGES)}
    ),
    st.dictionaries(NAMES, VALUES | MESSAGES, max_size=2),
)


@given(ATTRIBUTES, st.sampled_from(["LLM", "TOOL"]))
def test_a_list_in_one_piece_tells_what_many_attributes_tell(values: dict[str, Any], kind: str) -> None:
    before = json.dumps(values)
    many, whole = flat(values), flat(values, lists=True)
    assert spread(whole) == many
    assert {name: list(map(spread, told)) for name, told in numbered(whole).items()} == numbered(many)
    if sum(len(spread({name: value})) for name, value in whole.items()) == len(many):  # nothing is told twice
        assert _characters(whole) == _characters(many)
    for attributes in (many, whole):
        attributes.setdefault("openinference.span.kind", kind)
    assert call_values(whole, []) == call_values(many, [])
    assert is_call(whole) == is_call(many)
    assert json.dumps(values) == before


def test_messages_of_any_number_and_shape_of_names() -> None:
    flat_names = {f"llm.input_messages.{number}.message.content": str(number) for number in range(150)}
    expected = [{"message.content": str(number)} for number in range(150)]
    assert numbered(flat_names)["llm.input_messages"] == expected
    assert numbered({"llm.prompts.7.x": 1, "llm.prompts.2.y": 2, "llm.prompts.7.z": 3, "llm.prompts.x": 4}) == {
        "llm.prompts": [{"y": 2}, {"x": 1, "z": 3}]
    }
    assert numbered({"x" * 10_000: 1}) == numbered({}) == {}
