"""Batches: answers, requests and the batch object, joined by what lies beside the answers."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.errors import InputError
from stillwatch.exchange import EXCHANGE
from stillwatch.simulation.world import simulate
from stillwatch.sources.containers.files import head
from stillwatch.sources.formats import batch
from stillwatch.sources.formats.batch import SOURCE
from stillwatch.sources.log import Log, open_log
from tests.sources.writers import batch as writer

GOLDEN = Path(__file__).parents[1] / "golden" / "logs" / "batch"
WHY = '[{"role":"user","content":"Why?"}]'
CREATED = dt.datetime(2026, 9, 7, 0, 3, 8, tzinfo=dt.UTC)

OPENAI = {
    "started_at": CREATED,
    "account_id": "acct-7",
    "api_key_id": "key_9",
    "operation": "chat",
    "system_prompt": "Be brief.",
    "messages": WHY,
    "tool_count": 0,
}
ANSWERED = OPENAI | {"model": "gpt-x-2026", "input_tokens": 12, "output_tokens": 30, "status": 200}
ANTHROPIC = {
    "started_at": CREATED.replace(microsecond=250_000),
    "account_id": "acct-8",
    "operation": "chat",
    "model": "claude-x",
    "messages": WHY,
    "tool_count": 0,
}
EXPECTED: dict[str, list[dict[str, Any]]] = {
    "openai": [
        OPENAI | {"exchange_id": "batch_req_3", "model": "gpt-x", "temperature": 9.0, "status": 400},
        OPENAI | {"exchange_id": "batch_req_4", "model": "gpt-x", "status": 500},
        ANSWERED | {"exchange_id": "batch_req_2", "response": "Thus.", "reasoning_tokens": 0},
        ANSWERED
        | {
            "exchange_id": "batch_req_1",
            "response": "So.",
            "reasoning_tokens": 20,
            "temperature": 0.2,
            "max_tokens": 100,
            "tool_count": 1,
        },
    ],
    "anthropic": [
        ANTHROPIC | {"exchange_id": "msgbatch_01:my-second", "max_tokens": 64, "status": 400},
        ANTHROPIC
        | {
            "exchange_id": "msg_1",
            "system_prompt": "Be brief.",
            "response": "So.",
            "reasoning": "Hm.",
            "input_tokens": 12,
            "output_tokens": 30,
            "reasoning_tokens": 20,
            "max_tokens": 2000,
            "status": 200,
        },
        ANTHROPIC | {"exchange_id": "msgbatch_01:my-third", "max_tokens": 64, "status": 500},
    ],
}


def told(log: Log) -> list[dict[str, Any]]:
    assert log.format == "batch"
    return [{key: value for key, value in row.items() if value is not None} for row in log.read().to_pylist()]


@pytest.mark.parametrize("vendor", EXPECTED)
def test_golden(vendor: str) -> None:
    log = open_log([GOLDEN / vendor])
    assert told(log) == EXPECTED[vendor]
    assert log.rejects == ()


def test_answers_named_alone_find_what_lies_beside_them() -> None:
    assert told(open_log([GOLDEN / "openai" / "output.jsonl"])) == EXPECTED["openai"][2:]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOLDEN / "openai", tmp_path / "openai"))


def test_compressed_files_and_other_files_beside(folder: Path) -> None:
    for name in ("requests.jsonl", "batch.json", "output.jsonl"):
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
        (folder / name).unlink()
    (folder / ".hidden").write_text("{")
    assert told(open_log([folder / "output.jsonl.gz"])) == EXPECTED["openai"][2:]


def test_many_answers_in_one_folder_look_into_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        line = SOURCE.info.example.replace(b'"r1"', b'"r%d"' % number)
        (tmp_path / f"{number}.jsonl").write_bytes(line)
    looked: list[str] = []

    def counted(location: str) -> bytes:
        looked.append(location)
        return head(location)

    log = open_log([tmp_path])
    monkeypatch.setattr(batch, "head", counted)
    assert log.read().num_rows == 20
    assert len(looked) <= 20 * 4


def test_a_folder_that_may_not_be_looked_into_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "output.jsonl").write_bytes(SOURCE.info.example)

    def refused(folder: Path) -> Iterator[Path]:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(Path, "iterdir", refused)
    (found,) = SOURCE.read(str(tmp_path / "output.jsonl"), None)
    assert found.exchanges.num_rows == 1


def test_without_requests_only_the_answers_are_known(folder: Path) -> None:
    (folder / "requests.jsonl").unlink()
    rows = told(open_log([folder / "output.jsonl"]))
    assert [row["response"] for row in rows] == ["Thus.", "So."]
    assert not any("messages" in row or "temperature" in row or "tool_count" in row for row in rows)
    assert {row["operation"] for row in rows} == {"chat"}


def test_without_the_batch_the_second_of_the_answer_and_whom_the_caller_claims_to_be(folder: Path) -> None:
    (folder / "batch.json").unlink()
    log = open_log([folder / "output.jsonl"])
    (row,) = told(log)
    assert (row["account_id"], row["started_at"]) == ("anyone", dt.datetime(2026, 9, 7, 0, 5, tzinfo=dt.UTC))
    assert [(reject.reason, reject.records) for reject in log.rejects] == [("missing account_id", 1)]


def test_anthropic_without_the_batch_has_no_time(tmp_path: Path) -> None:
    shutil.copy(GOLDEN / "anthropic" / "results.jsonl", tmp_path)
    with pytest.raises(InputError, match="missing started_at"):
        open_log([tmp_path]).read()


def line(number: int, **changes: Any) -> dict[str, Any]:
    body = {"object": "chat.completion", "created": 1788739388, "model": "m", "choices": []}
    response = {"status_code": 200, "request_id": f"req_{number}", "body": body}
    return {"custom_id": "request-1", "response": response, "error": None} | changes


def write(path: Path, *documents: Any) -> None:
    path.write_text("".join(json.dumps(document) + "\n" for document in documents))


def test_several_batches_in_one_folder_are_told_by_names(tmp_path: Path) -> None:
    objects = [
        {"id": f"batch_{i}", "created_at": 1788739388 + i, "account_id": f"a{i}"}
        | {"completion_window": "24h", "input_file_id": f"file-in{i}", "output_file_id": f"file-out{i}"}
        for i in (1, 12)
    ]
    write(tmp_path / "batches.jsonl", *objects)
    for i in (1, 12):
        body = {"messages": [{"role": "user", "content": f"question {i}"}]}
        write(tmp_path / f"file-in{i}.jsonl", {"custom_id": "request-1", "url": "/v1/chat/completions", "body": body})
    write(tmp_path / "file-out1.jsonl", line(1))
    write(tmp_path / "batch_12_output.jsonl", line(12))
    write(tmp_path / "unknown.jsonl", line(3))
    log = open_log([tmp_path])
    rows = {row["account_id"]: json.loads(row["messages"])[0]["content"] for row in told(log)}
    assert rows == {"a1": "question 1", "a12": "question 12"}
    assert [reject.reason for reject in log.set_aside] == ["missing account_id"]


def test_requests_over_the_limit_are_one_clear_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "REQUESTS_BYTES", 300)
    with pytest.raises(InputError, match=r"requests\.jsonl: holds over 256 MiB of requests"):
        open_log([folder]).read()


def test_broken_requests_are_told(folder: Path) -> None:
    with (folder / "requests.jsonl").open("a") as file:
        file.write('{"custom_id": "request-5", "bo\n')
    log = open_log([folder])
    assert len(told(log)) == 4
    assert [(r.reason, r.where) for r in log.set_aside] == [("cut line", f"{folder / 'requests.jsonl'}:5")]


@pytest.mark.parametrize(
    ("url", "answer", "operation"),
    [
        ("/v1/responses", {}, "responses"),
        ("/v1/embeddings", {"object": "list"}, "embeddings"),
        (None, {"object": "response"}, "responses"),
        (None, {"object": "list"}, "embeddings"),
        ("/v1/moderations", {}, None),
        ("/v1/images/generations", {}, None),
        (None, {"object": "image"}, None),
    ],
)
def test_operations(url: str | None, answer: dict[str, Any], operation: str | None, tmp_path: Path) -> None:
    write(tmp_path / "in.jsonl", {"custom_id": "request-1", "method": "POST", "url": url, "body": {"model": "m"}})
    response = {"status_code": 200, "body": {"created": 1788739388} | answer}
    write(tmp_path / "out.jsonl", line(1, account_id="a", response=response))
    found = [i for read in SOURCE.read(str(tmp_path / "out.jsonl"), None) for i in read.exchanges.to_pylist()]
    assert [row["operation"] for row in found] == ([] if operation is None else [operation])


def test_key_in_place_of_an_account_is_hashed(tmp_path: Path) -> None:
    write(tmp_path / "out.jsonl", line(1, account_id="sk-proj-0123456789abcdefghij"))
    (row,) = told(open_log([tmp_path]))
    assert row["account_id"] == "cc5c91c740e3ddf3"


def test_round_trip(tmp_path: Path) -> None:
    simulate(accounts=30, days=3.0, campaigns=[], seed=5, load=0.5).write(tmp_path / "world")
    rows = open_log([tmp_path / "world" / "exchanges.parquet"]).read().slice(0, 400).to_pylist()
    for number, row in enumerate(rows):
        row |= {"reasoning": f"Thought {number}", "reasoning_tokens": number % 5, "tool_count": number % 3}
    sent = pa.Table.from_pylist(rows, schema=EXCHANGE)
    (tmp_path / "log").mkdir()
    writer.write(sent, tmp_path / "log")
    log = open_log([tmp_path / "log"])
    got = log.read().sort_by("exchange_id")
    sent = sent.sort_by("exchange_id")
    assert (log.format, log.rejects) == ("batch", ())
    for name in sorted(writer.CARRIES):
        assert got.column(name).to_pylist() == sent.column(name).to_pylist(), name
    assert got.column("started_at").equals(pc.floor_temporal(sent.column("started_at"), unit="second"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def spoilt(draw: st.DrawFn, value: Any) -> Any:
    """A document with one of its values, however deep, replaced by any JSON."""
    if isinstance(value, dict) and value and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(sorted(value)))
        return value | {key: draw(spoilt(value[key]))}
    if isinstance(value, list) and value and draw(st.integers(0, 4)):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], draw(spoilt(value[place])), *value[place + 1 :]]
    return draw(JSON)


@settings(max_examples=200)
@given(st.sampled_from(["openai", "anthropic"]), st.data())
def test_any_files_are_read_or_set_aside(
    tmp_path_factory: pytest.TempPathFactory, vendor: str, data: st.DataObject
) -> None:
    place = tmp_path_factory.mktemp("any")
    for path in sorted((GOLDEN / vendor).iterdir()):
        text = path.read_text()
        documents = [json.loads(text)] if path.suffix == ".json" else [json.loads(part) for part in text.splitlines()]
        if data.draw(st.booleans()):
            spoil = data.draw(st.integers(0, len(documents) - 1))
            documents[spoil] = data.draw(spoilt(documents[spoil]))
        write(place / path.name, *documents)
    for path in sorted(place.iterdir()):
        batches = list(SOURCE.read(str(path), None))
        ids = {i for found in batches for i in found.exchanges.column(0).to_pylist()}
        assert ids <= {i for array in SOURCE.identities(str(path)) for i in array.to_pylist()}
