"""Answers on their way out: passed on as they are or shielded, and told of before their last byte leaves.

A client takes an answer for whole at its last byte, or at the event that ends a stream (``[DONE]``, ``message_stop``,
``response.completed``). So the exchange is told of just before that is passed on: of whatever a client has received
whole, the journal knows.
"""

from __future__ import annotations

import logging
import re
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from stillwatch.errors import one_line
from stillwatch.gateway.decision import Decision, Observed
from stillwatch.gateway.doors.calls import MOST_READ, Call, Caller, row_of
from stillwatch.gateway.doors.departure import Message, Send
from stillwatch.gateway.doors.summaries import Summaries
from stillwatch.gateway.policy import Policy
from stillwatch.gateway.shielding.base import StreamShield, Summarise
from stillwatch.responses.traffic import Request

__all__ = ["Judge", "Shielding", "Telling", "true_headers"]

Header = tuple[bytes, bytes]
ShieldBody = Callable[[bytes, str | None], bytes | Summarise]
"""What leaves of a whole answer, given a summary where one was asked for ("": there is none)."""

LEFT, BROKEN = 499, 502
"""Statuses of exchanges that came to no end: the caller left (as nginx says it), the model's server broke off."""
_END: Final = re.compile(
    rb"[\r\n](?:data: ?\[DONE\]|event: ?(?:message_stop|error|response\.(?:completed|incomplete|failed))[\r\n]"
    rb'|data: ?\{"type": ?"(?:message_stop|response\.(?:completed|incomplete|failed))")'
)
"""The event that ends a stream. In JSON no line begins, so no answer's text can look like it."""
_BLANK: Final = re.compile(rb"\n\n|\r\r|\r\n\r\n")
"""Ends an event: before it came, no client acts on it."""
_TAIL: Final = 64
_KEPT_OUT: Final = frozenset(
    (b"content-length", b"content-encoding", b"etag", b"content-md5", b"digest", b"content-digest", b"repr-digest")
)
"""Headers that are not true of an answer any more once something was taken out of it."""
_log = logging.getLogger(__name__)


class Judge(Protocol):
    """What a door needs of `gateway.gate.Gate`."""

    @property
    def policy(self) -> Policy:
        """See `gateway.gate.Gate`."""
        ...

    @property
    def keeps_text(self) -> bool:
        """See `gateway.gate.Gate`."""
        ...

    def now(self) -> int:
        """See `gateway.gate.Gate`."""
        ...

    def decide(self, request: Request) -> Decision:
        """See `gateway.gate.Gate`."""
        ...

    def observed(self, observed: Observed) -> None:
        """See `gateway.gate.Gate`."""
        ...


class Telling:
    """One exchange until the gate was told of it, which happens once. Calls of no model are told of only where somebody
    was touched."""

    __slots__ = (
        *(
            "_begun",
            "_caller",
            "_call",
            "_decision",
            "_ending",
            "_gate",
            "_inflate",
            "_pieces",
            "_request",
            "_size",
            "_tail",
        ),
        *("headers", "status", "streams", "told", "unread", "work"),
    )

    def __init__(self, gate: Judge, call: Call, request: Request, caller: Caller, decision: Decision) -> None:
        self._gate, self._call, self._request, self._caller, self._decision = gate, call, request, caller, decision
        self._begun = time.monotonic_ns()
        self._pieces: list[bytes] = []
        self._size = 0
        self._tail = b"\n"
        self._ending = False
        self._inflate: zlib._Decompress | None = None
        self.status = 0
        self.headers: dict[str, str] = {}
        self.streams = False
        self.work = 0.0
        self.unread = False
        self.told = call.operation == "other" and not decision.touches

    def began(self, status: int, headers: Iterable[Header]) -> None:
        """The answer's status and headers came."""
        self.status = status
        told = {name.lower(): value for name, value in headers}
        self.streams = told.get(b"content-type", b"").lstrip().lower().startswith(b"text/event-stream")
        coding = told.get(b"content-encoding", b"").strip().lower()
        if coding in (b"gzip", b"x-gzip", b"deflate"):
            self._inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        elif coding and coding != b"identity":
            self.headers = {"content-encoding": coding.decode("latin-1")}

    def came(self, piece: bytes, *, last: bool) -> bytes:
        """A piece of the answer came and has not left yet; returns it without its coding."""
        if self._inflate is not None:
            piece = self._inflated(piece)
        if self.told or not piece:
            if last:
                self.end()
            return piece
        if self._size < MOST_READ:
            self._pieces.append(piece)
            self._size += len(piece)
        if last:
            self.end()
        elif self.streams:
            self._look_for_the_end(self._tail + piece)
        return piece

    def _inflated(self, piece: bytes) -> bytes:
        try:
            return self._inflate.decompress(piece, MOST_READ) if self._inflate is not None else piece
        except zlib.error:
            return b""

    def _look_for_the_end(self, seen: bytes) -> None:
        start = 0
        if not self._ending:
            found = _END.search(seen)
            self._ending = found is not None
            start = found.start() + 1 if found is not None else 0
        if self._ending and _BLANK.search(seen, start):
            self.end()
        else:
            self._tail = seen[max(start, len(seen) - _TAIL) :]

    def end(self, status: int | None = None) -> None:
        """Tell the gate, if that was not done."""
        if self.told:
            return
        self.told = True
        status = self.status if status is None else status
        now = time.monotonic_ns()
        ended_at = self._request.at + (now - self._begun) // 1000
        call, answer = self._call, b"".join(self._pieces)
        try:
            row = self._row(call, status, answer, ended_at)
        except Exception as error:  # a defect, which must not lose the exchange
            _log.error("an exchange could not be read (%s): its numbers are missing", one_line(error))
            row = self._row(call._replace(body=None), status, b"", ended_at)
        self._pieces = []
        self._gate.observed(Observed(row=row, decision=self._decision, unread=self.unread))
        self.work += (time.monotonic_ns() - now) / 1e9

    def _row(self, call: Call, status: int, answer: bytes, ended_at: int) -> dict[str, object]:
        return row_of(
            call,
            self._request,
            self._caller,
            status=status,
            answer=answer,
            ended_at=ended_at,
            headers=self.headers,
            text=self._gate.keeps_text,
        )


class Shielding:
    """Sends an answer without its reasoning. A stream goes through piece by piece, and so do ``lines`` of a file; a
    whole answer when it is there. ``asked`` is how many seconds it was held up by summaries."""

    def __init__(
        self,
        send: Send,
        telling: Telling,
        *,
        stream: Callable[[], StreamShield],
        body: ShieldBody,
        summaries: Summaries | None,
        lines: bool = False,
    ) -> None:
        self._send, self._telling, self._lines = send, telling, lines
        self._stream, self._body = stream, body
        self._summarise = None if summaries is None else summaries.of_answer()
        self.asked = 0.0
        self._shield: StreamShield | None = None
        self._start: Message = {}
        self._kept: list[bytes] = []
        self._size = 0

    async def __call__(self, message: Message) -> None:
        """See ASGI's ``send``."""
        if message["type"] == "http.response.start":
            self._telling.began(message["status"], message.get("headers", ()))
            self._start = message
            if self._telling.streams or (self._lines and message["status"] < 300):
                self._shield = self._stream()
                await self._send({**message, "headers": list(true_headers(message))})
        elif message["type"] == "http.response.body":
            last = not message.get("more_body", False)
            piece = self._telling.came(message.get("body", b""), last=last)
            if self._shield is not None:
                await self._streamed(self._shield, piece, last)
            else:
                await self._whole(piece, last)

    async def _streamed(self, shield: StreamShield, piece: bytes, last: bool) -> None:
        if self._telling.headers:  # a coding that cannot be read: nothing of it may leave
            piece = b""
        await self._steps(shield, shield.feed(piece))
        if last:
            await self._steps(shield, shield.end())
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _steps(self, shield: StreamShield, steps: Iterator[bytes | Summarise]) -> None:
        waiting: list[bytes] = []
        for step in steps:
            if isinstance(step, Summarise):
                waiting = await self._flush(waiting)  # the summary takes a while: what is ready leaves before it
                waiting += shield.summarised(await self._summary(step))
            else:
                waiting.append(step)
        await self._flush(waiting)

    async def _flush(self, waiting: list[bytes]) -> list[bytes]:
        data = b"".join(waiting)
        if data:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
        return []

    async def _summary(self, step: Summarise) -> str | None:
        if self._summarise is None:
            return None
        begun = time.monotonic()
        try:
            return await self._summarise(step.text)
        finally:
            self.asked += time.monotonic() - begun

    async def _whole(self, piece: bytes, last: bool) -> None:
        self._size += len(piece)
        if self._size <= MOST_READ:
            self._kept.append(piece)
        if not last:
            return
        unread = self._telling.headers or self._size > MOST_READ
        told = self._body(b"\xff" if unread else b"".join(self._kept), None)
        if isinstance(told, Summarise):
            told = self._body(b"".join(self._kept), await self._summary(told) or "")
        if isinstance(told, Summarise):  # asked twice: then there is nothing that may leave
            told = b""
        headers = [*true_headers(self._start), (b"content-length", str(len(told)).encode())]
        await self._send({**self._start, "headers": headers})
        await self._send({"type": "http.response.body", "body": told, "more_body": False})


def true_headers(start: Message) -> Iterator[Header]:
    """The headers of an answer that are still true of it with another body."""
    return (header for header in start.get("headers", ()) if header[0].lower() not in _KEPT_OUT)
