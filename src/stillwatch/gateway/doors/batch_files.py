"""OpenAI's batches: a file of requests, one a line (``{"custom_id", "method", "url", "body"}``), and then the word to
run it. The file is where they can be counted, made smaller and written down; what is run is a name.

Format: OpenAI's API reference, Batch (as of 2026-11); vLLM's ``run_batch`` takes the same lines.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from stillwatch.gateway.doors.calls import Call, Caller, read_call, request_of
from stillwatch.gateway.shielding.documents import write
from stillwatch.gateway.shielding.shaping import shape_body, shape_fields
from stillwatch.responses.traffic import Request, Shape
from stillwatch.sources.containers.json_documents import decode_whole

__all__ = [
    "BATCH",
    "MOST_LINES",
    "SLICE",
    "KnownFiles",
    "calls_in",
    "file_named",
    "made_smaller",
    "request_of_file",
    "request_unread",
]

BATCH = Call("openai_chat", "batch", None)
MOST_LINES = 50_000
"""Requests that OpenAI takes in one file; of a file that cannot be read it is taken to hold as many."""
SLICE = 100
"""Lines that are worked on before others have their turn."""
UNSAID = 4_000
"""Tokens of a line that does not say how many, where others of its file do (as `responses.slow_down` has it)."""
_LINE = re.compile(rb"[^\r\n]+")
"""In JSON neither character stands inside a text, so a server that splits at either finds no more lines than we."""
_BLANK = b" \t\x0b\x0c\xef\xbb\xbf"
_MOST_KNOWN = 10_000


def calls_in(file: bytes) -> Iterator[Call]:
    """The request of each line; one that cannot be read has no body."""
    for found in _LINE.finditer(file):
        if line := found[0].strip(_BLANK):
            yield _call(line)


def _call(line: bytes) -> Call:
    try:
        value = decode_whole(line)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return BATCH
    body = value.get("body") if type(value) is dict else None
    return _named(value.get("url"), body) if type(body) is dict else BATCH


def _named(url: object, body: dict[str, Any] | None) -> Call:
    """The call that a line's ``url`` names; where it names none its body tells the dialect."""
    call = read_call("POST", url if type(url) is str else "", b"")
    if call.operation in ("other", "batch"):
        told = "input" in body if body is not None else False
        call = Call("openai_responses", "responses", None) if told else Call("openai_chat", "chat", None)
    return call._replace(body=body)


async def request_of_file(file: bytes, caller: Caller, request_id: str, at: int) -> Request:
    """The request that the gate decides on: all lines of a file together, as `calls.request_of` does it for a batch
    whose requests are in its body. Lines that cannot be read count as one request each."""
    items = tokens = unsaid = 0
    reasoning, detail, model = False, False, ""
    for call in calls_in(file):
        asked = request_of(call, caller, request_id, at)
        items += 1
        tokens += asked.tokens
        unsaid += not asked.tokens
        reasoning, detail = reasoning or asked.asks_reasoning, detail or asked.asks_detail
        model = model or asked.model
        if items % SLICE == 0:
            await asyncio.sleep(0)
    if tokens:
        tokens = min(tokens + unsaid * UNSAID, 2**62)
    return msgspec.structs.replace(
        request_of(BATCH, caller, request_id, at),
        model=model,
        asks_reasoning=reasoning,
        asks_detail=detail,
        items=max(items, 1),
        tokens=tokens,
    )


def request_unread(caller: Caller, request_id: str, at: int) -> Request:
    """The request that the gate decides on where a file could not be read: it may hold, and ask for, anything. Whom no
    response touches does not notice."""
    request = request_of(BATCH, caller, request_id, at)
    return msgspec.structs.replace(request, items=MOST_LINES, asks_reasoning=True, asks_detail=True)


async def made_smaller(file: bytes, shape: Shape) -> bytes:
    """``file`` with ``shape`` applied to the request of each line. Lines in which nothing changes, or that cannot be
    read, stay as they are, byte for byte."""
    pieces: list[bytes] = []
    kept = 0
    for place, found in enumerate(_LINE.finditer(file)):
        line = found[0].strip(_BLANK)
        smaller = _smaller(line, shape) if line else line
        if smaller is not line:
            start = found.start() + len(found[0]) - len(found[0].lstrip(_BLANK))
            pieces += (file[kept:start], smaller)
            kept = start + len(line)
        if place % SLICE == 0:
            await asyncio.sleep(0)
    return b"".join((*pieces, file[kept:])) if pieces else file


def _smaller(line: bytes, shape: Shape) -> bytes:
    call = _call(line)
    if call.body is None:
        return line
    try:
        value = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        body = bytes(value["body"])
    except (msgspec.DecodeError, UnicodeError):  # JSON that only lenient readers take: written anew, where it changes
        shaped_fields = shape_fields(call.api, call.body, shape)
        return line if shaped_fields is call.body else write({**decode_whole(line), "body": shaped_fields})
    shaped = shape_body(call.api, body, shape)
    return line if shaped == body else msgspec.json.encode({**value, "body": msgspec.Raw(shaped)})


def file_named(call: Call) -> str | None:
    """The file that a batch is to be made of; None: it is no such call."""
    name = call.body.get("input_file_id") if call.body is not None and call.operation == "batch" else None
    return name if type(name) is str else None


class Known(NamedTuple):
    """A file whose requests were counted when it came; ``used``: a batch was made of it."""

    items: int
    tokens: int
    used: bool = False


class KnownFiles:
    """Files that passed here, by the name that the server gave them; the newest 10,000. One batch may be made of each:
    its requests are counted. A second one, and a file that passed elsewhere, would be the way around a budget."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, Known] = OrderedDict()

    def add(self, name: str, request: Request) -> None:
        """The server has taken a file."""
        self._files[name] = Known(request.items, request.tokens)
        while len(self._files) > _MOST_KNOWN:
            self._files.popitem(last=False)

    def counted(self, name: str, request: Request) -> Request:
        """``request``, which makes a batch of a file, with what is still to be counted of it."""
        known = self._files.get(name)
        if known is None:
            return msgspec.structs.replace(request, items=MOST_LINES)
        if known.used:
            return msgspec.structs.replace(request, items=known.items, tokens=known.tokens)
        return request

    def use(self, name: str) -> None:
        """A batch is made of the file."""
        if (known := self._files.get(name)) is not None:
            self._files[name] = known._replace(used=True)
