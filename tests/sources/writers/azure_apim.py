"""Exchanges written as API Management's diagnostic settings write them into a storage account: two containers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

CARRIES = frozenset(
    {
        *("exchange_id", "started_at", "account_id", "model", "operation", "system_prompt", "messages", "response"),
        *("reasoning", "input_tokens", "output_tokens", "reasoning_tokens", "temperature", "max_tokens", "tool_count"),
        *("client_ip", "user_agent", "status", "latency_ms"),
    }
)
PIECE = 32_768


def write(exchanges: pa.Table, folder: Path) -> list[Path]:
    """The request log with bodies and the model log, whose messages are cut into pieces, the last piece first."""
    hour = Path("resourceId=X/y=2026/m=09/d=07/h=00/m=00")
    paths = [folder / f"insights-logs-{name}" / hour / "PT1H.json" for name in ("gatewaylogs", "gatewayllmlogs")]
    for path in paths:
        path.parent.mkdir(parents=True)
    with paths[0].open("w", encoding="utf-8") as requests, paths[1].open("w", encoding="utf-8") as messages:
        for row in exchanges.to_pylist():
            requests.write(json.dumps(request(row)) + "\n")
            for properties in reversed(model(row)):
                record = {"time": row["started_at"].isoformat(), "category": "GatewayLlmLogs"}
                record |= {"correlationId": row["exchange_id"], "properties": properties}
                messages.write(json.dumps(record) + "\n")
    return paths


def request(row: dict[str, Any]) -> dict[str, Any]:
    sent = {name: row[name] for name in ("temperature", "max_tokens") if row[name] is not None}
    sent["tools"] = [{"type": "function", "function": {"name": f"f{i}"}} for i in range(row["tool_count"])]
    message = {"role": "assistant", "reasoning_content": row["reasoning"]}
    usage = {"completion_tokens_details": {"reasoning_tokens": row["reasoning_tokens"]}}
    return {
        "time": row["started_at"].isoformat(),
        "category": "GatewayLogs",
        "correlationId": row["exchange_id"],
        "callerIpAddress": row["client_ip"],
        "properties": {
            "method": "POST",
            "url": "https://g.azure-api.net/openai/deployments/m/chat/completions?api-version=1",
            "responseCode": row["status"],
            "totalTime": row["latency_ms"],
            "apimSubscriptionId": row["account_id"],
            "requestHeaders": {"User-Agent": row["user_agent"]},
            "requestBody": json.dumps(sent),
            "responseBody": json.dumps({"choices": [{"message": message}], "usage": usage}),
        },
    }


def model(row: dict[str, Any]) -> list[dict[str, Any]]:
    sent = json.loads(row["messages"])
    if row["system_prompt"] is not None:
        sent.insert(0, {"role": "system", "content": row["system_prompt"]})
    answered = [] if row["response"] is None else [{"role": "assistant", "content": row["response"]}]
    counts = {"promptTokens": row["input_tokens"], "completionTokens": row["output_tokens"]}
    records: list[dict[str, Any]] = [{"sequenceNumber": 0, "modelName": row["model"], **counts}]
    for name, told in (("requestMessages", sent), ("responseMessages", answered)):
        text = json.dumps(told, ensure_ascii=False) if told else ""
        for start in range(0, len(text), PIECE):
            records.append({"sequenceNumber": len(records), name: text[start : start + PIECE]})
    return records
