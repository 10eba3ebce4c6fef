"""One exchange as Envoy tells it over ext_proc: what is answered to each message. No socket here.

Envoy asks at the request's headers and body, then at the answer's headers and at each piece of its body. The request is
decided on when its body is whole (at its headers, where no body matters), and Envoy is told at the answer's headers how
to go on: an answer that nothing applies to is only shown to us, piece by piece (``STREAMED``, never changed); one that
is to be shielded is handed over (``FULL_DUPLEX_STREAMED``), so that nothing of it can leave but through the shield,
also where we are killed halfway.

Protocol: envoyproxy.io, ``envoy/service/ext_proc/v3/external_processor.proto``.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, Protocol

from envoy.config.core.v3 import base_pb2
from envoy.extensions.filters.http.ext_proc.v3.processing_mode_pb2 import ProcessingMode
from envoy.service.ext_proc.v3 import external_processor_pb2 as ext_proc
from envoy.type.v3 import http_status_pb2
from google.protobuf.duration_pb2 import Duration

from stillwatch.gateway.decision import Decision, Observed
from stillwatch.gateway.doors.calls import Call, Caller, read_call, request_of, row_of
from stillwatch.gateway.shielding.base import StreamShield, Summarise
from stillwatch.gateway.shielding.refusals import refusal_response
from stillwatch.gateway.shielding.shaping import shape_body
from stillwatch.gateway.shielding.shield import shield_body, shield_stream
from stillwatch.responses.traffic import Refusal, Request

__all__ = ["Deciding", "Exchange", "Front", "Summariser", "Who", "headers_of"]

Who = Callable[[Mapping[str, str], str], Caller]
"""Who calls, from the request's headers (names in lower case) and the address that Envoy saw."""
Summariser = Callable[[str], Awaitable["str | None"]]
"""The user's own model, asked to say reasoning in other words; None where it does not."""
MOST_ANSWER: Final = 32 << 20
"""Bytes of an answer that are kept for the journal; what comes after them passes unread."""
WAIT_MARGIN: Final = 5.0
OVERWRITE: Final = base_pb2.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
FILTER: Final = "envoy.filters.http.ext_proc"


class Deciding(Protocol):
    """What a door needs of `stillwatch.gateway.gate.Gate`."""

    def decide(self, request: Request) -> Decision:
        """What to do with a request; never raises."""
        ...

    def observed(self, observed: Observed) -> None:
        """Tell of an exchange that ended; never raises."""
        ...


class Front(NamedTuple):
    """What all exchanges of one server share. ``clock`` gives microseconds since 1970, ``name`` a request's own id."""

    gate: Deciding
    who: Who
    clock: Callable[[], int]
    name: Callable[[], str]
    summarise: Summariser | None = None


def headers_of(headers: Any) -> dict[str, str]:
    """Envoy's header map by name; values of one name are joined as HTTP joins them. Bytes that are no text stay
    readable as Latin-1."""
    found: dict[str, str] = {}
    for header in headers.headers:
        value = header.raw_value.decode("latin-1") if header.raw_value else header.value
        found[header.key] = f"{found[header.key]}, {value}" if header.key in found else value
    return found


class Exchange:
    """One request and its answer. Call `answers` with each message, in order, and `ended` when Envoy says no more."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._headers: dict[str, str] = {}
        self._answer_headers: dict[str, str] = {}
        self._call: Call | None = None
        self._request: Request | None = None
        self._caller: Caller | None = None
        self._decision: Decision | None = None
        self._address = ""
        self._started = 0
        self._status = 0
        self._answer = bytearray()
        self._shield: StreamShield | None = None
        self._whole = False
        self._told = False

    async def answers(self, message: Any) -> AsyncIterator[Any]:
        """What to answer to one `ProcessingRequest`: none, one, or (a wait) two `ProcessingResponse`."""
        kind = message.WhichOneof("request")
        if kind == "request_headers":
            replies = self._request_headers(message)
        elif kind == "request_body":
            replies = self._decided("request_body", message.request_body.body, message.request_body.end_of_stream)
        elif kind == "response_headers":
            replies = self._response_headers(message.response_headers)
        elif kind == "response_body":
            replies = self._response_body(message.response_body)
        else:
            replies = self._trailers(kind)
        async for reply in replies:
            yield reply

    def ended(self) -> None:
        """Envoy's stream is over: tell of the exchange if nobody did, also where the client went away."""
        if not self._told and self._decision is not None:
            self._tell(self._status or 499, bytes(self._answer))

    async def _request_headers(self, message: Any) -> AsyncIterator[Any]:
        self._started = self._front.clock()
        self._headers = headers_of(message.request_headers.headers)
        self._address = _address(message)
        call = read_call(self._headers.get(":method", ""), self._headers.get(":path", ""), b"")
        if message.request_headers.end_of_stream:
            async for reply in self._decided("request_headers", b"", whole=True):
                yield reply
        elif call.operation == "other":  # an upload, say: decided now, and its body never comes here
            async for reply in self._decided("request_headers", b"", whole=True):
                if reply.HasField("request_headers"):
                    reply.mode_override.CopyFrom(_mode(request=ProcessingMode.NONE))
                yield reply
        else:
            yield ext_proc.ProcessingResponse(request_headers=ext_proc.HeadersResponse())

    async def _decided(self, kind: str, body: bytes, whole: bool) -> AsyncIterator[Any]:
        """The decision, carried out. ``whole``: no more of the body follows."""
        call = read_call(self._headers.get(":method", ""), self._headers.get(":path", ""), body)
        caller = self._front.who(self._headers, self._address)
        request = request_of(call, caller, self._front.name(), self._started)
        self._call, self._caller, self._request = call, caller, request
        self._decision = decision = self._front.gate.decide(request)
        if decision.refuse is not None:
            yield self._refused(decision.refuse, decision.reference)
            return
        if decision.shape is not None and not whole:
            too_large = Refusal(status=413, code="request_too_large", message="The request is too large.")
            yield self._refused(too_large, decision.reference)
            return
        if decision.wait > 0:
            yield ext_proc.ProcessingResponse(override_message_timeout=_duration(decision.wait + WAIT_MARGIN))
            await asyncio.sleep(decision.wait)
        common = ext_proc.CommonResponse()
        if decision.shape is not None:
            shaped = shape_body(call.api, body, decision.shape)
            if shaped != body:
                common.body_mutation.body = shaped
        if decision.shield is not None:  # what is compressed cannot be shielded
            common.header_mutation.set_headers.append(_header("accept-encoding", "identity"))
        if kind == "request_headers":
            yield ext_proc.ProcessingResponse(request_headers=ext_proc.HeadersResponse(response=common))
        else:
            yield ext_proc.ProcessingResponse(request_body=ext_proc.BodyResponse(response=common))

    def _refused(self, refusal: Refusal, reference: str) -> Any:
        """An answer of ours in place of the model's; Envoy asks nothing more after it."""
        call = self._call
        status, headers, body = refusal_response("other" if call is None else call.api, refusal, reference)
        self._answer_headers = headers
        self._tell(status, body)
        return ext_proc.ProcessingResponse(
            immediate_response=ext_proc.ImmediateResponse(
                status=http_status_pb2.HttpStatus(code=status),
                headers=ext_proc.HeaderMutation(set_headers=[_header(*one) for one in headers.items()]),
                body=body,
                details=f"stillwatch_{refusal.code}",
            )
        )

    async def _response_headers(self, message: Any) -> AsyncIterator[Any]:
        self._answer_headers = headers_of(message.headers)
        status = self._answer_headers.get(":status", "")
        self._status = int(status) if status.isascii() and status.isdigit() else 0
        reply = ext_proc.ProcessingResponse(response_headers=ext_proc.HeadersResponse())
        if message.end_of_stream or self._call is None or self._decision is None:
            self.ended()
            yield reply
        elif self._decision.shield is not None:
            yield self._begin_shield(reply)
        elif self._call.operation == "other":
            self._tell(self._status, b"")
            reply.mode_override.CopyFrom(_mode(response=ProcessingMode.NONE))
            yield reply
        else:
            yield reply

    def _begin_shield(self, reply: Any) -> Any:
        """From here on the answer's body leaves Envoy only as we hand it back."""
        call, decision = self._call, self._decision
        if call is None or decision is None or decision.shield is None:
            return reply
        if self._answer_headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            unreadable = Refusal(status=502, code="answer_unreadable", message="The model's answer cannot be read.")
            return self._refused(unreadable, decision.reference)
        if self._answer_headers.get("content-type", "").strip().lower().startswith("text/event-stream"):
            self._shield = shield_stream(call.api, decision.shield)
        self._whole = self._shield is None
        reply.mode_override.CopyFrom(_mode(response=ProcessingMode.FULL_DUPLEX_STREAMED))
        reply.response_headers.response.header_mutation.remove_headers.append("content-length")
        return reply

    async def _response_body(self, message: Any) -> AsyncIterator[Any]:
        if len(self._answer) < MOST_ANSWER or self._whole:
            self._answer += message.body
        if self._shield is None and not self._whole:
            if message.end_of_stream:
                self.ended()
            yield ext_proc.ProcessingResponse(response_body=ext_proc.BodyResponse())
            return
        out = b""
        if self._shield is not None:
            out = await self._through(self._shield, self._shield.feed(message.body))
        if message.end_of_stream:
            out += await self._rest()
        if out or message.end_of_stream:
            yield _streamed(out, message.end_of_stream)

    async def _trailers(self, kind: str) -> AsyncIterator[Any]:
        """Trailers end a body that did not say so itself."""
        if kind == "request_trailers":
            yield ext_proc.ProcessingResponse(request_trailers=ext_proc.TrailersResponse())
            return
        if self._shield is not None or self._whole:
            yield _streamed(await self._rest(), False)
        else:
            self.ended()
        yield ext_proc.ProcessingResponse(response_trailers=ext_proc.TrailersResponse())

    async def _rest(self) -> bytes:
        """What of a shielded answer is left to leave when all of it has come; the exchange is told of first."""
        self.ended()
        if self._shield is not None:
            return await self._through(self._shield, self._shield.end())
        call, decision = self._call, self._decision
        if call is None or decision is None or decision.shield is None:
            return bytes(self._answer)
        body = bytes(self._answer)
        shielded = shield_body(call.api, body, decision.shield)
        if isinstance(shielded, Summarise):
            words = await self._summary(shielded)
            shielded = shield_body(call.api, body, decision.shield if words is not None else "drop", words)
        return b"" if isinstance(shielded, Summarise) else shielded

    async def _through(self, shield: StreamShield, parts: Iterator[bytes | Summarise]) -> bytes:
        out = bytearray()
        for part in parts:
            if isinstance(part, Summarise):
                out += b"".join([one async for one in self._summarised(shield, part)])
            else:
                out += part
        return bytes(out)

    async def _summarised(self, shield: StreamShield, asked: Summarise) -> AsyncIterator[bytes]:
        words = await self._summary(asked)
        for part in shield.summarised(words):
            yield part

    async def _summary(self, asked: Summarise) -> str | None:
        return None if self._front.summarise is None else await self._front.summarise(asked.text)

    def _tell(self, status: int, answer: bytes) -> None:
        call, request, caller, decision = self._call, self._request, self._caller, self._decision
        if self._told or call is None or request is None or caller is None or decision is None:
            return
        self._told = True
        headers = self._answer_headers
        ended = self._front.clock()
        row = row_of(call, request, caller, status=status, answer=answer, ended_at=ended, headers=headers)
        self._front.gate.observed(Observed(row=row, decision=decision))


def _address(message: Any) -> str:
    """The client's address as Envoy knows it, where the filter asks for the attribute ``source.address``."""
    if FILTER not in message.attributes:
        return ""
    fields = message.attributes[FILTER].fields
    return fields["source.address"].string_value if "source.address" in fields else ""


def _mode(request: int | None = None, response: int | None = None) -> Any:
    """Envoy takes the mode as a whole, so that each part is said again."""
    duplex = response == ProcessingMode.FULL_DUPLEX_STREAMED
    return ProcessingMode(
        request_header_mode=ProcessingMode.SEND,
        response_header_mode=ProcessingMode.SEND,
        request_body_mode=ProcessingMode.BUFFERED_PARTIAL if request is None else request,
        response_body_mode=ProcessingMode.STREAMED if response is None else response,
        response_trailer_mode=ProcessingMode.SEND if duplex else ProcessingMode.SKIP,
    )


def _streamed(body: bytes, end: bool) -> Any:
    streamed = ext_proc.StreamedBodyResponse(body=body, end_of_stream=end)
    common = ext_proc.CommonResponse(body_mutation=ext_proc.BodyMutation(streamed_response=streamed))
    return ext_proc.ProcessingResponse(response_body=ext_proc.BodyResponse(response=common))


def _header(name: str, value: str) -> Any:
    return base_pb2.HeaderValueOption(
        header=base_pb2.HeaderValue(key=name, raw_value=value.encode("latin-1", "replace")), append_action=OVERWRITE
    )


def _duration(seconds: float) -> Duration:
    whole = math.floor(seconds)
    return Duration(seconds=whole, nanos=int((seconds - whole) * 1e9))
