"""Bedrock's invocation log: records as published, and as CloudWatch Logs hands them on."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings

from stillwatch.sources.formats.bedrock import SOURCE
from stillwatch.sources.log import open_log
from tests.sources.rounds import agree, exchanges, misshapen, replaced
from tests.sources.writers import bedrock

GOLDEN = Path(__file__).parents[1] / "golden" / "logs" / "bedrock"
ROLE = "arn:aws:sts::111122223333:assumed-role/analysts/ana"
NAMES = ("ordinary", "streaming", "tools", "reasoning", "failure", "redacted")
RECORDS = [json.loads(line) for name in NAMES for line in (GOLDEN / f"{name}.jsonl").read_text().splitlines()]


def rows(path: Path) -> list[dict[str, Any]]:
    log = open_log([path])
    assert log.format == "bedrock"
    found: list[dict[str, Any]] = []
    for row in log.read().to_pylist():
        assert row.pop("account_id") == ROLE
        row["started_at"] = f"{row['started_at']:%Y-%m-%dT%H:%M:%SZ}"
        row["messages"] = None if row["messages"] is None else [tuple(m.values()) for m in json.loads(row["messages"])]
        found.append({name: value for name, value in row.items() if value is not None})
    assert log.rejects == ()
    return found


def test_ordinary_calls() -> None:
    converse, claude, llama, embedding = rows(GOLDEN / "ordinary.jsonl")
    assert converse == {
        "exchange_id": "0b0e0c9d-0001",
        "started_at": "2026-09-07T00:03:01Z",
        "model": "amazon.nova-lite-v1:0",
        "operation": "Converse",
        "system_prompt": "Be brief.",
        "messages": [
            ("user", "What is a haiku?"),
            ("assistant", "A short poem."),
            ("user", 'Write "one" about rain.'),
        ],
        "response": "Rain on the old roof",
        "input_tokens": 130,
        "output_tokens": 8,
        "temperature": 0.7,
        "max_tokens": 512,
        "tool_count": 0,
        "status": 200,
        "latency_ms": 302,
    }
    assert claude == {
        "exchange_id": "0b0e0c9d-0002",
        "started_at": "2026-09-07T00:03:02Z",
        "model": "us.anthropic.claude-sonnet-4-20250514-v1:0",
        "operation": "InvokeModel",
        "system_prompt": "Be brief.",
        "messages": [("user", "Good evening")],
        "response": "Good evening.",
        "input_tokens": 12,
        "output_tokens": 5,
        "temperature": 1.0,
        "max_tokens": 300,
        "tool_count": 0,
        "status": 200,
    }
    assert (llama["messages"], llama["response"]) == ([("user", "What is the capital of Sudan?")], "Khartoum.")
    assert (llama["temperature"], llama["max_tokens"], llama["output_tokens"]) == (0.1, 2048, 12)
    assert embedding["messages"] == [("user", "a river")]
    assert {"response", "output_tokens"}.isdisjoint(embedding)


def test_streams_are_put_together() -> None:
    claude, completion, titan, converse = rows(GOLDEN / "streaming.jsonl")
    assert [row["response"] for row in (claude, completion, titan, converse)] == [
        "Hello!",
        " Hello!",
        " Hello! How can I help?",
        "Hey.",
    ]
    assert [row["latency_ms"] for row in (claude, completion, titan, converse)] == [864, 700, 864, 120]
    assert [row["input_tokens"] for row in (claude, completion, titan, converse)] == [8, 10, 7, 2]
    assert [row["output_tokens"] for row in (claude, completion, titan, converse)] == [4, 6, 11, 3]
    assert completion["messages"] == [("user", "\n\nHuman: Hello\n\nAssistant:")]
    assert (completion["max_tokens"], titan["max_tokens"], titan["temperature"]) == (300, 2048, 0.0)


def test_tools_results_and_guarded_text() -> None:
    (row,) = rows(GOLDEN / "tools.jsonl")
    assert row["tool_count"] == 2
    assert row["messages"] == [
        ("user", "How warm is it?\nIn Oslo."),
        ("assistant", None),
        ("user", "12 degrees"),
    ]
    assert row["response"] == "Twelve degrees."


def test_reasoning_stands_apart_and_what_is_encrypted_is_no_text() -> None:
    converse, native = rows(GOLDEN / "reasoning.jsonl")
    assert (converse["response"], converse["reasoning"]) == ("No.", "7 times 13.")
    assert converse["messages"][1] == ("assistant", "Let me see.")
    assert (native["response"], native["reasoning"], native["reasoning_tokens"]) == ("No.", "7 times 13.", 30)
    assert native["model"] == "claude-sonnet-5"


def test_failed_calls_have_a_status_and_nothing_else() -> None:
    throttled, unknown = rows(GOLDEN / "failure.jsonl")
    assert (throttled["status"], unknown["status"]) == (429, 500)
    assert {"messages", "response", "input_tokens", "output_tokens", "tool_count"}.isdisjoint(throttled)


def test_bodies_that_lie_elsewhere_are_null_and_counts_are_kept() -> None:
    moved, off = rows(GOLDEN / "redacted.jsonl")
    assert {"messages", "response", "tool_count"}.isdisjoint(moved)
    assert (moved["input_tokens"], moved["output_tokens"]) == (225_919, 167)
    assert moved["model"] == "global.anthropic.claude-opus-4-7"
    assert (off["input_tokens"], off["output_tokens"], off["status"]) == (1, 8, 200)


@pytest.mark.parametrize("shape", ["export", "subscription", "events", "message", "array", "gzip"])
def test_every_container(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    messages = [json.dumps(record) for record in RECORDS]
    events = [{"id": str(i), "timestamp": 1788739388000 + i, "message": text} for i, text in enumerate(messages)]
    if shape == "export":
        path.write_text("".join(f"2026-09-07T00:03:08.250Z {text}\n" for text in messages))
    elif shape == "subscription":
        kept = {"messageType": "DATA_MESSAGE", "owner": "111122223333", "logGroup": "/aws/bedrock", "logEvents": events}
        control = {
            "messageType": "CONTROL_MESSAGE",
            "logEvents": [{"id": "", "timestamp": 1, "message": "CWL CONTROL"}],
        }
        path.write_text(json.dumps(kept) + "\n" + json.dumps(control) + "\n")
    elif shape == "events":
        path.write_text(json.dumps({"events": events, "nextForwardToken": "f/1"}, indent=4))
    elif shape == "message":
        path.write_text("".join(json.dumps(event) + "\n" for event in events))
    elif shape == "array":
        path.write_text(json.dumps(RECORDS, indent=1))
    else:
        path.write_bytes(gzip.compress("\n".join(messages).encode()))
    assert rows(path) == [row for name in NAMES for row in rows(GOLDEN / f"{name}.jsonl")]


def test_the_caller_says_nothing_about_the_account(tmp_path: Path) -> None:
    path = tmp_path / "log"
    record = {**RECORDS[0], "identity": None, "requestMetadata": {"accountId": "x"}}
    path.write_text(json.dumps(record) + "\n")
    assert open_log([path]).read()["account_id"].to_pylist() == ["111122223333"]


@pytest.mark.parametrize(("name", "value"), [("inputTokenCount", -1), ("cacheReadInputTokenCount", "many")])
def test_impossible_counts_are_set_aside(name: str, value: Any, tmp_path: Path) -> None:
    path = tmp_path / "log"
    wrong = {**RECORDS[1], "input": {**RECORDS[1]["input"], name: value}}
    path.write_text(json.dumps(RECORDS[0]) + "\n" + json.dumps(wrong) + "\n")
    log = open_log([path])
    assert log.read().num_rows == 1
    assert [reject.reason.partition(": ")[2] for reject in log.rejects] == ["input_tokens"]


def test_no_shape_is_an_error() -> None:
    for record in misshapen(RECORDS):
        list(SOURCE.exchanges(record))
        list(SOURCE.identity(record))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(replaced(RECORDS))
def test_any_value_may_be_anything(tmp_path_factory: pytest.TempPathFactory, record: Any) -> None:
    path = tmp_path_factory.mktemp("any") / "log"
    path.write_text(json.dumps({**RECORDS[0], "requestId": "sound"}) + "\n" + json.dumps(record) + "\n")
    log = open_log([path], format="bedrock")
    assert log.read().num_rows + sum(reject.records for reject in log.rejects) in (1, 2)


def test_round_trip(tmp_path: Path) -> None:
    table = exchanges()
    answered = pc.equal(table["status"], 200)
    for columns, part in (
        (bedrock.CARRIES, table.filter(answered)),
        (bedrock.CARRIES_OF_FAILURES, table.filter(pc.invert(answered))),
    ):
        agree(part, open_log(bedrock.write(part, tmp_path)).read(), columns)
