"""Exchanges as JSON lines of request and response pairs, chat completions in their bodies; for round trips only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.sources.writers.chat import chat_answer, chat_request, chat_usage

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
        "client_network",
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
    return {
        "id": row["exchange_id"],
        "timestamp": row["started_at"].isoformat(),
        "duration_ms": row["latency_ms"],
        "account_id": row["account_id"],
        "api_key_id": row["api_key_id"],
        "session_id": row["session_id"],
        "client_ip": row["client_ip"],
        "client_asn": row["client_asn"],
        "client_network": row["client_network"],
        "ja4": row["ja4"],
        "request": {
            "method": "POST",
            "url": "https://api.example/v1/chat/completions",
            "headers": {"User-Agent": row["user_agent"]},
            "body": chat_request(row) | {"stream": streamed},
        },
        "response": {"status": row["status"], "headers": {}, "body": _answer(row, streamed)},
    }


def _answer(row: dict[str, Any], streamed: bool) -> Any:
    if not streamed:
        return chat_answer(row)
    said = {"content": row["response"], "reasoning_content": row["reasoning"]}
    events = [
        {"model": row["model"], "choices": [{"index": 0, "delta": {name: piece}}]}
        for name, text in said.items()
        for piece in _pieces(text or "")
    ]
    events.append({"model": row["model"], "choices": [], "usage": chat_usage(row)})
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"


def _pieces(text: str) -> list[str]:
    return [text[start : start + 7] for start in range(0, len(text), 7)]
