"""Exchanges written as an export of Cloudflare AI Gateway's log details."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

CARRIES = frozenset(
    {
        *("exchange_id", "started_at", "account_id", "session_id", "model", "operation", "system_prompt", "messages"),
        *("response", "reasoning", "input_tokens", "output_tokens", "reasoning_tokens", "temperature", "max_tokens"),
        *("tool_count", "user_agent", "status", "latency_ms"),
    }
)


def write(exchanges: pa.Table, folder: Path) -> list[Path]:
    path = folder / "logs.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for row in exchanges.to_pylist():
            file.write(json.dumps(detail(row), ensure_ascii=False) + "\n")
    return [path]


def detail(row: dict[str, Any]) -> dict[str, Any]:
    sent: dict[str, Any] = {"model": row["model"], "messages": json.loads(row["messages"])}
    if row["system_prompt"] is not None:
        sent["system"] = row["system_prompt"]
    sent |= {name: row[name] for name in ("temperature", "max_tokens") if row[name] is not None}
    sent["tools"] = [{"name": f"f{i}", "input_schema": {}} for i in range(row["tool_count"])]
    content = [{"type": "thinking", "thinking": row["reasoning"], "signature": "c2ln"}] if row["reasoning"] else []
    if row["response"] is not None:
        content.append({"type": "text", "text": row["response"]})
    answered = {"type": "message", "model": row["model"], "content": content, "usage": usage(row)}
    return {
        "id": row["exchange_id"],
        "created_at": row["started_at"].isoformat(),
        "provider": "anthropic",
        "model": row["model"],
        "path": "v1/messages",
        "duration": row["latency_ms"],
        "success": row["status"] < 400,
        "status_code": row["status"],
        "cached": False,
        "tokens_in": 0,
        "tokens_out": 0,
        "metadata": json.dumps({"cf.user_id": row["account_id"], "session_id": row["session_id"]}),
        "user_agent": row["user_agent"],
        "request_head": json.dumps(sent, ensure_ascii=False),
        "request_head_complete": True,
        "response_head": json.dumps(answered, ensure_ascii=False),
        "response_head_complete": True,
    }


def usage(row: dict[str, Any]) -> dict[str, Any]:
    cached = row["input_tokens"] // 3
    return {
        "input_tokens": row["input_tokens"] - cached,
        "cache_read_input_tokens": cached,
        "output_tokens": row["output_tokens"],
        "output_tokens_details": {"thinking_tokens": row["reasoning_tokens"]},
    }
