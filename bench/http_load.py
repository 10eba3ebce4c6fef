"""HTTP by hand for benches of the gateway: a model's server that costs next to nothing, and a client that counts.

The client is a process of its own: what it does must not be charged to the proxy. Both know no more of HTTP than they
need of each other.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

__all__ = ["ANSWER", "Canned", "Measured", "load", "request_bytes", "stream_events"]

WORDS = "It is so because the one follows from the other, as far as anybody has looked. "
ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1788955200,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": WORDS * 12}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 200, "completion_tokens": 190, "total_tokens": 390},
    }
).encode()
QUESTION = "Explain in a few sentences why this holds, and what would follow if it did not. "


def request_bytes(*, stream: bool, account: int = 0, host: str = "127.0.0.1") -> bytes:
    """A chat request of about 2 KB."""
    body = json.dumps(
        {
            "model": "m",
            "temperature": 0.2,
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION * 20}],
            "stream": stream,
        }
    ).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer sk-bench-{account:08d}\r\n"
        f"content-type: application/json\r\nuser-agent: bench/1\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def stream_events(count: int, size: int = 6) -> list[bytes]:
    """The events of a streamed answer, each as it is written."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1788955200, "model": "m"}

    def event(delta: dict[str, Any], **more: Any) -> bytes:
        data = {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}], **more}
        return b"data: " + json.dumps(data).encode() + b"\n\n"

    words = [event({"content": f"{number:0{size}d} "}) for number in range(count)]
    usage = {"usage": {"prompt_tokens": 200, "completion_tokens": count}}
    return [event({"role": "assistant", "content": ""}), *words, event({}, **usage), b"data: [DONE]\n\n"]


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Canned(asyncio.Protocol):
    """A server that answers every request alike: whole, or ``events`` with ``pause`` seconds between."""

    def __init__(self, events: Sequence[bytes], pause: float) -> None:
        self._events, self._pause = events, pause
        self._buffer = b""
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
            if len(self._buffer) < end + 4 + length:
                return
            body, self._buffer = self._buffer[end + 4 : end + 4 + length], self._buffer[end + 4 + length :]
            self._answer(b'"stream": true' in body)

    def _answer(self, stream: bool) -> None:
        if not stream:
            head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ANSWER)
            self._transport.write(head + ANSWER)
        elif not self._pause:
            data = b"".join(map(_chunk, self._events))
            self._transport.write(_STREAM_HEAD + data + b"0\r\n\r\n")
        else:
            task = asyncio.get_running_loop().create_task(self._slowly())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _slowly(self) -> None:
        self._transport.write(_STREAM_HEAD)
        for event in self._events:
            if self._transport.is_closing():
                return
            self._transport.write(_chunk(event))
            await asyncio.sleep(self._pause)
        if not self._transport.is_closing():
            self._transport.write(b"0\r\n\r\n")


_STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class Measured(NamedTuple):
    """What a client saw: answers, seconds that it took, and for each answer the seconds to its first byte of a body and
    to its last."""

    answers: int
    seconds: float
    first: list[float]
    last: list[float]


class _Client(asyncio.Protocol):
    def __init__(self, request: bytes) -> None:
        self._request = request
        self.first: list[float] = []
        self.last: list[float] = []
        self.until = 0.0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def begin(self, until: float) -> None:
        self.until = until
        self._next()

    def _next(self) -> None:
        self._received, self._whole, self._begun = b"", -1, time.perf_counter()
        self._seen = False
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._whole < 0:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._received[:end].lower()
            if not head.startswith(b"http/1.1 200"):
                self.done.set_exception(ConnectionError(head.decode()))
                return
            length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
            self._whole = end + 4 + int(length) if length else 0
            self._body = end + 4
        if not self._seen and len(self._received) > self._body:
            self._seen = True
            self.first.append(time.perf_counter() - self._begun)
        ended = self._received.endswith(b"\r\n0\r\n\r\n") if not self._whole else len(self._received) >= self._whole
        if ended:
            now = time.perf_counter()
            self.last.append(now - self._begun)
            if now < self.until:
                self._next()
            elif not self.done.done():
                self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the proxy closed the connection"))


async def load(address: tuple[str, int], request: bytes, *, connections: int, seconds: float) -> Measured:
    """Ask again and again on some connections for a while."""
    loop = asyncio.get_running_loop()
    clients = [(await loop.create_connection(lambda: _Client(request), *address))[1] for _ in range(connections)]
    begun = time.perf_counter()
    for client in clients:
        client.begin(begun + seconds)
    await asyncio.gather(*(client.done for client in clients))
    taken = time.perf_counter() - begun
    for client in clients:
        client._transport.abort()
    first = [value for client in clients for value in client.first]
    last = [value for client in clients for value in client.last]
    return Measured(len(last), taken, first, last)
