"""Exchanges as Langfuse's exports: enriched rows, or observations with their traces in a folder beside."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

CARRIES: frozenset[str] = frozenset(
    {
        "exchange_id",
        "started_at",
        "account_id",
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
        "latency_ms",
    }
)
COUNTS = pa.map_(pa.string(), pa.uint64())
TOOLS = pa.map_(pa.string(), pa.string())


def write(exchanges: pa.Table, folder: Path) -> list[Path]:
    path = folder / "2027-03-01T00-00-00-000Z.jsonl"
    path.write_text("".join(json.dumps(_observation(row)) + "\n" for row in exchanges.to_pylist()), encoding="utf-8")
    return [path]


def write_parquet(exchanges: pa.Table, folder: Path) -> list[Path]:
    rows = [_observation(row) for row in exchanges.to_pylist()]
    columns: dict[str, pa.Array] = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        if name.endswith("_time"):
            moments = [dt.datetime.fromisoformat(value) for value in values]
            columns[name] = pa.array(moments, pa.timestamp("us", "UTC"))
        elif isinstance(values[0], dict):
            kind = COUNTS if name == "usage_details" else TOOLS
            columns[name] = pa.array([list(value.items()) for value in values], kind)
        else:
            columns[name] = pa.array(values)
    path = folder / "2027-03-01T00-00-00-000Z.parquet"
    pq.write_table(pa.table(columns), path)
    return [path]


def write_with_traces(exchanges: pa.Table, folder: Path) -> list[Path]:
    """The older export: the folders ``traces``, ``observations``, ``scores`` and ``manifests`` of a project."""
    rows = [_observation(row) for row in exchanges.to_pylist()]
    traces = [
        {
            "id": row["trace_id"],
            "timestamp": row["start_time"],
            "name": "t",
            "user_id": row.pop("user_id"),
            "session_id": row.pop("session_id"),
            "bookmarked": False,
        }
        for row in rows
    ]
    score = {"id": "s", "trace_id": traces[0]["id"], "data_type": "NUMERIC", "string_value": None, "value": 1.0}
    manifest = {"exportSource": "TRACES_OBSERVATIONS", "window": {}, "files": []}
    texts = {
        "observations/1.jsonl": "".join(json.dumps(row) + "\n" for row in rows),
        "traces/1.jsonl": "".join(json.dumps(row) + "\n" for row in traces[::2]),
        "traces/2.json": json.dumps(traces[1::2], indent=1),
        "scores/1.jsonl": json.dumps(score) + "\n",
        "scores/2.json": "[]",
        "manifests/1.json": json.dumps(manifest),
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return [folder]


def _observation(row: dict[str, Any]) -> dict[str, Any]:
    messages = json.loads(row["messages"] or "[]")
    if row["system_prompt"]:
        messages.insert(0, {"role": "system", "content": row["system_prompt"]})
    settings = {name: row[name] for name in ("temperature", "max_tokens") if row[name] is not None}
    answer = {"role": "assistant", "content": row["response"], "reasoning_content": row["reasoning"]}
    cached, reasoned = row["input_tokens"] // 3, row["reasoning_tokens"] or 0
    usage = {"input": row["input_tokens"] - cached, "input_cached_tokens": cached, "output": row["output_tokens"]}
    if reasoned > row["output_tokens"]:  # against the rule that the output holds the reasoning
        usage["reasoning_tokens"] = reasoned
    else:
        usage["output"] -= reasoned
        usage |= {"output_reasoning_tokens": reasoned, "total": row["input_tokens"] + row["output_tokens"]}
    ended = row["started_at"] + dt.timedelta(milliseconds=row["latency_ms"])
    return {
        "id": row["exchange_id"],
        "trace_id": "t-" + row["exchange_id"],
        "project_id": "p",
        "type": "GENERATION",
        "parent_observation_id": "",
        "start_time": f"{row['started_at']:%Y-%m-%d %H:%M:%S.%f}",
        "end_time": f"{ended:%Y-%m-%d %H:%M:%S.%f}",
        "level": "DEFAULT" if row["status"] == 200 else "ERROR",
        "input": json.dumps(messages),
        "output": json.dumps(answer),
        "provided_model_name": row["model"],
        "model_parameters": json.dumps(settings),
        "usage_details": usage,
        "tool_definitions": {f"t{i}": "{}" for i in range(row["tool_count"])},
        "user_id": row["account_id"],
        "session_id": row["session_id"],
    }
