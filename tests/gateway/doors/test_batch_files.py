"""OpenAI's batches that nobody limits: what their files ask for is counted and written down, and passes as it came."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.gateway.doors.asgi import StillwatchMiddleware
from stillwatch.responses.traffic import Shape
from tests.gateway.batch_server import (
    Batches,
    batch_file,
    client,
    form,
    line,
    made,
    unread,
    uploaded,
)
from tests.gateway.proxied import Chosen

CAPPED = {"shape": Shape(reasoning_effort="low", one_answer=True)}


def test_a_batch_nobody_limits_passes_byte_for_byte_and_each_of_its_requests_is_written_down(batches: Batches) -> None:
    sent: list[bytes] = []
    one = client(batches.address, sent)
    data = batch_file(3) + line(3, "/v1/responses", input="Why?") + b"\n" + line(4, "/v1/embeddings", input="So")
    made(one, uploaded(one, data))
    assert batches.server.received == sent
    assert [(r.operation, r.items, r.api, r.model) for r in batches.gate.requests] == [
        ("batch", 5, "openai_chat", "m-1"),
        ("batch", 1, "openai_chat", ""),
    ]
    rows = [told.row for told in batches.gate.told]
    assert [row["operation"] for row in rows] == ["chat", "chat", "chat", "responses", "embeddings", "batch"]
    assert [json.loads(str(row["messages"]))[0]["content"] for row in rows[:3]] == [
        f"Question {place}, é?" for place in range(3)
    ]
    assert len({row["exchange_id"] for row in rows}) == 6
    assert {(row["model"], row["status"], row["response"], row["latency_ms"]) for row in rows[:5]} == {
        ("m-1", 200, None, None)
    }
    assert {row["account_id"] for row in rows} == {batches.gate.requests[0].account_id}


def test_without_word_of_the_policy_no_text_of_a_batch_is_kept(batches: Batches) -> None:
    batches.gate.keeps_text = False
    uploaded(client(batches.address), batch_file(2, temperature=0.5))
    assert [(told.row["messages"], told.row["temperature"]) for told in batches.gate.told] == [(None, 0.5)] * 2
    assert "Question" not in str(batches.gate.told)


def test_lines_that_nobody_can_read_count_as_one_request_each_and_pass_as_they_came(batches: Batches) -> None:
    sent: list[bytes] = []
    odd = (
        b"\xef\xbb\xbf"
        + line(0)
        + b'\r\n\r\n  \nno json\n[1]\n{"custom_id":"x"}\n\xff\xfe\n'
        + line(1)
        + b"\r"
        + line(2)
    )
    batches.gate.choose = lambda request: CAPPED
    uploaded(client(batches.address, sent), odd)
    assert batches.server.received == sent
    assert batches.gate.requests[0].items == len(batches.gate.told) == 7


def test_what_lines_may_cost_adds_up(batches: Batches) -> None:
    uploaded(client(batches.address), line(0, max_tokens=10, n=2) + b"\n" + line(1, max_completion_tokens=5))
    uploaded(client(batches.address), line(0, max_tokens=10) + b"\n" + line(1))
    uploaded(client(batches.address), batch_file(2))
    assert [request.tokens for request in batches.gate.requests] == [25, 10 + 4000, 0]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_however_an_upload_is_cut_up_it_is_counted_and_passes_the_same(cut: st.DataObject) -> None:
    data = cut.draw(st.sampled_from((batch_file(3), b"", b"\r\n--\r\n--c\r\n" + batch_file(2), b"x" * 20_000)))
    purpose_last = cut.draw(st.booleans())
    body = form(data)
    if purpose_last:
        body = form(data, b"batch", b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n--\r\n') + b"and more"
    places = sorted(cut.draw(st.lists(st.integers(0, len(body)), max_size=20)))
    pieces = [body[start:end] for start, end in zip([0, *places], [*places, len(body)], strict=True)]
    gate = Chosen()
    told, _ = asyncio.run(through(gate, pieces))
    assert b"".join(told) == body
    assert [request.operation for request in gate.requests] == ["batch"]
    assert gate.requests[0].items == max(1, sum(1 for part in data.replace(b"\r", b"\n").split(b"\n") if part.strip()))
    assert unread(gate) == 0


@pytest.mark.filterwarnings("ignore::aiohttp.BadContentDispositionHeader")
@pytest.mark.filterwarnings("ignore::aiohttp.BadContentDispositionParam")
@given(st.binary(max_size=300), st.lists(st.integers(0, 700), max_size=8))
@settings(max_examples=150, deadline=None)
def test_hostile_bytes_pass_as_they_came_and_break_nothing(noise: bytes, places: list[int]) -> None:
    whole = form(batch_file(2))
    body = whole[: len(noise) % 200] + noise + whole[len(noise) :]
    cuts = sorted(min(place, len(body)) for place in places)
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    told, status = asyncio.run(through(Chosen(), pieces))
    assert (b"".join(told), status) == (body, 200)


async def through(gate: Chosen, pieces: list[bytes]) -> tuple[list[bytes], int]:
    """What an app behind the door receives of an upload that comes in these pieces, and the status that leaves."""
    arrived: list[bytes] = []
    statuses: list[int] = []
    waiting = iter(pieces)
    place = 0

    async def receive() -> MutableMapping[str, Any]:
        nonlocal place
        place += 1
        if place > len(pieces):
            await asyncio.Event().wait()
        return {"type": "http.request", "body": next(waiting), "more_body": place < len(pieces)}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        more = True
        while more:
            message = await receive()
            arrived.append(message.get("body", b""))
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}", "more_body": False})

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {"type": "http", "method": "POST", "path": "/v1/files", "query_string": b"", "client": ("127.0.0.1", 1)}
    headers = [(b"content-type", b"multipart/form-data; boundary=b")]
    await StillwatchMiddleware(app, gate=gate)({**scope, "headers": headers}, receive, send)
    return arrived, statuses[0]


def test_a_file_for_another_purpose_passes_while_it_comes_and_is_nobodys_business(batches: Batches) -> None:
    asked_for: list[int] = []

    async def receive() -> MutableMapping[str, Any]:
        asked_for.append(1)
        body = form(b"", b"fine-tune")[:-12] if len(asked_for) == 1 else b"x" * 1000
        return {"type": "http.request", "body": body, "more_body": len(asked_for) < 50}

    seen: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            seen.append(len(asked_for))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}", "more_body": False})

    async def send(message: Any) -> None: ...

    scope = {"type": "http", "method": "POST", "path": "/v1/files", "query_string": b"", "client": None}
    headers = [(b"content-type", b"multipart/form-data; boundary=b")]
    gate = Chosen(lambda request: {"shape": Shape(one_answer=True)} if request.operation == "batch" else {})
    asyncio.run(StillwatchMiddleware(app, gate=gate)({**scope, "headers": headers}, receive, send))
    assert seen == list(range(seen[0], 50))
    assert seen[0] <= 3  # as soon as the purpose is known, each piece goes on before the next is taken
    assert ([request.operation for request in gate.requests], gate.told) == (["other"], [])
    sent: list[bytes] = []
    client(batches.address, sent).files.create(file=("a.jsonl", batch_file(2)), purpose="fine-tune")
    assert (batches.server.received, batches.gate.told) == (sent, [])
