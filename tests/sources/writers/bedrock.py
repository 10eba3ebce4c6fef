"""Exchanges as Amazon Bedrock's model invocation log of the Converse API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

# What survives of a call that succeeded; the log of a failed one holds no bodies and no counts.
CARRIES: frozenset[str] = frozenset(
    {
        "exchange_id",
        "account_id",
        "model",
        "system_prompt",
        "messages",
        "response",
        "reasoning",
        "input_tokens",
        "output_tokens",
        "temperature",
        "max_tokens",
        "tool_count",
        "status",
        "latency_ms",
    }
)
CARRIES_OF_FAILURES: frozenset[str] = frozenset({"exchange_id", "account_id", "model", "status"})
ERRORS = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}


def write(exchanges: pa.Table, folder: Path) -> list[Path]:
    path = folder / "20270301T000000000Z_bedrock.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for row in exchanges.to_pylist():
            file.write(json.dumps(_record(row)) + "\n")
    return [path]


def _record(row: dict[str, Any]) -> dict[str, Any]:
    record: dict[str, Any] = {
        "timestamp": row["started_at"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "accountId": "111122223333",
        "region": "us-east-1",
        "requestId": row["exchange_id"],
        "operation": "Converse",
        "modelId": row["model"],
        "input": {},
        "output": {},
        "identity": {"arn": row["account_id"]},
    }
    if row["status"] != 200:
        record["errorCode"] = ERRORS[row["status"]]
    else:
        record |= _bodies(row)
    return record | {"schemaType": "ModelInvocationLog", "schemaVersion": "1.0"}


def _bodies(row: dict[str, Any]) -> dict[str, Any]:
    inference = {"temperature": row["temperature"], "maxTokens": row["max_tokens"]}
    request: dict[str, Any] = {
        "messages": [
            {"role": m["role"], "content": [{"text": m["content"]}]} for m in json.loads(row["messages"] or "[]")
        ],
        "inferenceConfig": {name: value for name, value in inference.items() if value is not None},
    }
    if row["system_prompt"]:
        request["system"] = [{"text": row["system_prompt"]}]
    if row["tool_count"]:
        request["toolConfig"] = {"tools": [{"toolSpec": {"name": f"tool{i}"}} for i in range(row["tool_count"])]}
    content: list[dict[str, Any]] = []
    if row["reasoning"]:
        content.append({"reasoningContent": {"reasoningText": {"text": row["reasoning"], "signature": "c2ln"}}})
    if row["response"]:
        content.append({"text": row["response"]})
    cached = row["input_tokens"] // 3
    answer = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "end_turn",
        "metrics": {"latencyMs": row["latency_ms"]},
    }
    json_body = "application/json"
    return {
        "input": {
            "inputContentType": json_body,
            "inputBodyJson": request,
            "inputTokenCount": row["input_tokens"] - cached,
            "cacheReadInputTokenCount": cached,
            "cacheWriteInputTokenCount": 0,
        },
        "output": {
            "outputContentType": json_body,
            "outputBodyJson": answer,
            "outputTokenCount": row["output_tokens"],
        },
    }
