"""Exchanges as an OpenAI batch of chat completions, requests and answers in two files; for round trips only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

# The time is the second of the answer, where there is no batch object: a batch has one time for all its lines.
CARRIES: frozenset[str] = frozenset(
    {
        "exchange_id",
        "account_id",
        "api_key_id",
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
        "user_agent",
        "status",
    }
)


def write(exchanges: pa.Table, folder: Path) -> list[Path]:
    """The exchanges as two files; the answers come in another order than the requests."""
    rows = exchanges.to_pylist()
    requests, answers = folder / "requests.jsonl", folder / "answers.jsonl"
    requests.write_text("".join(json.dumps(_request(n, row)) + "\n" for n, row in enumerate(rows)), "utf-8")
    pairs = sorted(enumerate(rows), key=lambda pair: pair[0] * 7919 % 1009)
    answers.write_text("".join(json.dumps(_answer(n, row)) + "\n" for n, row in pairs), "utf-8")
    return [requests, answers]


def _request(number: int, row: dict[str, Any]) -> dict[str, Any]:
    turns = json.loads(row["messages"] or "[]")
    if row["system_prompt"] is not None:
        turns = [{"role": "system", "content": row["system_prompt"]}, *turns]
    body: dict[str, Any] = {"model": row["model"], "messages": turns}
    body["tools"] = [{"type": "function", "function": {"name": f"f{i}"}} for i in range(row["tool_count"] or 0)]
    body |= {name: row[name] for name in ("temperature", "max_tokens") if row[name] is not None}
    return {"custom_id": f"request-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}


def _answer(number: int, row: dict[str, Any]) -> dict[str, Any]:
    body = {
        "object": "chat.completion",
        "created": int(row["started_at"].timestamp()),
        "model": row["model"],
        "choices": [{"index": 0, "message": {"content": row["response"], "reasoning_content": row["reasoning"]}}],
        "usage": {
            "prompt_tokens": row["input_tokens"],
            "completion_tokens": row["output_tokens"],
            "completion_tokens_details": {"reasoning_tokens": row["reasoning_tokens"]},
        },
    }
    added = {name: row[name] for name in ("account_id", "api_key_id", "client_ip", "user_agent")}
    response = {"status_code": row["status"], "request_id": f"req-{number}", "body": body}
    return {"id": row["exchange_id"], "custom_id": f"request-{number}", "response": response, "error": None} | added
