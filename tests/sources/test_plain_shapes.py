"""The short ways through the reading of logs find exactly what the long ways find."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.sources.calls import bodies, event_streams
from stillwatch.sources.containers.json_documents import some_keys
from stillwatch.sources.records import values

TEXTS = st.none() | st.text(max_size=3) | st.sampled_from(["user", "system", "developer", "[1]"]) | st.integers(0, 2)
PARTS = st.lists(st.fixed_dictionaries({}, optional={"type": st.just("thinking"), "text": TEXTS}), max_size=2)
TEXT_PARTS = st.lists(
    st.fixed_dictionaries({"text": st.text(max_size=3)}, optional={"type": st.sampled_from(["text", "thinking"])}),
    max_size=3,
)
CONVERSE = st.fixed_dictionaries(
    {
        "message": st.fixed_dictionaries(
            {
                "content": TEXT_PARTS
                | st.lists(
                    st.fixed_dictionaries(
                        {},
                        optional={
                            "text": TEXTS,
                            "reasoningContent": st.fixed_dictionaries(
                                {"reasoningText": st.fixed_dictionaries({"text": TEXTS})}
                            ),
                        },
                    ),
                    max_size=3,
                )
            }
        )
    }
)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(["user", "system", "developer", "assistant"]) | TEXTS,
        "content": TEXTS | PARTS | TEXT_PARTS,
        "reasoning": TEXTS,
        "reasoning_content": TEXTS,
        "thinking_blocks": PARTS,
        "refusal": TEXTS,
    },
)
PLAIN = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "system", "developer"]), "content": st.text(max_size=3) | TEXT_PARTS}
)
REQUESTS = st.fixed_dictionaries(
    {"messages": st.lists(PLAIN | MESSAGES, max_size=3) | TEXTS},
    optional={"system": TEXTS, "contents": TEXTS, "input": TEXTS, "instructions": TEXTS},
)
CHOICES = st.fixed_dictionaries({}, optional={"message": MESSAGES | TEXTS, "text": TEXTS})
ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "choices": st.lists(CHOICES | TEXTS, max_size=2) | TEXTS,
        "output": TEXTS | PARTS | CONVERSE,
        "content": TEXTS | PARTS,
        "candidates": PARTS,
    },
)


@given(REQUESTS)
def test_a_plain_conversation_is_read_like_any_other(body: dict[str, Any]) -> None:
    short = bodies.conversation(body)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bodies, "_plain_conversation", lambda _: None)
        assert bodies.conversation(body) == short


@given(ANSWERS)
def test_a_plain_answer_is_read_like_any_other(body: dict[str, Any]) -> None:
    short = bodies.response_values(body)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bodies, "_plain_answer", lambda _: None)
        assert bodies.response_values(body) == short


DELTAS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("content", "refusal", "reasoning_content", "reasoning"), TEXTS) | {"role": TEXTS},
)
STREAMED = st.fixed_dictionaries(
    {"delta": DELTAS},
    optional={"index": st.sampled_from([0, 1, 1.0, "1", None]), "finish_reason": TEXTS, "text": TEXTS},
)
CHUNKS = st.fixed_dictionaries(
    {"choices": st.lists(STREAMED, max_size=2)},
    optional=dict.fromkeys(("id", "created", "model", "usage", "error", "type"), TEXTS),
)
EVENTS = st.builds(lambda chunk: f"data: {json.dumps(chunk)}", CHUNKS) | st.sampled_from(
    ["data: [DONE]", ": ping", 'data: {"choices": []}{"choices": []}', 'data: {"choices":', "data: []}", "", "data: {}"]
)


@given(st.lists(EVENTS, max_size=4), st.sampled_from(["\n\n", "\n", "\n\n\n"]), st.sampled_from(["", "\n\n", "\n"]))
def test_a_plain_stream_is_read_like_any_other(events: list[str], between: str, end: str) -> None:
    text = between.join(events) + end
    assert event_streams.stream_body(text) == event_streams.assembled(event_streams.event_data(text))


def told(value: object) -> Any:
    try:
        return values.epoch_us(value, None)
    except values.BadValueError as error:
        return str(error)


FRACTIONS = st.integers(values.FIRST_US, values.LAST_US).map(lambda us: us / 1e6)


THOUSANDTHS = st.integers(values.FIRST_US, values.LAST_US).map(lambda us: us / 1e3)


NUMBERS = (
    st.floats() | st.floats(9e8, 4.2e9) | st.floats(9e11, 4.2e12) | st.integers() | st.integers(9 * 10**8, 42 * 10**17)
)


@given(NUMBERS | FRACTIONS | THOUSANDTHS)
def test_a_plain_time_is_the_one_that_decimals_give(value: float) -> None:
    short = told(value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(values, "_plain_us", lambda _: None)
        assert told(value) == short


@given(st.integers(values.FIRST_US, values.LAST_US - 1))
def test_digits_as_text_are_a_number_and_no_date(us: int) -> None:
    seconds = us // 1_000_000
    assert values.time_us(str(us)) == us
    assert values.time_us(str(us // 1_000)) == us // 1_000 * 1_000
    if seconds >= 10**9:
        assert values.time_us(str(seconds)) == seconds * 1_000_000
        assert values.time_us(f"{seconds}.5") == int(Decimal(f"{seconds}.5") * 1_000_000)


def test_milliseconds_that_look_like_a_day_of_1788() -> None:
    assert values.time_us("1788010112345") == 1_788_010_112_345_000


KEYS = st.sampled_from(["id", "a", "i\\u0064", "ü", '"', "x" * 40])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.binary(max_size=4), st.integers(0, 60))
def test_a_quick_look_sees_what_a_whole_document_says(value: Any, noise: bytes, place: int) -> None:
    data = msgspec.json.encode(value).replace(b"i\\\\u0064", b"i\\u0064")
    data = data[:place] + noise + data[place:]
    try:
        data.decode()
        whole = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError):
        return
    if isinstance(whole, dict):
        assert some_keys(("id", "ü"))(data) == {key: whole[key] for key in ("id", "ü") if key in whole}
