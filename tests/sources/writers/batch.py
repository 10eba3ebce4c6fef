"""Exchanges as an OpenAI batch of chat completions, requests and answers in two files; for round trips only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.sources.writers.chat import chat_answer, chat_request

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
    body = chat_request(row)
    return {"custom_id": f"request-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}


def _answer(number: int, row: dict[str, Any]) -> dict[str, Any]:
    body = chat_answer(row) | {"object": "chat.completion", "created": int(row["started_at"].timestamp())}
    added = {name: row[name] for name in ("account_id", "api_key_id", "client_ip", "user_agent")}
    response = {"status_code": row["status"], "request_id": f"req-{number}", "body": body}
    return {"id": row["exchange_id"], "custom_id": f"request-{number}", "response": response, "error": None} | added
