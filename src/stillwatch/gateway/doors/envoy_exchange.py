"""One exchange as Envoy tells it over ext_proc: what is answered to each message. No socket here.

Envoy asks at the request's headers and body, then at the answer's headers and at each piece of its body. The request is
decided on when its body is whole (at its headers, where no body matters), and Envoy is told at the answer's headers how
to go on: an answer that nothing applies to is only shown to us, piece by piece (``STREAMED``, never changed); one that
is to be shielded or marked is handed over (``FULL_DUPLEX_STREAMED``), so that nothing of it can leave but through the
shield, also where we are killed halfway.

Protocol: envoyproxy.io, ``envoy/service/ext_proc/v3/external_processor.proto``.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final, NamedTuple

from envoy.extensions.filters.http.ext_proc.v3.processing_mode_pb2 import ProcessingMode
from envoy.service.ext_proc.v3 import external_processor_pb2 as ext_proc
from envoy.type.v3 import http_status_pb2

from stillwatch.errors import one_line
from stillwatch.gateway.decision import Decision
from stillwatch.gateway.doors.batch_files import BATCH, KnownFiles
from stillwatch.gateway.doors.batch_uploads import UploadTelling, decided_on, unread_refused, upload_made_smaller
from stillwatch.gateway.doors.batches import kept_answers, shielded_lines
from stillwatch.gateway.doors.calls import Call, Caller, read_call, without_coding
from stillwatch.gateway.doors.codings import readable_codings
from stillwatch.gateway.doors.departure import Message, Send
from stillwatch.gateway.doors.envoy_messages import address, duration, header, headers_of, processing_mode, streamed
from stillwatch.gateway.doors.marked import MarkedAnswer, MarkedTelling
from stillwatch.gateway.doors.marks import TOLD, Due, Marks, unclaimable
from stillwatch.gateway.doors.multipart import Piece, Upload, read_upload, takes_file
from stillwatch.gateway.doors.smaller import made_smaller
from stillwatch.gateway.doors.streams import BROKEN, LEFT, Judge, Shielding, Telling
from stillwatch.gateway.doors.summaries import Summaries
from stillwatch.gateway.marking.claims import HEADER, claims, told_key, with_key
from stillwatch.gateway.shielding.base import Summarise
from stillwatch.gateway.shielding.refusals import refusal_response
from stillwatch.gateway.shielding.seal import Sealer, SealKeys
from stillwatch.gateway.shielding.shield import shield_body, shield_stream
from stillwatch.gateway.shielding.unsealing import unseal_body
from stillwatch.responses.traffic import API, Refusal, ShieldMode

__all__ = ["Exchange", "Front", "Who"]

Who = Callable[[Mapping[str, str], str], Caller]
"""Who calls, from the request's headers (names in lower case) and the address that Envoy saw."""
WITHHELD: Final = Refusal(status=502, code="answer_withheld", message="The model's answer cannot be given.")
WAIT_MARGIN: Final = 5.0
"""Seconds that Envoy is asked to be patient beyond a wait."""
UNTRUE: Final = (
    *("content-length", "content-encoding", "etag", "content-md5", "digest", "content-digest", "repr-digest"),
)
"""Headers that are not true of an answer any more once something was taken out of it."""
_log = logging.getLogger(__name__)


class Front(NamedTuple):
    """What all exchanges of one server share: ``name`` makes a request's own id; ``files`` are those of batches;
    ``marks`` are those of answers; ``summaries`` tell reasoning in short and ``keys`` seal it where a policy says so
    (without them it is left out)."""

    gate: Judge
    who: Who
    name: Callable[[], str]
    files: KnownFiles
    marks: Marks
    summaries: Summaries | None = None
    keys: SealKeys | None = None


class Exchange:
    """One request and its answer. Call `answers` with each message, in order, and `ended` when Envoy says no more.

    ``waited`` is how many seconds of it were spent waiting because a policy says so, summaries included.
    """

    def __init__(self, front: Front) -> None:
        self.waited = 0.0
        self._front = front
        self._headers: dict[str, str] = {}
        self._call: Call | None = None
        self._caller = Caller("")
        self._decision: Decision | None = None
        self._telling: Telling | None = None
        self._address = ""
        self._started = 0
        self._due: Due | None = None
        self._shielding: Shielding | None = None
        self._way: Send | None = None
        self._out: list[bytes] = []

    async def answers(self, message: Any) -> AsyncIterator[Any]:
        """What to answer to one `ProcessingRequest`: none, one, or (a wait) two `ProcessingResponse`."""
        kind = message.WhichOneof("request")
        if kind == "request_headers":
            replies = self._request_headers(message)
        elif kind == "request_body":
            replies = self._decided(kind, message.request_body.body, message.request_body.end_of_stream)
        elif kind == "response_headers":
            replies = self._response_headers(message.response_headers)
        elif kind == "response_body":
            replies = self._response_body(message.response_body)
        else:
            replies = self._trailers(kind)
        async for reply in replies:
            yield reply

    async def ended(self) -> None:
        """Envoy's stream is over: tell of the exchange if nobody did, also where the client went away."""
        if self._telling is not None and not self._telling.told:
            self._telling.end(LEFT if self._telling.status else BROKEN)
        await self._lines_told()

    async def _lines_told(self) -> None:
        if isinstance(self._telling, UploadTelling):
            await self._telling.lines_told()

    async def _request_headers(self, message: Any) -> AsyncIterator[Any]:
        self._started = self._front.gate.now()
        self._headers = headers_of(message.request_headers.headers)
        self._address = address(message)
        call = read_call(self._headers.get(":method", ""), self._headers.get(":path", ""), b"")
        bodiless = message.request_headers.end_of_stream
        if not bodiless and (call.operation != "other" or self._takes_file()):
            reply = ext_proc.ProcessingResponse(request_headers=ext_proc.HeadersResponse())
            codings = readable_codings(self._headers.get("accept-encoding", ""))
            if codings is not None:
                mutation = reply.request_headers.response.header_mutation
                mutation.set_headers.append(header("accept-encoding", codings))
            yield reply
            return
        async for reply in self._decided("request_headers", b"", whole=True):
            if not bodiless and reply.HasField("request_headers"):  # a picture, say: its body never comes here
                reply.mode_override.CopyFrom(processing_mode(request=ProcessingMode.NONE))
            yield reply

    async def _decided(self, kind: str, body: bytes, whole: bool) -> AsyncIterator[Any]:
        """The decision, carried out. ``whole``: no more of the body follows."""
        coding = self._headers.get("content-encoding", "")
        plain = without_coding(body, coding) if coding else body
        call = read_call(self._headers.get(":method", ""), self._headers.get(":path", ""), plain if whole else b"")
        upload = await self._upload(body, whole) if kind == "request_body" and self._takes_file() else None
        call = call if upload is None else BATCH
        came = plain
        if call.body is not None and claims(call.body):
            call, plain = call._replace(body=with_key(call.body)), told_key(plain)
        self._caller = caller = self._front.who(self._headers, self._address)
        decision, telling = await decided_on(
            self._front.gate, self._front.files, call, upload, caller, self._front.name(), self._started
        )
        self._call, self._decision, self._telling = call, decision, telling
        refusal, sent = decision.refuse or unread_refused(self._front.gate, upload), plain
        if decision.mark is not None:
            refusal = self._expected(call, decision) or refusal
        if call.body is None and upload is None:
            refusal = refusal or unclaimable(call, body, self._front.gate.policy, whole=whole)
        if refusal is None and decision.shape is not None and call.operation != "other" and kind == "request_body":
            if upload is not None and upload.file is not None:
                sent, refusal = await upload_made_smaller(upload.file, decision.shape, plain)
            else:
                sent, refusal = made_smaller(call, decision.shape, body, plain, whole=whole)
        if refusal is not None:
            yield self._refused(refusal, decision.reference)
            return
        if decision.wait > 0:
            yield ext_proc.ProcessingResponse(override_message_timeout=duration(decision.wait + WAIT_MARGIN))
            await asyncio.sleep(decision.wait)
            self.waited += decision.wait
        if isinstance(telling, UploadTelling):
            telling.passed_on = True
        if whole and self._front.keys is not None:
            sent, _, _ = unseal_body(call.api, sent, self._front.keys, caller.account_id)
        if self._due is not None and self._due.engine and whole and call.operation in TOLD:
            sent = told_key(sent, self._due.key.id)
        yield self._passed_on(kind, None if sent == came else sent)

    def _expected(self, call: Call, decision: Decision) -> Refusal | None:
        """Note the mark that is due on the answer; why it is refused where that must not go unmarked."""
        due, telling = self._front.marks.due(decision, call, self._front.gate.policy), self._telling
        if isinstance(due, Refusal):
            return due
        if isinstance(telling, MarkedTelling):
            self._due = due
            if due is not None and due.engine:
                telling.expect(due)
        return None

    def _takes_file(self) -> bool:
        headers = self._headers
        return takes_file(headers.get(":method", ""), headers.get(":path", ""), headers.get("content-type", ""))

    async def _upload(self, body: bytes, whole: bool) -> Upload | None:
        """The file of a batch in a body; None: it is for something else."""

        async def pieces() -> AsyncIterator[Piece]:
            yield Piece(body, not whole)

        headers = self._headers
        kind, coding = headers.get("content-type", ""), headers.get("content-encoding", "")
        upload = await read_upload(headers.get(":path", ""), kind, coding, pieces())
        return upload if upload.batch else None

    def _passed_on(self, kind: str, body: bytes | None) -> Any:
        """The request goes to the model, with ``body`` in place of what came (None: as it came)."""
        common = ext_proc.CommonResponse()
        if body is not None:
            common.body_mutation.body = body
            common.header_mutation.remove_headers.append("content-encoding")
        due, taken = self._due, self._decision is not None and self._decision.shield is not None
        if HEADER in self._headers:
            common.header_mutation.remove_headers.append(HEADER)
        if due is not None and due.engine:
            common.header_mutation.set_headers.append(header(HEADER, due.key.id))
        if taken or (due is not None and not due.engine):
            common.header_mutation.set_headers.append(header("accept-encoding", "identity"))
            common.header_mutation.remove_headers.extend(("range", "if-range"))  # reasoning is not found in parts
        if kind == "request_headers":
            return ext_proc.ProcessingResponse(request_headers=ext_proc.HeadersResponse(response=common))
        return ext_proc.ProcessingResponse(request_body=ext_proc.BodyResponse(response=common))

    def _refused(self, refusal: Refusal, reference: str) -> Any:
        """An answer of ours in place of the model's; Envoy asks nothing more after it."""
        api: API = "other" if self._call is None else self._call.api
        status, headers, body = refusal_response(api, refusal, reference, self._front.gate.policy.appeal)
        if self._telling is not None:
            self._telling.end(status)
        return ext_proc.ProcessingResponse(
            immediate_response=ext_proc.ImmediateResponse(
                status=http_status_pb2.HttpStatus(code=status),
                headers=ext_proc.HeaderMutation(set_headers=[header(*one) for one in headers.items()]),
                body=body,
                details=f"stillwatch_{refusal.code}",
            )
        )

    async def _response_headers(self, message: Any) -> AsyncIterator[Any]:
        telling, call, decision = self._telling, self._call, self._decision
        reply = ext_proc.ProcessingResponse(response_headers=ext_proc.HeadersResponse())
        if telling is None or call is None or decision is None:
            yield reply
            return
        headers = headers_of(message.headers)
        status = headers.pop(":status", "")
        code = int(status) if status.isascii() and status.isdigit() else 0
        told = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
        shielded = decision.shield is not None and self._is_shielded(call.api)
        marked = self._mark_due(headers, code)
        if message.end_of_stream:
            telling.began(code, told)
            telling.end()
            await self._lines_told()
        elif shielded or marked is not None:
            start = {"type": "http.response.start", "status": code, "headers": told}
            try:
                self._way = self._through_what(telling, call.api, decision.shield if shielded else None, marked)
                await self._way(start)
            except Exception as error:  # Envoy would let the answer pass as it is
                _log.error("an answer cannot be shielded, and is withheld: %s", one_line(error))
                yield self._refused(WITHHELD, decision.reference)
                return
            reply.mode_override.CopyFrom(processing_mode(response=ProcessingMode.FULL_DUPLEX_STREAMED))
            reply.response_headers.response.header_mutation.remove_headers.extend(UNTRUE)
        else:
            telling.began(code, told)
            if call.operation == "other":  # files, lists: nobody reads them
                telling.end()
                reply.mode_override.CopyFrom(processing_mode(response=ProcessingMode.NONE))
        yield reply

    def _is_shielded(self, api: API) -> bool:
        lines = kept_answers(self._headers.get(":path", ""))
        return lines or (api != "other" and not isinstance(self._telling, UploadTelling))

    def _mark_due(self, headers: Mapping[str, str], status: int) -> Due | None:
        """The mark that can be made here, now that the answer's headers are known."""
        due = self._due
        streams = headers.get("content-type", "").lstrip().lower().startswith("text/event-stream")
        coded = headers.get("content-encoding", "identity").strip().lower() != "identity"
        if due is None or due.engine or status != 200 or coded or (streams and not due.holds):
            return None
        return due

    def _through_what(self, telling: Telling, api: API, mode: ShieldMode | None, due: Due | None) -> Send:
        """What the answer's body goes through; what comes out is collected in ``_out``."""

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.body":
                self._out.append(message["body"])

        out: Send = collect
        if due is not None and isinstance(telling, MarkedTelling):
            seconds = self._front.gate.policy.failures.upstream_timeout
            out = MarkedAnswer(collect, telling, due, self._front.marks, seconds)
        if mode is not None:
            self._shielding = self._shield(out, telling, api, mode)
            return self._shielding

        async def passing(message: Message) -> None:
            if message["type"] == "http.response.start":
                telling.began(message["status"], message["headers"])
            else:
                telling.came(message["body"], last=not message["more_body"])
            await out(message)

        return passing

    def _shield(self, out: Send, telling: Telling, api: API, mode: ShieldMode) -> Shielding:
        keys = self._front.keys
        sealer = None if keys is None or mode != "seal" else Sealer(keys, self._caller.account_id)

        def shielded(data: bytes, summary: str | None) -> bytes | Summarise:
            if summary == "":  # there is none
                return shield_body(api, data, "drop")
            return shield_body(api, data, mode, summary, sealer=sealer)

        if kept_answers(self._headers.get(":path", "")):
            return shielded_lines(out, telling, mode, sealer)
        stream = functools.partial(shield_stream, api, mode, sealer=sealer)
        return Shielding(out, telling, stream=stream, body=shielded, summaries=self._front.summaries)

    async def _response_body(self, message: Any) -> AsyncIterator[Any]:
        if self._way is None:
            if self._telling is not None:
                self._telling.came(message.body, last=message.end_of_stream)
                await self._lines_told()
            yield ext_proc.ProcessingResponse(response_body=ext_proc.BodyResponse())
            return
        out = await self._through(message.body, last=message.end_of_stream)
        if out or message.end_of_stream:
            yield streamed(out, message.end_of_stream)

    async def _trailers(self, kind: str) -> AsyncIterator[Any]:
        """Trailers end a body that did not say so itself."""
        if kind == "request_trailers":
            yield ext_proc.ProcessingResponse(request_trailers=ext_proc.TrailersResponse())
            return
        if self._way is not None:
            yield streamed(await self._through(b"", last=True), False)
        elif self._telling is not None:
            self._telling.came(b"", last=True)
            await self._lines_told()
        yield ext_proc.ProcessingResponse(response_trailers=ext_proc.TrailersResponse())

    async def _through(self, piece: bytes, *, last: bool) -> bytes:
        if self._way is None:
            return piece
        asked = 0.0 if self._shielding is None else self._shielding.asked
        await self._way({"type": "http.response.body", "body": piece, "more_body": not last})
        self.waited += 0.0 if self._shielding is None else self._shielding.asked - asked
        out, self._out = b"".join(self._out), []
        return out
