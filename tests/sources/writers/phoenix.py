"""Exchanges as Phoenix's data frame of spans in Parquet: a call's row, then that of the server's span around it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

CARRIES = frozenset(
    {"exchange_id", "started_at", "account_id", "session_id", "model", "system_prompt", "messages", "response"}
    | {"reasoning", "input_tokens", "output_tokens", "reasoning_tokens", "temperature", "max_tokens", "client_ip"}
    | {"user_agent", "latency_ms"}
)
PLAIN = {
    "model": "llm.model_name",
    "account_id": "user.id",
    "session_id": "session.id",
    "input_tokens": "llm.token_count.prompt",
    "output_tokens": "llm.token_count.completion",
    "reasoning_tokens": "llm.token_count.completion_details.reasoning",
}


def _row(row: dict[str, Any], span: str, parent: str | None, attributes: dict[str, Any]) -> dict[str, Any]:
    end = None
    if row["latency_ms"] is not None:
        end = row["started_at"] + pa.scalar(row["latency_ms"], pa.duration("ms")).as_py()
    return {
        "name": "call",
        "span_kind": "UNKNOWN" if parent is None else "LLM",
        "parent_id": parent,
        "start_time": row["started_at"],
        "end_time": end,
        "status_code": "OK",
        "context.span_id": span,
        "context.trace_id": f"trace of {row['exchange_id']}",
    } | {f"attributes.{name}": value for name, value in attributes.items()}


def _call(row: dict[str, Any]) -> dict[str, Any]:
    sent = [
        {"message.role": m["role"], "message.content": m.get("content")} for m in json.loads(row["messages"] or "[]")
    ]
    if row["system_prompt"] is not None:
        sent.insert(0, {"message.role": "system", "message.content": row["system_prompt"]})
    shown = [("reasoning", row["reasoning"]), ("text", row["response"])]
    parts = [{"message_content.type": kind, "message_content.text": text} for kind, text in shown if text is not None]
    settings = {name: row[name] for name in ("temperature", "max_tokens") if row[name] is not None}
    return {name: row[column] for column, name in PLAIN.items()} | {
        "openinference.span.kind": "LLM",
        "llm.invocation_parameters": json.dumps(settings),
        "llm.input_messages": sent or None,
        "llm.output_messages": [{"message.role": "assistant", "message.contents": parts}] if parts else None,
    }


def _rows(exchanges: pa.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for row in exchanges.to_pylist():
        server = {"http.route": "/chat", "client.address": row["client_ip"], "user_agent.original": row["user_agent"]}
        outer = f"server of {row['exchange_id']}"
        rows += [_row(row, row["exchange_id"], outer, _call(row)), _row(row, outer, None, server)]
    return rows


def write(exchanges: pa.Table, folder: Path) -> list[Path]:
    """Writes ``exchanges`` (schema EXCHANGE) into one Parquet file in ``folder``."""
    path = folder / "spans.parquet"
    rows = _rows(exchanges)
    names = dict.fromkeys(name for row in rows for name in row)
    pq.write_table(pa.table({name: [row.get(name) for row in rows] for name in names}), path)
    return [path]


def write_lines(exchanges: pa.Table, folder: Path) -> list[Path]:
    """The same data frame as JSON lines, of each row what is there."""
    path = folder / "spans.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for row in _rows(exchanges):
            file.write(
                json.dumps({name: value for name, value in row.items() if value is not None}, default=str) + "\n"
            )
    return [path]
