"""The OpenAI and Anthropic SDKs talk through a recording proxy to a model that is none; its log is read."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from stillwatch.sources.log import open_log
from tests.sources.faked_model import CHAT_EVENTS, MESSAGE_EVENTS, RESPONSE_EVENTS, Model, Quiet
from tests.sources.other_python import run


class Recorder(Quiet):
    """A proxy that writes each request with its response, as they were, on one line."""

    upstream: ClassVar[int]
    log: ClassVar[Path]
    numbers: ClassVar[Iterator[int]]

    def do_POST(self) -> None:
        began = time.time()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        connection = http.client.HTTPConnection("127.0.0.1", self.upstream)
        connection.request("POST", self.path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        record = {
            "id": f"e{next(self.numbers)}",
            "timestamp": began,
            "duration_ms": (time.time() - began) * 1000,
            "client_ip": self.client_address[0],
            "request": {
                "method": "POST",
                "url": self.path,
                "headers": dict(self.headers.items()),
                "body": body.decode(),
            },
            "response": {
                "status": response.status,
                "headers": dict(response.getheaders()),
                "body": answer.decode(),
            },
        }
        with self.log.open("a") as file:
            file.write(json.dumps(record) + "\n")
        self.answer(response.status, {"Content-Type": response.headers["Content-Type"]}, answer)


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a recording proxy, and the log that it writes."""
    log = tmp_path / "log.jsonl"
    model = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    here = type("Here", (Recorder,), {"upstream": model.server_port, "log": log, "numbers": itertools.count()})
    recorder = ThreadingHTTPServer(("127.0.0.1", 0), here)
    for server in (model, recorder):
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{recorder.server_port}", log
    for server in (recorder, model):
        server.shutdown()
        server.server_close()


TOLD = {"model": "m-1", "operation": "chat", "response": "So.", "input_tokens": 12, "output_tokens": 30, "status": 200}


def rows(log: Path) -> list[dict[str, Any]]:
    found = open_log([log])
    assert found.format == "http_pairs"
    table = found.read().to_pylist()
    assert found.rejects == ()
    assert "sk-" in log.read_text()
    assert "sk-" not in str(table)
    assert {row["client_ip"] for row in table} == {"127.0.0.1"}
    assert all(row["latency_ms"] is not None and row["api_key_id"] == row["account_id"] for row in table)
    return table


def test_openai(recorded: tuple[str, Path]) -> None:
    address, log = recorded
    run("sdk.py", "openai", address)
    expected = [
        TOLD | {"temperature": 0.5, "reasoning": "Hm.", "reasoning_tokens": 20},
        TOLD | {"reasoning": "Hm.", "reasoning_tokens": 20},
        TOLD | {"operation": "responses", "system_prompt": "Be brief.", "reasoning": "Hm."},
        TOLD | {"operation": "responses", "reasoning": "Hm.", "reasoning_tokens": 20},
        TOLD | {"operation": "completions"},
        TOLD | {"operation": "embeddings", "response": None, "output_tokens": None},
        {"model": "absent", "status": 404, "response": None, "input_tokens": None},
    ]
    found = rows(log)
    assert [{name: row[name] for name in want} for row, want in zip(found, expected, strict=True)] == expected
    assert {row["messages"] for row in found} == {'[{"role":"user","content":"Why?"}]'}
    assert len({row["account_id"] for row in found}) == 1
    assert all(row["user_agent"].startswith("OpenAI/Python") for row in found)


def test_anthropic(recorded: tuple[str, Path]) -> None:
    address, log = recorded
    run("sdk.py", "anthropic", address)
    found = rows(log)
    want = TOLD | {"system_prompt": "Be brief.", "reasoning": "Hm.", "reasoning_tokens": 20, "max_tokens": 2000}
    assert [{name: row[name] for name in want} for row in found] == [want] * 3
    accounts = [row["account_id"] for row in found]
    assert accounts[0] == accounts[1] != accounts[2]


def test_golden_batches_and_faked_answers_are_what_the_sdks_know(tmp_path: Path) -> None:
    folder = Path(__file__).parents[1] / "golden" / "logs" / "batch"

    def golden(name: str) -> list[Any]:
        return [json.loads(line) for line in (folder / name).read_text().splitlines()]

    batch = json.loads((folder / "openai" / "batch.json").read_text())
    page = json.loads((folder / "anthropic" / "batch.json").read_text())
    values = [("openai.types.Batch", batch), ("anthropic.types.messages.MessageBatch", page["data"][0])]
    for name, found in [
        ("openai.types.chat.ChatCompletion", [line["response"]["body"] for line in golden("openai/output.jsonl")]),
        ("anthropic.types.messages.MessageBatchIndividualResponse", golden("anthropic/results.jsonl")),
        ("anthropic.types.RawMessageStreamEvent", MESSAGE_EVENTS),
        ("openai.types.chat.ChatCompletionChunk", CHAT_EVENTS),
        ("openai.types.responses.ResponseStreamEvent", RESPONSE_EVENTS),
    ]:
        values += [(name, value) for value in found]
    (tmp_path / "values.json").write_text(json.dumps(values))
    run("sdk.py", "known", tmp_path / "values.json")
