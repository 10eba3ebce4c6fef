"""Recorded requests and responses: every notation of a recorder, and none of the keys."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.exchange import EXCHANGE
from stillwatch.simulation.world import simulate
from stillwatch.sources.formats.http_pairs import SOURCE
from stillwatch.sources.log import Log, open_log
from tests.sources.writers import http_pairs as writer

GOLDEN = Path(__file__).parents[1] / "golden" / "logs" / "http_pairs"
WHY = '[{"role":"user","content":"Why?"}]'
START = dt.datetime(2026, 9, 7, 0, 3, 8, tzinfo=dt.UTC)


def at(seconds: float) -> dt.datetime:
    return START + dt.timedelta(seconds=seconds)


def read(name: str) -> list[dict[str, Any]]:
    log = open_log([GOLDEN / name])
    assert log.format == "http_pairs"
    rows = [{key: value for key, value in row.items() if value is not None} for row in log.read().to_pylist()]
    assert log.rejects == ()
    return rows


CHAT = {"model": "gpt-x", "operation": "chat", "messages": WHY, "tool_count": 0, "status": 200}
SO = CHAT | {"model": "gpt-x-2026", "response": "So.", "input_tokens": 12, "output_tokens": 3}
CLAUDE = CHAT | {"model": "claude-x", "max_tokens": 64}
EXPECTED: dict[str, list[dict[str, Any]]] = {
    "ordinary.jsonl": [
        SO
        | {
            "exchange_id": "e1",
            "started_at": at(0.25),
            "account_id": "acct-7",
            "api_key_id": "cc5c91c740e3ddf3",
            "session_id": "s1",
            "system_prompt": "Be brief.",
            "reasoning_tokens": 0,
            "temperature": 0.2,
            "max_tokens": 100,
            "client_ip": "198.51.100.7",
            "client_asn": 64500,
            "user_agent": "OpenAI/Python 3.57.0",
            "ja4": "t13d1516h2_8daaf6152771_e5627efa2ab1",
            "latency_ms": 840,
        },
        CHAT
        | {
            "exchange_id": "e2",
            "started_at": at(2),
            "account_id": "acct-7",
            "model": "embed-x",
            "operation": "embeddings",
            "input_tokens": 2,
            "latency_ms": 500,
        },
        SO | {"exchange_id": "e3", "started_at": at(3), "account_id": "acct-8", "reasoning_tokens": 0},
        CHAT
        | {
            "exchange_id": "e4",
            "started_at": at(4),
            "account_id": "acct-8",
            "model": "old-x",
            "operation": "completions",
            "messages": '[{"role":"user","content":"Once"}]',
            "response": " upon a time",
            "input_tokens": 1,
            "output_tokens": 4,
            "max_tokens": 16,
        },
    ],
    "streaming.jsonl": [
        SO | {"exchange_id": "e1", "started_at": at(0), "account_id": "a1"},
        SO | {"exchange_id": "e2", "started_at": at(1), "account_id": "a1"},
        CLAUDE
        | {
            "exchange_id": "e3",
            "started_at": at(2),
            "account_id": "73efbb5ff95739a1",
            "api_key_id": "73efbb5ff95739a1",
            "client_ip": "8.8.8.8",
            "response": "So.",
            "input_tokens": 10,
            "output_tokens": 3,
        },
        CLAUDE
        | {
            "exchange_id": "e4",
            "started_at": at(3),
            "account_id": "a1",
            "response": "So.",
            "input_tokens": 10,
            "output_tokens": 3,
        },
    ],
    "tools.jsonl": [
        SO
        | {
            "exchange_id": "e1",
            "started_at": at(0),
            "account_id": "a1",
            "operation": "responses",
            "session_id": "conv_1",
            "system_prompt": "Be brief.",
            "messages": (
                '[{"role":"user","content":"Why?"},{"role":"assistant","content":null},{"role":"tool","content":"42"}]'
            ),
            "response": "42.",
            "input_tokens": 9,
            "output_tokens": 2,
            "reasoning_tokens": 0,
            "max_tokens": 50,
            "tool_count": 2,
        },
        CHAT
        | {
            "exchange_id": "e2",
            "started_at": at(1),
            "account_id": "a1",
            "model": "my-x",
            "input_tokens": 9,
            "output_tokens": 5,
            "tool_count": 1,
        },
    ],
    "reasoning.jsonl": [
        CLAUDE
        | {
            "exchange_id": "e1",
            "started_at": at(0),
            "account_id": "a1",
            "response": "So.",
            "reasoning": "Hm.",
            "input_tokens": 4,
            "output_tokens": 30,
            "reasoning_tokens": 25,
            "max_tokens": 2000,
        },
        CHAT
        | {
            "exchange_id": "e2",
            "started_at": at(1),
            "account_id": "556155e2a8824a35",
            "api_key_id": "556155e2a8824a35",
            "model": "gemini-x",
            "response": "So.",
            "reasoning": "Hm.",
            "input_tokens": 4,
            "output_tokens": 30,
            "reasoning_tokens": 25,
            "temperature": 0.5,
            "max_tokens": 99,
        },
    ],
    "failure.jsonl": [
        CHAT | {"exchange_id": "e1", "started_at": at(0), "account_id": "a1", "status": 429},
        CLAUDE
        | {
            "exchange_id": "e2",
            "started_at": at(1),
            "account_id": "a1",
            "response": "S",
            "input_tokens": 10,
            "output_tokens": 1,
            "status": 529,
        },
        CHAT | {"exchange_id": "e3", "started_at": at(2), "account_id": "a1", "status": 500},
    ],
    "redacted.jsonl": [
        {
            "exchange_id": "e1",
            "started_at": at(0),
            "account_id": "a1",
            "operation": "chat",
            "user_agent": "agent/1",
            "status": 200,
            "latency_ms": 10,
        },
        CHAT | {"exchange_id": "e2", "started_at": at(1), "account_id": "u9"},
    ],
    "jsondump.jsonl": [
        SO
        | {
            "exchange_id": name,
            "started_at": at(0.25),
            "account_id": "0723d34f71564e62",
            "api_key_id": "0723d34f71564e62",
            "messages": messages,
            "reasoning_tokens": 0,
            "client_ip": "198.51.100.7",
            "user_agent": "agent/1",
            "latency_ms": 840,
        }
        for name, messages in [
            ("f1", '[{"role":"user","content":"It\'s \\"why\\", ünïcode\\nand a line"}]'),
            ("f2", WHY),
        ]
    ],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_golden(name: str) -> None:
    assert read(name) == EXPECTED[name]


def test_har_whatever_its_lines(tmp_path: Path) -> None:
    har = {
        "account_id": "cc5c91c740e3ddf3",
        "api_key_id": "cc5c91c740e3ddf3",
        "user_agent": "agent/1",
    }
    rows = read("mitmproxy.har")
    unanswered = rows[2].pop("exchange_id")
    assert len(unanswered) == 32  # nobody has named it
    assert rows == [
        SO | har | {"exchange_id": "chatcmpl-1", "started_at": at(0.25), "reasoning_tokens": 0, "latency_ms": 840},
        SO | har | {"exchange_id": "req_2", "started_at": at(1.25), "latency_ms": 100},
        CHAT | har | {"started_at": at(3.25), "status": 500},
    ]
    compact = tmp_path / "compact.har.gz"
    compact.write_bytes(gzip.compress(json.dumps(json.loads((GOLDEN / "mitmproxy.har").read_text())).encode()))
    assert open_log([compact]).read().equals(open_log([GOLDEN / "mitmproxy.har"]).read())


def test_har_that_is_cut_or_broken_inside_keeps_its_whole_entries(tmp_path: Path) -> None:
    text = (GOLDEN / "mitmproxy.har").read_text()
    broken = text.replace('"time": 840.5', '"time": soon')[: text.rindex('"startedDateTime"') + 40]
    path = tmp_path / "cut.har"
    path.write_text(broken)
    log = open_log([path])
    assert [row["exchange_id"] for row in log.read().to_pylist()] == ["req_2"]
    assert [reject.reason for reject in log.set_aside] == ["not JSON", "cut line"]
    first = broken[: broken.index('"time": soon')].count("\n")
    assert log.set_aside[0].where == f"{path}:{first - 1}"


def pair(**changes: Any) -> dict[str, Any]:
    return json.loads((GOLDEN / "ordinary.jsonl").read_text().splitlines()[0]) | changes


def one(tmp_path: Path, *records: dict[str, Any]) -> Log:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return open_log([path])


def test_no_key_is_ever_kept(tmp_path: Path) -> None:
    key = "sk-proj-0123456789abcdefghij"
    request = {"url": "/v1/chat/completions", "body": {"messages": []}}
    records = [
        pair(id="1", account_id=None, request=request | {"headers": {"authorization": f"Bearer {key}"}}),
        pair(id="2", account_id=None, request=request | {"headers": {"Api-Key": key}}),
        pair(id="3", account_id=key, request=request),
        pair(id="4", account_id=f"Bearer {key}", api_key_id=key, request=request),
    ]
    table = one(tmp_path, *records).read()
    assert key not in str(table.to_pylist())
    assert len(set(table.column("account_id").to_pylist()[:3])) == 1


@pytest.mark.parametrize(
    ("changes", "account"),
    [
        ({"account_id": "a", "account": "b"}, "a"),
        ({"account_id": None, "tenant_id": 7}, "7"),
        ({"account_id": None, "api_key_id": "key_9"}, "key_9"),
        ({"account_id": None}, "cc5c91c740e3ddf3"),
        ({"account_id": None, "request": {"url": "/v1/responses", "body": {"input": "?", "user": "u"}}}, "org-1"),
        ({"account_id": None, "response": None, "request": {"body": {"input": "?", "user": "u"}}}, "u"),
    ],
)
def test_account_is_what_the_server_established_before_what_the_caller_claims(
    changes: dict[str, Any], account: str, tmp_path: Path
) -> None:
    assert one(tmp_path, pair(**changes)).read().column("account_id").to_pylist() == [account]


@pytest.mark.parametrize(
    ("method", "url", "operation"),
    [
        ("POST", "/v1/chat/completions", "chat"),
        ("post", "https://h/openai/v1/responses?x=1", "responses"),
        ("POST", "/v1/projects/p/locations/l/publishers/google/models/m:generateContent", "chat"),
        ("POST", "/v1/projects/p/locations/l/publishers/anthropic/models/m:streamRawPredict", "chat"),
        ("POST", "/model/anthropic.m-v1%3A0/converse", "chat"),
        ("GET", "/v1/responses/resp_1", None),
        ("POST", "/v1/messages/count_tokens", None),
        ("POST", "/v1/messages/batches", None),
        ("POST", "/v1/threads/t/messages", None),
        ("POST", "/v1/files", None),
        ("POST", "http://[broken/v1/messages", None),
    ],
)
def test_only_calls_to_a_model_are_exchanges(method: str, url: str, operation: str | None) -> None:
    record = pair(request={"method": method, "url": url, "body": {"messages": [{"role": "user", "content": "?"}]}})
    found = [values["operation"] for values in SOURCE.exchanges(record)]
    assert found == ([] if operation is None else [operation])


def test_forwarded_list_ends_with_the_recorders_own_peer() -> None:
    (dump,) = (json.loads(line) for line in (GOLDEN / "jsondump.jsonl").read_text().splitlines()[1:])
    dump["request"]["headers"]["X-Forwarded-For"] = "8.8.8.8"
    dump["client_conn"] = {"peername": ["10.0.0.1", 5000]}
    (values,) = SOURCE.exchanges(dump)
    assert values["client_ip"] == "8.8.8.8, 10.0.0.1"


def test_record_without_a_name_has_the_same_one_in_two_files(tmp_path: Path) -> None:
    nameless = pair(id=None, response={"status": 500})
    (tmp_path / "again.jsonl").write_text(json.dumps(dict(reversed(nameless.items()))) + "\n")
    one(tmp_path, nameless, pair(id=None, response={"status": 503}))
    log = open_log([tmp_path])
    assert log.read().num_rows == 2
    assert [reject.records for reject in log.rejects] == [1]


@pytest.mark.parametrize("indent", [None, 2])
def test_array_of_pairs(indent: int | None, tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    path.write_text(json.dumps([pair(id="1"), pair(id="2")], indent=indent))
    assert open_log([path]).read().column("exchange_id").to_pylist() == ["1", "2"]


def test_round_trip(tmp_path: Path) -> None:
    world = tmp_path / "world"
    simulate(accounts=30, days=3.0, campaigns=[], seed=5, load=0.5).write(world)
    rows = open_log([world / "exchanges.parquet"]).read().slice(0, 400).to_pylist()
    for number, row in enumerate(rows):
        extra = {"ja4": "t13d1516h2_8daaf6152771_e5627efa2ab1", "client_asn": 64500, "tool_count": number % 3}
        row |= extra | {"reasoning": f"Thought {number}", "reasoning_tokens": number % 5, "system_prompt": "Be brief."}
    sent = pa.Table.from_pylist(rows, schema=EXCHANGE)
    folder = tmp_path / "log"
    folder.mkdir()
    writer.write(sent, folder)
    log = open_log([folder])
    got = log.read()
    assert (log.format, log.rejects) == ("http_pairs", ())
    for name in sorted(writer.CARRIES):
        assert got.column(name).to_pylist() == sent.column(name).to_pylist(), name


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
RECORDS = [json.loads(line) for path in sorted(GOLDEN.glob("*.jsonl")) for line in path.read_text().splitlines()]
RECORDS += json.loads((GOLDEN / "mitmproxy.har").read_text())["log"]["entries"]


@st.composite
def spoilt(draw: st.DrawFn, value: Any) -> Any:
    """A document with one of its values, however deep, replaced by any JSON or left out."""
    if isinstance(value, dict) and value and draw(st.integers(0, 5)):
        key = draw(st.sampled_from(sorted(value)))
        if not draw(st.integers(0, 5)):
            return {name: inner for name, inner in value.items() if name != key}
        return value | {key: draw(spoilt(value[key]))}
    if isinstance(value, list) and value and draw(st.integers(0, 5)):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], draw(spoilt(value[place])), *value[place + 1 :]]
    return draw(JSON)


@settings(max_examples=400)
@given(st.sampled_from(RECORDS).flatmap(spoilt))
def test_any_record_is_read_or_set_aside(tmp_path_factory: pytest.TempPathFactory, record: Any) -> None:
    path = tmp_path_factory.mktemp("any") / "log.jsonl"
    path.write_text(json.dumps(pair(id="good")) + "\n" + json.dumps(record) + "\n")
    batches = list(SOURCE.read(str(path), None))
    ids = {i for batch in batches for i in batch.exchanges.column(0).to_pylist()}
    assert "good" in ids
    assert ids <= {i for array in SOURCE.identities(str(path)) for i in array.to_pylist()}


@pytest.mark.parametrize("size", [100, 1000, 5000])
def test_recognised_however_soon_the_head_ends(size: int) -> None:
    record = pair(request={"url": "/v1/responses", "body": {"input": 'a "quoted" {text' * 1000}})
    assert SOURCE.recognises(json.dumps(record).encode()[: size + 300])
    assert not SOURCE.recognises(json.dumps({"latencies": {}} | record).encode())
