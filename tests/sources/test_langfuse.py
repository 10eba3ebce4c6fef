"""Langfuse's rows in each of its exports, and observations that find their traces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from stillwatch.errors import InputError
from stillwatch.sources.containers.files import head
from stillwatch.sources.formats import langfuse as reader
from stillwatch.sources.formats.langfuse import SOURCE
from stillwatch.sources.log import open_log
from tests.sources.rounds import agree, exchanges, misshapen, replaced
from tests.sources.writers import langfuse

GOLDEN = Path(__file__).parents[1] / "golden" / "logs" / "langfuse"
NAMES = ("ordinary", "streaming", "tools", "reasoning", "failure", "redacted")
ROWS = [json.loads(line) for name in NAMES for line in (GOLDEN / f"{name}.jsonl").read_text().splitlines()]
TRACE = {"id": "t1", "timestamp": "2026-09-07 00:00:00", "user_id": "u7", "session_id": "s7", "bookmarked": False}


def rows(path: Path) -> list[dict[str, Any]]:
    log = open_log([path])
    assert log.format == "langfuse"
    found: list[dict[str, Any]] = []
    for row in log.read().to_pylist():
        row["started_at"] = row["started_at"].isoformat()
        row["messages"] = None if row["messages"] is None else [tuple(m.values()) for m in json.loads(row["messages"])]
        found.append({name: value for name, value in row.items() if value is not None})
    assert log.rejects == ()
    return found


@pytest.mark.parametrize("name", ["ordinary.jsonl", "ordinary.csv", "api.json"])
def test_ordinary_rows(name: str) -> None:
    chat, embedding, plain = rows(GOLDEN / name)
    assert chat == {
        "exchange_id": "obs-1",
        "started_at": "2026-09-07T00:03:01.250000+00:00",
        "account_id": "u1",
        "session_id": "s1",
        "model": "gpt-4o",
        "operation": "generation",
        "system_prompt": "Be brief.",
        "messages": [("user", 'Why, "Anna"?\nSay.')],
        "response": "So.",
        "input_tokens": 12,
        "output_tokens": 30,
        "temperature": 0.2,
        "max_tokens": 100,
        "tool_count": 0,
        "status": 200,
        "latency_ms": 500,
    }
    assert (embedding["operation"], embedding["messages"]) == ("embedding", [("user", "a river")])
    assert embedding["input_tokens"] == 3
    assert {"response", "output_tokens", "temperature"}.isdisjoint(embedding)
    assert (plain["messages"], plain["response"]) == ([("user", "Plain words")], "Plain answer")
    assert (plain["input_tokens"], plain["output_tokens"], plain["reasoning_tokens"]) == (3164, 406, 310)
    assert "max_tokens" not in plain


def test_streaming_and_tools() -> None:
    (streamed,) = rows(GOLDEN / "streaming.jsonl")
    assert (streamed["messages"], streamed["response"], streamed["latency_ms"]) == ([("user", "Hello")], "Hi.", 500)
    request, langchain = rows(GOLDEN / "tools.jsonl")
    assert request["messages"] == [("user", "How warm?"), ("tool", "12 degrees")]
    assert (request["response"], request["tool_count"]) == ("Twelve.", 2)
    assert [role for role, _ in langchain["messages"]] == ["user", "assistant"]
    assert langchain["messages"][0] == ("user", "How warm?")
    assert langchain["tool_count"] == 3
    assert "response" not in langchain


def test_reasoning_stands_apart() -> None:
    for row in rows(GOLDEN / "reasoning.jsonl"):
        assert (row["response"], row["reasoning"]) == ("No.", "7 times 13.")
        assert row["messages"] == [("user", "Is 91 prime?")]
        assert (row["input_tokens"], row["output_tokens"], row["reasoning_tokens"]) == (10, 30, 25)


def test_earlier_turns_in_an_output_are_no_answer(tmp_path: Path) -> None:
    earlier = [{"role": "user", "content": "One?"}, {"role": "assistant", "content": "1.", "reasoning_content": "Hm."}]
    turns = [*earlier, {"type": "human", "content": "Two?"}, {"type": "ai", "content": "2."}]
    for name, output in (("a", turns), ("b", turns[3:])):
        path = tmp_path / f"{name}.jsonl"
        path.write_text(json.dumps({**ROWS[0], "output": output}) + "\n")
        (row,) = rows(path)
        assert (row["response"], row.get("reasoning")) == ("2.", None)


def test_failures_and_exports_without_texts() -> None:
    (failed,) = rows(GOLDEN / "failure.jsonl")
    assert (failed["status"], failed["system_prompt"]) == (500, "Be brief.")
    assert {"response", "input_tokens", "output_tokens"}.isdisjoint(failed)
    (bare,) = rows(GOLDEN / "redacted.jsonl")
    assert {"messages", "response", "tool_count", "temperature", "status"}.isdisjoint(bare)
    assert (bare["input_tokens"], bare["output_tokens"]) == (12, 30)


def test_a_trace_with_its_observations_and_a_page_of_such(tmp_path: Path) -> None:
    inner = {"id": "o1", "traceId": "t1", "type": "GENERATION", "startTime": "2026-09-07T00:00:00Z", "usageDetails": {}}
    trace = {"id": "t1", "timestamp": "2026-09-07T00:00:00Z", "userId": "u7", "sessionId": "s7", "htmlPath": "/"}
    path = tmp_path / "log.json"
    for document in ({**trace, "observations": [inner]}, {"data": [{**trace, "observations": [inner]}], "meta": {}}):
        path.write_text(json.dumps(document, indent=1))
        assert [(r["exchange_id"], r["account_id"], r["session_id"]) for r in rows(path)] == [("o1", "u7", "s7")]


def test_no_account_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps(ROWS[0]) + "\n" + json.dumps({**ROWS[0], "id": "o2", "user_id": None}) + "\n")
    log = open_log([path])
    assert log.read().num_rows == 1
    assert [reject.reason for reject in log.rejects] == ["missing account_id"]


def test_traces_in_the_same_folder_and_changed_in_between(tmp_path: Path) -> None:
    row = {**ROWS[0], "trace_id": "t1", "user_id": None, "session_id": None}
    observations, traces = tmp_path / "observations.jsonl", tmp_path / "traces.csv"
    observations.write_text(json.dumps(row) + "\n")
    for user in ("u7", "another"):
        traces.write_text(f"id,timestamp,user_id,session_id,bookmarked\nt1,2026-09-07 00:00:00,{user},,false\n")
        (found,) = open_log([observations]).read().to_pylist()
        assert (found["account_id"], found["session_id"]) == (user, None)


def test_traces_elsewhere_are_not_looked_for(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "traces").mkdir()
    (tmp_path / "traces" / "1.jsonl").write_text(json.dumps(TRACE) + "\n")
    path = tmp_path / "a" / "1.jsonl"
    path.write_text(json.dumps({**ROWS[0], "trace_id": "t1", "user_id": None}) + "\n")
    with pytest.raises(InputError, match="missing account_id"):
        open_log([path]).read()


def test_a_file_that_was_not_named_and_cannot_be_opened_spoils_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    observations, other = tmp_path / "observations.jsonl", tmp_path / "other"
    observations.write_text(
        "".join(json.dumps({**ROWS[0], **more}) + "\n" for more in ({"user_id": None}, {"id": "o2"}))
    )
    other.write_text("?")

    def refused(location: str) -> bytes:
        if location == str(other):
            raise InputError("cannot be opened: Permission denied", location)
        return head(location)

    monkeypatch.setattr(reader, "head", refused)
    assert open_log([observations]).read().column("exchange_id").to_pylist() == ["o2"]


def test_more_traces_than_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "TRACES_KEPT", 1)
    (tmp_path / "1.jsonl").write_text(json.dumps({**ROWS[0], "user_id": None}) + "\n")
    (tmp_path / "2.jsonl").write_text("".join(json.dumps({**TRACE, "id": f"t{i}"}) + "\n" for i in range(2)))
    with pytest.raises(InputError, match="more than 5 million traces"):
        open_log([tmp_path]).read()


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"input": 10, "output": 5}, (10, 5, None)),
        ({"input": 10, "input_cached_tokens": 4, "output": 5, "total": 15}, (10, 5, None)),
        ({"input": 10, "input_cached_tokens": 4, "output": 5, "total": 19}, (14, 5, None)),
        ({"input": 10, "cache_read_input_tokens": 4, "output": 5}, (14, 5, None)),
        ({"input": 10, "output": 5, "total": 15, "unit": "TOKENS", "inputCost": 0.1}, (10, 5, None)),
        ({"input": 10, "output": 5, "reasoning_tokens": 3, "total": 18}, (10, 8, 3)),
        ({"total": 18}, (None, None, None)),
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "cost": 0.1}, (10, 5, None)),
        ({}, (None, None, None)),
    ],
)
def test_counts(usage: dict[str, Any], expected: tuple[Any, ...], tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps({**ROWS[0], "usage_details": usage}) + "\n")
    (row,) = rows(path)
    assert tuple(row.get(name) for name in ("input_tokens", "output_tokens", "reasoning_tokens")) == expected


def test_impossible_counts_are_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    wrong = {**ROWS[0], "id": "o2", "usage_details": {"input": -1, "output": 2}}
    path.write_text(json.dumps(ROWS[0]) + "\n" + json.dumps(wrong) + "\n")
    log = open_log([path])
    assert log.read().num_rows == 1
    assert [reject.reason for reject in log.rejects] == ["negative: input_tokens"]


def test_parquet_of_odd_types(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    table = pa.table(
        {
            "id": pa.array([b"o1", b"o2"], pa.binary()),
            "trace_id": ["t", "t"],
            "type": pa.array(["GENERATION", "SPAN"]).dictionary_encode(),
            "parent_observation_id": ["", ""],
            "start_time": pa.array([1788739388250000001, 2**63 - 1], pa.timestamp("ns")),
            "user_id": ["u", "u"],
            "usage_details": pa.array([[("input", 3)], None], pa.map_(pa.string(), pa.int64())),
        }
    )
    pq.write_table(table, path)
    (row,) = rows(path)
    assert (row["exchange_id"], row["input_tokens"]) == ("o1", 3)
    assert row["started_at"] == "2026-09-07T00:03:08.250000+00:00"


def test_no_shape_is_an_error() -> None:
    page = json.loads((GOLDEN / "api.json").read_text())
    for row in misshapen([*ROWS, page]):
        document = {"rows": reader._rows(row)}
        list(SOURCE.exchanges(document))
        list(SOURCE.identity(document))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(replaced(ROWS))
def test_any_value_may_be_anything(tmp_path_factory: pytest.TempPathFactory, row: Any) -> None:
    path = tmp_path_factory.mktemp("any") / "log"
    path.write_text(json.dumps({**ROWS[0], "id": "sound"}) + "\n" + json.dumps(row) + "\n")
    log = open_log([path], format="langfuse")
    assert log.read().num_rows + sum(reject.records for reject in log.rejects) in (1, 2)


@pytest.mark.parametrize("write", [langfuse.write, langfuse.write_parquet, langfuse.write_with_traces])
def test_round_trip(write: Any, tmp_path: Path) -> None:
    table = exchanges()
    log = open_log(write(table, tmp_path))
    agree(table, log.read(), langfuse.CARRIES)
    assert log.format == "langfuse"
