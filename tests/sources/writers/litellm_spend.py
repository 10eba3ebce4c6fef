"""Exchanges as LiteLLM's table of spend logs: rows as JSON lines, as CSV, and as the values of the database's table."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.sources.writers.chat import chat_answer, chat_request

CARRIES: frozenset[str] = frozenset(
    {
        "exchange_id",
        "started_at",
        "account_id",
        "api_key_id",
        "session_id",
        "model",
        "operation",
        "system_prompt",
        "messages",
        "response",
        "reasoning",
        "input_tokens",
        "output_tokens",
        "reasoning_tokens",
        "temperature",
        "max_tokens",
        "tool_count",
        "client_ip",
        "user_agent",
        "status",
        "latency_ms",
    }
)


def write(exchanges: pa.Table, folder: Path) -> list[Path]:
    path = folder / "LiteLLM_SpendLogs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows(exchanges)), encoding="utf-8")
    return [path]


def write_csv(exchanges: pa.Table, folder: Path) -> list[Path]:
    path = folder / "LiteLLM_SpendLogs.csv"
    table = [{n: json.dumps(v) if isinstance(v, dict) else v for n, v in row.items()} for row in rows(exchanges)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    return [path]


def rows(exchanges: pa.Table) -> list[dict[str, Any]]:
    return [_row(row) for row in exchanges.to_pylist()]


def _row(row: dict[str, Any]) -> dict[str, Any]:
    failed = row["status"] != 200
    answer = chat_answer(row)
    return {
        "request_id": row["exchange_id"],
        "call_type": row["operation"],
        "api_key": row["api_key_id"],
        "spend": 0.0,
        "total_tokens": row["input_tokens"] + row["output_tokens"],
        "prompt_tokens": row["input_tokens"],
        "completion_tokens": row["output_tokens"],
        "startTime": f"{row['started_at']:%Y-%m-%dT%H:%M:%S.%f}Z",
        "endTime": f"{row['started_at']:%Y-%m-%dT%H:%M:%S.%f}Z",
        "request_duration_ms": row["latency_ms"],
        "model": row["model"],
        "user": row["account_id"],
        "metadata": {
            "user_agent": row["user_agent"],
            "usage_object": answer["usage"],
            "status": "failure" if failed else "success",
            "error_information": {"error_code": str(row["status"])} if failed else None,
        },
        "requester_ip_address": row["client_ip"],
        "messages": {},
        "response": answer,
        "session_id": row["session_id"],
        "status": "failure" if failed else "success",
        "proxy_server_request": chat_request(row),
    }
