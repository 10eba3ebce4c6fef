"""The file of a batch on its way to the server: its requests are told of one by one once it was passed on."""

from __future__ import annotations

import asyncio
import logging
import time

import msgspec

from stillwatch.errors import one_line
from stillwatch.gateway.decision import Decision, Observed
from stillwatch.gateway.doors.batch_files import (
    BATCH,
    MOST_LINES,
    SLICE,
    KnownFiles,
    calls_in,
    file_named,
    made_smaller,
    request_of_file,
    request_unread,
)
from stillwatch.gateway.doors.calls import Call, Caller, request_of, row_of
from stillwatch.gateway.doors.marked import MarkedTelling
from stillwatch.gateway.doors.multipart import Upload, replaced
from stillwatch.gateway.doors.smaller import unreadable
from stillwatch.gateway.doors.streams import Judge, Telling
from stillwatch.responses.traffic import Refusal, Request, Shape

__all__ = ["UploadTelling", "decided_on", "unread_refused", "upload_made_smaller"]

_LONGEST_ID = 200
_log = logging.getLogger(__name__)


class _Named(msgspec.Struct):
    id: str = ""


class UploadTelling(Telling):
    """As `Telling`, but an upload that was passed on is told of as the requests in it, by `lines_told`: each a row of
    what was asked, without an answer, under the id of the upload and its place in the file. One that was refused, here
    or by the server, is one exchange, and so is one that could not be read. Of a file the first 50,000 are told of.

    ``passed_on`` is set by the door when the server is asked; ``files`` is told what the server names the file.
    """

    __slots__ = ("_ended", "_file", "_files", "_taken", "passed_on")

    def __init__(
        self,
        gate: Judge,
        request: Request,
        caller: Caller,
        decision: Decision,
        file: bytes | None,
        files: KnownFiles,
    ) -> None:
        super().__init__(gate, BATCH, request, caller, decision)
        self._file, self._files = file, files
        self._taken = False
        self._ended = 0
        self.passed_on = False
        self.unread = file is None

    def end(self, status: int | None = None) -> None:
        """See `Telling.end`. The requests themselves are `lines_told`'s, which takes its time."""
        if self.told:
            return
        answered = status is None
        if answered and self.status < 400 and (name := _name(b"".join(self._pieces))):
            self._files.add(name, self._request)
        if not self.passed_on or self._file is None or (answered and self.status >= 400):
            super().end(status)
            return
        self.told = self._taken = True
        self.status = self.status if status is None else status
        self._ended = self._request.at + (time.monotonic_ns() - self._begun) // 1000
        self._pieces = []

    async def lines_told(self) -> None:
        """Tell the gate of the requests in the file, once, if it was taken; others have their turn meanwhile."""
        if not self._taken or self._file is None:
            return
        file, self._file = self._file, None
        begun = time.perf_counter()
        for place, call in enumerate(calls_in(file)):
            if place >= MOST_LINES:
                break
            self._gate.observed(Observed(row=self._line(call, place), decision=self._decision))
            if place % SLICE == SLICE - 1:
                self.work += time.perf_counter() - begun
                await asyncio.sleep(0)
                begun = time.perf_counter()
        self.work += time.perf_counter() - begun

    def _line(self, call: Call, place: int) -> dict[str, object]:
        name = f"{self._request.request_id}-{place + 1}"
        try:
            return self._line_row(call, name)
        except Exception as error:  # a defect, which must not lose the exchange
            _log.error("a request of a batch could not be read (%s): its numbers are missing", one_line(error))
            return self._line_row(BATCH, name)

    def _line_row(self, call: Call, name: str) -> dict[str, object]:
        request = request_of(call, self._caller, name, self._request.at)
        row = row_of(
            call,
            request,
            self._caller,
            status=self.status,
            answer=b"",
            ended_at=self._ended,
            headers={},
            text=self._gate.keeps_text,
        )
        row["latency_ms"] = None  # how long the upload took says nothing of the request
        return row


async def decided_on(
    gate: Judge, files: KnownFiles, call: Call, upload: Upload | None, caller: Caller, name: str, at: int
) -> tuple[Decision, Telling]:
    """What is decided on a request named ``name``, and who will tell of it. Of an ``upload`` its requests count, of a
    call that makes a batch those that ``files`` says are not counted yet."""
    if upload is not None:
        if upload.file is None:
            request = request_unread(caller, name, at)
        else:
            request = await request_of_file(upload.file, caller, name, at)
        decision = gate.decide(request)
        return decision, UploadTelling(gate, request, caller, decision, upload.file, files)
    request, file = request_of(call, caller, name, at), file_named(call)
    if file is not None:
        request = files.counted(file, request)
    decision = gate.decide(request)
    if file is not None and decision.refuse is None:
        files.use(file)
    telling = Telling if decision.mark is None else MarkedTelling
    return decision, telling(gate, call, request, caller, decision)


def unread_refused(gate: Judge, upload: Upload | None) -> Refusal | None:
    """Why a file that nobody could read is not passed on, where the policy says so."""
    if upload is None or upload.file is not None or gate.policy.failures.batch_unread == "open":
        return None
    return unreadable(whole=upload.whole)


async def upload_made_smaller(file: bytes, shape: Shape, body: bytes) -> tuple[bytes, Refusal | None]:
    """The body of an upload with ``shape`` applied to its ``file`` (``body`` itself where nothing changes), or why it
    cannot be."""
    smaller = await made_smaller(file, shape)
    if smaller is file:
        return body, None
    changed = replaced(body, file, smaller)
    return (body, unreadable(whole=True)) if changed is None else (changed, None)


def _name(answer: bytes) -> str:
    try:
        name = msgspec.json.decode(answer, type=_Named).id
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ""
    return name if len(name) <= _LONGEST_ID else ""
