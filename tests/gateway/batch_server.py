"""A fake server of files and batches as OpenAI has them: it keeps what arrived, byte for byte."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import openai
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.gateway.proxied import Chosen, served

__all__ = [
    "BatchServer",
    "Batches",
    "batch_file",
    "client",
    "form",
    "line",
    "made",
    "post",
    "serving_batches",
    "unread",
    "uploaded",
]


class BatchServer:
    """``received`` are the bodies of uploads and batches in their order; ``output`` is what any file holds when it is
    fetched. ``refuses`` makes it answer 400; while ``lets_go`` is not set it keeps an upload's answer back."""

    def __init__(self) -> None:
        self.address = ""
        self.received: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.output = b""
        self.refuses = False
        self.lets_go = threading.Event()
        self.lets_go.set()

    def application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/files", self._file, methods=["POST"]),
                Route("/v1/uploads", self._announced, methods=["POST"]),
                Route("/v1/files/{name}/content", self._content, methods=["GET"]),
                Route("/v1/batches", self._batch, methods=["POST"]),
            ]
        )

    async def _file(self, request: Request) -> Response:
        await self._kept(request)
        name = f"file-{len(self.received)}"
        while not self.lets_go.is_set():
            if await request.is_disconnected():
                break
        if self.refuses:
            return JSONResponse({"error": {"message": "no", "type": "invalid_request_error"}}, 400)
        told = {"id": name, "object": "file", "bytes": 1, "created_at": 1, "filename": "a.jsonl", "status": "processed"}
        return JSONResponse({**told, "purpose": "batch"})

    async def _announced(self, request: Request) -> Response:
        await self._kept(request)
        return JSONResponse({"id": "upload_1", "object": "upload", "status": "pending"})

    async def _batch(self, request: Request) -> Response:
        asked = json.loads(await self._kept(request))
        told = {"id": "batch_1", "object": "batch", "created_at": 1, "status": "validating"}
        return JSONResponse({**told, **asked})

    async def _content(self, request: Request) -> Response:
        pieces = [self.output[at : at + 11] for at in range(0, len(self.output), 11)]
        return StreamingResponse(iter(pieces), media_type="application/octet-stream")

    async def _kept(self, request: Request) -> bytes:
        self.received.append(body := await request.body())
        self.headers.append(dict(request.headers))
        return body


class Batches:
    """The door, the gate that decides in it and the server behind it."""

    def __init__(self, gate: Chosen, address: str, server: BatchServer) -> None:
        self.gate, self.address, self.server = gate, address, server


@contextmanager
def serving_batches() -> Iterator[BatchServer]:
    server = BatchServer()
    with served(server.application()) as address:
        server.address = address
        yield server


def line(place: int, url: str = "/v1/chat/completions", **body: Any) -> bytes:
    """One request of a batch, its JSON spaced as nobody's encoder would space it."""
    asked = {"model": "m-1", "messages": [{"role": "user", "content": f"Question {place}, é?"}], **body}
    request = {"custom_id": f"r-{place}", "method": "POST", "url": url, "body": asked}
    return json.dumps(request, separators=(" ,", ":  "), ensure_ascii=False).encode()


def batch_file(lines: int, **body: Any) -> bytes:
    return b"".join(line(place, **body) + b"\n" for place in range(lines))


def form(data: bytes, purpose: bytes = b"batch", more: bytes = b"") -> bytes:
    return (
        b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n' + purpose + b"\r\n" + more + b"--b\r\n"
        b'Content-Disposition: form-data; name="file"; filename="r.jsonl"\r\nContent-Type: application/x\r\n\r\n'
        + data
        + b"\r\n--b--\r\n"
    )


def client(address: str, sent: list[bytes] | None = None, account: str = "") -> openai.OpenAI:
    """The SDK; ``sent`` takes the bodies that it sends."""

    def keep(request: httpx2.Request) -> None:
        if sent is not None:
            sent.append(request.read())

    return openai.OpenAI(
        base_url=f"{address}/v1",
        api_key="sk-a-key-of-mine",
        max_retries=0,
        default_headers={"x-account": account} if account else None,
        http_client=openai.DefaultHttpxClient(event_hooks={"request": [keep]}),
    )


def uploaded(one: openai.OpenAI, data: bytes, **more: Any) -> str:
    return one.files.create(file=("requests.jsonl", data), purpose="batch", **more).id


def made(one: openai.OpenAI, file: str) -> None:
    one.batches.create(input_file_id=file, endpoint="/v1/chat/completions", completion_window="24h")


def post(address: str, body: bytes, path: str = "/v1/files", **headers: str) -> httpx2.Response:
    given = {"content-type": "multipart/form-data; boundary=b", **headers}
    return httpx2.post(address + path, content=body, headers=given)


def unread(gate: Chosen) -> int:
    """Files that could not be looked into."""
    return sum(told.unread for told in gate.told)
