"""An exchange as a call of OpenAI's chat completions: the bodies that most logs hold in one place or another."""

from __future__ import annotations

import json
from typing import Any


def chat_request(row: dict[str, Any]) -> dict[str, Any]:
    """The body sent: instructions stand above the conversation, what was not asked for is left out."""
    turns = json.loads(row["messages"] or "[]")
    if row["system_prompt"] is not None:
        turns = [{"role": "system", "content": row["system_prompt"]}, *turns]
    body: dict[str, Any] = {"model": row["model"], "messages": turns}
    body |= {name: row[name] for name in ("temperature", "max_tokens") if row[name] is not None}
    if row["tool_count"]:
        body["tools"] = [{"type": "function", "function": {"name": f"f{i}"}} for i in range(row["tool_count"])]
    return body


def chat_usage(row: dict[str, Any]) -> dict[str, Any]:
    """The counts of tokens."""
    return {
        "prompt_tokens": row["input_tokens"],
        "completion_tokens": row["output_tokens"],
        "completion_tokens_details": {"reasoning_tokens": row["reasoning_tokens"]},
    }


def chat_answer(row: dict[str, Any]) -> dict[str, Any]:
    """The body answered, with the reasoning shown beside the answer as compatible servers do."""
    message = {"role": "assistant", "content": row["response"], "reasoning_content": row["reasoning"]}
    return {"model": row["model"], "choices": [{"index": 0, "message": message}], "usage": chat_usage(row)}
