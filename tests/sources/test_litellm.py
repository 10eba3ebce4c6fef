"""LiteLLM's payload in its containers and shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.sources.log import open_log
from tests.sources.gateway_logs import assert_round_trip, golden_rows
from tests.sources.rounds import JSON
from tests.sources.writers import litellm as writer

REDACTED = "redacted-by-litellm"


def payload(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{number}",
        "litellm_call_id": f"call-{number}",
        "call_type": "acompletion",
        "status": "success",
        "model": "m",
        "startTime": 1788739388.25,
        "response_time": 0.5,
        "prompt_tokens": 12,
        "completion_tokens": 30,
        "requester_ip_address": "10.0.0.9, 198.51.100.7",
        "end_user": "anyone-i-like",
        "metadata": {"user_api_key_hash": "k1", "user_api_key_user_id": "u1", "user_agent": "agent/1"},
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
        "model_parameters": {"temperature": 0.2, "max_tokens": 100, "tools": [{}, {}]},
        "response": {
            "choices": [{"message": {"role": "assistant", "content": "So.", "reasoning_content": "Hm."}}],
            "usage": {"completion_tokens_details": {"reasoning_tokens": 20}},
        },
    } | changes


def read(tmp_path: Path, data: bytes) -> list[dict[str, Any]]:
    path = tmp_path / "log.json"
    path.write_bytes(data)
    log = open_log([path])
    assert log.format == "litellm"
    rows: list[dict[str, Any]] = log.read().to_pylist()
    assert log.rejects == ()
    return rows


def one(tmp_path: Path, **changes: Any) -> dict[str, Any]:
    (row,) = read(tmp_path, json.dumps(payload(**changes)).encode())
    return row


def test_every_column_that_the_payload_knows(tmp_path: Path) -> None:
    row = one(tmp_path)
    assert row.pop("started_at").isoformat() == "2026-09-07T00:03:08.250000+00:00"
    assert json.loads(row.pop("messages")) == [{"role": "user", "content": "Why?"}]
    assert {name: value for name, value in row.items() if value is not None} == {
        "exchange_id": "call-1",
        "account_id": "u1",
        "api_key_id": "k1",
        "model": "m",
        "operation": "acompletion",
        "system_prompt": "Be brief.",
        "response": "So.",
        "reasoning": "Hm.",
        "input_tokens": 12,
        "output_tokens": 30,
        "reasoning_tokens": 20,
        "temperature": 0.2,
        "max_tokens": 100,
        "tool_count": 2,
        "client_ip": "198.51.100.7",
        "user_agent": "agent/1",
        "status": 200,
        "latency_ms": 500,
    }


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("container", ["lines", "array", "object"])
def test_every_container(container: str, indent: int | None, tmp_path: Path) -> None:
    payloads = [payload(i) for i in range(1 if container == "object" else 3)]
    if container == "lines":
        text = "\n".join(json.dumps(p) for p in payloads)
    else:
        text = json.dumps(payloads if container == "array" else payloads[0], indent=indent)
    assert [row["exchange_id"] for row in read(tmp_path, text.encode())] == [p["litellm_call_id"] for p in payloads]


def test_array_that_is_cut_or_broken_inside_keeps_its_whole_objects(tmp_path: Path) -> None:
    text = json.dumps([payload(i) for i in range(4)], indent=1)
    broken = text.replace('"prompt_tokens": 12', '"prompt_tokens": twelve', 1)[:-300].encode()
    path = tmp_path / "log.json"
    path.write_bytes(broken)
    log = open_log([path])
    assert [row["exchange_id"] for row in log.read().to_pylist()] == ["call-1", "call-2"]
    last = text[: text.index('"chatcmpl-3"')].count("\n")
    assert [(r.reason, r.where) for r in log.set_aside] == [("not JSON", f"{path}:2"), ("cut line", f"{path}:{last}")]


def test_redacted_texts_are_no_evidence(tmp_path: Path) -> None:
    row = one(
        tmp_path,
        messages=[{"role": "user", "content": REDACTED}],
        response={"choices": [{"message": {"content": REDACTED, "reasoning_content": REDACTED}}]},
    )
    assert (row["messages"], row["response"], row["reasoning"], row["system_prompt"]) == (None, None, None, None)


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ("[{'role': 'user', 'content': 'Wh...truncated by litellm, this logger does not support large content", None),
        ("Tell me a story...truncated by litellm, this logger does not support large content", "Tell me a story"),
        ('[{"role": "user", "content": "Why?"}]', "Why?"),
        ({"messages": [{"role": "user", "content": "Why?"}]}, "Why?"),
        (["Why?"], "Why?"),
        (
            [{"role": "user", "content": [{"type": "text", "text": "Why?"}, {"type": "image_url", "image_url": {}}]}],
            "Why?",
        ),
        ([{"role": "user", "content": [{"type": "tool_result", "content": [{"type": "text", "text": "42"}]}]}], "42"),
        ([{"type": "function_call_output", "output": "42"}], "42"),
        (None, None),
        ([], None),
    ],
)
def test_shapes_of_the_conversation(messages: Any, expected: str | None, tmp_path: Path) -> None:
    text = one(tmp_path, messages=messages)["messages"]
    assert expected == (None if text is None else json.loads(text)[0]["content"])


THINKING = [
    {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
    {"type": "redacted_thinking", "data": "c2VjcmV0"},
]


@pytest.mark.parametrize(
    "response",
    [
        {"choices": [{"message": {"content": "So.", "thinking_blocks": THINKING}}]},
        {"content": [*THINKING, {"type": "text", "text": "So."}]},
        {
            "output": [
                {
                    "type": "reasoning",
                    "summary": [{"type": "summary_text", "text": "Hm."}],
                    "encrypted_content": "eA==",
                },
                {"type": "message", "content": [{"type": "output_text", "text": "So."}]},
            ]
        },
    ],
)
def test_answers_and_reasoning_in_three_dialects(response: Any, tmp_path: Path) -> None:
    row = one(tmp_path, response=response)
    assert (row["response"], row["reasoning"]) == ("So.", "Hm.")


@pytest.mark.parametrize(
    ("metadata", "account"),
    [
        ({"user_api_key_user_id": "u", "user_api_key_team_id": "t"}, "u"),
        ({"user_api_key_team_id": "t", "user_api_key_org_id": "o"}, "t"),
        ({"user_api_key_org_id": "o", "user_api_key_hash": "k"}, "o"),
        ({"user_api_key_hash": "k", "user_api_key_user_id": None}, "k"),
    ],
)
def test_the_account_is_what_the_proxy_established(metadata: Any, account: str, tmp_path: Path) -> None:
    assert one(tmp_path, metadata=metadata)["account_id"] == account


def test_what_the_caller_claims_is_no_account(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps(payload(1, metadata={})) + "\n" + json.dumps(payload(2)) + "\n")
    log = open_log([path])
    assert log.read().num_rows == 1
    assert [r.reason for r in log.rejects] == ["missing account_id"]


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        ("success", None, 200),
        ("failure", "429", 429),
        ("failure", "boom", 500),
        ("failure", None, 500),
        ("?", None, None),
    ],
)
def test_status(status: str, code: str | None, expected: int | None, tmp_path: Path) -> None:
    assert one(tmp_path, status=status, error_information={"error_code": code})["status"] == expected


EVERY = {
    "account_id": "u-17",
    "api_key_id": "5f0c9e",
    "model": "gpt-m",
    "operation": "acompletion",
    "started_at": "2026-09-07T00:03:08.250000+00:00",
    "input_tokens": 14,
    "output_tokens": 21,
    "reasoning_tokens": 0,
    "temperature": 0.2,
    "max_tokens": 100,
    "tool_count": 0,
    "client_ip": "8.8.8.8",
    "user_agent": "agent/1",
    "status": 200,
    "latency_ms": 1500,
}
SKY = [("user", "Why is the sky blue?")]
GOLDEN: dict[str, dict[str, Any]] = {
    "ordinary": {
        "exchange_id": "call-1",
        "session_id": "sess-1",
        "system_prompt": "Be brief.",
        "messages": SKY,
        "response": "Rayleigh scattering.",
    },
    "streaming": {
        "exchange_id": "call-2",
        "session_id": "sess-2",
        "messages": [("user", "Count.")],
        "response": "One, two.",
    },
    "tools": {
        "exchange_id": "call-3",
        "session_id": "sess-3",
        "messages": [("user", "2+2?"), ("assistant", None), ("tool", "4")],
        "tool_count": 2,
    },
    "reasoning": {
        "exchange_id": "call-4",
        "session_id": "sess-4",
        "messages": [("user", "2+2?"), ("assistant", "Five."), ("user", "Again.")],
        "response": "Four.",
        "reasoning": "Two and two.",
        "reasoning_tokens": 16,
    },
    "failure": {
        "exchange_id": "call-5",
        "session_id": "sess-5",
        "system_prompt": "Be brief.",
        "messages": SKY,
        "input_tokens": 0,
        "output_tokens": 0,
        "reasoning_tokens": None,
        "status": 429,
    },
    "redacted": {
        "exchange_id": "call-6",
        "session_id": "sess-6",
        "account_id": "t-2",
        "reasoning_tokens": 7,
        "client_ip": None,
    },
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name: str) -> None:
    expected = {key: value for key, value in (EVERY | GOLDEN[name]).items() if value is not None}
    assert golden_rows("litellm", f"{name}.jsonl") == [expected]


def test_round_trip(tmp_path: Path) -> None:
    assert_round_trip(writer.write, writer.CARRIES, "litellm", tmp_path)


def test_parameters_of_the_api_of_responses(tmp_path: Path) -> None:
    told = {"instructions": "Be brief.", "max_output_tokens": 70}
    row = one(tmp_path, messages=[{"role": "user", "content": "Why?"}], model_parameters=told)
    assert (row["system_prompt"], row["max_tokens"]) == ("Be brief.", 70)
    hidden = one(
        tmp_path, messages=[{"role": "user", "content": REDACTED}], model_parameters={"instructions": REDACTED}
    )
    assert hidden["system_prompt"] is None


@pytest.mark.parametrize(("owner", "provider", "account"), [(None, "", None), (None, "openai", "k1"), ("u1", "", "u1")])
def test_a_key_that_the_proxy_refused_is_nobodys(
    owner: str | None, provider: str, account: str | None, tmp_path: Path
) -> None:
    changes: dict[str, Any] = {
        "status": "failure",
        "error_information": {"error_code": "401", "llm_provider": provider},
        "metadata": {"user_api_key_hash": "k1", "user_api_key_user_id": owner},
    }
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps(payload(1, **changes)) + "\n" + json.dumps(payload(2)) + "\n")
    log = open_log([path])
    assert [row["account_id"] for row in log.read().to_pylist()] == ([account] if account else []) + ["u1"]
    assert [reject.reason for reject in log.rejects] == ([] if account else ["missing account_id"])


@given(st.dictionaries(st.sampled_from(sorted(payload())), JSON))
def test_payloads_of_any_shape_are_read_or_set_aside(
    tmp_path_factory: pytest.TempPathFactory, changes: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("any") / "log.jsonl"
    path.write_text(json.dumps(payload(2)) + "\n" + json.dumps(payload(1, **changes)) + "\n")
    log = open_log([path])
    assert log.read().num_rows + sum(reject.records for reject in log.rejects) == 2
