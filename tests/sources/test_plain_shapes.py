"""The short ways through the reading of logs find exactly what the long ways find."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.sources.calls import bodies
from stillwatch.sources.containers.json_documents import some_keys
from stillwatch.sources.records import values

TEXTS = st.none() | st.text(max_size=3) | st.sampled_from(["user", "system", "developer", "[1]"]) | st.integers(0, 2)
PARTS = st.lists(st.fixed_dictionaries({}, optional={"type": st.just("thinking"), "text": TEXTS}), max_size=2)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(["user", "system", "developer", "assistant"]) | TEXTS,
        "content": TEXTS | PARTS,
        "reasoning": TEXTS,
        "reasoning_content": TEXTS,
        "thinking_blocks": PARTS,
        "refusal": TEXTS,
    },
)
PLAIN = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "system", "developer"]), "content": st.text(max_size=3)}
)
REQUESTS = st.fixed_dictionaries(
    {"messages": st.lists(PLAIN | MESSAGES, max_size=3) | TEXTS},
    optional={"system": TEXTS, "contents": TEXTS, "input": TEXTS, "instructions": TEXTS},
)
CHOICES = st.fixed_dictionaries({}, optional={"message": MESSAGES | TEXTS, "text": TEXTS})
ANSWERS = st.fixed_dictionaries(
    {"choices": st.lists(CHOICES | TEXTS, max_size=2) | TEXTS},
    optional={"output": TEXTS | PARTS, "content": TEXTS | PARTS, "candidates": PARTS},
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


def told(value: object) -> Any:
    try:
        return values.epoch_us(value, None)
    except values.BadValueError as error:
        return str(error)


FRACTIONS = st.integers(values.FIRST_US, values.LAST_US).map(lambda us: us / 1e6)


@given(st.floats() | st.floats(9e8, 4.2e9) | FRACTIONS | st.integers() | st.integers(9 * 10**8, 42 * 10**17))
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
