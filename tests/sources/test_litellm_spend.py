"""LiteLLM's spend logs, exported as JSON lines, an array and CSV."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from stillwatch.sources.formats.litellm_spend import SOURCE
from stillwatch.sources.log import open_log
from tests.sources.rounds import agree, exchanges, misshapen, replaced
from tests.sources.writers import litellm_spend

GOLDEN = Path(__file__).parents[1] / "golden" / "logs" / "litellm_spend"
NAMES = ("ordinary", "tools", "reasoning", "failure", "redacted")
ROWS = [json.loads(line) for name in NAMES for line in (GOLDEN / f"{name}.jsonl").read_text().splitlines()]
KEY = "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b"


def rows(path: Path) -> list[dict[str, Any]]:
    log = open_log([path])
    assert log.format == "litellm_spend"
    found: list[dict[str, Any]] = []
    for row in log.read().to_pylist():
        row["started_at"] = row["started_at"].isoformat()
        row["messages"] = None if row["messages"] is None else [tuple(m.values()) for m in json.loads(row["messages"])]
        found.append({name: value for name, value in row.items() if value is not None})
    assert log.rejects == ()
    return found


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_ordinary_rows(ending: str) -> None:
    chat, messages, embedding = rows(GOLDEN / f"ordinary.{ending}")
    assert chat.pop("client_ip").endswith("198.51.100.7")
    assert chat == {
        "exchange_id": "chatcmpl-1",
        "started_at": "2026-09-07T00:03:01.250000+00:00",
        "account_id": "u1",
        "api_key_id": KEY,
        "session_id": "s-1",
        "model": "gpt-4o",
        "operation": "acompletion",
        "system_prompt": "Be brief.",
        "messages": [("user", 'Why, "Anna"?\nSay.')],
        "response": "So, it is.",
        "input_tokens": 12,
        "output_tokens": 30,
        "temperature": 0.2,
        "max_tokens": 100,
        "tool_count": 0,
        "user_agent": "agent/1",
        "status": 200,
        "latency_ms": 500,
    }
    assert (messages["account_id"], messages["system_prompt"]) == ("t1", "Be brief.")
    assert (messages["messages"], messages["response"]) == ([("user", "Good evening")], "Good evening.")
    assert (messages["input_tokens"], messages["max_tokens"]) == (12, 64)
    assert (embedding["account_id"], embedding["messages"]) == (KEY, [("user", "a river")])


def test_calls_of_tools_are_no_exchanges() -> None:
    (row,) = rows(GOLDEN / "tools.jsonl")
    assert row["tool_count"] == 2
    assert row["messages"] == [("user", "How warm is it?"), ("assistant", None), ("tool", "12 degrees")]
    assert "response" not in row


def test_reasoning() -> None:
    for row, tokens in zip(rows(GOLDEN / "reasoning.jsonl"), (24, 25), strict=True):
        assert (row["response"], row["reasoning"], row["reasoning_tokens"]) == ("No.", "7 times 13.", tokens)
        assert (row["messages"], row["max_tokens"]) == ([("user", "Is 91 prime?")], 900)


def test_failures_and_rows_of_older_versions() -> None:
    limited, unknown, older = rows(GOLDEN / "failure.jsonl")
    assert [row["status"] for row in (limited, unknown, older)] == [429, 500, 200]
    assert older["latency_ms"] == 500
    assert limited["messages"] == [("user", "Why?")]


def test_texts_not_stored_redacted_or_cut() -> None:
    off, redacted, cut = rows(GOLDEN / "redacted.jsonl")
    texts = {"system_prompt", "messages", "response", "reasoning"}
    assert texts.isdisjoint(off)
    assert texts.isdisjoint(redacted)
    assert {"tool_count", "temperature"}.isdisjoint(off)
    assert redacted["temperature"] == 0.5
    assert cut["messages"] == [("user", "Tell me of\nthe very end")]
    assert cut["response"] == "It began\nand ended."


def test_a_key_that_the_proxy_refused_is_nobodys(tmp_path: Path) -> None:
    error = {"error_code": "401", "llm_provider": ""}
    row = ROWS[0] | {"user": "", "team_id": None, "organization_id": None, "status": "failure"}
    path = tmp_path / "log.jsonl"
    refused = row | {"request_id": "refused", "metadata": {"status": "failure", "error_information": error}}
    path.write_text(json.dumps(refused) + "\n" + json.dumps(ROWS[0]) + "\n")
    log = open_log([path])
    assert log.read().num_rows == 1
    assert [reject.reason for reject in log.rejects] == ["missing account_id"]


def test_array_and_json_inside_text(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    as_text = [{n: json.dumps(v) if isinstance(v, dict) else v for n, v in row.items()} for row in ROWS]
    path.write_text(json.dumps(as_text, indent=2))
    assert rows(path) == [row for name in NAMES for row in rows(GOLDEN / f"{name}.jsonl")]


def test_a_realtime_call_keeps_its_conversation_in_messages(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    spoken = {**ROWS[0], "proxy_server_request": {}, "messages": [{"role": "user", "content": "Hello"}]}
    path.write_text(json.dumps(spoken) + "\n")
    assert rows(path)[0]["messages"] == [("user", "Hello")]


@pytest.mark.parametrize("end", ["", ",9"])
def test_broken_rows_of_a_table_are_set_aside(end: str, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(f"Request_ID,startTime,call_type,spend,user\nr1,2026-09-07 00:00:00,a,0,u\nr2,never,a,0,u{end}\n")
    log = open_log([path])
    assert log.read().num_rows == 1
    assert [reject.where for reject in log.set_aside] == [f"{path}:3"]


def test_no_shape_is_an_error() -> None:
    for row in misshapen(ROWS):
        list(SOURCE.exchanges(row))
        list(SOURCE.identity(row))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(replaced(ROWS))
def test_any_value_may_be_anything(tmp_path_factory: pytest.TempPathFactory, row: Any) -> None:
    path = tmp_path_factory.mktemp("any") / "log"
    path.write_text(json.dumps({**ROWS[0], "request_id": "sound"}) + "\n" + json.dumps(row) + "\n")
    log = open_log([path], format="litellm_spend")
    assert log.read().num_rows + sum(reject.records for reject in log.rejects) in (1, 2)


def test_round_trip(tmp_path: Path) -> None:
    table = exchanges()
    agree(table, open_log(litellm_spend.write(table, tmp_path)).read(), litellm_spend.CARRIES)
    agree(table, open_log(litellm_spend.write_csv(table, tmp_path)).read(), litellm_spend.CARRIES)
