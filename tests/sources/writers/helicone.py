"""Exchanges written as Helicone's export tool would have written them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.sources.writers.chat import chat_answer, chat_request

CARRIES = frozenset(
    {
        *("exchange_id", "started_at", "account_id", "session_id", "model", "operation", "system_prompt", "messages"),
        *("response", "reasoning", "input_tokens", "output_tokens", "reasoning_tokens", "temperature", "max_tokens"),
        *("tool_count", "status", "latency_ms"),
    }
)


def write(exchanges: pa.Table, folder: Path) -> list[Path]:
    path = folder / "output.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for row in exchanges.to_pylist():
            file.write(json.dumps(helicone_row(row), ensure_ascii=False) + "\n")
    return [path]


def helicone_row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "request_id": row["exchange_id"],
        "request_created_at": row["started_at"].strftime("%Y-%m-%d %H:%M:%S.%f"),
        "request_user_id": row["account_id"],
        "request_properties": {"Helicone-Session-Id": row["session_id"]},
        "request_path": "https://api.openai.com/v1/chat/completions",
        "request_model": row["model"],
        "request_body": chat_request(row),
        "response_body": chat_answer(row),
        "response_status": row["status"],
        "delay_ms": row["latency_ms"],
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "country_code": "XX",
    }
