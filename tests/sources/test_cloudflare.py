"""Cloudflare AI Gateway's logs: rows of the API with and without texts, and lines of Logpush."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from stillwatch.sources.formats.cloudflare import SOURCE
from stillwatch.sources.log import open_log
from tests.sources.gateway_logs import (
    assert_round_trip,
    golden_documents,
    golden_rows,
    hostile_documents,
    read_or_set_aside,
)
from tests.sources.writers import cloudflare as writer

METADATA_ONLY = {
    "account_id": "acme",
    "session_id": "s-1",
    "model": "gpt-m-2026",
    "operation": "chat",
    "status": 200,
    "latency_ms": 1500,
    "input_tokens": 14,
    "output_tokens": 21,
}
EVERY_ROW = METADATA_ONLY | {"tool_count": 0}
EXPECTED: dict[str, list[dict[str, Any]]] = {
    "ordinary": [
        EVERY_ROW
        | {
            "exchange_id": "01CF1",
            "started_at": "2026-09-07T00:03:08.251000+00:00",
            "system_prompt": "Be brief.",
            "messages": [("user", "Why?")],
            "response": "So.",
            "temperature": 0.2,
            "max_tokens": 100,
        }
    ],
    "streaming": [
        EVERY_ROW
        | {
            "exchange_id": "01CF2",
            "started_at": "2026-09-07T00:03:08.252000+00:00",
            "messages": [("user", "Count.")],
            "response": "One.",
            "input_tokens": 3,
            "output_tokens": 2,
        }
    ],
    "tools": [
        EVERY_ROW
        | {
            "exchange_id": "01CF3",
            "started_at": "2026-09-07T00:03:08.253000+00:00",
            "messages": [("user", "2+2?"), ("assistant", None), ("tool", "4")],
            "response": "Four.",
            "tool_count": 1,
        }
    ],
    "reasoning": [
        EVERY_ROW
        | {
            "exchange_id": "01CF4",
            "started_at": "2026-09-07T00:03:08.254000+00:00",
            "model": "claude-m-2026",
            "system_prompt": "Think.",
            "messages": [("user", "Prove it.")],
            "response": "Thus.",
            "reasoning": "Assume not.",
            "input_tokens": 35,
            "output_tokens": 60,
            "reasoning_tokens": 50,
            "max_tokens": 2000,
        }
    ],
    "failure": [
        EVERY_ROW
        | {
            "exchange_id": "01CF5",
            "started_at": "2026-09-07T00:03:08.255000+00:00",
            "messages": [("user", "Again.")],
            "input_tokens": 0,
            "output_tokens": 0,
            "status": 429,
            "user_agent": "agent/1",
        },
        {
            "exchange_id": "01CF6",
            "started_at": "2026-09-07T00:03:08.256000+00:00",
            "account_id": "77",
            "model": "gpt-m-2026",
            "operation": "chat",
            "status": 500,
            "latency_ms": 1500,
        },
    ],
    "redacted": [
        METADATA_ONLY | {"exchange_id": "01CF7", "started_at": "2026-09-07T00:03:08.257000+00:00"},
        METADATA_ONLY | {"exchange_id": "01CF8", "started_at": "2026-09-07T00:03:08.258000+00:00"},
    ],
    "logpush": [
        {
            "exchange_id": "chatcmpl-9",
            "started_at": "2026-09-07T00:03:08+00:00",
            "account_id": "acme",
            "model": "gpt-m-2026",
            "operation": "chat",
            "status": 200,
            "messages": [("user", "Pushed?")],
            "response": "Yes.",
            "input_tokens": 4,
            "output_tokens": 2,
            "tool_count": 0,
        },
        {
            "exchange_id": "01CFP",
            "started_at": "2026-09-07T00:03:09+00:00",
            "account_id": "acme",
            "model": "gpt-m-2026",
            "operation": "chat",
            "status": 200,
        },
    ],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_golden(name: str) -> None:
    assert golden_rows("cloudflare", f"{name}.jsonl") == EXPECTED[name]


@pytest.mark.parametrize("indent", [None, 2])
def test_answers_of_the_api(indent: int | None, tmp_path: Path) -> None:
    rows = [document for document in golden_documents("cloudflare") if "id" in document]
    for name, result in (("list", rows[1:]), ("detail", rows[0])):
        (tmp_path / name).write_text(json.dumps({"result": result, "success": True}, indent=indent))
    log = open_log([tmp_path])
    assert (log.format, log.read().num_rows, log.rejects) == ("cloudflare", len(rows), ())


def test_encrypted_metadata_is_no_account(tmp_path: Path) -> None:
    pushed = [document for document in golden_documents("cloudflare") if "Metadata" in document]
    path = tmp_path / "push.log"
    closed = pushed[1] | {"Metadata": {"key": "a", "iv": "b", "data": "c"}}
    path.write_text(json.dumps(pushed[0]) + "\n" + json.dumps(closed) + "\n")
    log = open_log([path])
    assert log.read().num_rows == 1
    assert [reject.reason for reject in log.rejects] == ["missing account_id"]


@given(hostile_documents(golden_documents("cloudflare")))
def test_any_value_anywhere_is_read_or_set_aside(document: Any) -> None:
    read, rejected = read_or_set_aside(SOURCE, [document])
    assert read + rejected <= 1


def test_round_trip(tmp_path: Path) -> None:
    assert set(SOURCE.info.carries) == writer.CARRIES
    assert_round_trip(writer.write, writer.CARRIES, "cloudflare", tmp_path)
