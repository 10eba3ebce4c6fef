"""Helicone's rows: bodies as stored, streamed, left out; token counts that mean the same everywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from stillwatch.sources.formats.helicone import SOURCE
from stillwatch.sources.log import open_log
from tests.sources.gateway_logs import (
    assert_round_trip,
    golden_documents,
    golden_rows,
    hostile_documents,
    read_or_set_aside,
)
from tests.sources.writers import helicone as writer

EVERY_ROW = {
    "account_id": "acme",
    "session_id": "s-1",
    "model": "gpt-m-2026",
    "operation": "chat",
    "status": 200,
    "latency_ms": 1500,
    "tool_count": 0,
    "input_tokens": 14,
    "output_tokens": 21,
}
ORDINARY = {
    "exchange_id": "hel-1",
    "started_at": "2026-09-07T00:03:08.251000+00:00",
    "system_prompt": "Be brief.",
    "messages": [("user", "Why?")],
    "response": "So.",
    "input_tokens": 18,
    "output_tokens": 25,
    "reasoning_tokens": 4,
    "temperature": 0.2,
    "max_tokens": 100,
}
STREAMED_BY_ANTHROPIC = {
    "exchange_id": "hel-2",
    "started_at": "2026-09-07T00:03:08.252000+00:00",
    "model": "claude-m-2026",
    "system_prompt": "Be kind.",
    "messages": [("user", "Count.")],
    "response": "One, two.",
    "reasoning": "Easy.",
    "input_tokens": 43,
    "output_tokens": 9,
    "max_tokens": 50,
}
STREAMED_BY_OPENAI = {
    "exchange_id": "hel-3",
    "started_at": "2026-09-07T00:03:08.253000+00:00",
    "messages": [("user", "Count.")],
    "response": "One.",
}
TOOLS = {
    "exchange_id": "hel-4",
    "started_at": "2026-09-07T00:03:08.254000+00:00",
    "messages": [("user", "2+2?"), ("assistant", None), ("tool", "4")],
    "response": "Four.",
    "tool_count": 1,
}
SCHEMA = {
    "exchange_id": "hel-5",
    "started_at": "2026-09-07T00:03:08.255000+00:00",
    "system_prompt": "Think.",
    "messages": [("user", "Prove it.")],
    "response": "Thus.",
    "reasoning": "Assume not.",
    "temperature": 0.5,
    "max_tokens": 900,
}
REFUSED = {
    "exchange_id": "hel-6",
    "started_at": "2026-09-07T00:03:08.256000+00:00",
    "model": "gpt-m",
    "messages": [("user", "Again.")],
    "input_tokens": 0,
    "output_tokens": 0,
    "status": 429,
}
NEVER_ENDED = {
    "exchange_id": "hel-7",
    "started_at": "2026-09-07T00:03:08.257000+00:00",
    "model": "gpt-m",
    "messages": [("user", "Gone.")],
    "status": 500,
}
NOT_FETCHED = {
    "exchange_id": "hel-8",
    "started_at": "2026-09-07T00:03:08.258000+00:00",
    "model": "gpt-m",
    "input_tokens": 20,
}
TOO_LARGE = {"exchange_id": "hel-9", "started_at": "2026-09-07T00:03:08.259000+00:00", "model": "gpt-m"}


def without(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ordinary", [EVERY_ROW | ORDINARY]),
        (
            "streaming",
            [
                EVERY_ROW | STREAMED_BY_ANTHROPIC,
                without(EVERY_ROW, "input_tokens", "output_tokens") | STREAMED_BY_OPENAI,
            ],
        ),
        ("tools", [EVERY_ROW | TOOLS]),
        ("reasoning", [EVERY_ROW | SCHEMA]),
        (
            "failure",
            [
                EVERY_ROW | REFUSED,
                without(EVERY_ROW, "input_tokens", "output_tokens", "latency_ms") | NEVER_ENDED,
            ],
        ),
        ("redacted", [without(EVERY_ROW, "tool_count") | NOT_FETCHED, without(EVERY_ROW, "tool_count") | TOO_LARGE]),
    ],
)
def test_golden(name: str, expected: list[dict[str, Any]]) -> None:
    assert golden_rows("helicone", f"{name}.jsonl") == expected


@pytest.mark.parametrize("indent", [None, 2])
def test_answer_of_the_api(indent: int | None, tmp_path: Path) -> None:
    rows = golden_documents("helicone")
    path = tmp_path / "answer.json"
    path.write_text(json.dumps({"data": rows, "error": None}, indent=indent))
    log = open_log([path])
    assert (log.format, log.read().num_rows, log.rejects) == ("helicone", len(rows) - 1, ())


@given(hostile_documents(golden_documents("helicone")))
def test_any_value_anywhere_is_read_or_set_aside(document: Any) -> None:
    read, rejected = read_or_set_aside(SOURCE, [document])
    assert read + rejected <= 1


def test_round_trip(tmp_path: Path) -> None:
    assert set(SOURCE.info.carries) == writer.CARRIES
    assert_round_trip(writer.write, writer.CARRIES, "helicone", tmp_path)
