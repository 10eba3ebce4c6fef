"""OpenTelemetry's and OpenInference's spans: golden files written from the specifications, and what may go wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.exchange import EXCHANGE
from stillwatch.simulation.world import simulate
from stillwatch.sources.base import Cursor
from stillwatch.sources.calls import span_window
from stillwatch.sources.formats.otlp import SOURCE
from stillwatch.sources.log import open_log
from tests.sources.rounds import JSON, places
from tests.sources.writers import otlp as writer

GOLDEN = Path(__file__).parent.parent / "golden" / "logs" / "otlp"
CALL = "00f067aa0ba902b7"
ALWAYS = {"account_id": "a1", "model": "m", "status": 200, "latency_ms": 500}
COUNTS = {"operation": "chat", "input_tokens": 12, "output_tokens": 30}
ASKED = [{"role": "user", "content": "Why?"}]


def rows(path: Path) -> list[dict[str, Any]]:
    """What is not null of each exchange; the time, which is the same in all golden files, is checked here."""
    log = open_log([path])
    assert log.format == "otlp"
    found = log.read().to_pylist()
    assert log.rejects == ()
    for row in found:
        assert row.pop("started_at").isoformat() == "2026-09-07T00:03:08.250000+00:00"
        row["messages"] = row["messages"] and json.loads(row["messages"])
    return [{name: value for name, value in row.items() if value is not None} for row in found]


def test_ordinary_call_below_an_http_server() -> None:
    assert rows(GOLDEN / "ordinary.jsonl") == [
        ALWAYS
        | COUNTS
        | {
            "exchange_id": CALL,
            "model": "m-2026",
            "session_id": "s1",
            "system_prompt": "Be brief.",
            "messages": [
                {"role": "user", "content": "Good morning"},
                {"role": "assistant", "content": "Hello."},
                {"role": "user", "content": "Why?"},
            ],
            "response": "So.",
            "temperature": 0.2,
            "max_tokens": 100,
            "client_ip": "203.0.113.9",
            "user_agent": "agent/1",
        }
    ]


def test_stream_whose_messages_are_events_of_their_own_lines() -> None:
    assert rows(GOLDEN / "streaming.jsonl") == [
        ALWAYS
        | COUNTS
        | {
            "exchange_id": CALL,
            "system_prompt": "Be brief.",
            "messages": ASKED,
            "response": "So be it.",
            "client_ip": "203.0.113.9",
            "user_agent": "agent/1",
        }
    ]


def test_tools_in_an_agent_with_the_texts_in_a_log_record() -> None:
    assert rows(GOLDEN / "tools.jsonl") == [
        ALWAYS
        | COUNTS
        | {
            "exchange_id": CALL,
            "system_prompt": "Be brief.",
            "messages": [
                {"role": "user", "content": "Weather in Paris?"},
                {"role": "assistant", "content": None},
                {"role": "tool", "content": "rainy, 57°F"},
                {"role": "tool", "content": "dry"},
            ],
            "response": "It rains.",
            "tool_count": 2,
        }
    ]


def test_reasoning_of_the_answer_and_not_of_earlier_turns() -> None:
    genai, openinference = rows(GOLDEN / "reasoning.jsonl")
    shared = ALWAYS | COUNTS | {"reasoning_tokens": 20, "response": "Because.", "reasoning": "Hm."}
    conversation = [*ASKED, {"role": "assistant", "content": "So."}, {"role": "user", "content": "Why so?"}]
    assert genai == shared | {"exchange_id": CALL, "messages": conversation}
    assert openinference == shared | {
        "exchange_id": "00f067aa0ba902b8",
        "session_id": "s1",
        "system_prompt": "Be brief.",
        "messages": ASKED,
        "temperature": 0.5,
        "max_tokens": 200,
        "tool_count": 2,
    }


def test_failures_have_the_status_that_is_told_somewhere() -> None:
    found = rows(GOLDEN / "failure.jsonl")
    assert [row["status"] for row in found] == [400, 429, 500, 401, 503, 429]
    assert found[3]["messages"] == ASKED
    assert all("response" not in row for row in found)


def test_vercel_ai_sdk() -> None:
    assert rows(GOLDEN / "vercel.jsonl") == [
        ALWAYS
        | {
            "exchange_id": CALL,
            "session_id": "s1",
            "system_prompt": "Be brief.",
            "messages": [
                {"role": "user", "content": "Weather in Paris?"},
                {"role": "assistant", "content": None},
                {"role": "tool", "content": "rainy"},
            ],
            "response": "It rains.",
            "reasoning": "Hm.",
            "input_tokens": 12,
            "output_tokens": 30,
            "reasoning_tokens": 20,
            "temperature": 0.2,
            "max_tokens": 100,
            "tool_count": 1,
        }
    ]


def test_litellm_tells_the_code_of_an_error_and_a_summary_of_reasoning(tmp_path: Path) -> None:
    told = {"error.type": "Timeout", "error.code": "408", "openinference.span.kind": "LLM", "llm.model_name": "m"}
    shown = {"llm.output_messages.0.message.reasoning_summary": "Hm.", "llm.output_messages.1.message.content": "So."}
    row = read(tmp_path, line(span(1, user__id="a", **told, **shown)))["1"]
    assert (row["status"], row["reasoning"], row["response"]) == (408, "Hm.", "So.")


def test_redacted_and_cut_texts_are_null() -> None:
    found = rows(GOLDEN / "redacted.jsonl")
    assert found == [ALWAYS | COUNTS | {"exchange_id": f"00f067aa0ba902b{n}"} for n in (1, 2, 3, 4)]


def test_older_conventions() -> None:
    flat, content, azure, text, body, prompts, embedding = rows(GOLDEN / "older.jsonl")
    asked = {"messages": ASKED, "response": "So."}
    assert flat == ALWAYS | COUNTS | {
        "exchange_id": "00f067aa0ba902b1",
        "session_id": "s1",
        "system_prompt": "Be brief.",
        "messages": [*ASKED, {"role": "assistant", "content": '{"a": 1}'}, {"role": "user", "content": "Last?"}],
        "response": "So.",
        "reasoning": "Hm.",
        "temperature": 0.2,
        "tool_count": 1,
    }
    counts = {"input_tokens": 12, "output_tokens": 30}
    assert content == ALWAYS | counts | asked | {"exchange_id": "00f067aa0ba902b2"}
    brief = {"operation": "chat", "system_prompt": "Be brief."}
    assert azure == ALWAYS | asked | brief | {"exchange_id": "00f067aa0ba902b3"}
    inst = {"messages": [{"role": "user", "content": "[INST] Why? [/INST]"}], "operation": "text_completion"}
    assert text == ALWAYS | asked | inst | {"exchange_id": "00f067aa0ba902b4"}
    assert body == ALWAYS | asked | brief | {"reasoning": "Hm.", "exchange_id": "00f067aa0ba902b5"}
    assert prompts == ALWAYS | asked | {"operation": "chat", "exchange_id": "00f067aa0ba902b6"}
    embedded = {"operation": "embeddings", "messages": ASKED, "input_tokens": 3, "exchange_id": "00f067aa0ba902b7"}
    assert embedding == ALWAYS | embedded


def test_litellm_names_key_and_team_and_not_what_the_caller_claims() -> None:
    genai, phoenix = rows(GOLDEN / "litellm.jsonl")
    expected = {"account_id": "t1", "api_key_id": "k1", "client_ip": "198.51.100.7", "user_agent": "agent/1"}
    assert {name: genai[name] for name in expected} == expected
    assert (genai["messages"], genai["response"], genai["tool_count"]) == (ASKED, "So.", 1)
    assert phoenix == ALWAYS | COUNTS | {
        "exchange_id": "00f067aa0ba902c7",
        "account_id": "u1",
        "api_key_id": "k1",
        "operation": "acompletion",
        "messages": ASKED,
        "response": "So.",
        "temperature": 0.2,
        "tool_count": 1,
        "client_ip": "198.51.100.7",
    }


@pytest.mark.parametrize("scope", [{}, {"scope": {"name": "openinference.instrumentation.openai"}}])
@pytest.mark.parametrize("service", [[], [{"key": "service.name", "value": {"stringValue": "chat"}}]])
@pytest.mark.parametrize("flat", [True, False])
def test_an_applications_metadata_names_no_account(
    scope: dict[str, Any], service: list[Any], flat: bool, tmp_path: Path
) -> None:
    """An application passes on what its caller sent as metadata: nobody may choose whose call it is that way."""
    claim = {"user_api_key_hash": "k9", "user_api_key_user_id": "victim", "requester_ip_address": "192.0.2.9"}
    claimed = {f"metadata__{name}": value for name, value in claim.items()} if flat else {"metadata": json.dumps(claim)}
    spans = {"spans": [span(1, user__id="a1", **claimed)], **scope}
    document = {"resourceSpans": [{"resource": {"attributes": service}, "scopeSpans": [spans]}]}
    (row,) = read(tmp_path, json.dumps(document) + "\n").values()
    assert (row["account_id"], row["api_key_id"], row["client_ip"]) == ("a1", None, None)
    spans["scope"] = {"name": "litellm"}
    (row,) = read(tmp_path, json.dumps(document) + "\n").values()
    assert (row["account_id"], row["api_key_id"], row["client_ip"]) == ("victim", "k9", "192.0.2.9")


def span(number: int, parent: int | None = None, kind: int = 3, **attributes: str) -> dict[str, Any]:
    """A call to a model (or, with a kind of 2, a request to a server) that is span ``number`` of the one trace."""
    if kind == 3:
        attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"} | attributes
    return {
        "traceId": "5B8EFFF798038103D269B633813FC60C",
        "spanId": f"{number:016X}",
        "parentSpanId": "" if parent is None else f"{parent:016x}",
        "kind": kind,
        "startTimeUnixNano": 1788739388250000000 + number * 10**9,
        "endTimeUnixNano": 1788739388750000000 + number * 10**9,
        "attributes": [{"key": key.replace("__", "."), "value": {"stringValue": v}} for key, v in attributes.items()],
    }


def line(*spans: dict[str, Any]) -> str:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}) + "\n"


def details(number: int, time: int = 1788739389000000000, **attributes: str) -> str:
    pairs = [{"key": key.replace("__", "."), "value": {"stringValue": value}} for key, value in attributes.items()]
    record = {
        "timeUnixNano": str(time),
        "eventName": "gen_ai.client.inference.operation.details",
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": f"{number:016x}",
        "attributes": [{"key": "gen_ai.request.model", "value": {"stringValue": "m"}}, *pairs],
    }
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}) + "\n"


def read(tmp_path: Path, *lines: str) -> dict[str, dict[str, Any]]:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(lines))
    return {row["exchange_id"].lstrip("0"): row for row in open_log([path]).read().to_pylist()}


def test_account_is_the_nearest_and_address_the_outermost_servers(tmp_path: Path) -> None:
    inner = span(2, 3, kind=2, user__id="inner", client__address="10.0.0.1", user_agent__original="proxy")
    hop = span(3, 4, kind=1, user_agent__original="library", network__peer__address="192.0.2.1")
    outer = span(4, kind=2, user__id="outer", client__address="203.0.113.9", user_agent__original="agent/1")
    found = read(tmp_path, line(span(1, 2)), line(inner, hop, outer))
    row = found["1"]
    assert (row["account_id"], row["client_ip"], row["user_agent"]) == ("inner", "203.0.113.9", "agent/1")


def test_forwarded_header_is_kept_as_it_is_for_the_log_to_resolve(tmp_path: Path) -> None:
    server = span(2, kind=2, user__id="a")
    forwarded = {"arrayValue": {"values": [{"stringValue": "203.0.113.9, 198.51.100.7"}]}}
    server["attributes"].append({"key": "http.request.header.x-forwarded-for", "value": forwarded})
    path = tmp_path / "log.jsonl"
    path.write_text(line(server, span(1, 2)))
    (batch,) = SOURCE.read(str(path), None)
    assert batch.exchanges.to_pylist()[0]["client_ip"] == "203.0.113.9, 198.51.100.7"


def test_framework_around_a_call_is_no_second_exchange(tmp_path: Path) -> None:
    found = read(tmp_path, line(span(1, 2)), line(span(2, 3, kind=1)), line(span(3, user__id="a")))
    assert list(found) == ["1"]
    found = read(tmp_path, line(span(3, user__id="a"), span(2, 3, kind=1), span(1, 2)))
    assert list(found) == ["1"]


def test_log_record_without_its_span_is_an_exchange(tmp_path: Path) -> None:
    row = read(tmp_path, details(1, user__id="a"))["1"]
    assert (row["account_id"], row["latency_ms"], row["status"]) == ("a", None, 200)
    before = read(tmp_path, details(1, gen_ai__prompt="Why?"), line(span(1, user__id="a")))
    after = read(tmp_path, line(span(1, user__id="a")), details(1, gen_ai__prompt="Why?"))
    assert before == after
    assert (before["1"]["latency_ms"], json.loads(before["1"]["messages"])) == (500, ASKED)


def test_window_is_bounded_and_resumes_without_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(span_window, "CALLS_HELD", 3)
    monkeypatch.setattr(span_window, "SPANS_KNOWN", 8)
    lines = [line(span(2 * n, 2 * n + 1), span(2 * n + 1, kind=2, user__id=f"a{n}")) for n in range(1, 30)]
    found = read(tmp_path, *lines)
    assert [row["account_id"] for row in found.values()] == [f"a{n}" for n in range(1, 30)]
    for passed in (0, 1, 17, 29):
        rest = list(SOURCE.read(str(tmp_path / "log.jsonl"), Cursor(passed)))
        assert sum(batch.exchanges.num_rows for batch in rest) == 29 - passed
    far = [line(span(1, 2)), *lines[10:20], line(span(2, kind=2, user__id="late"))]
    assert "1" not in read(tmp_path, *far)


def test_broken_lines_are_not_held_back_without_end() -> None:
    window = span_window.Window()
    for number in range(span_window.CALLS_HELD + 1):
        window.reject("not JSON", number, number)
    assert window.full


@pytest.mark.parametrize("late", [False, True])
def test_messages_that_an_exporter_sent_twice_are_told_once(late: bool, tmp_path: Path) -> None:
    def said(text: str, time: int) -> str:
        record = {
            "timeUnixNano": str(time),
            "traceId": "5b8efff798038103d269b633813fc60c",
            "spanId": f"{1:016x}",
            "eventName": "gen_ai.user.message",
            "body": {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": text}}]}},
        }
        return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}) + "\n"

    records = [said("Why?", 1788739388250000000), said("Why?", 1788739388250000001), said("Why?", 1788739388250000000)]
    call = line(span(1, user__id="a"))
    row = read(tmp_path, *([call, *records] if late else [*records, call]))["1"]
    assert [message["content"] for message in json.loads(row["messages"])] == ["Why?", "Why?"]


def test_bad_calls_do_not_spoil_the_line(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    bad = span(2, user__id="a", **{"gen_ai.input.messages": '[{"role": 7, "parts": []}]'})
    backwards = span(3, user__id="a") | {"endTimeUnixNano": "1588739388250000000"}
    path.write_text(line(span(1, user__id="a"), bad, backwards, span(4)) + "{broken\n")
    log = open_log([path])
    assert log.read().num_rows == 2
    assert {(reject.reason, reject.records) for reject in log.rejects} == {
        ("negative: latency_ms", 1),
        ("missing account_id", 1),
        ("not JSON", 1),
    }


def test_other_signals_are_passed_over(tmp_path: Path) -> None:
    metrics = json.dumps({"resourceMetrics": [{"scopeMetrics": []}]}) + "\n"
    assert list(read(tmp_path, line(span(1, user__id="a")), metrics)) == ["1"]


LINES = [text for path in sorted(GOLDEN.iterdir()) for text in path.read_text().splitlines()]


@given(st.data())
def test_lines_of_any_shape_are_read_or_set_aside(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    document = json.loads(data.draw(st.sampled_from(LINES)))
    place = data.draw(st.sampled_from(list(places(document))))
    inner = document
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = data.draw(JSON)
    path = tmp_path_factory.mktemp("any") / "log.jsonl"
    path.write_text(json.dumps(document) + "\n")
    ids = {i for array in SOURCE.identities(str(path)) for i in array.to_pylist()}
    for batch in SOURCE.read(str(path), None):
        assert set(batch.exchanges.column(0).to_pylist()) <= ids


def test_round_trip(tmp_path: Path) -> None:
    simulate(accounts=30, days=3.0, campaigns=[], seed=5, load=0.5).write(tmp_path)
    table = open_log([tmp_path / "exchanges.parquet"]).read().slice(0, 300)
    for name, value in {"reasoning": "Hm.", "reasoning_tokens": 3, "operation": "chat", "api_key_id": "k1"}.items():
        place = EXCHANGE.get_field_index(name)
        table = table.set_column(
            place, EXCHANGE.field(place), pa.array([value] * len(table), EXCHANGE.field(place).type)
        )
    folder = tmp_path / "otlp"
    folder.mkdir()
    writer.write(table, folder)
    log = open_log([folder])
    carried = sorted(writer.CARRIES)
    found = log.read().select(carried).sort_by("exchange_id").to_pylist()
    assert log.rejects == ()
    assert found == table.select(carried).sort_by("exchange_id").to_pylist()
