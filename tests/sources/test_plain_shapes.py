"""The short ways through the reading of logs find exactly what the long ways find."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.sources.calls import bodies, event_streams, plain_bodies
from stillwatch.sources.containers.json_documents import some_keys
from stillwatch.sources.records import values
from stillwatch.sources.records.conversation import messages_text

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


SETTINGS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("model", "temperature", "max_tokens", "max_completion_tokens", "stream", "user"), TEXTS)
    | {"messages": st.lists(PLAIN | MESSAGES, max_size=3) | TEXTS, "tools": st.none() | st.lists(PARTS, max_size=2)}
    | dict.fromkeys(("n", "modelId", "system"), TEXTS),
)
USAGES = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("prompt_tokens", "completion_tokens", "input_tokens", "total_tokens"), TEXTS)
)
COMPLETIONS = st.fixed_dictionaries(
    {"choices": st.lists(st.fixed_dictionaries({"message": MESSAGES}, optional={"index": TEXTS}), max_size=2)},
    optional={"usage": USAGES | TEXTS, "model": TEXTS, "id": TEXTS, "output": TEXTS},
)


@given(SETTINGS)
def test_a_plain_request_is_read_like_any_other(body: dict[str, Any]) -> None:
    if (short := plain_bodies.plain_request(json.dumps(body))) is not None:
        assert short == bodies.request_values(body)


@given(COMPLETIONS)
def test_a_plain_completion_is_read_like_any_other(body: dict[str, Any]) -> None:
    if (short := plain_bodies.plain_response(json.dumps(body))) is not None:
        assert short == bodies.response_values(body)


@given(
    st.lists(PLAIN | MESSAGES, max_size=3), st.sampled_from([(", ", ": "), (",", ":"), (" , ", " : ")]), st.booleans()
)
def test_the_text_of_plain_messages_is_read_like_any_other(
    sent: list[dict[str, Any]], signs: tuple[str, str], turned: bool
) -> None:
    sent = [dict(reversed(message.items())) for message in sent] if turned else sent
    text = json.dumps(sent, separators=signs)
    if (short := plain_bodies.plain_conversation(text)) is not None:
        system, messages = bodies.conversation({"messages": sent})
        texts = [told and messages_text(told) for told in (short[1], messages)]
        assert (short[0], texts[0]) == (system, texts[1])
    if (answer := plain_bodies.plain_text(text)) is not None:
        assert (answer, None) == bodies.answer_texts({"choices": [{"message": message} for message in sent]})


def test_what_nearly_all_bodies_are_is_plain() -> None:
    sent = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": '{"role": "x"}'}]
    asked = {"model": "m", "messages": sent, "temperature": 0.5, "max_tokens": 9, "tools": [{}], "stream": True}
    message = {"role": "assistant", "content": "So.", "refusal": None, "reasoning_content": "Hm."}
    answer = {"id": "1", "model": "m", "choices": [{"index": 0, "message": message}], "usage": {"prompt_tokens": 3}}
    request, response = (json.dumps(body) for body in (asked, answer))
    assert plain_bodies.plain_request(request) == bodies.request_values(asked)
    assert plain_bodies.plain_response(response) == bodies.response_values(answer)
    assert plain_bodies.plain_conversation(json.dumps(sent)) is not None
    assert plain_bodies.plain_text(json.dumps(sent[1:])) == '{"role": "x"}'


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
