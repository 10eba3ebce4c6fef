"""Where no response applies, the model's server receives what the caller sent, and the caller what it answered: byte
for byte, over more than a thousand requests and streams, against a bare connection."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import aiohttp
import pytest
from yarl import URL

from stillwatch.gateway.doors.asgi import StillwatchMiddleware
from stillwatch.gateway.doors.upstream import Upstream
from tests.gateway.proxied import Chosen, served
from tests.gateway.upstream import Received, serving
from tests.gateway.upstream import Upstream as Fake

PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}
ANSWERS = [
    *("", "+reasoning", "+tools", "+unknown", "+reasoning+tools+unknown", "+long200", "+chunked", "+gzip"),
    *("+odd", "+crlf", "+comments", "+odd+crlf+comments", "+odd+reasoning+tools+unknown", "+gzip+odd", "+failing"),
    *(f"+error{status}" for status in (400, 401, 403, 404, 413, 422, 429, 500, 503, 529)),
]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
ASKED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"role": "user", "content": "Why? 日本 é \U0001f600"}, {}),
    ({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "x_unknown", "x": [None, 1e3]}]}, {"n": 1}),
    (
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}]},
        {"tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]},
    ),
    (
        {"role": "user", "content": [{"type": "image", "source": {"type": "base64", "data": PIXEL}}]},
        {"x_unknown": {"deep": [[]]}, "temperature": 0.30000000000000004, "seed": 12345678901234567890},
    ),
]
NOTATIONS: list[dict[str, Any]] = [{}, {"ensure_ascii": False, "indent": 1}, {"separators": (",", ":")}]
PER_CONNECTION = {"host", "connection", "keep-alive", "transfer-encoding", "date"}


class Case(NamedTuple):
    method: str
    target: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


def calls() -> Iterator[Case]:
    for api, stream, answer, (message, more) in itertools.product(PATHS, (False, True), ANSWERS, ASKED):
        asked = {"model": f"fake{answer}", "max_tokens": 9, **more}
        if stream:
            asked |= {"stream": True} | ({"stream_options": {"include_usage": True}} if api == "chat" else {})
        asked["input" if api == "responses" else "messages"] = [message]
        for notation in NOTATIONS if answer in ("", "+odd") else NOTATIONS[:1] + NOTATIONS[-1:]:
            yield Case("POST", PATHS[api], json.dumps(asked, **notation).encode(), (("x-api-key", "sk-a-key-of-mine"),))


def others() -> Iterator[Case]:
    for method, target in itertools.product(
        ("GET", "HEAD", "OPTIONS", "DELETE", "PUT", "PATCH"),
        ("/v1/models", "/v1/files/f%2F1/content?a=%20b&a=&&c", "/v1/batches/b_1", "/a//b/../c/./d;e=1?q=a+b", "/"),
    ):
        yield Case(method, target, b"" if method in ("GET", "HEAD", "OPTIONS") else b"\x00\xff binary")
    for status in (200, 201, 204, 301, 304, 404, 500):
        yield Case("GET", f"/v1/anything?status={status}", b"")
        yield Case("POST", f"/v1/anything?status={status}", b"kept")
    form = b'--x\r\ncontent-disposition: form-data; name="file"; filename="b.jsonl"\r\n\r\n{}\n\r\n--x--\r\n'
    yield Case("POST", "/v1/files", form * 20_000, (("content-type", "multipart/form-data; boundary=x"),))
    for body in (b"", b"not json", b"[1]", b"\xff\xfe", b'{"model":"fake"', b'{"a":1,"a":2}', b"{}" + b" " * 200_000):
        for path in PATHS.values():
            yield Case("POST", path, body)
    strange = (("x-unknown", "é"), ("x-empty", ""), ("x-twice", "1"), ("x-twice", "2"), ("cookie", "a=b; c=d"))
    yield Case("POST", PATHS["chat"], b'{"model":"fake","messages":[]}', strange)


CASES = [*calls(), *others()]


async def answers(address: str) -> list[tuple[int, Counter[tuple[str, bytes]], bytes]]:
    """What a client receives for each case; it keeps what is compressed compressed."""
    limit = asyncio.Semaphore(16)
    async with aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def one(place: int, case: Case) -> tuple[int, Counter[tuple[str, bytes]], bytes]:
            headers = [("x-case", str(place)), ("accept-encoding", "gzip, deflate"), *case.headers]
            async with (
                limit,
                session.request(
                    case.method,
                    URL(address + case.target, encoded=True),
                    data=case.body or None,
                    headers=headers,
                    allow_redirects=False,
                ) as answer,
            ):
                body = await answer.read()
                told = Counter((name.decode().lower(), value) for name, value in answer.raw_headers)
                return answer.status, Counter({h: n for h, n in told.items() if h[0] not in PER_CONNECTION}), body

        return await asyncio.gather(*(one(place, case) for place, case in enumerate(CASES)))


def received(upstream: Fake) -> dict[int, tuple[str, str, list[tuple[str, str]], bytes]]:
    def plain(one: Received) -> tuple[str, str, list[tuple[str, str]], bytes]:
        headers = sorted((name.lower(), value) for name, value in one.headers if name.lower() not in PER_CONNECTION)
        return one.method, one.target, headers, one.body

    found = {int(one.header("x-case") or -1): plain(one) for one in upstream.received}
    assert len(found) == len(upstream.received) == len(CASES)
    upstream.received.clear()
    return found


def test_there_are_more_than_a_thousand() -> None:
    assert len(CASES) > 1000
    assert sum(b'"stream": true' in case.body or b'"stream":true' in case.body for case in CASES) > 400


@pytest.mark.parametrize("text", [True, False], ids=["with text", "without text"])
def test_requests_and_answers_pass_byte_for_byte(text: bool) -> None:
    gate = Chosen(text=text)
    with serving() as upstream:
        bare = asyncio.run(answers(upstream.address))
        sent = received(upstream)
        front = Upstream(upstream.address)
        with served(StillwatchMiddleware(front, gate=gate), front.close) as address:
            through = asyncio.run(answers(address))
        arrived = received(upstream)
    assert [place for place, case in enumerate(CASES) if through[place] != bare[place]] == []
    assert [place for place in sent if arrived[place] != sent[place]] == []
    assert len(gate.requests) == len(CASES)
    assert len(gate.told) == sum(request.operation != "other" for request in gate.requests)
    ids = {told.row["exchange_id"] for told in gate.told}
    assert len(ids) == len(gate.told)
