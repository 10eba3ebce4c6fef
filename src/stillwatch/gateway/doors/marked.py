"""An answer on its way out that is to be marked: held until it is whole, marked, told of with its mark, and sent.

After the shield and before the journal: what the journal keeps as the answer is what left. Whatever cannot be marked
leaves as it came, message by message; only a policy that says ``failures.marking = "closed"`` withholds it.
"""

from __future__ import annotations

import time

import msgspec

from stillwatch.gateway.decision import Decision
from stillwatch.gateway.doors.calls import MOST_READ, Call, Caller, told_text, without_coding
from stillwatch.gateway.doors.departure import Message, Send
from stillwatch.gateway.doors.marks import UNMARKED, Due, Marks
from stillwatch.gateway.doors.streams import Judge, Telling, true_headers
from stillwatch.gateway.marking.answers import Made
from stillwatch.gateway.marking.records import COLUMN, record_of
from stillwatch.gateway.shielding.refusals import error_event, refusal_response
from stillwatch.responses.traffic import Request

__all__ = ["MarkedAnswer", "MarkedTelling"]


class MarkedTelling(Telling):
    """As `Telling`; while it waits for a mark, the end of an answer is not told of."""

    __slots__ = ("_due", "_ended", "_made", "_waits")

    def __init__(self, gate: Judge, call: Call, request: Request, caller: Caller, decision: Decision) -> None:
        super().__init__(gate, call, request, caller, decision)
        self._due: Due | None = None
        self._made: Made | None = None
        self._ended = self._waits = False

    def expect(self, due: Due) -> None:
        """A mark is ``due``: wait for it, unless the model's server makes it."""
        self._due, self._waits = due, not due.engine

    def marked(self, made: Made | None) -> None:
        """What became of the answer (None: it has no mark): told of now, if it had ended."""
        self._made, self._waits = made, False
        if self._ended:
            self.end()

    def end(self, status: int | None = None) -> None:
        """See `Telling.end`."""
        if status is None and self._waits:
            self._ended = True
            return
        self._waits = False
        super().end(status)

    def _row(self, call: Call, status: int, answer: bytes, ended_at: int) -> dict[str, object]:
        row = super()._row(call, status, answer, ended_at)
        due, made = self._due, self._made
        if due is None or status >= 300 or not (due.engine or (made is not None and made.fits)):
            return row
        text = told_text(answer if made is None else made.data) or ""
        if row["response"] is not None:
            row["response"] = text
        row[COLUMN] = msgspec.to_builtins(record_of(due.key, due.prompt, text, made))
        return row


class MarkedAnswer:
    """``send`` for an answer on which a mark is due; ``seconds`` is how long a stream may be held. Call `let_go` when
    no more comes, whatever became of the answer: what is held then leaves as it came."""

    def __init__(self, send: Send, telling: MarkedTelling, due: Due, marks: Marks, seconds: float) -> None:
        self._send, self._telling, self._due, self._marks, self._seconds = send, telling, due, marks, seconds
        self._held: list[Message] = []
        self._holds, self._stream, self._withheld = True, False, False
        self._coding = ""
        self._size, self._begun = 0, 0.0
        telling.expect(due)

    async def __call__(self, message: Message) -> None:
        """See ASGI's ``send``."""
        if self._withheld:
            return
        if not self._holds:
            await self._send(message)
            return
        self._held.append(message)
        if message["type"] == "http.response.start":
            if not self._may_be_marked(message):
                await self.let_go()
        elif message["type"] == "http.response.body":
            self._size += len(message.get("body", b""))
            last = not message.get("more_body", False)
            if self._size > MOST_READ or (not last and time.monotonic() - self._begun > self._seconds):
                self._marks.failed(f"an answer has more than {MOST_READ} bytes or takes more than {self._seconds:g} s")
                await self._unmarked()
            elif last:
                await self._whole()

    async def let_go(self) -> None:
        """Send what is held as it came, and hold no more."""
        if self._holds:
            self._telling.marked(None)
            await self._as_it_came()

    def _may_be_marked(self, start: Message) -> bool:
        headers = {name.lower(): value for name, value in start.get("headers", ())}
        self._coding = headers.get(b"content-encoding", b"").decode("latin-1").strip()
        self._stream = headers.get(b"content-type", b"").lstrip().lower().startswith(b"text/event-stream")
        self._begun = time.monotonic()
        if self._stream and not self._due.holds:
            self._marks.passed()
            return False
        return bool(start["status"] == 200)

    async def _whole(self) -> None:
        raw = b"".join(message.get("body", b"") for message in self._held[1:])
        data = without_coding(raw, self._coding) if self._coding else raw
        made = self._marks.made(self._due, data, stream=self._stream)
        if made is None:
            await self._unmarked()
            return
        self._telling.marked(made)
        await (self._as_it_came() if made.data is data else self._instead(200, made.data))

    async def _unmarked(self) -> None:
        """The answer cannot be marked: it leaves as it came, or not at all."""
        if not self._due.closed:
            await self.let_go()
            return
        self._withheld = True
        status, _, body = refusal_response(self._due.api, UNMARKED, "")
        self._telling.end(status)
        if self._stream:
            status, body = 200, error_event(self._due.api, UNMARKED.message, UNMARKED.code)
        await self._instead(status, body)

    async def _as_it_came(self) -> None:
        held, self._held, self._holds = self._held, [], False
        for message in held:
            await self._send(message)

    async def _instead(self, status: int, body: bytes) -> None:
        """Send ``body`` in the place of the one that came."""
        start, self._held, self._holds = self._held[0], [], False
        headers = list(true_headers(start))
        if not self._stream:
            headers.append((b"content-length", str(len(body)).encode()))
        await self._send({**start, "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})
