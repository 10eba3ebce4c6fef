"""Loose values become typed ones without loss, or are refused; whatever they are, nothing crashes."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import InputError
from stillwatch.exchange import EXCHANGE
from stillwatch.sources.base import Cursor
from stillwatch.sources.records.columns import cast_column
from stillwatch.sources.records.conversation import BadConversationError, messages_text
from stillwatch.sources.records.rows import COLUMNS, Rows
from stillwatch.sources.records.values import CONVERTERS, BadValueError, epoch_us, real, text, time_us, whole

TIMES = st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2099, 12, 31), timezones=st.just(dt.UTC))
LOOSE = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary(max_size=5)
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)
    | st.datetimes()
)


@given(st.integers(0, 2**63 - 1))
def test_whole_numbers_survive_in_every_dress(number: int) -> None:
    assert whole(number) == whole(str(number)) == number
    if number < 2**53:
        assert whole(float(number)) == number


@pytest.mark.parametrize("value", ["many", "1.5", 1.5, True, "0x1", [], {}, b"1"])
def test_whole_refuses_what_is_none(value: object) -> None:
    with pytest.raises(BadValueError, match="wrong type"):
        whole(value)


@pytest.mark.parametrize("value", [2**63, "9" * 30, 1e300, "1e999999999", "9" * 100_000, math.inf, "inf", "nan"])
def test_whole_refuses_what_does_not_fit(value: object) -> None:
    with pytest.raises(BadValueError, match="out of range"):
        whole(value)


@pytest.mark.parametrize("value", [-1, "-1", -1.0])
def test_nothing_is_negative(value: object) -> None:
    for converter in (whole, real):
        with pytest.raises(BadValueError, match="negative"):
            converter(value)


@given(st.floats(0, 1e6))
def test_real_numbers_survive(number: float) -> None:
    assert real(number) == number
    assert real(repr(number)) == pytest.approx(number)


@given(TIMES)
def test_times_survive_in_every_dress(moment: dt.datetime) -> None:
    us = round((moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) / dt.timedelta(microseconds=1))
    assert time_us(moment.isoformat()) == us
    assert time_us(moment.isoformat(" ").replace("+00:00", "Z")) == us
    assert time_us(moment.astimezone(dt.timezone(dt.timedelta(hours=5, minutes=30))).isoformat()) == us
    assert time_us(moment.replace(tzinfo=None).isoformat()) == us
    assert time_us(us) == epoch_us(us, "us") == us
    assert time_us(us * 1000) == us
    assert time_us(us // 1000) == us // 1000 * 1000
    assert time_us(us // 10**6) == us // 10**6 * 10**6
    assert epoch_us(str(us // 1000), "ms") == us // 1000 * 1000


@pytest.mark.parametrize("value", [0, -1, 5, "1969-12-31", "2100-01-01", "9999-12-31T23:59:59+00:00", 10**30])
def test_impossible_times_are_refused(value: object) -> None:
    with pytest.raises(BadValueError, match=r"impossible time|out of range"):
        time_us(value)


def test_text_that_utf8_cannot_hold_is_refused() -> None:
    with pytest.raises(BadValueError, match="UTF-8"):
        text("\ud800")
    assert text("") is None
    assert text("é\0") == "é\0"


@given(st.lists(LOOSE, min_size=len(COLUMNS), max_size=len(COLUMNS)))
def test_rows_of_anything_are_kept_or_set_aside(values: list[Any]) -> None:
    rows = Rows("log")
    rows.add(values, 1)
    rows.add(["r", "2026-09-07", "a", *[None] * (len(COLUMNS) - 3)], 2)
    batch = rows.take(Cursor(2))
    assert batch.exchanges.schema.equals(EXCHANGE)
    assert batch.exchanges.num_rows + len(batch.rejected) == 2
    assert "r" in batch.exchanges.column(0).to_pylist()


@given(st.sampled_from(COLUMNS), st.lists(LOOSE.filter(lambda v: not isinstance(v, bytes)), max_size=4))
def test_a_column_gives_the_same_by_value_and_as_a_whole(name: str, values: list[Any]) -> None:
    """A Parquet column and the same values one by one (as in JSON) must end as the same exchanges."""
    try:
        column = pa.array(values)
    except (pa.ArrowException, TypeError, OverflowError, ValueError):
        return
    values = column.to_pylist()
    try:
        array, wrong = cast_column(column, EXCHANGE.field(name), "log")
    except InputError:
        return
    for position, (value, found) in enumerate(zip(values, array.to_pylist(), strict=True)):
        try:
            expected = None if value is None else CONVERTERS[name](value)
        except (BadValueError, BadConversationError):
            refused_later = isinstance(found, int | float) and (found < 0 or math.isinf(found))
            assert position in wrong or refused_later
            continue
        if position not in wrong and isinstance(expected, str | float | None):
            assert found == expected


MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": st.text() | st.none()}),
    max_size=3,
)


@given(MESSAGES)
def test_conversations_survive_as_list_and_as_text(messages: list[dict[str, str | None]]) -> None:
    if not messages:
        assert messages_text(messages) is messages_text("[]") is messages_text("") is None
        return
    for given_as in (messages, json.dumps(messages), json.dumps(messages, ensure_ascii=False)):
        found = messages_text(given_as)
        assert found is not None
        assert msgspec.json.decode(found) == messages


@given(st.text() | LOOSE)
def test_conversations_of_anything_decode_or_are_refused(value: object) -> None:
    try:
        found = messages_text(value)
    except BadConversationError:
        return
    assert found is None or isinstance(msgspec.json.decode(found), list)
