"""Exchanges written as Kong's file-log plugin would have logged them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.sources.writers.chat import chat_request, chat_usage

CARRIES = frozenset(
    {
        *("exchange_id", "account_id", "api_key_id", "model", "operation", "system_prompt", "messages", "response"),
        *("reasoning", "input_tokens", "output_tokens", "reasoning_tokens", "temperature", "max_tokens", "tool_count"),
        *("client_ip", "user_agent", "status", "latency_ms", "started_at"),
    }
)


def write(exchanges: pa.Table, folder: Path) -> list[Path]:
    path = folder / "kong.log"
    with path.open("w", encoding="utf-8") as file:
        for row in exchanges.to_pylist():
            file.write(json.dumps(entry(row), ensure_ascii=False) + "\n")
    return [path]


def entry(row: dict[str, Any]) -> dict[str, Any]:
    logged: dict[str, Any] = {
        # Kong writes whole milliseconds; finer ones keep the order of exchanges, by which tables are compared
        "started_at": round(row["started_at"].timestamp() * 1_000_000) / 1000,
        "client_ip": row["client_ip"],
        "consumer": {"id": row["account_id"], "username": "somebody", "created_at": 1726782477},
        "authenticated_entity": {"id": row["api_key_id"], "consumer_id": row["account_id"]},
        "request": {
            "id": row["exchange_id"],
            "uri": "/v1/chat/completions",
            "method": "POST",
            "headers": {"user-agent": row["user_agent"], "authorization": "REDACTED"},
        },
        "response": {"status": row["status"], "size": 10, "headers": {}},
        "latencies": {"request": row["latency_ms"], "kong": 1, "proxy": row["latency_ms"]},
        "tries": [],
        "ai": {
            "proxy": {
                "payload": {"request": json.dumps(chat_request(row)), "response": json.dumps(response_body(row))},
                "meta": {"request_model": row["model"], "response_model": row["model"], "provider_name": "openai"},
                "usage": chat_usage(row) | {"cost": 0},
            }
        },
    }
    return logged


def response_body(row: dict[str, Any]) -> dict[str, Any]:
    if row["status"] >= 400:
        return {"error": {"message": "refused"}}
    message = {"role": "assistant", "content": row["response"]}
    if row["reasoning"] is not None:
        message["reasoning_content"] = row["reasoning"]
    return {"object": "chat.completion", "model": row["model"], "choices": [{"index": 0, "message": message}]}
