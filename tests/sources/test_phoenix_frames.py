"""A data frame of spans is read by its columns; what that gives is what its spans give that are read one by one."""

from __future__ import annotations

import ast
import datetime as dt
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from stillwatch.errors import InputError
from stillwatch.exchange import EXCHANGE
from stillwatch.sources.base import Cursor, ReadBatch
from stillwatch.sources.calls import (
    attributes,
    model_spans,
    span_columns,
    span_frame,
    span_links,
    span_messages,
    span_status,
)
from stillwatch.sources.calls.span_frame import Frame
from stillwatch.sources.calls.span_log import SpanLog
from stillwatch.sources.formats import phoenix
from stillwatch.sources.formats.phoenix import SOURCE
from stillwatch.sources.log import open_log
from stillwatch.sources.records.callers import marks_of

NOON = dt.datetime(2026, 9, 7, 12, tzinfo=dt.UTC)
LONG = "x" * 1_200
MESSAGE = pa.struct({"message.role": pa.string(), "message.content": pa.string()})
PART = pa.struct({"message_content.type": pa.string(), "message_content.text": pa.string()})
FULL = pa.struct([*MESSAGE, pa.field("message.contents", pa.list_(PART)), pa.field("message.name", pa.string())])
SUMMED = pa.struct([*MESSAGE, pa.field("message.reasoning_summary", pa.string())])

TEXTS = st.sampled_from(["Why?", "", "__REDACTED__", '\x00"\\\n\u2028é😀', "\x7f\x1f", LONG])
PARTS = st.fixed_dictionaries(
    {
        "message_content.type": st.sampled_from(["text", "reasoning", "thinking", "image", "input_text", "tool", None]),
        "message_content.text": TEXTS | st.none(),
    }
)
ROLES = st.sampled_from(["user", "assistant", "system", "developer", "", 'r"\n'])
SAID = st.fixed_dictionaries({"message.role": ROLES, "message.content": TEXTS | st.none()})


def lists(objects: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(objects, max_size=4) | st.none()


TOLD = st.fixed_dictionaries(
    {
        "message.role": ROLES | st.none(),
        "message.content": TEXTS | st.none(),
        "message.contents": lists(PARTS | st.none()),
        "message.name": st.sampled_from([None, None, "n"]),
    }
)
SUMMARIES = st.fixed_dictionaries(
    {"message.role": ROLES, "message.content": TEXTS, "message.reasoning_summary": st.sampled_from([None, "Hm."])}
)


def some(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([*values, None])


IDS = some("a", "b", "c", "d", "e", "")
MESSAGES = {
    pa.list_(MESSAGE): lists(SAID | st.none()),
    pa.list_(FULL): lists(TOLD | st.none()),
    pa.list_(SUMMED): lists(SUMMARIES),
    pa.list_(pa.string()): lists(TEXTS),
    pa.string(): TEXTS | st.none(),
}
COUNTS = {
    pa.int64(): some(0, 3, -1, 2**62),
    pa.int8(): some(0, 3, -1),
    pa.float64(): some(0.0, 3.0, 1.5, float("nan"), float("inf"), -1.0, 1e300, float(2**60)),
    pa.string(): some("3", "", "x"),
    pa.bool_(): some(True, False),
}
NAMES = {pa.string(): some("m", "n", "", LONG), pa.large_string(): some("m", ""), pa.int64(): some(0, 7)}
BODIES = {
    pa.string(): some(
        *("Why?", "", '{"messages": [{"role": "user", "content": "Why?"}]}', "__REDACTED__", "[1]", '{"a"'),
        '{"choices": [{"message": {"content": "So.", "reasoning_content": "Hm."}}]}',
    )
}
MIME = {pa.string(): some("application/json", "text/plain")}
PARAMETERS = {
    pa.string(): some(
        *("{}", '{"temperature": 1, "max_tokens": 9}', '{"temperature": 0.5}', '{"temperature": "0.25"}', "[]", "x"),
        *('{"model": "p", "max_tokens": 1.0}', '{"model": 5, "max_tokens": -1}', '{"temperature": 1e400}', "", "{"),
        *('{"max_completion_tokens": 12345678901234567890123}', '{"max_tokens": ["a"], "temperature": {}}'),
        '{"model": "\\ud800"}',
    ),
    pa.struct({"temperature": pa.float64()}): some({"temperature": 0.5}),
}
TIMES = {
    pa.timestamp("us", "UTC"): some(NOON, NOON + dt.timedelta(microseconds=500), NOON - dt.timedelta(days=40_000)),
    pa.timestamp("ns"): some(NOON.replace(tzinfo=None), dt.datetime(2026, 9, 7, 12, 0, 0, 1_500)),
    pa.timestamp("s", "America/New_York"): some(NOON, dt.datetime(2150, 1, 1, tzinfo=dt.UTC)),
}
EVENT = pa.struct({"name": pa.string(), "attributes": pa.struct({"exception.type": pa.string()})})
FAILED = [{"name": "exception", "attributes": {"exception.type": "RateLimitError"}}]
OWN: dict[str, dict[pa.DataType, st.SearchStrategy[Any]]] = {
    "context.trace_id": {pa.string(): some("t", "t", "u", "")},
    "parent_id": {pa.string(): IDS, pa.null(): st.none()},
    "span_kind": {pa.string(): some("UNKNOWN", "LLM", "LLM", "CHAIN", "TOOL", "EMBEDDING", "")},
    "end_time": {**TIMES, pa.null(): st.none()},
    "status_code": {pa.string(): some("OK", "OK", "OK", "ERROR")},
    "status_message": {pa.string(): some("Error code: 429", "?")},
    "events": {pa.list_(EVENT): some([], [], FAILED), pa.null(): st.none(), pa.string(): some("[]")},
}
ATTRIBUTES: dict[str, dict[pa.DataType, st.SearchStrategy[Any]]] = {
    "openinference.span.kind": {pa.string(): some("LLM", "LLM", "llm", "TOOL", "AGENT", "EMBEDDING", "")},
    "llm.input_messages": MESSAGES,
    "llm.output_messages": MESSAGES,
    "llm.invocation_parameters": PARAMETERS,
    **dict.fromkeys(["input.value", "output.value"], BODIES),
    **dict.fromkeys(["input.mime_type", "output.mime_type"], MIME),
    **dict.fromkeys(["llm.model_name", "gen_ai.response.model", "embedding.model_name", "llm.provider"], NAMES),
    **dict.fromkeys(["user.id", "enduser.id", "session.id", "gen_ai.conversation.id", "my.own"], NAMES),
    **dict.fromkeys(["client.address", "http.client_ip", "network.peer.address", "http.route"], NAMES),
    **dict.fromkeys(["user_agent.original", "http.request.header.x-forwarded-for"], NAMES),
    **dict.fromkeys(["llm.token_count.prompt", "gen_ai.usage.input_tokens", "llm.token_count.total"], COUNTS),
    **dict.fromkeys(["llm.token_count.completion", "llm.token_count.completion_details.reasoning"], COUNTS),
    **dict.fromkeys(["http.response.status_code", "gen_ai.request.temperature"], COUNTS),
    "llm.tools": {pa.list_(pa.struct({"tool.json_schema": pa.string()})): some([{"tool.json_schema": "{}"}], [])},
    "llm.request.type": {pa.string(): some("chat")},
    "metadata": {pa.string(): some('{"user_api_key_hash": "k", "user_api_key_user_id": "o"}')},
    "gen_ai.operation.name": {pa.string(): some("chat", "execute_tool")},
    "gen_ai.response.id": {pa.string(): some("r")},
    "error.type": {pa.string(): some("RateLimitError")},
    "traceloop.span.kind": {pa.string(): some("workflow")},
    "llm": {pa.struct({"model_name": pa.string()}): some({"model_name": "m"})},
    "": {pa.struct({"user.id": pa.string()}): some({"user.id": "z"})},
}


@st.composite
def frames(draw: st.DrawFn, always: tuple[str, ...] = ()) -> pa.Table:
    """Tables as a data frame of spans may be: some columns, of any of the types that they may have."""
    count = draw(st.integers(1, 9))
    ids = draw(st.lists(IDS, min_size=count, max_size=count))
    # sorted: the order of a set of texts differs from run to run, and a seed would give other tables each time
    own = sorted(draw(st.sets(st.sampled_from(sorted(OWN)))))
    names = always or sorted(draw(st.sets(st.sampled_from(sorted(ATTRIBUTES)))))
    told = {f"attributes.{name}": ATTRIBUTES[name] for name in names}
    kinds = {"start_time": TIMES, "attributes.user.id": NAMES} | {name: OWN[name] for name in own} | told
    columns = {"context.span_id": pa.array(ids, pa.string())}
    for name, choice in kinds.items():
        kind = draw(st.sampled_from(list(choice)))
        values = draw(st.lists(choice[kind], min_size=count, max_size=count))
        if name == "parent_id":  # a span that is sent again says of itself what it said
            values = [values[ids.index(identity)] for identity in ids]
        if name.endswith("span.kind") and always:
            values = ["LLM"] * count
        columns[name] = pa.array(values, kind)
    return pa.table(columns)


CALLS = (
    *("openinference.span.kind", "llm.input_messages", "llm.output_messages", "output.value", "output.mime_type"),
    *("llm.invocation_parameters", "llm.token_count.prompt", "llm.model_name"),
)


def by_columns(path: Path, since: Cursor | None = None) -> Iterator[ReadBatch]:
    assert Frame.takes(pq.ParquetFile(path).schema_arrow)
    return SOURCE.read(str(path), since)


def one_by_one(path: Path, passed: int = 0) -> Iterator[ReadBatch]:
    return SpanLog._windowed(SOURCE, str(path), passed)


def all_of(batches: Iterator[ReadBatch]) -> tuple[Any, ...]:
    read = list(batches)
    rows = pa.Table.from_batches([batch.exchanges for batch in read], EXCHANGE).to_pylist()
    lines = [line for batch in read for line in batch.lines.tolist()]
    marks = [mark for batch in read for mark in marks_of(batch).tolist()]
    return list(zip(lines, rows, marks, strict=True)), sorted(reject for batch in read for reject in batch.rejected)


BOUNDED = settings(
    max_examples=60,
    # tables are many draws: to shrink a failure took 5 minutes; where one is looked into, add Phase.shrink for a while
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    print_blob=True,
)


@BOUNDED
@given(table=frames() | frames(CALLS), rows=st.sampled_from([1, 3, 100]))
def test_columns_tell_what_spans_tell_one_by_one(
    table: pa.Table, rows: int, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path_factory.mktemp("frame") / "spans"
    pq.write_table(table, path)
    monkeypatch.setattr(Frame, "piece_rows", staticmethod(lambda _: rows))
    if not Frame.takes(pq.ParquetFile(path).schema_arrow):
        return
    expected = all_of(one_by_one(path))
    assert all_of(by_columns(path)) == expected
    ids = {i for array in SOURCE.identities(str(path)) for i in array.to_pylist()}
    assert ids >= {row["exchange_id"] for _, row, _ in expected[0]}
    passed = len(table) // 2
    rest = [row for row in expected[0] if row[0] > passed]
    assert all_of(by_columns(path, Cursor(passed)))[0] == rest


def written(value: Any) -> Any:
    return value.isoformat(" ") if isinstance(value, dt.datetime) else value


def agreed(spans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The spans, each that is told again within what it was said to lie within first."""
    first: dict[str, Any] = {}
    told = []
    for span in spans:
        parent = first.setdefault(span["context.span_id"], span.get("parent_id"))
        told.append(span if span.get("parent_id") == parent else span | {"parent_id": parent})
    return told


@BOUNDED
@given(
    tables=st.lists(frames() | frames(CALLS), min_size=1, max_size=3),
    others=st.lists(st.sampled_from(["{", "[]", '{"data": [{}, {"context.span_id": "z"}]}', '{"attributes": {}}'])),
    rows=st.sampled_from([1, 3, 512]),
    sound=st.booleans(),
)
def test_lines_tell_by_their_columns_what_they_tell_one_by_one(
    tables: list[pa.Table],
    others: list[str],
    rows: int,
    sound: bool,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All is the same unless the log contradicts itself: one span is told to lie within different ones, at most one of
    which can be true. Which calls enclose others then hangs on which telling is believed: one by one, all that came
    before a call; by columns, the last. What both give is the same even so, what only one gives is named as a parent,
    and reading goes on after any line as if it had not stopped. What is set aside is not compared then.
    """
    path = tmp_path_factory.mktemp("frame") / "spans.jsonl"
    spans = [span for table in tables for span in table.to_pylist()]
    spans = agreed(spans) if sound else spans
    lines = [json.dumps({"attributes.user.id": "u"})]
    lines += [json.dumps({name: written(value) for name, value in span.items()}) for span in spans]
    for place, other in enumerate(others):
        lines.insert(1 + 2 * place, other)
    path.write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(phoenix, "SLICE", rows)
    expected, found = all_of(one_by_one(path)), all_of(SOURCE.read(str(path), None))
    if spans == agreed(spans):
        assert found == expected
    else:
        assert_same_but_for_parents(found, expected, {span.get("parent_id") for span in spans})
    passed = len(lines) // 2
    rest = [row for row in found[0] if row[0] > passed]
    assert all_of(SOURCE.read(str(path), Cursor(passed)))[0] == rest


def assert_same_but_for_parents(found: tuple[Any, ...], expected: tuple[Any, ...], parents: set[str | None]) -> None:
    lines = {line for line, *_ in found[0]} & {line for line, *_ in expected[0]}
    both = [[row for row in rows if row[0] in lines] for rows in (found[0], expected[0])]
    assert both[0] == both[1]
    one_only = [row for rows in (found[0], expected[0]) for line, row, _ in rows if line not in lines]
    assert {row["exchange_id"] for row in one_only} <= parents


def test_a_span_told_to_lie_within_different_ones_costs_no_other_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call ``a`` within ``b``, which is told to lie within ``a``, and then within nothing. Either may be true, so
    that ``a`` may be read or not; what stands beside it is read.
    """
    told: list[tuple[str, str | None, str]] = [("a", None, "CHAIN"), ("b", "a", "CHAIN"), ("a", "b", "LLM")]
    told += [("b", None, "CHAIN"), ("c", "b", "LLM"), ("d", None, "LLM")]
    names = ("context.span_id", "parent_id", "span_kind")
    common = {"start_time": NOON.isoformat(), "attributes.user.id": "m", "attributes.llm.model_name": "m"}
    path = tmp_path / "spans.jsonl"
    path.write_text("".join(json.dumps(dict(zip(names, one, strict=True)) | common) + "\n" for one in told))
    beside = [(5, "c"), (6, "d")]

    def read(batches: Iterator[ReadBatch]) -> list[tuple[int, str]]:
        rows, rejected = all_of(batches)
        assert rejected == []
        return [(line, row["exchange_id"]) for line, row, _ in rows]

    assert read(one_by_one(path)) == beside  # believes that b lay within a when a came
    for rows in (1, 3, 512):
        monkeypatch.setattr(phoenix, "SLICE", rows)
        assert read(SOURCE.read(str(path), None)) == [(3, "a"), *beside]  # believes that b lies within nothing


EMPTY = {"message.role": None, "message.contents": []}
WHOLE = {"message.role": "user", "message.contents": [{"message_content.type": "image"}, None]}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("llm.token_count.prompt", [1.5, False, True, 3]),  # not 0 and 1
        ("gen_ai.request.temperature", [0.5, True]),
        ("llm.invocation_parameters", [{"temperature": 0.5}, {"temperature": False}]),
        ("llm.input_messages", [[WHOLE], [None, EMPTY]]),  # says nothing, which is nothing unreadable
    ],
)
def test_a_column_of_lines_makes_no_value_another(
    name: str, values: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = {"start_time": NOON.isoformat(), "attributes.openinference.span.kind": "LLM", "attributes.user.id": "m"}
    spans = [{"context.span_id": str(n), f"attributes.{name}": value} | common for n, value in enumerate(values)]
    path = tmp_path / "spans.jsonl"
    path.write_text("".join(json.dumps(span) + "\n" for span in spans))
    expected = all_of(one_by_one(path))
    for rows in (1, 512):
        monkeypatch.setattr(phoenix, "SLICE", rows)
        assert all_of(SOURCE.read(str(path), None)) == expected


def calls(count: int, above: list[str | None], **told: Any) -> pa.Table:
    """A data frame of calls, each within another span, and one value of each other column."""
    return pa.table(
        {
            "context.span_id": [f"r{number}" for number in range(count)],
            "parent_id": above,
            "start_time": [NOON] * count,
            "attributes.openinference.span.kind": ["LLM"] * count,
        }
        | {f"attributes.{name}": [value] * count for name, value in told.items()}
    )


def test_spans_above_are_found_before_and_after_their_calls_and_the_oldest_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Frame, "piece_rows", staticmethod(lambda _: 10))
    monkeypatch.setattr(span_frame, "CALLS_HELD", 20)
    monkeypatch.setattr(span_links, "SPANS_KNOWN", 40)
    above = {10: "s12", 30: "s12", 55: "s12", 190: "s12"}  # told in row 12
    table = calls(200, [above.get(number) for number in range(200)]).to_pylist()
    table[12] = table[12] | {"context.span_id": "s12", "attributes.openinference.span.kind": "CHAIN"}
    rows = [row | {"attributes.user.id": "u" if row["context.span_id"] == "s12" else None} for row in table]
    path = tmp_path / "spans"
    pq.write_table(pa.Table.from_pylist(rows), path)
    found = {row["exchange_id"]: row["account_id"] for _, row, _ in all_of(by_columns(path))[0]}
    assert len(found) == 199
    assert [found[f"r{number}"] for number in above] == ["u", "u", "u", None]


def test_a_text_that_is_none_is_an_error_of_the_file(tmp_path: Path) -> None:
    table = calls(1, [None], **{"llm.model_name": "m"})
    offsets = pa.py_buffer(np.array([0, 2], np.int32))
    broken = pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(b"\xff\xfe")])
    path = tmp_path / "spans.parquet"
    pq.write_table(table.set_column(4, "attributes.llm.model_name", broken), path)
    with pytest.raises(InputError, match="holds values that cannot be read"):
        open_log([path]).read()


def test_columns_of_few_types_are_left_to_the_reader_of_single_spans(tmp_path: Path) -> None:
    table = calls(2, [None, None], **{"user.id": "u"})
    times = pa.array(["2026-09-07T12:00:00Z"] * 2)
    frame = table.set_column(2, "start_time", times)
    assert not Frame.takes(frame.schema)
    pq.write_table(frame, tmp_path / "spans.parquet")
    assert open_log([tmp_path / "spans.parquet"]).read().num_rows == 2


def test_every_attribute_that_a_span_is_read_by_is_read_from_a_frame_too() -> None:
    names = set()
    for module in (attributes, model_spans, span_messages, span_status, phoenix):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                names |= {node.value} if re.fullmatch(r"[a-zA-Z_]+(\.[a-zA-Z_-]+)+", node.value) else set()
    own = {"message_content", "prompt", "completion", "tool", "context", "attributes"}
    read = {name for name in names if name.partition(".")[0] not in own}
    assert len(read) > 60
    assert {name.partition(".")[0] for name in read} <= span_columns.NAMESPACES
    assert not read & span_columns.UNREAD
