"""Exchanges written as Envoy AI Gateway's access log would have told them."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa

CARRIES = frozenset(
    {
        *("exchange_id", "started_at", "account_id", "api_key_id", "session_id", "model", "operation", "input_tokens"),
        *("output_tokens", "reasoning_tokens", "client_ip", "user_agent", "ja4", "status", "latency_ms"),
    }
)


def write(exchanges: pa.Table, folder: Path) -> list[Path]:
    path = folder / "access.log"
    with path.open("w", encoding="utf-8") as file:
        for row in exchanges.to_pylist():
            line = {
                "start_time": row["started_at"].strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "method": "POST",
                "x-envoy-origin-path": "/v1/chat/completions",
                "response_code": row["status"],
                "duration": row["latency_ms"],
                "x-forwarded-for": row["client_ip"],
                "downstream_remote_address": "10.1.2.3:40000",
                "user-agent": row["user_agent"],
                "x-request-id": row["exchange_id"],
                "account.id": row["account_id"],
                "api_key.id": row["api_key_id"],
                "session.id": row["session_id"],
                "ja4": row["ja4"],
                "gen_ai.request.model": "alias",
                "gen_ai.response.model": row["model"],
                "gen_ai.usage.input_tokens": row["input_tokens"],
                "gen_ai.usage.output_tokens": row["output_tokens"],
                "gen_ai.usage.reasoning_tokens": row["reasoning_tokens"],
            }
            file.write(json.dumps(line) + "\n")
    return [path]
