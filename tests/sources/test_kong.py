"""Kong's request log: newer and older names of its AI plugins' fields, in golden files and a round trip."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from stillwatch.sources.formats.kong import SOURCE
from stillwatch.sources.log import open_log
from tests.sources.gateway_logs import (
    assert_round_trip,
    golden_documents,
    golden_rows,
    hostile_documents,
    read_or_set_aside,
)
from tests.sources.writers import kong as writer

EVERY_ENTRY = {
    "account_id": "c-1",
    "api_key_id": "credential-1",
    "model": "gpt-m-2026",
    "operation": "chat",
    "client_ip": "198.51.100.7",
    "user_agent": "agent/1",
    "status": 200,
    "latency_ms": 1500,
    "reasoning_tokens": 0,
    "tool_count": 0,
}
EXPECTED: dict[str, dict[str, Any]] = {
    "ordinary": {
        "exchange_id": "kong-1",
        "started_at": "2026-09-07T00:03:08.251000+00:00",
        "system_prompt": "Be brief.",
        "messages": [("user", "Why is the sky blue?")],
        "response": "Rayleigh scattering.",
        "input_tokens": 14,
        "output_tokens": 21,
        "temperature": 0.2,
        "max_tokens": 100,
    },
    "streaming": {
        "exchange_id": "kong-2",
        "started_at": "2026-09-07T00:03:08.252000+00:00",
        "messages": [("user", "Count.")],
        "response": "One, two.",
        "input_tokens": 3,
        "output_tokens": 4,
    },
    "tools": {
        "exchange_id": "kong-3",
        "started_at": "2026-09-07T00:03:08.253000+00:00",
        "messages": [("user", "2+2?"), ("assistant", None), ("tool", "4")],
        "response": "Four.",
        "input_tokens": 30,
        "output_tokens": 2,
        "tool_count": 2,
    },
    "reasoning": {
        "exchange_id": "kong-4",
        "started_at": "2026-09-07T00:03:08.254000+00:00",
        "messages": [("user", "Prove it.")],
        "response": "Thus.",
        "reasoning": "Assume not.",
        "input_tokens": 5,
        "output_tokens": 60,
        "reasoning_tokens": 50,
        "max_tokens": 900,
    },
    "failure": {
        "exchange_id": "kong-5",
        "started_at": "2026-09-07T00:03:08.255000+00:00",
        "messages": [("user", "Again.")],
        "input_tokens": 0,
        "output_tokens": 0,
        "status": 429,
    },
}


@pytest.mark.parametrize("name", EXPECTED)
def test_golden(name: str) -> None:
    assert golden_rows("kong", f"{name}.jsonl") == [EVERY_ENTRY | EXPECTED[name]]


def test_without_payloads_everything_but_the_texts_is_known() -> None:
    expected = EVERY_ENTRY | {
        "exchange_id": "kong-6",
        "started_at": "2026-09-07T00:03:08.256000+00:00",
        "input_tokens": 14,
        "output_tokens": 21,
    }
    del expected["tool_count"]
    assert golden_rows("kong", "redacted.jsonl") == [expected]


def test_older_names_and_a_transformer_beside_the_proxy() -> None:
    (row,) = golden_rows("kong", "older.jsonl")
    expected = EVERY_ENTRY | {
        "exchange_id": "kong-7",
        "started_at": "2026-09-07T00:03:08.257000+00:00",
        "account_id": "credential-1",
        "model": "command",
        "messages": [("user", "Old?")],
        "response": "Yes.",
        "input_tokens": 28,
        "output_tokens": 20,
    }
    del expected["reasoning_tokens"]
    assert row == expected


def test_batches_are_arrays(tmp_path: Path) -> None:
    documents = [document for document in golden_documents("kong") if "ai" in document]
    path = tmp_path / "batch.json"
    path.write_text(json.dumps(documents))
    log = open_log([path])
    assert (log.format, log.read().num_rows, log.rejects) == ("kong", len(documents), ())


@pytest.mark.parametrize("ai", [None, {}, {"mcp": {"rpc": []}}, {"audit": {"azure_content_safety": {"Hate": 2}}}, []])
def test_what_is_no_call_to_a_model_is_passed_over(ai: Any) -> None:
    (document,) = [d for d in golden_documents("kong") if mapping_id(d) == "kong-1"]
    assert list(SOURCE.exchanges(document | {"ai": ai})) == []


def mapping_id(document: Any) -> str:
    return str(document["request"]["id"])


def test_unauthenticated_requests_are_set_aside(tmp_path: Path) -> None:
    (document,) = [d for d in golden_documents("kong") if mapping_id(d) == "kong-1"]
    open_entry = {key: value for key, value in document.items() if key not in ("consumer", "authenticated_entity")}
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps(document) + "\n" + json.dumps(open_entry) + "\n")
    log = open_log([path])
    assert log.read().num_rows == 1
    assert [reject.reason for reject in log.rejects] == ["missing account_id"]


@given(hostile_documents([document for document in golden_documents("kong") if "ai" in document]))
def test_any_value_anywhere_is_read_or_set_aside(document: Any) -> None:
    read, rejected = read_or_set_aside(SOURCE, [document])
    assert read + rejected <= 1


def test_round_trip(tmp_path: Path) -> None:
    assert set(SOURCE.info.carries) == writer.CARRIES
    assert_round_trip(writer.write, writer.CARRIES, "kong", tmp_path)


def test_tokens_of_the_answers_body_go_before_those_of_the_gateway() -> None:
    (document,) = [d for d in golden_documents("kong") if mapping_id(d) == "kong-1"]
    usage = {"input_tokens": 5, "cache_read_input_tokens": 30, "output_tokens": 9}
    body = {"type": "message", "content": [{"type": "text", "text": "So."}], "usage": usage}
    call = {"payload": {"response": json.dumps(body)}, "usage": {"prompt_tokens": 5, "completion_tokens": 9}}
    (row,) = SOURCE.exchanges(document | {"ai": {"proxy": call}})
    assert (row["input_tokens"], row["output_tokens"]) == (35, 9)
