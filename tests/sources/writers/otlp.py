"""Exchanges as OTLP JSON: a server's span and the call's span within it, the server's in a later line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

CARRIES = frozenset(
    {"exchange_id", "started_at", "account_id", "api_key_id", "session_id", "model", "operation", "system_prompt"}
    | {"messages", "response", "reasoning", "input_tokens", "output_tokens", "reasoning_tokens", "temperature"}
    | {"max_tokens", "tool_count", "client_ip", "user_agent", "status", "latency_ms"}
)
PLAIN = {
    "model": "gen_ai.request.model",
    "operation": "gen_ai.operation.name",
    "session_id": "gen_ai.conversation.id",
    "account_id": "metadata.user_api_key_user_id",
    "api_key_id": "metadata.user_api_key_hash",
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
    "temperature": "gen_ai.request.temperature",
    "max_tokens": "gen_ai.request.max_tokens",
    "status": "http.response.status_code",
}
PER_LINE = 25
DETAILS = "gen_ai.client.inference.operation.details"
TEXTS = ("gen_ai.system_instructions", "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.tool.definitions")


def _attribute(key: str, value: Any) -> dict[str, Any]:
    kind = {int: "intValue", float: "doubleValue", str: "stringValue"}[type(value)]
    return {"key": key, "value": {kind: str(value) if kind == "intValue" else value}}


def _attributes(row: dict[str, Any]) -> list[dict[str, Any]]:
    found = {name: row[column] for column, name in PLAIN.items() if row[column] is not None}
    if row["system_prompt"] is not None:
        found["gen_ai.system_instructions"] = json.dumps([{"type": "text", "content": row["system_prompt"]}])
    if row["messages"] is not None:
        sent = []
        for message in json.loads(row["messages"]):
            parts = [{"type": "text", "content": message["content"]}] if message.get("content") else []
            sent.append({"role": message["role"], "parts": parts})
        found["gen_ai.input.messages"] = json.dumps(sent)
    shown = [("reasoning", row["reasoning"]), ("text", row["response"])]
    parts = [{"type": kind, "content": text} for kind, text in shown if text is not None]
    if parts:
        found["gen_ai.output.messages"] = json.dumps([{"role": "assistant", "parts": parts, "finish_reason": "stop"}])
    if row["tool_count"] is not None:
        found["gen_ai.tool.definitions"] = json.dumps([{"type": "function", "name": "f"}] * row["tool_count"])
    return [_attribute(key, value) for key, value in found.items()]


def _spans(row: dict[str, Any], number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    start = int(row["started_at"].timestamp() * 1e6 + 0.5) * 1000
    end = start + (row["latency_ms"] or 0) * 10**6
    shared = {"traceId": f"{number + 1:032x}", "startTimeUnixNano": str(start)}
    if row["latency_ms"] is not None:
        shared["endTimeUnixNano"] = str(end)
    seen = [("client.address", row["client_ip"]), ("user_agent.original", row["user_agent"])]
    outer = shared | {
        "spanId": f"{number + 1:016x}",
        "name": "POST /v1/chat/completions",
        "kind": 2,
        "attributes": [_attribute(key, value) for key, value in seen if value is not None],
        "status": {},
    }
    inner = shared | {
        "spanId": row["exchange_id"],
        "parentSpanId": outer["spanId"],
        "name": "chat",
        "kind": 3,
        "attributes": _attributes(row),
        "status": {},
    }
    return inner, outer


def write_apart(exchanges: pa.Table, folder: Path) -> list[Path]:
    """As a collector with two pipelines writes them: spans, whose file goes on in another, and records of the texts.

    The spans of servers stand in another file than the calls within them, and the log records in a third.
    """
    names = ("traces.jsonl", "traces-2026-09-07.jsonl", "logs.jsonl")
    lines: dict[str, list[str]] = {name: [] for name in names}
    for number, row in enumerate(exchanges.to_pylist()):
        inner, outer = _spans(row, number)
        said = [pair for pair in inner["attributes"] if pair["key"] in TEXTS]
        inner["attributes"] = [pair for pair in inner["attributes"] if pair["key"] not in TEXTS]
        record = {name: inner[name] for name in ("traceId", "spanId")}
        record |= {"timeUnixNano": inner["startTimeUnixNano"], "eventName": DETAILS, "attributes": said}
        first, second = names[number % 2], names[1 - number % 2]
        for name, span in ((first, inner), (second, outer)):
            scope = {"scope": {"name": "litellm"}, "spans": [span]}
            lines[name].append(json.dumps({"resourceSpans": [{"resource": {}, "scopeSpans": [scope]}]}) + "\n")
        records = {"scope": {"name": "litellm"}, "logRecords": [record]}
        lines["logs.jsonl"].append(json.dumps({"resourceLogs": [{"resource": {}, "scopeLogs": [records]}]}) + "\n")
    for name, written in lines.items():
        (folder / name).write_text("".join(written), "utf-8")
    return [folder / name for name in names]


def write(exchanges: pa.Table, folder: Path) -> list[Path]:
    """Writes ``exchanges`` (schema EXCHANGE) into one file in ``folder``."""
    path = folder / "otlp.jsonl"
    rows = exchanges.to_pylist()
    with path.open("w", encoding="utf-8") as file:
        for first in range(0, len(rows), PER_LINE):
            pairs = [_spans(row, first + place) for place, row in enumerate(rows[first : first + PER_LINE])]
            for spans in ([inner for inner, _ in pairs], [outer for _, outer in pairs]):
                scope = {"scope": {"name": "litellm"}, "spans": spans}
                file.write(json.dumps({"resourceSpans": [{"resource": {}, "scopeSpans": [scope]}]}) + "\n")
    return [path]
