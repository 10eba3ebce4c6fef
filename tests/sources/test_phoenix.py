"""Phoenix's spans, as its API, its command line and its data frame write them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.exchange import EXCHANGE, in_order
from stillwatch.simulation.world import simulate
from stillwatch.sources.calls import span_window
from stillwatch.sources.formats.phoenix import SOURCE
from stillwatch.sources.log import open_log
from tests.sources.rounds import JSON, places
from tests.sources.writers import phoenix as writer

GOLDEN = Path(__file__).parent.parent / "golden" / "logs" / "phoenix"
CALL = {"exchange_id": "00f067aa0ba902b7", "account_id": "a1", "model": "m", "operation": "chat", "latency_ms": 500}
COUNTS = {"status": 200, "input_tokens": 12, "output_tokens": 30}
ASKED = [{"role": "user", "content": "Why?"}]


def one(path: Path) -> dict[str, Any]:
    log = open_log([path])
    assert log.format == "phoenix"
    (row,) = log.read().to_pylist()
    assert log.rejects == ()
    assert row.pop("started_at").isoformat() == "2026-09-07T00:03:08.250000+00:00"
    row["messages"] = row["messages"] and json.loads(row["messages"])
    return {name: value for name, value in row.items() if value is not None}


def test_ordinary_page_of_the_api() -> None:
    assert one(GOLDEN / "ordinary.json") == CALL | COUNTS | {
        "session_id": "s1",
        "system_prompt": "Be brief.",
        "messages": ASKED,
        "response": "So.",
        "temperature": 0.2,
        "max_tokens": 100,
        "client_ip": "203.0.113.9",
        "user_agent": "agent/1",
    }


def test_reasoning_in_nested_attributes_of_a_saved_trace() -> None:
    expected = {"messages": ASKED, "response": "So.", "reasoning": "Hm.", "reasoning_tokens": 20}
    assert one(GOLDEN / "reasoning.json") == CALL | COUNTS | expected


TOOLS = {
    "messages": [
        {"role": "user", "content": "Weather in Paris?"},
        {"role": "assistant", "content": None},
        {"role": "tool", "content": "rainy"},
    ],
    "response": "It rains.",
    "tool_count": 2,
}


def test_tools_in_a_data_frame_as_lines_and_as_parquet(tmp_path: Path) -> None:
    assert one(GOLDEN / "tools.jsonl") == CALL | COUNTS | TOOLS
    spans = [json.loads(line) for line in (GOLDEN / "tools.jsonl").read_text().splitlines()]
    names = dict.fromkeys(name for span in spans for name in span)
    table = pa.table({name: [span.get(name) for span in spans] for name in names})
    for name in ("start_time", "end_time"):  # pandas keeps nanoseconds, and counts with gaps as fractions
        times = table[name].cast(pa.timestamp("ms", "UTC")).cast(pa.timestamp("ns", "UTC"))
        times = pa.array([value.value + 7 for value in times], pa.int64()).cast(pa.timestamp("ns", "UTC"))
        table = table.set_column(table.schema.get_field_index(name), name, times)
    place = table.schema.get_field_index("attributes.llm.token_count.prompt")
    table = table.set_column(place, table.field(place).name, pa.array([12.0, float("nan")]))
    pq.write_table(table, tmp_path / "spans.parquet")
    assert one(tmp_path / "spans.parquet") == CALL | COUNTS | TOOLS


def test_failure() -> None:
    assert one(GOLDEN / "failure.jsonl") == CALL | {"status": 429, "messages": ASKED}


def test_redacted_texts_are_null() -> None:
    assert one(GOLDEN / "redacted.jsonl") == CALL | COUNTS


def test_values_that_are_wrong_are_set_aside(tmp_path: Path) -> None:
    span = json.loads((GOLDEN / "failure.jsonl").read_text())
    lines = [
        span,
        span | {"context": {"span_id": "b"}, "start_time": "yesterday"},
        span | {"context": {"span_id": "c"}, "end_time": "2026-09-06T00:00:00+00:00"},
        span | {"context": {"span_id": "d"}, "attributes": span["attributes"] | {"llm.token_count.prompt": -1}},
        span | {"context": {"span_id": "e"}, "attributes": span["attributes"] | {"user.id": None}},
        span | {"context": {"span_id": "f"}, "end_time": 10**400},
    ]
    path = tmp_path / "spans.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    log = open_log([path])
    assert log.read().num_rows == 1
    assert [(reject.reason, reject.where) for reject in log.set_aside] == [
        ("wrong type: started_at", f"{path}:2"),
        ("negative: latency_ms", f"{path}:3"),
        ("negative: input_tokens", f"{path}:4"),
        ("number out of range: latency_ms", f"{path}:6"),
        ("missing account_id", f"{path}:5"),
    ]


def test_not_a_number_is_nothing_in_a_data_frame_and_a_callers_value_elsewhere(tmp_path: Path) -> None:
    span = json.loads((GOLDEN / "failure.jsonl").read_text())
    odd = {**span["attributes"], "session.id": float("nan")}
    path = tmp_path / "spans.jsonl"
    notes = []
    for document in (span | {"attributes": odd}, {n: v for n, v in span.items() if n != "attributes"} | columns(odd)):
        path.write_text(json.dumps(document) + "\n")
        log = open_log([path])
        assert log.read().to_pylist()[0]["session_id"] is None
        notes.append(log.notes)
    assert notes == [
        ("1 exchange held a value that no API takes (session_id 1); what could not be read of these is missing.",),
        (),
    ]


def columns(attributes: dict[str, Any]) -> dict[str, Any]:
    return {f"attributes.{name}": value for name, value in attributes.items()}


@pytest.mark.parametrize(
    "name", ["session.id", "user_agent.original", "llm.model_name", "llm.input_messages.0.message.content"]
)
def test_no_text_of_a_caller_fills_the_memory(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(span_window, "CHARACTERS_HELD", 100_000)
    window = span_window.Window(settled=not SOURCE.records_apart)
    for number in range(1, 11):
        assert not window.full
        attributes = {"openinference.span.kind": "LLM", name: str(number % 10) * 10_000}
        row = {"context": {"span_id": str(number), "trace_id": "t"}, "attributes": attributes}
        window.add(SOURCE.told(row), number, number)
    assert window.full
    assert len(list(window.exchanges())) == 10


def test_times_may_have_any_zone_or_none(tmp_path: Path) -> None:
    span = json.loads((GOLDEN / "failure.jsonl").read_text())
    path = tmp_path / "spans.jsonl"
    path.write_text(json.dumps(span | {"start_time": "2024-01-11T16:45:17.982858-07:00"}) + "\n")
    expected = dt.datetime(2024, 1, 11, 23, 45, 17, 982858, tzinfo=dt.UTC)
    assert open_log([path]).read().to_pylist()[0]["started_at"] == expected


DOCUMENTS = [
    document if isinstance(document, dict) else document[0]
    for path in sorted(GOLDEN.iterdir())
    for text in (path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()])
    for document in [json.loads(text)]
]


@given(st.data())
def test_spans_of_any_shape_are_read_or_set_aside(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    document = json.loads(json.dumps(data.draw(st.sampled_from(DOCUMENTS))))
    place = data.draw(st.sampled_from(list(places(document))))
    inner = document
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = data.draw(JSON)
    path = tmp_path_factory.mktemp("any") / "log.jsonl"
    path.write_text(json.dumps(document) + "\n")
    ids = {i for array in SOURCE.identities(str(path)) for i in array.to_pylist()}
    for batch in SOURCE.read(str(path), None):
        assert set(batch.exchanges.column(0).to_pylist()) <= ids


ODD: list[Any] = [None, [], [None], [{}], [{"message.role": "user"}], [None, {"message.content": "Why?"}]]
CONTENTS: list[Any] = [None, [], [{}], [{"message_content.type": "text", "message_content.text": "So."}]]


def test_messages_of_any_shape_are_the_same_in_parquet_and_in_lines(tmp_path: Path) -> None:
    span = json.loads((GOLDEN / "tools.jsonl").read_text().splitlines()[0])
    answers = [[{"message.role": "assistant", "message.contents": told}] for told in CONTENTS]
    spans = [
        span
        | {"context.span_id": f"{number:x}", "attributes.llm.input_messages": sent}
        | {"attributes.llm.output_messages": answers[number % len(answers)]}
        for number, sent in enumerate(ODD * len(answers))
    ]
    lines, table = (tmp_path / name / "spans" for name in ("lines", "table"))
    for path in (lines, table):
        path.parent.mkdir()
    lines.write_text("".join(json.dumps(span) + "\n" for span in spans))
    pq.write_table(pa.Table.from_pylist(spans), table)
    first, second = (open_log([path], format="phoenix") for path in (lines, table))
    assert first.read().num_rows == len(spans)
    assert in_order(second.read()) == in_order(first.read())
    assert second.notes == first.notes


@pytest.mark.parametrize("write", [writer.write, writer.write_lines])
def test_round_trip(write: Callable[[pa.Table, Path], list[Path]], tmp_path: Path) -> None:
    simulate(accounts=30, days=3.0, campaigns=[], seed=5, load=0.5).write(tmp_path)
    table = open_log([tmp_path / "exchanges.parquet"]).read().slice(0, 300)
    for name, value in {"reasoning": "Hm.", "reasoning_tokens": 3}.items():
        place = EXCHANGE.get_field_index(name)
        table = table.set_column(
            place, EXCHANGE.field(place), pa.array([value] * len(table), EXCHANGE.field(place).type)
        )
    folder = tmp_path / "phoenix"
    folder.mkdir()
    write(table, folder)
    log = open_log([folder])
    carried = sorted(writer.CARRIES)
    found = log.read().select(carried).sort_by("exchange_id").to_pylist()
    assert log.rejects == ()
    assert found == table.select(carried).sort_by("exchange_id").to_pylist()
