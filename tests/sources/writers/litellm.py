"""LiteLLM's StandardLoggingPayload as its callbacks write it, one object per line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from stillwatch.exchange import EXCHANGE
from tests.sources.writers.chat import chat_answer

CARRIES = frozenset(EXCHANGE.names) - {"client_asn", "client_network", "ja4"}


def write(exchanges: pa.Table, folder: Path) -> list[Path]:
    path = folder / "litellm.jsonl"
    with path.open("w") as file:
        for row in exchanges.to_pylist():
            file.write(json.dumps(payload(row)) + "\n")
    return [path]


def payload(row: dict[str, Any]) -> dict[str, Any]:
    messages = json.loads(row["messages"]) if row["messages"] else None
    if row["system_prompt"] and messages is not None:
        messages.insert(0, {"role": "system", "content": row["system_prompt"]})
    failed = row["status"] is not None and row["status"] >= 400
    parameters = {"temperature": row["temperature"], "max_tokens": row["max_tokens"], "stream": False}
    return {
        "id": "chatcmpl-" + row["exchange_id"],
        "litellm_call_id": row["exchange_id"],
        "session_id": row["session_id"],
        "call_type": row["operation"],
        "status": "failure" if failed else "success",
        "error_information": {"error_code": str(row["status"])} if failed else None,
        "model": row["model"],
        "startTime": row["started_at"].timestamp(),
        "endTime": row["started_at"].timestamp() + (row["latency_ms"] or 0) / 1000,
        "response_time": None if row["latency_ms"] is None else row["latency_ms"] / 1000,
        "prompt_tokens": row["input_tokens"],
        "completion_tokens": row["output_tokens"],
        "requester_ip_address": row["client_ip"],
        "metadata": {
            "user_api_key_hash": row["api_key_id"],
            "user_api_key_user_id": row["account_id"],
            "user_agent": row["user_agent"],
        },
        "messages": messages,
        "model_parameters": parameters | {"tools": [{"type": "function"}] * (row["tool_count"] or 0)},
        "response": chat_answer(row),
    }
