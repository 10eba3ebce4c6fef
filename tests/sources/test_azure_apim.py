"""Azure API Management: two logs of one request joined, pieces of messages, and the spellings of a record."""

from __future__ import annotations

import json
import shutil
import tempfile
import zlib
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import given

from stillwatch.errors import InputError
from stillwatch.exchange import in_order
from stillwatch.sources.calls import azure_index, azure_records, azure_told
from stillwatch.sources.containers.files import open_bytes
from stillwatch.sources.formats import azure_apim
from stillwatch.sources.formats.azure_apim import ALONE, SOURCE
from stillwatch.sources.log import open_log
from tests.sources.gateway_logs import (
    GOLDEN,
    assert_round_trip,
    golden_documents,
    hostile_documents,
    plain,
    read_or_set_aside,
    simulated,
)
from tests.sources.writers import azure_apim as writer

EVERY_REQUEST = {
    "account_id": "acme",
    "api_key_id": "acme",
    "model": "gpt-m-2026",
    "operation": "chat",
    "client_ip": "198.51.100.7",
    "user_agent": "agent/1",
    "status": 200,
    "latency_ms": 1500,
}
EXPECTED: dict[str, dict[str, Any]] = {
    "az-1": {
        "started_at": "2026-09-07T00:03:08.251123+00:00",
        "system_prompt": "Be brief.",
        "messages": [("user", "Why?")],
        "response": "So.",
        "input_tokens": 14,
        "output_tokens": 21,
    },
    "az-2": {
        "started_at": "2026-09-07T00:03:08.252123+00:00",
        "system_prompt": "Be brief.",
        "messages": [("user", "Count – please.")],
        "response": "One, two.",
        "input_tokens": 9,
        "output_tokens": 4,
    },
    "az-3": {
        "started_at": "2026-09-07T00:03:08.253123+00:00",
        "messages": [("user", "2+2?"), ("assistant", None), ("tool", "4")],
        "response": "Four.",
        "input_tokens": 30,
        "output_tokens": 2,
        "temperature": 0.2,
        "max_tokens": 100,
        "tool_count": 1,
    },
    "az-4": {
        "started_at": "2026-09-07T00:03:08.254123+00:00",
        "messages": [("user", "Prove it.")],
        "response": "Thus.",
        "reasoning": "Assume not.",
        "input_tokens": 5,
        "output_tokens": 60,
        "reasoning_tokens": 50,
    },
    "az-5": {
        "started_at": "2026-09-07T00:03:08.255123+00:00",
        "model": None,
        "status": 429,
        "latency_ms": 3,
    },
    "az-6": {"started_at": "2026-09-07T00:03:08.256123+00:00", "input_tokens": 14, "output_tokens": 21},
    "az-7": {"started_at": "2026-09-07T00:03:08.257123+00:00", "input_tokens": 48880, "output_tokens": 9},
    "az-20": {
        "started_at": "2026-09-07T00:03:08.400000+00:00",
        "account_id": "u-7",
        "api_key_id": None,
        "messages": [("user", "Table?")],
        "response": "Yes.",
        "input_tokens": 3,
        "output_tokens": 2,
    },
    "az-21": {
        "started_at": "2026-09-07T00:03:08.500000+00:00",
        "model": None,
        "user_agent": None,
        "operation": "embeddings",
        "latency_ms": 20,
    },
    "oai-1": {
        "started_at": "2026-09-07T00:03:08.300000+00:00",
        "account_id": "0f-object",
        "api_key_id": None,
        "client_ip": None,
        "user_agent": None,
        "model": "gpt-4o",
        "status": 429,
    },
}

OF_TABLES = ("az-20", "az-21")


def rows_of(*locations: Path) -> tuple[dict[str, dict[str, Any]], list[tuple[str, int]]]:
    log = open_log(list(locations))
    assert log.format == "azure_apim"
    rows = {row["exchange_id"]: plain(row) for row in log.read().to_pylist()}
    return rows, [(reject.reason, reject.records) for reject in log.rejects]


def expected(name: str) -> dict[str, Any]:
    values = {"exchange_id": name, **EVERY_REQUEST, **EXPECTED[name]}
    return {column: value for column, value in values.items() if value is not None}


def test_golden() -> None:
    rows, rejects = rows_of(GOLDEN / "azure_apim")
    assert rows == {name: expected(name) for name in EXPECTED}
    assert rejects == [(ALONE, 1)]


def test_the_file_beside_is_found_without_being_named() -> None:
    rows, _ = rows_of(GOLDEN / "azure_apim" / "requests.jsonl")
    assert rows["az-2"] == expected("az-2")


def test_prompts_never_stand_under_a_name_in_a_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    shutil.copytree(GOLDEN / "azure_apim", tmp_path / "logs")
    rows_of(tmp_path / "logs")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_folder_of_many_files_is_looked_into_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        (tmp_path / f"{number}.json").write_bytes(SOURCE.info.example.replace(b'"r1"', b'"r%d"' % number))
    looked: list[str] = []

    def counted(location: str) -> IO[bytes]:
        looked.append(location)
        return open_bytes(location)

    monkeypatch.setattr(azure_index, "open_bytes", counted)
    assert len(rows_of(tmp_path)[0]) == 20
    assert len(looked) == 20


@pytest.mark.parametrize("wrapped", ["records", "array", "one file"])
def test_containers(wrapped: str, tmp_path: Path) -> None:
    documents = [document for document in golden_documents("azure_apim") if "properties" in document]
    if wrapped == "records":
        texts = [json.dumps({"records": documents[i::3]}) for i in range(3)]
    elif wrapped == "array":
        texts = [json.dumps(documents, indent=1)]
    else:
        texts = ["\n".join(map(json.dumps, reversed(documents)))]
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.json").write_text(text)
    rows, _ = rows_of(tmp_path)
    assert rows == {name: expected(name) for name in EXPECTED if name not in OF_TABLES}


@pytest.mark.parametrize("indent", [None, 1])
def test_answer_of_a_query(indent: int | None, tmp_path: Path) -> None:
    documents = [document for document in golden_documents("azure_apim") if "Type" in document]
    names = sorted({name for document in documents for name in document})
    rows_told = [[document.get(name) for name in names] for document in documents]
    table = {"name": "PrimaryResult", "columns": [{"name": name} for name in names], "rows": rows_told}
    (tmp_path / "answer.json").write_text(json.dumps({"tables": [table]}, indent=indent))
    rows, _ = rows_of(tmp_path)
    assert rows == {name: expected(name) for name in OF_TABLES}


def test_a_model_log_alone_has_no_accounts(tmp_path: Path) -> None:
    shutil.copy(GOLDEN / "azure_apim" / "messages.jsonl", tmp_path)
    with pytest.raises(InputError, match=ALONE):
        open_log([tmp_path]).read()


def test_a_piece_that_is_missing_leaves_null(tmp_path: Path) -> None:
    for name in ("requests.jsonl", "messages.jsonl"):
        lines = (GOLDEN / "azure_apim" / name).read_text("utf-8").splitlines(keepends=True)
        kept = [line for line in lines if '"az-2"' in line and '"sequenceNumber": 2' not in line]
        (tmp_path / name).write_text("".join(kept), "utf-8")
    rows, _ = rows_of(tmp_path)
    assert "messages" not in rows["az-2"]
    assert rows["az-2"]["response"] == "One, two."


def test_records_that_come_twice_change_nothing(tmp_path: Path) -> None:
    for name in ("requests.jsonl", "messages.jsonl"):
        text = (GOLDEN / "azure_apim" / name).read_text("utf-8")
        (tmp_path / name).write_text(text + text, "utf-8")
    rows, rejects = rows_of(tmp_path)
    assert rows == {name: expected(name) for name in EXPECTED if name not in (*OF_TABLES, "oai-1")}
    assert sorted(rejects) == [("duplicate id", 7), (ALONE, 2)]


@given(hostile_documents(golden_documents("azure_apim")))
def test_any_value_anywhere_is_read_or_set_aside(document: Any) -> None:
    read, rejected = read_or_set_aside(SOURCE, [document])
    assert read + rejected <= 1


@given(hostile_documents([*golden_documents("azure_apim"), json.loads(SOURCE.info.example)]))
def test_a_glance_at_a_record_sees_what_the_whole_says(document: Any) -> None:
    seen, fields = azure_records.glance(json.dumps(document).encode()), azure_records.flat(document)
    if type(seen) is not azure_records.ModelRecord and type(seen) is not azure_records.RequestRecord:
        assert seen == document
        return
    told = "model" if type(seen) is azure_records.ModelRecord else "gateway"
    assert (told, seen.correlationId) == (azure_records.kind(fields), fields["correlationid"])
    for name in ("sequenceNumber", "requestMessages", "responseMessages", *azure_records.COUNTS.values()):
        assert told == "gateway" or getattr(seen.properties, name) == fields.get(name.lower())
    for name, value in azure_records.request_fields(seen).items() if told == "gateway" else ():
        assert value == fields.get(name)


def test_records_as_they_are_documented_are_told_at_a_glance() -> None:
    seen = [azure_records.glance(json.dumps(document).encode()) for document in golden_documents("azure_apim")]
    kinds = [type(record).__name__ for record in seen if not isinstance(record, dict)]
    assert (kinds.count("GatewayLogs"), kinds.count("GatewayLlmLogs")) == (8, 17)


@pytest.mark.parametrize(
    ("kept", "memory"),
    [(0, 0), (1, 1), (azure_apim.KEPT_CHARACTERS, azure_index.MEMORY_CHARACTERS), (azure_apim.KEPT_CHARACTERS, 40_000)],
)
@pytest.mark.parametrize("step", [1, -1])
def test_hours_are_read_alike_however_many_are_kept_and_where(
    kept: int, memory: int, step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one").mkdir()
    for path in writer.write(simulated(), tmp_path / "one"):
        hours: list[list[str]] = [[], [], []]
        for line in path.read_text("utf-8").splitlines(keepends=True):
            hours[zlib.crc32(json.loads(line)["correlationId"].encode()) % 3].append(line)
        if "llmlogs" in str(path):
            hours[1].append(
                json.dumps({"category": "GatewayLlmLogs", "correlationId": "nobody", "properties": {}}) + "\n"
            )
        for hour, lines in enumerate(hours):
            place = Path(str(path).replace("/one/", "/hours/").replace("h=00", f"h={hour:02}"))
            place.parent.mkdir(parents=True)
            place.write_text("".join(lines[::step]), "utf-8")
    monkeypatch.setattr(azure_apim, "KEPT_CHARACTERS", kept)
    monkeypatch.setattr(azure_index, "MEMORY_CHARACTERS", memory)
    monkeypatch.setattr(azure_told, "AHEAD", 2)
    log = open_log([tmp_path / "hours"])
    assert in_order(log.read()) == in_order(open_log([tmp_path / "one"]).read())
    ((reason, records, first),) = log.rejects
    assert (reason, records, "h=01" in first) == (ALONE, 1, True)


@pytest.mark.parametrize("piece", [200, writer.PIECE])
def test_round_trip(piece: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "PIECE", piece)
    assert set(SOURCE.info.carries) - {"api_key_id"} == writer.CARRIES
    assert_round_trip(writer.write, writer.CARRIES, "azure_apim", tmp_path)
