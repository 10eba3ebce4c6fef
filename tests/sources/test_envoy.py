"""Envoy AI Gateway's access log: recommended keys, older ones, and what is no call to a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from stillwatch.sources.formats.envoy import SOURCE
from stillwatch.sources.log import open_log
from tests.sources.gateway_logs import (
    assert_round_trip,
    golden_documents,
    golden_rows,
    hostile_documents,
    read_or_set_aside,
)
from tests.sources.writers import envoy as writer

EVERY_LINE = {
    "account_id": "acme",
    "model": "gpt-m-2026",
    "operation": "chat",
    "client_ip": "198.51.100.7",
    "user_agent": "curl/8.7.1",
    "input_tokens": 15,
    "output_tokens": 7,
    "status": 200,
    "latency_ms": 1526,
}


def test_ordinary_and_mcp() -> None:
    expected = {"exchange_id": "envoy-1", "started_at": "2026-09-07T00:03:08.251000+00:00"}
    assert addressed(golden_rows("envoy", "ordinary.jsonl")) == [EVERY_LINE | expected]


def addressed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The last hop of an address that is a list, without its port: which hop counts is not this reader's to say."""
    return [row | {"client_ip": row["client_ip"].rpartition(", ")[2].partition(":")[0]} for row in rows]


def test_reasoning_session_key_and_fingerprint() -> None:
    expected = {
        "exchange_id": "envoy-2",
        "started_at": "2026-09-07T00:03:08.252000+00:00",
        "api_key_id": "key-3",
        "session_id": "s-9",
        "ja4": "t13d1516h2_8daaf6152771_b186095e22b6",
        "output_tokens": 70,
        "reasoning_tokens": 60,
    }
    assert addressed(golden_rows("envoy", "reasoning.jsonl")) == [EVERY_LINE | expected]


def test_failures() -> None:
    refused, gone = addressed(golden_rows("envoy", "failure.jsonl"))
    expected = EVERY_LINE | {
        "exchange_id": "envoy-3",
        "started_at": "2026-09-07T00:03:08.253000+00:00",
        "model": "gpt-m",
        "status": 429,
        "latency_ms": 3,
    }
    del expected["input_tokens"], expected["output_tokens"]
    assert refused == expected
    assert gone == EVERY_LINE | {
        "exchange_id": "envoy-4",
        "started_at": "2026-09-07T00:03:08.254000+00:00",
        "output_tokens": 0,
        "status": 499,
    }


def test_older_keys() -> None:
    expected = {
        "exchange_id": "envoy-5",
        "started_at": "2026-09-07T00:03:08.255000+00:00",
        "model": "gpt-4o-mini",
    }
    assert addressed(golden_rows("envoy", "older.jsonl")) == [EVERY_LINE | expected]


@pytest.mark.parametrize(
    ("forwarded", "downstream", "expected"),
    [
        ("203.0.113.9, 198.51.100.7", "10.0.0.9:1", "203.0.113.9, 198.51.100.7"),
        ("-", "203.0.113.9:1", "203.0.113.9:1"),
        (None, "[2001:db8::1]:443", "[2001:db8::1]:443"),
        (None, None, None),
    ],
)
def test_address_is_the_forwarded_one_or_the_callers(forwarded: Any, downstream: Any, expected: str | None) -> None:
    line = golden_documents("envoy")[-1]
    changed = line | {"x-forwarded-for": forwarded, "downstream_remote_address": downstream}
    (row,) = SOURCE.exchanges(changed)
    assert row["client_ip"] == expected


def test_a_line_without_account_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    lines = [document for document in golden_documents("envoy") if document.get("account.id")]
    path.write_text(json.dumps(lines[0]) + "\n" + json.dumps(lines[1] | {"account.id": "-"}) + "\n")
    log = open_log([path])
    assert log.read().num_rows == 1
    assert [reject.reason for reject in log.rejects] == ["missing account_id"]


@given(hostile_documents(golden_documents("envoy")))
def test_any_value_anywhere_is_read_or_set_aside(document: Any) -> None:
    read, rejected = read_or_set_aside(SOURCE, [document])
    assert read + rejected <= 1


def test_round_trip(tmp_path: Path) -> None:
    assert set(SOURCE.info.carries) == writer.CARRIES
    assert_round_trip(writer.write, writer.CARRIES, "envoy", tmp_path)
