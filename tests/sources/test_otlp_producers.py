"""Real instrumentations call a model that is faked on loopback; what their OTLP JSON exporter writes is read.

Each runs in a process of its own, since instrumentation changes the client for good (``make producers``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stillwatch.sources.log import open_log
from tests.sources.other_python import run

LATEST = {
    "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
}


def produced(instrumentation: str, folder: Path, **environment: str) -> list[dict[str, Any]]:
    """What is read of three calls (ordinary, streamed, refused) below an HTTP server's span."""
    run("otlp.py", instrumentation, folder / "calls.jsonl", **environment)
    log = open_log([folder / "calls.jsonl"])
    found: list[dict[str, Any]] = log.read().sort_by("started_at").to_pylist()
    assert (log.format, log.rejects, len(found)) == ("otlp", (), 3)
    for row in found:
        row["messages"] = row["messages"] and json.loads(row["messages"])
        assert (row["account_id"], row["client_ip"], row["user_agent"]) == ("a1", "203.0.113.9", "agent/1")
        assert row["operation"] == "chat"
        assert row["latency_ms"] is not None
    assert [row["status"] for row in found] == [200, 200, 429]
    assert [row["model"] for row in found] == ["m-2026", "m-2026", "m"]
    assert [row["input_tokens"] for row in found] == [12, 12, None]
    assert [row["output_tokens"] for row in found] == [30, 30, None]
    assert (found[0]["temperature"], found[0]["max_tokens"]) == (0.2, 100)
    return found


ASKED = [{"role": "user", "content": "Why?"}]


def test_opentelemetry_instrumentation_openai_v2(tmp_path: Path) -> None:
    found = produced("opentelemetry.instrumentation.openai_v2", tmp_path, **LATEST)
    assert [row["messages"] for row in found] == [ASKED, ASKED, ASKED]
    assert [row["response"] for row in found] == ["So.", "So be it.", None]
    assert found[0]["system_prompt"] == "Be brief."


def test_opentelemetry_instrumentation_openai_v2_with_texts_in_events(tmp_path: Path) -> None:
    latest = LATEST | {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "EVENT_ONLY"}
    found = produced("opentelemetry.instrumentation.openai_v2", tmp_path, **latest)
    assert [row["messages"] for row in found] == [ASKED, ASKED, ASKED]
    assert [row["response"] for row in found] == ["So.", "So be it.", None]


def test_opentelemetry_instrumentation_openai_v2_without_texts(tmp_path: Path) -> None:
    found = produced("opentelemetry.instrumentation.openai_v2", tmp_path)
    assert [row["messages"] or row["response"] for row in found] == [None, None, None]


def test_openllmetry(tmp_path: Path) -> None:
    found = produced("opentelemetry.instrumentation.openai", tmp_path)
    assert [row["messages"] for row in found] == [ASKED, ASKED, ASKED]
    assert [row["response"] for row in found] == ["So.", "So be it.", None]
    assert (found[0]["tool_count"], found[0]["reasoning_tokens"]) == (1, 20)


def test_openinference(tmp_path: Path) -> None:
    found = produced("openinference.instrumentation.openai", tmp_path)
    assert [row["messages"] for row in found] == [ASKED, ASKED, ASKED]
    assert [row["response"] for row in found] == ["So.", "So be it.", None]
    expected = {"system_prompt": "Be brief.", "reasoning": "Hm.", "reasoning_tokens": 20, "tool_count": 1}
    assert {name: found[0][name] for name in expected} == expected


def test_openinference_hidden(tmp_path: Path) -> None:
    hidden = {"OPENINFERENCE_HIDE_INPUTS": "true", "OPENINFERENCE_HIDE_OUTPUTS": "true"}
    found = produced("openinference.instrumentation.openai", tmp_path, **hidden)
    assert [row["messages"] or row["system_prompt"] or row["response"] for row in found] == [None, None, None]
