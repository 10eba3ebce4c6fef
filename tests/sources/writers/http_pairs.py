"""Exchanges as JSON lines of request and response pairs, chat completions in their bodies; for round trips only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

CARRIES: frozenset[str] = frozenset(
    {
        "exchange_id",
        "started_at",
        "account_id",
        "api_key_id",
        "session_id",
        "model",
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
        "client_asn",
        "user_agent",
        "ja4",
        "status",
        "latency_ms",
    }
)


def write(exchanges: pa.Table, folder: Path) -> list[Path]:
    """The exchanges in one file; every second answer is written as the stream that it might have been."""
    path = folder / "pairs.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number, row in enumerate(exchanges.to_pylist()):
            file.write(json.dumps(_pair(row, streamed=number % 2 == 1), ensure_ascii=False) + "\n")
    return [path]


def _pair(row: dict[str, Any], *, streamed: bool) -> dict[str, Any]:
    turns = json.loads(row["messages"] or "[]")
    if row["system_prompt"] is not None:
        turns = [{"role": "system", "content": row["system_prompt"]}, *turns]
    body: dict[str, Any] = {"model": row["model"], "messages": turns, "stream": streamed}
    body["tools"] = [{"type": "function", "function": {"name": f"f{i}"}} for i in range(row["tool_count"] or 0)]
    body |= {name: row[name] for name in ("temperature", "max_tokens") if row[name] is not None}
    return {
        "id": row["exchange_id"],
        "timestamp": row["started_at"].isoformat(),
        "duration_ms": row["latency_ms"],
        "account_id": row["account_id"],
        "api_key_id": row["api_key_id"],
        "session_id": row["session_id"],
        "client_ip": row["client_ip"],
        "client_asn": row["client_asn"],
        "ja4": row["ja4"],
        "request": {
            "method": "POST",
            "url": "https://api.example/v1/chat/completions",
            "headers": {"User-Agent": row["user_agent"]},
            "body": body,
        },
        "response": {"status": row["status"], "headers": {}, "body": _answer(row, streamed)},
    }


def _answer(row: dict[str, Any], streamed: bool) -> Any:
    usage = {
        "prompt_tokens": row["input_tokens"],
        "completion_tokens": row["output_tokens"],
        "completion_tokens_details": {"reasoning_tokens": row["reasoning_tokens"]},
    }
    said = {"content": row["response"], "reasoning_content": row["reasoning"]}
    if not streamed:
        return {"model": row["model"], "choices": [{"index": 0, "message": said}], "usage": usage}
    events = [
        {"model": row["model"], "choices": [{"index": 0, "delta": {name: piece}}]}
        for name, text in said.items()
        for piece in _pieces(text or "")
    ]
    events.append({"model": row["model"], "choices": [], "usage": usage})
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"


def _pieces(text: str) -> list[str]:
    return [text[start : start + 7] for start in range(0, len(text), 7)]
