"""Whatever a caller sends, its exchange is in what is read: in every format, for every value that comes from it."""

from __future__ import annotations

import copy
import functools
import importlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stillwatch.cli import main
from stillwatch.sources.containers.hostile_json import DEPTH, shallow
from stillwatch.sources.formats import phoenix
from stillwatch.sources.log import open_log
from tests.sources.gateway_logs import simulated
from tests.sources.rounds import JSON

DEEP, BYTES, INSIDE = "@deep@", "@bytes@", "@json@"
HOSTILE: tuple[Any, ...] = (
    *("\ud800", "a\udc00\ud83d b", "\0", "x" * 300, "[", "{", '{"messages": [', "1e400", "-1", "NaN", DEEP, BYTES),
    *(-1, -5, -1.5, 10**30, 10**500, float("inf"), float("nan"), True, None, [], {}, [[]], [None], [DEEP], [BYTES]),
    *({"role": []}, [{"role": None}], [{"role": "user", "content": {"type": []}}], [{"role": "\ud800", "content": 1}]),
    *({"type": {}, "text": []}, [{"type": [], "role": 7}], [1, "x", {"content": "\udfff"}], {"\ud800": "\ud800"}),
)
COLUMNS = ("session_id", "model", "operation", "system_prompt", "messages", "user_agent")
NUMBERS = ("temperature", "max_tokens", "tool_count")
# Where each format keeps what the caller wrote; `INSIDE` opens a text of JSON, ``*`` is every item.
PLACES: dict[str, tuple[tuple[str, ...], ...]] = {
    "azure_apim": (
        ("properties", "requestBody"),
        ("properties", "requestBody", INSIDE),
        ("properties", "requestHeaders"),
        ("properties", "requestMessages"),
    ),
    "batch": (("body",),),
    "bedrock": (("input", "inputBodyJson"),),
    "cloudflare": (
        ("request_head",),
        ("request_head", INSIDE),
        ("metadata", INSIDE, "session_id"),
        ("user_agent",),
        ("model",),
    ),
    "envoy": (("user-agent",), ("session.id",), ("gen_ai.response.model",)),
    "helicone": (("request_body",), ("request_properties",), ("request_model",)),
    "http_pairs": (("request", "body"), ("request", "headers"), ("session_id",)),
    "jsonl": tuple((name,) for name in (*COLUMNS, *NUMBERS)),
    "kong": (
        ("ai", "proxy", "payload", "request"),
        ("ai", "proxy", "payload", "request", INSIDE),
        ("ai", "proxy", "meta"),
        ("request", "headers"),
    ),
    "langfuse": (("input",), ("input", INSIDE), ("model_parameters", INSIDE), ("session_id",), ("tool_definitions",)),
    "litellm": (("messages",), ("model_parameters",), ("session_id",), ("metadata", "user_agent"), ("model",)),
    "litellm_spend": (("proxy_server_request",), ("session_id",), ("metadata", "user_agent"), ("model",)),
    "otlp": (
        *(("gen_ai.input.messages",), ("gen_ai.request.temperature",), ("gen_ai.request.max_tokens",)),
        *(("gen_ai.input.messages", INSIDE), ("gen_ai.conversation.id",), ("gen_ai.tool.definitions",)),
        *(("user_agent.original",), ("gen_ai.system_instructions",), ("gen_ai.request.model",)),
    ),
    "phoenix": tuple(
        ("attributes", name)
        for name in (
            *("llm.model_name", "session.id", "llm.invocation_parameters", "llm.input_messages.0.message.role"),
            *("llm.input_messages.0.message.content", "input.value", "user_agent.original"),
        )
    ),
}
FORMATS = sorted(PLACES)
ROWS = 5


@functools.cache
def lines_of(format: str) -> dict[str, list[Any]]:
    """The documents of each file of a small log in a format."""
    table = simulated().slice(1, ROWS)  # none of them failed
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if format == "phoenix":
            document = json.loads(phoenix.SOURCE.info.example)
            more = {
                "session.id": "s",
                "input.value": "x",
                "user_agent.original": "a",
                "llm.invocation_parameters": "{}",
            }
            return {"log.jsonl": [document | {"attributes": document["attributes"] | more}]}
        if format == "jsonl":
            rows = table.to_pylist()
            lines = [json.dumps(row | {"started_at": row["started_at"].isoformat()}) for row in rows]
            (folder / "log.jsonl").write_text("\n".join(lines))
            paths = [folder / "log.jsonl"]
        else:
            paths = importlib.import_module(f"tests.sources.writers.{format}").write(table, folder)
        return {
            str(path.relative_to(folder)): [json.loads(line) for line in path.read_text().splitlines()]
            for path in paths
        }


def callers(value: Any, place: tuple[str, ...], path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of a caller's value in a document, and of all within it."""
    if isinstance(value, str) and place[:1] == (INSIDE,):
        value = json.loads(value)
        yield from (callers(value, place[1:], (*path, INSIDE)) if place[1:] else below(value, (*path, INSIDE)))
    elif not place:
        yield path
        yield from below(value, path)
    elif isinstance(value, dict) and place[0] in value:
        yield from callers(value[place[0]], place[1:], (*path, place[0]))


def below(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*path, key)
        yield from below(item, (*path, key))


def put(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """A document with another value at a path."""
    if not path:
        return other
    if path[0] == INSIDE:
        return json.dumps(put(json.loads(value), path[1:], other))
    changed = copy.copy(value)
    changed[path[0]] = put(value[path[0]], path[1:], other)
    return changed


def any_value(value: Any) -> dict[str, Any]:
    """A value as an exporter of OpenTelemetry would write it."""
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [{"key": key, "value": any_value(item)} for key, item in value.items()]}}
    kinds = {str: "stringValue", bool: "boolValue", int: "intValue", float: "doubleValue"}
    return {} if value is None else {kinds[type(value)]: str(value) if type(value) is int else value}


def spots(format: str) -> list[tuple[str, int, tuple[Any, ...]]]:
    """Where something of the caller's stands: file, document, path."""
    found = []
    for file, documents in lines_of(format).items():
        for number, document in enumerate(documents):
            if format != "otlp":
                found += [(file, number, path) for place in PLACES[format] for path in callers(document, place)]
                continue
            scope = ("resourceSpans", 0, "scopeSpans", 0, "spans")
            for at, span in enumerate(document["resourceSpans"][0]["scopeSpans"][0]["spans"]):
                for entry, told in enumerate(span["attributes"]):
                    if any(place[0] == told["key"] for place in PLACES[format]):
                        found.append((file, number, (*scope, at, "attributes", entry, "value")))
    return found


def read_back(format: str, files: dict[str, list[Any]]) -> tuple[pa.Table, Any]:
    with tempfile.TemporaryDirectory() as name:
        for file, documents in files.items():
            path = Path(name, file)
            path.parent.mkdir(parents=True, exist_ok=True)
            text = "\n".join(map(json.dumps, documents))
            for quote in ('"', '\\"'):
                text = text.replace(f"{quote}{DEEP}{quote}", "[" * 3000 + "]" * 3000)
            path.write_bytes(text.encode().replace(BYTES.encode(), b"\xff\xfe"))
        log = open_log([name], format=format)
        return log.read(), log


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@pytest.mark.parametrize("format", FORMATS)
@given(data=st.data())
def test_a_caller_keeps_no_exchange_out_of_the_scan(format: str, data: st.DataObject) -> None:
    files = {file: list(documents) for file, documents in lines_of(format).items()}
    for file, number, path in data.draw(st.lists(st.sampled_from(spots(format)), min_size=1, max_size=3)):
        value = data.draw(st.sampled_from(HOSTILE) | JSON)
        if format == "otlp":
            value = any_value(value)
        try:
            files[file][number] = put(files[file][number], path, value)
        except (KeyError, TypeError, IndexError, ValueError):
            continue  # a value before has taken the place of this one
    table, log = read_back(format, files)
    assert log.rejects == ()
    assert known(table) == untouched(format)


@functools.cache
def untouched(format: str) -> list[tuple[str, str]]:
    table, _ = read_back(format, lines_of(format))
    assert table.num_rows == (1 if format == "phoenix" else ROWS)
    return known(table)


def known(table: pa.Table) -> list[tuple[str, str]]:
    """The exchanges, and whose they are."""
    return sorted(zip(*(table[name].to_pylist() for name in ("exchange_id", "account_id")), strict=True))


@pytest.mark.parametrize("format", FORMATS)
def test_every_value_of_the_caller_is_looked_for(format: str) -> None:
    documents = [document for found in lines_of(format).values() for document in found]
    for place in PLACES[format]:
        if format == "otlp":
            assert json.dumps(place[0]) in json.dumps(documents)
        else:
            assert any(True for document in documents for _ in callers(document, place)), place


COLUMN_LINE = {"exchange_id": "r1", "started_at": "2026-09-07T00:03:08Z", "account_id": "a1"}
MENDED = {
    "temperature": [(-1, None), (float("inf"), None), ("hot", None)],
    "max_tokens": [(-5, None), (2**70, None), ("many", None), (1.5, None)],
    "tool_count": [(-1, None), ([], None)],
    "user_agent": [("a\ud800/1", "a\ufffd/1"), (["x"], None)],
    "system_prompt": [("\udfff", "\ufffd"), ({}, None)],
    "session_id": [({"id": 1}, None)],
    "model": [(["m"], None), ("m\ud800", "m\ufffd")],
    "response": [("so\ud83d", "so\ufffd")],
}


@pytest.mark.parametrize(("column", "value", "read"), [(c, *pair) for c, pairs in MENDED.items() for pair in pairs])
def test_what_no_api_takes_is_mended_and_told(column: str, value: Any, read: Any, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps(COLUMN_LINE | {column: value}) + "\n")
    log = open_log([path])
    (row,) = log.read().to_pylist()
    assert (row[column], log.rejects) == (read, ())
    (note,) = log.notes
    assert note.startswith(f"1 exchange held a value that no API takes ({column} 1)")
    assert log.notes == (log.beginning(5), log.notes)[1]


@pytest.mark.parametrize(
    ("messages", "read"),
    [
        ([{"role": "user", "content": "x\ud800"}], [("user", "x\ufffd")]),
        ([{"role": "user", "content": "Why?"}, 7, {"content": "How?"}], [("user", "Why?"), ("user", "How?")]),
        ({"role": "user"}, None),
        ("what?", None),
    ],
)
def test_what_can_be_read_of_a_conversation_is(messages: Any, read: Any, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps(COLUMN_LINE | {"messages": messages}) + "\n")
    log = open_log([path])
    (text,) = log.read()["messages"].to_pylist()
    assert (text and [(turn["role"], turn["content"]) for turn in json.loads(text)]) == read
    assert "(messages 1)" in log.notes[0]


def test_bytes_of_a_header_that_are_no_text_spoil_no_line(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(json.dumps(COLUMN_LINE | {"user_agent": "a@"}).encode().replace(b"@", b"\xe9\xff"))
    log = open_log([path])
    assert log.read()["user_agent"].to_pylist() == ["a\ufffd\ufffd"]
    assert "(user_agent 1)" in log.notes[0]


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_table_mends_what_a_line_mends(kind: str, tmp_path: Path) -> None:
    table = pa.table(
        {
            **{
                name: [value + str(n) if name != "started_at" else value for n in range(4)]
                for name, value in COLUMN_LINE.items()
            },
            "temperature": [0.5, -1.0, float("inf"), 1.0],
            "max_tokens": [1, 2, -5, 4],
            "messages": ['[{"role": "user", "content": "Why?"}]', None, None, "what?"],
            "input_tokens": [1, 2, 3, 4],
        }
    )
    path = tmp_path / f"log.{kind}"
    if kind == "parquet":
        pq.write_table(table, path)
    else:
        pa_csv.write_csv(table, path)
    log = open_log([path])
    read = log.read()
    assert read["temperature"].to_pylist() == [0.5, None, None, 1.0]
    assert read["max_tokens"].to_pylist() == [1, 2, None, 4]
    assert read["messages"].null_count == 3
    assert log.notes[0].startswith(
        "3 exchanges held values that no API takes (messages 1, temperature 2, max_tokens 1)"
    )


@given(JSON, st.integers(0, 400), st.sampled_from(["[", '{"a":']))
def test_what_lies_deeper_than_any_conversation_is_null_and_all_else_is_kept(value: Any, depth: int, sign: str) -> None:
    deep = sign * depth + "7" + ("]" if sign == "[" else "}") * depth
    found = json.loads(shallow(f'{{"deep": {deep}, "kept": {json.dumps(value)}}}'))
    assert found["kept"] == value
    assert ("7" in json.dumps(found["deep"])) == (depth < DEPTH)


@given(st.text(alphabet='[]{}"\\a,:1', max_size=40), st.sampled_from([0, 299, 300, 301, 5000]))
def test_text_that_is_no_json_is_cut_without_an_end(text: str, depth: int) -> None:
    assert len(shallow("[" * depth + text)) <= depth + len(text) + 4 * (len(text) + 1)


def test_inspect_tells_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log.jsonl"
    lines = [COLUMN_LINE | {"exchange_id": f"r{n}", "temperature": -n} for n in (0, 1, 2)]
    path.write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(SystemExit):
        main(["inspect", str(path), "--quiet"])
    assert "2 exchanges held values that no API takes (temperature 2)" in capsys.readouterr().out
