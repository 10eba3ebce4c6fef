"""OpenTelemetry's logs in several files: traces and log records apart, and files that go on in another."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import InputError
from stillwatch.sources.calls import span_index
from stillwatch.sources.log import open_log
from tests.sources.gateway_logs import simulated
from tests.sources.rounds import JSON, places
from tests.sources.test_callers_values import BYTES, HOSTILE, put
from tests.sources.test_otlp import ASKED, LINES, details, line, span
from tests.sources.writers import otlp as writer


def record(number: int, text: str, time: int = 1788739388250000000) -> str:
    """What a user said, as a log record of span ``number``."""
    told = {
        "timeUnixNano": str(time),
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": f"{number:016x}",
        "eventName": "gen_ai.user.message",
        "body": {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": text}}]}},
    }
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [told]}]}]}) + "\n"


def read(folder: Path, files: dict[str, str]) -> dict[str, dict[str, Any]]:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    log = open_log([folder])
    found = {row["exchange_id"].lstrip("0"): row for row in log.read().to_pylist()}
    assert log.rejects == ()
    return found


def test_round_trip_over_three_files(tmp_path: Path) -> None:
    table = simulated()
    paths = writer.write_apart(table, tmp_path)
    expected = table.select(sorted(writer.CARRIES)).sort_by("exchange_id").to_pylist()
    for row in expected:
        row["messages"] = json.loads(row["messages"])
    for order in itertools.permutations(paths):
        log = open_log(order)
        found = log.read().select(sorted(writer.CARRIES)).sort_by("exchange_id").to_pylist()
        for row in found:
            row["messages"] = json.loads(row["messages"])
        assert (found, log.rejects) == (expected, ())


def test_one_file_named_alone_finds_what_lies_beside_it(tmp_path: Path) -> None:
    traces, *_ = writer.write_apart(simulated(), tmp_path)
    log = open_log([traces])
    assert log.read()["messages"].null_count == 0
    assert log.rejects == ()


@pytest.mark.parametrize(("calls", "said"), [("a.jsonl", "b.jsonl"), ("b.jsonl", "a.jsonl"), ("traces/x", "logs/y")])
def test_messages_of_another_file_are_in_the_order_of_their_times(calls: str, said: str, tmp_path: Path) -> None:
    records = record(1, "How?", 1788739388250000002) + record(1, "Why?") + record(1, "Why?")
    row = read(tmp_path, {calls: line(span(1, user__id="a")), said: records})["1"]
    assert [message["content"] for message in json.loads(row["messages"])] == ["Why?", "How?"]


@pytest.mark.parametrize("turned", [False, True])
def test_a_trace_whose_spans_stand_in_two_files_is_one(turned: bool, tmp_path: Path) -> None:
    """A framework's span around the call's is no call of its own, and the server above both knows who called."""
    inner = line(span(3, 2))
    outer = line(span(2, 1), span(1, kind=2, user__id="a", client__address="203.0.113.9"))
    names = ("b.jsonl", "a.jsonl") if turned else ("a.jsonl", "b.jsonl")
    found = read(tmp_path, dict(zip(names, (inner, outer), strict=True)))
    assert {name: (row["account_id"], row["client_ip"]) for name, row in found.items()} == {"3": ("a", "203.0.113.9")}


def test_details_without_their_span_are_an_exchange_only_where_it_is_in_no_file(tmp_path: Path) -> None:
    told = details(1, user__id="a", gen_ai__input__messages=json.dumps(ASKED)) + details(2, user__id="a")
    found = read(tmp_path, {"logs.jsonl": told, "traces.jsonl": line(span(1, user__id="a"))})
    assert sorted(found) == ["1", "2"]
    assert json.loads(found["1"]["messages"]) == ASKED
    assert found["1"]["latency_ms"] == 500


def test_records_whose_spans_are_nowhere_are_set_aside(tmp_path: Path) -> None:
    (tmp_path / "logs.jsonl").write_text(record(1, "Why?") + record(2, "How?"))
    with pytest.raises(InputError, match=f"2 set aside, most for: {span_index.ALONE}"):
        open_log([tmp_path]).read()
    (tmp_path / "traces.jsonl").write_text(line(span(1, user__id="a")))
    log = open_log([tmp_path])
    assert log.read().num_rows == 1
    assert [(reject.reason, reject.where) for reject in log.set_aside] == [
        (span_index.ALONE, f"{tmp_path / 'logs.jsonl'}:2")
    ]


def test_what_is_remembered_lies_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many spans and records there are, a handful is in memory at a time."""
    monkeypatch.setattr(span_index, "WRITTEN", 3)
    count = 40
    calls = "".join(line(span(100 + n, 1)) for n in range(count)) + line(span(1, kind=2, user__id="a"))
    found = read(tmp_path, {"t.jsonl": calls, "l.jsonl": "".join(record(100 + n, f"{n}?") for n in range(count))})
    assert sorted(json.loads(row["messages"])[0]["content"] for row in found.values()) == sorted(
        f"{n}?" for n in range(count)
    )
    assert {row["account_id"] for row in found.values()} == {"a"}


@given(st.data())
def test_lines_of_any_shape_spoil_no_other_file(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    document = json.loads(data.draw(st.sampled_from(LINES)))
    place = data.draw(st.sampled_from(list(places(document))))
    document = put(document, place, data.draw(st.sampled_from([value for value in HOSTILE if value != BYTES]) | JSON))
    folder = tmp_path_factory.mktemp("any")
    (folder / "a.jsonl").write_text(json.dumps(document) + "\n")
    (folder / "b.jsonl").write_text(line(span(1, user__id="a")) + record(1, "Why?"))
    assert "Why?" in str(open_log([folder], format="otlp").read()["messages"].to_pylist())


def test_spans_that_are_within_each_other_end(tmp_path: Path) -> None:
    round_about = line(span(1, 2, user__id="a"), span(2, 1, user__id="a"))
    with pytest.raises(InputError):
        read(tmp_path, {"a.jsonl": round_about, "b.jsonl": line(span(3, 1, kind=2))})
