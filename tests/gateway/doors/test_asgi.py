"""The middleware: what is decided is carried out, and every exchange is told of once, before its last byte leaves."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.requests import Request as Asked
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from stillwatch.gateway.decision import Observed
from stillwatch.gateway.doors.asgi import StillwatchMiddleware
from stillwatch.gateway.doors.upstream import Upstream
from stillwatch.gateway.policy import Failures, Policy
from stillwatch.responses.traffic import Shape
from tests.gateway.answers import CANARY
from tests.gateway.proxied import Chosen, served
from tests.gateway.upstream import Upstream as Fake
from tests.gateway.upstream import serving

CHAT = "/v1/chat/completions"


class Doors:
    def __init__(self, gate: Chosen, address: str, upstream: Fake) -> None:
        self.gate, self.address, self.upstream = gate, address, upstream


@pytest.fixture(scope="module")
def running() -> Iterator[Doors]:
    gate = Chosen()
    with serving() as upstream:
        front = Upstream(upstream.address, patience=lambda: 0.5)
        with served(StillwatchMiddleware(front, gate=gate, summarise=summary), front.close) as address:
            yield Doors(gate, address, upstream)


async def summary(text: str) -> str | None:
    await asyncio.sleep(0.01)
    return f"{text.count(CANARY)} thoughts"


@pytest.fixture
def doors(running: Doors) -> Doors:
    running.gate.choose = lambda request: {}
    running.gate.told.clear()
    running.gate.requests.clear()
    running.upstream.received.clear()
    return running


def asked(model: str, *, stream: bool = False, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "Why?"}], "stream": stream, **more}


def post(address: str, path: str, body: Any, **headers: str) -> tuple[int, dict[str, str], bytes]:
    async def send() -> tuple[int, dict[str, str], bytes]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            async with session.post(address + path, data=data, headers=headers) as answer:
                return (
                    answer.status,
                    {name.lower(): value for name, value in answer.headers.items()},
                    await answer.read(),
                )

    return asyncio.run(send())


def until(condition: Any) -> None:
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen within five seconds")


def test_a_wait_is_waited_and_then_the_request_passes(doors: Doors) -> None:
    doors.gate.choose = lambda request: {"wait": 0.2}
    begun = time.monotonic()
    status, _, body = post(doors.address, CHAT, asked("fake"))
    assert (status, time.monotonic() - begun >= 0.2) == (200, True)
    assert json.loads(body)["choices"]
    assert doors.gate.told[0].row["latency_ms"] >= 200  # type: ignore[operator]


def test_what_is_no_call_of_a_model_waits_too_and_then_passes_whole(doors: Doors) -> None:
    doors.gate.choose = lambda request: {"wait": 0.1}
    body = b"x" * 300_000
    assert post(doors.address, "/v1/anything", body)[::2] == (200, body)
    assert post(doors.address, "/v1/anything", b"")[0] == 200


def test_a_caller_who_leaves_while_he_waits_costs_nothing(doors: Doors) -> None:
    doors.gate.choose = lambda request: {"wait": 30.0}

    async def leave() -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.1)) as session:
            with pytest.raises(TimeoutError):
                await session.post(doors.address + CHAT, json=asked("fake"))

    asyncio.run(leave())
    until(lambda: doors.gate.told)
    assert doors.gate.told[0].row["status"] == 499
    assert not doors.upstream.received


@pytest.mark.parametrize("model", ["fake+late3", "fake+slow+long900", "fake+stall"])
def test_a_caller_who_leaves_ends_what_the_server_does_for_him(doors: Doors, model: str) -> None:
    async def leave() -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.2)) as session:
            with pytest.raises(TimeoutError):
                async with session.post(doors.address + CHAT, json=asked(model, stream=True)) as answer:
                    await answer.read()

    asyncio.run(leave())
    until(lambda: doors.gate.told and doors.upstream.received[0].ended.done())
    assert doors.upstream.received[0].ended.result() is False
    (told,) = doors.gate.told
    assert told.row["status"] == 499
    assert (told.row["response"] is None) == (model == "fake+late3")


def test_a_request_is_shaped_and_its_length_and_coding_stay_true(doors: Doors) -> None:
    doors.gate.choose = lambda request: {"shape": Shape(reasoning_effort="low", drop_logprobs=True, one_answer=True)}
    body = asked("fake", n=3, logprobs=True, reasoning_effort="high", x_unknown=[1, None])
    for sent, headers in ((json.dumps(body).encode(), {}), (gzip.compress(json.dumps(body).encode()), ENCODED)):
        assert post(doors.address, CHAT, sent, **headers)[0] == 200
        got = doors.upstream.received[-1]
        arrived = json.loads(got.body)
        assert (arrived["reasoning_effort"], arrived.get("logprobs") or None, arrived.get("n", 1)) == ("low", None, 1)
        assert (arrived["x_unknown"], arrived["messages"]) == ([1, None], body["messages"])
        assert int(got.header("content-length") or 0) == len(got.body)
        assert got.header("content-encoding") is None


ENCODED = {"content-encoding": "gzip"}


def test_what_cannot_be_read_is_no_way_around_a_shape(doors: Doors) -> None:
    doors.gate.choose = lambda request: {"shape": Shape(reasoning_effort="low")}
    status, _, body = post(doors.address, CHAT, b"\x28\xb5\x2f\xfd", **{"content-encoding": "zstd"})
    assert (status, json.loads(body)["error"]["code"]) == (415, "unsupported_encoding")
    assert not doors.upstream.received
    assert doors.gate.told[0].row["status"] == 415


def test_each_request_of_a_batch_is_shaped(doors: Doors) -> None:
    doors.gate.choose = lambda request: {"shape": Shape(reasoning_tokens=1024)}
    params = {"model": "c", "max_tokens": 9000, "thinking": {"type": "enabled", "budget_tokens": 8000}, "messages": []}
    batch = {"requests": [{"custom_id": str(n), "params": params} for n in range(2)], "x": 1}
    post(doors.address, "/v1/messages/batches", batch)
    arrived = json.loads(doors.upstream.received[0].body)
    assert [one["params"]["thinking"]["budget_tokens"] for one in arrived["requests"]] == [1024, 1024]
    assert arrived["x"] == 1


@pytest.mark.parametrize("coding", ["gzip", "br"])
@pytest.mark.parametrize("stream", [False, True])
def test_reasoning_does_not_leave_inside_a_coding(coding: str, stream: bool) -> None:
    """A server that compresses although it was asked not to."""

    async def answer(request: Asked) -> Response:
        text = json.dumps({"choices": [{"message": {"content": "So.", "reasoning_content": CANARY}}]}).encode()
        if stream:
            chunk = {"choices": [{"index": 0, "delta": {"reasoning_content": CANARY}}]}
            text = b"data: " + json.dumps(chunk).encode() + b"\n\ndata: [DONE]\n\n"
        packed = gzip.compress(text) if coding == "gzip" else b"\x0b\x02\x80" + text
        kind = "text/event-stream" if stream else "application/json"
        return Response(packed, media_type=kind, headers={"content-encoding": coding, "etag": "x"})

    app = Starlette(routes=[Route(CHAT, answer, methods=["POST"])])
    with served(StillwatchMiddleware(app, gate=Chosen(lambda request: {"shield": "drop"}))) as address:
        _, headers, body = post(address, CHAT, asked("fake", stream=stream))
    assert CANARY.encode() not in body
    assert not {"content-encoding", "etag"} & set(headers)
    if coding == "gzip":
        assert (b"[DONE]" if stream else b"So.") in body


@pytest.mark.parametrize("stream", [False, True])
def test_reasoning_is_replaced_by_the_summary_of_the_user_s_own_model(doors: Doors, stream: bool) -> None:
    doors.gate.choose = lambda request: {"shield": "summarise"}
    _, _, body = post(doors.address, CHAT, asked("fake+reasoning+odd", stream=stream))
    assert b"6 thoughts" in body
    assert CANARY.encode() not in body
    assert doors.upstream.received[0].header("accept-encoding") == "identity"


class Slow(Chosen):
    """Takes its time over telling, and looks what the caller has meanwhile received."""

    def __init__(self, received: bytearray) -> None:
        super().__init__()
        self.received = received
        self.seen: list[bytes] = []

    def observed(self, observed: Observed) -> None:
        threading.Event().wait(0.1)
        self.seen.append(bytes(self.received))
        super().observed(observed)


ENDS = {
    "/v1/chat/completions": b"[DONE]",
    "/v1/messages": b"message_stop",
    "/v1/responses": b"response.completed",
}


@pytest.mark.parametrize("flags", ["", "+odd", "+gzip", "+crlf"])
@pytest.mark.parametrize("path", ENDS)
def test_a_stream_is_told_of_before_the_caller_can_take_it_for_whole(path: str, flags: str) -> None:
    received = bytearray()
    gate = Slow(received)
    body = asked(f"fake+slow{flags}", stream=True, input="Why?")

    async def read(address: str) -> None:
        async with aiohttp.ClientSession() as session:
            async with session.post(address + path, json=body) as answer:
                async for piece in answer.content.iter_any():
                    received.extend(piece)

    with serving() as upstream:
        front = Upstream(upstream.address)
        with served(StillwatchMiddleware(front, gate=gate), front.close) as address:
            asyncio.run(read(address))
    assert received.rstrip().endswith((b"[DONE]", b"}"))
    (seen,) = gate.seen
    blank = b"\r\n\r\n" if "crlf" in flags else b"\n\n"
    assert ENDS[path] in received
    assert seen.count(blank) < received.count(blank)
    assert gate.told[0].row["output_tokens"] == (None if path.endswith("completions") else 12)


def test_an_app_of_one_s_own_is_served_as_before() -> None:
    async def answer(request: Asked) -> Response:
        body = await request.json()
        if body["stream"]:
            return StreamingResponse(iter([b"data: {}\n\n", b"data: [DONE]\n\n"]), media_type="text/event-stream")
        return JSONResponse(
            {"choices": [{"message": {"role": "assistant", "content": "So."}}], "host": request.url.path}
        )

    async def broken(request: Asked) -> Response:
        raise RuntimeError("a defect of the app's")

    started: list[str] = []

    async def lifespan(scope: Any, receive: Any, send: Any) -> None:
        started.append(scope["type"])

    routes = [Route(CHAT, answer, methods=["POST"]), Route("/v1/messages", broken, methods=["POST"])]
    gate = Chosen()
    with served(StillwatchMiddleware(Starlette(routes=routes), gate=gate)) as address:
        assert json.loads(post(address, CHAT, asked("m"))[2])["host"] == CHAT
        assert post(address, CHAT, asked("m", stream=True))[2] == b"data: {}\n\ndata: [DONE]\n\n"
        assert post(address, "/v1/messages", asked("m"))[0] == 500
        assert post(address, "/v1/nothing", {})[0] == 404
    asyncio.run(StillwatchMiddleware(lifespan, gate=gate)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert started == ["lifespan"]
    assert [told.row["response"] for told in gate.told] == ["So.", None, None]
    assert gate.told[2].row["status"] == 500


def test_reasoning_in_the_answers_of_a_batch_is_no_way_around() -> None:
    chat = {"choices": [{"message": {"content": "So.", "reasoning_content": CANARY}}], "usage": {"total_tokens": 3}}
    message = {"type": "message", "content": [{"type": "thinking", "thinking": CANARY, "signature": ""}]}
    plain = {"custom_id": "3", "response": {"status_code": 200, "body": {"choices": [], "x_unknown": 1e2}}}
    lines = [
        json.dumps({"custom_id": "1", "response": {"status_code": 200, "body": chat}}),
        json.dumps({"custom_id": "2", "result": {"type": "succeeded", "message": message}}),
        json.dumps(plain, indent=None),
        "a user's own file, é",
    ]
    asked_for: list[dict[str, str]] = []

    async def answer(request: Asked) -> Response:
        asked_for.append(dict(request.headers))
        data = "\n".join(lines).encode()
        return StreamingResponse(iter([data[at : at + 7] for at in range(0, len(data), 7)]), media_type="text/plain")

    app = Starlette(routes=[Route("/v1/files/f_1/content", answer), Route("/v1/messages/batches/b_1/results", answer)])
    gate = Chosen(lambda request: {"shield": "drop"})

    async def get(address: str, path: str) -> bytes:
        async with aiohttp.ClientSession() as session:
            async with session.get(address + path, headers={"range": "bytes=9-"}) as got:
                return await got.read()

    with served(StillwatchMiddleware(app, gate=gate)) as address:
        for path in ("/v1/files/f_1/content?a=1", "/v1/messages/batches/b_1/results"):
            told = asyncio.run(get(address, path)).decode().split("\n")
            assert CANARY not in str(told)
            assert told[2:] == lines[2:]
            assert json.loads(told[0])["response"]["body"]["choices"][0]["message"]["content"] == "So."
            assert json.loads(told[0])["response"]["body"]["usage"] == {"total_tokens": 3}
            assert json.loads(told[1])["custom_id"] == "2"
    assert not any("range" in headers for headers in asked_for)


@pytest.mark.parametrize(("failing", "status"), [("open", 200), ("closed", 503)])
def test_a_defect_of_ours_stops_nobody_unless_the_policy_says_so(failing: Any, status: int) -> None:
    def broken(request: Any) -> dict[str, Any]:
        raise RuntimeError("a defect")

    gate = Chosen(broken)
    gate.policy = Policy(version=1, name="test", failures=Failures(error=failing))
    with serving() as upstream:
        front = Upstream(upstream.address)
        with served(StillwatchMiddleware(front, gate=gate), front.close) as address:
            assert post(address, CHAT, asked("fake"))[0] == status
            assert post(address, "/v1/files", b"a file")[0] == status
