"""The gateway as middleware of an ASGI app: decides before the app is called, and tells of the exchange as it ends.

Where no response applies the app sees the very request that came, and the caller the very answer that the app gave; one
header is an exception: ``Accept-Encoding`` of a call to a model loses the codings that nobody here can read.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from stillwatch.errors import one_line
from stillwatch.gateway.decision import Decision
from stillwatch.gateway.doors.accounts import Callers
from stillwatch.gateway.doors.batch_files import BATCH, KnownFiles
from stillwatch.gateway.doors.batch_uploads import UploadTelling, decided_on, unread_refused, upload_made_smaller
from stillwatch.gateway.doors.batches import kept_answers, shielded_lines
from stillwatch.gateway.doors.calls import MOST_READ, Call, read_call, request_ids, with_body, without_coding
from stillwatch.gateway.doors.codings import readable_codings
from stillwatch.gateway.doors.departure import ASGIApp, Departure, Message, Receive, Scope, Send
from stillwatch.gateway.doors.marked import MarkedAnswer, MarkedTelling
from stillwatch.gateway.doors.marks import TOLD, Due, Marks, unclaimable
from stillwatch.gateway.doors.multipart import CallerLeftError, Piece, Upload, read_upload, takes_file
from stillwatch.gateway.doors.smaller import made_smaller
from stillwatch.gateway.doors.streams import BROKEN, LEFT, Judge, Shielding, Telling
from stillwatch.gateway.doors.summaries import Summaries, Summariser
from stillwatch.gateway.doors.upstream import Upstream, sent_refusal, target
from stillwatch.gateway.gate import UNAVAILABLE
from stillwatch.gateway.marking.claims import HEADER, claims, told_key, with_key
from stillwatch.gateway.shielding.base import StreamShield, Summarise
from stillwatch.gateway.shielding.refusals import refusal_response
from stillwatch.gateway.shielding.seal import Sealer, SealKeys
from stillwatch.gateway.shielding.shield import shield_body, shield_stream
from stillwatch.gateway.shielding.unsealing import unseal_body
from stillwatch.responses.traffic import API, Refusal, ShieldMode

__all__ = ["StillwatchMiddleware"]


_log = logging.getLogger(__name__)
_PARTS = frozenset((b"accept-encoding", b"range", b"if-range"))
"""Headers that would have an answer come in parts or codings, in which reasoning cannot be found."""


class _Body(NamedTuple):
    """A request's body: ``data`` as it came; not ``whole``: it is longer than what is looked into, and more follows."""

    data: bytes
    whole: bool = True


class _Asked(NamedTuple):
    """A request as it was received. ``upload``: it is the file of a batch, or may be."""

    call: Call
    body: _Body | None = None
    upload: Upload | None = None


class _Deciding(NamedTuple):
    """What was decided on a request, who tells of it, and the mark that is due on its answer."""

    call: Call
    decision: Decision
    telling: Telling
    due: Due | None


class StillwatchMiddleware:
    """``StillwatchMiddleware(app, gate=open_gate(...))``.

    ``callers`` tells who calls (without: the key's hash is the account). ``summarise`` asks the user's own model for a
    summary (a function gets the bounds of `Summaries`), ``seal_keys`` seal reasoning; a shield that needs what is not
    there leaves reasoning out. ``marks`` count what became of marks. ``added`` is told the seconds that the gateway
    itself took for an exchange.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        gate: Judge,
        callers: Callers | None = None,
        summarise: Summaries | Summariser | None = None,
        seal_keys: SealKeys | None = None,
        marks: Marks | None = None,
        added: Callable[[float], None] | None = None,
    ) -> None:
        self._app, self._gate, self._seal_keys = app, gate, seal_keys
        if summarise is not None and not isinstance(summarise, Summaries):
            summarise = Summaries(summarise)
        self._summaries = summarise
        self._callers = Callers() if callers is None else callers
        self._marks = Marks() if marks is None else marks
        self._added = added
        self._files = KnownFiles()
        self._ids = request_ids()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI. Only ``http`` is looked into."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        at = self._gate.now()
        try:
            asked = await _asked(scope, receive)
        except CallerLeftError:
            return  # before he had said what he wants
        if asked.call.body is not None and claims(asked.call.body):
            scope, asked = _unclaimed(scope, asked)
        begun = time.perf_counter()
        try:
            caller = self._callers.caller(scope)
            decision, telling = await decided_on(
                self._gate, self._files, asked.call, asked.upload, caller, next(self._ids), at
            )
        except Exception as error:  # a defect of ours is no reason to stop everybody, unless the policy says so
            _log.error("a request could not be decided on: %s", one_line(repr(error)))
            await self._undecided(scope, receive, send, asked)
            return
        telling.work = time.perf_counter() - begun
        departed = False
        try:
            departed = await self._carried_out(scope, receive, send, asked, decision, telling)
        finally:
            if not telling.told:
                telling.end(LEFT if departed else BROKEN)
            if isinstance(telling, UploadTelling):
                await telling.lines_told()
            if self._added is not None:
                self._added(telling.work)

    async def _undecided(self, scope: Scope, receive: Receive, send: Send, asked: _Asked) -> None:
        if self._gate.policy.failures.error == "closed":
            await sent_refusal(send, *refusal_response(asked.call.api, UNAVAILABLE, ""))
        else:
            headers = self._callers.spoofed(scope)
            scope = scope if headers is None else {**scope, "headers": headers}
            await self._app(scope, _Replay(receive, asked.body), send)

    async def _carried_out(
        self, scope: Scope, receive: Receive, send: Send, asked: _Asked, decision: Decision, telling: Telling
    ) -> bool:
        """Do with a request what was decided; whether the caller left meanwhile."""
        call, body, upload = asked
        due, refusal = self._expected(asked, decision)
        if refusal is None and body is not None and body.whole:
            scope, body = self._prepared(scope, call, body, decision, due)
        if decision.wait > 0 and refusal is None and await _left_while_waiting(receive, body, decision.wait):
            return True
        if decision.shape is not None and refusal is None and body is not None and call.operation != "other":
            plain = _decoded(scope, body.data)
            if upload is not None and upload.file is not None:
                shaped, refusal = await upload_made_smaller(upload.file, decision.shape, plain)
            else:
                shaped, refusal = made_smaller(call, decision.shape, body.data, plain, whole=body.whole)
            if shaped is not plain and shaped != plain:
                body, scope = _Body(shaped), _with_length(scope, len(shaped))
        if refusal is not None:
            await self._refused(send, call, decision, refusal, telling)
            return False
        scope = self._onward(scope, call, decision, due)
        if isinstance(telling, UploadTelling):
            telling.passed_on = True
        elif (
            isinstance(self._app, Upstream)
            and decision.shield is None
            and decision.mark is None
            and body is not None
            and body.whole
        ):
            return await self._app.ask(scope, receive, body.data, send, telling)
        return await self._answered(scope, receive, send, body, _Deciding(call, decision, telling, due))

    def _expected(self, asked: _Asked, decision: Decision) -> tuple[Due | None, Refusal | None]:
        """The mark that is due on the answer, and why the request is not passed on, where it is not."""
        call, body, upload = asked
        refusal = decision.refuse or unread_refused(self._gate, upload)
        if call.body is None and body is not None and upload is None:
            refusal = refusal or unclaimable(call, body.data, self._gate.policy, whole=body.whole)
        if decision.mark is None or refusal is not None:
            return None, refusal
        due = self._marks.due(decision, call, self._gate.policy)
        return (None, due) if isinstance(due, Refusal) else (due, None)

    def _prepared(
        self, scope: Scope, call: Call, body: _Body, decision: Decision, due: Due | None
    ) -> tuple[Scope, _Body]:
        """A request with its sealed reasoning opened, and with the key by which the model's server is to mark."""
        data = body.data
        if self._seal_keys is not None:
            given, restored, out = unseal_body(call.api, data, self._seal_keys, decision.account_id)
            data = given if restored or out else data
        if due is not None and due.engine and call.operation in TOLD:
            data = told_key(_decoded(scope, data) if data is body.data else data, due.key.id)
        return (scope, body) if data is body.data else (_with_length(scope, len(data)), _Body(data))

    async def _answered(
        self, scope: Scope, receive: Receive, send: Send, body: _Body | None, deciding: _Deciding
    ) -> bool:
        """Have the app answer, through the shield and under the mark that are due; whether the caller left."""
        call, decision, telling, due = deciding
        marked = None
        if due is not None and isinstance(telling, MarkedTelling):
            if due.engine:
                telling.expect(due)
            else:
                seconds = self._gate.policy.failures.upstream_timeout
                marked = send = MarkedAnswer(send, telling, due, self._marks, seconds)
        replay = _Replay(receive, body)
        try:
            lines = kept_answers(target(scope))
            await self._app(scope, replay, self._sender(send, call, decision, telling, lines=lines))
        finally:
            if marked is not None:  # an answer that broke off breaks off where it did
                await marked.let_go()
        return replay.departed

    async def _refused(self, send: Send, call: Call, decision: Decision, refusal: Refusal, telling: Telling) -> None:
        status, headers, told = refusal_response(call.api, refusal, decision.reference, self._gate.policy.appeal)
        telling.end(status)
        await sent_refusal(send, status, headers, told)

    def _onward(self, scope: Scope, call: Call, decision: Decision, due: Due | None) -> Scope:
        """The scope that the app sees; the same where nothing is to be changed."""
        headers = self._callers.spoofed(scope)
        if due is not None and due.engine:
            headers = [*(headers or scope["headers"]), (HEADER.encode(), due.key.id.encode())]
        if decision.shield is not None:
            kept = [header for header in headers or scope["headers"] if header[0] not in _PARTS]
            headers = [*kept, (b"accept-encoding", b"identity")]
        elif call.operation != "other":
            headers = _readable(headers or scope["headers"]) or headers
        return scope if headers is None else {**scope, "headers": headers}

    def _sender(self, send: Send, call: Call, decision: Decision, telling: Telling, *, lines: bool) -> Send:
        mode = decision.shield
        sealer = None if self._seal_keys is None or mode is None else Sealer(self._seal_keys, decision.account_id)
        if mode is not None and lines:
            return shielded_lines(send, telling, mode, sealer)
        if mode is not None and call.api != "other" and not isinstance(telling, UploadTelling):
            return _shielding(send, telling, call.api, mode, sealer, self._summaries)

        async def passing(message: Message) -> None:
            if message["type"] == "http.response.body":
                telling.came(message.get("body", b""), last=not message.get("more_body", False))
                if isinstance(telling, UploadTelling):
                    await telling.lines_told()
            elif message["type"] == "http.response.start":
                telling.began(message["status"], message.get("headers", ()))
            await send(message)

        return passing


class _Replay:
    """``receive`` for the app, beginning with the body that was received already; sees the caller leave."""

    def __init__(self, receive: Receive, body: _Body | None) -> None:
        self._receive, self._body = receive, body
        self.departed = False

    async def __call__(self) -> Message:
        body, self._body = self._body, None
        if body is not None:
            return {"type": "http.request", "body": body.data, "more_body": not body.whole}
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.departed = True
        return message


def _shielding(
    send: Send, telling: Telling, api: API, mode: ShieldMode, sealer: Sealer | None, summaries: Summaries | None
) -> Shielding:
    def shielded(data: bytes, summary: str | None) -> bytes | Summarise:
        if summary == "":  # there is none
            return shield_body(api, data, "drop")
        return shield_body(api, data, mode, summary, sealer=sealer)

    def stream() -> StreamShield:
        return shield_stream(api, mode, sealer=sealer)

    return Shielding(send, telling, stream=stream, body=shielded, summaries=summaries)


async def _asked(scope: Scope, receive: Receive) -> _Asked:
    """What is asked, with the body where it matters. Raises `CallerLeftError`."""
    method, path = scope["method"], target(scope)
    call = read_call(method, path, b"")
    if call.operation != "other":
        body = await _received(receive)
        return _Asked(with_body(call, _decoded(scope, body.data)) if body.whole else call, body)
    if not takes_file(method, path, kind := _header(scope, b"content-type")):
        return _Asked(call)
    upload = await read_upload(path, kind, _header(scope, b"content-encoding"), _pieces(receive))
    body = _Body(upload.data, upload.whole)
    return _Asked(BATCH, body, upload) if upload.batch else _Asked(call, body)


def _unclaimed(scope: Scope, asked: _Asked) -> tuple[Scope, _Asked]:
    """A request without the name of a mark's key that its caller wrote into it."""
    call, body, upload = asked
    if body is None or call.body is None:
        return scope, asked
    data = told_key(_decoded(scope, body.data))
    return _with_length(scope, len(data)), _Asked(call._replace(body=with_key(call.body)), _Body(data), upload)


async def _received(receive: Receive) -> _Body:
    """The body of a request, up to `MOST_READ` or a little more. Raises `CallerLeftError`."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise CallerLeftError
    if not message.get("more_body"):
        return _Body(message.get("body", b""))
    pieces, size = [message.get("body", b"")], len(message.get("body", b""))
    while message.get("more_body") and size <= MOST_READ:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerLeftError
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
    return _Body(b"".join(pieces), not message.get("more_body"))


async def _pieces(receive: Receive) -> AsyncIterator[Piece]:
    """The body of a request as it comes. Raises `CallerLeftError`."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerLeftError
        more = message.get("more_body", False)
        yield Piece(message.get("body", b""), more)


async def _left_while_waiting(receive: Receive, body: _Body | None, seconds: float) -> bool:
    """Wait; whether the caller left meanwhile, which cannot be heard while his body is still on its way."""
    if body is None or not body.whole:
        await asyncio.sleep(seconds)
        return False
    with Departure(receive) as departure:
        await asyncio.sleep(seconds)
    return departure.happened


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for given, value in scope["headers"] if given == name), "")


def _decoded(scope: Scope, data: bytes) -> bytes:
    """A request's body as it is to be read; empty for a coding that is not known."""
    coding = _header(scope, b"content-encoding")
    return without_coding(data, coding) if coding else data


def _with_length(scope: Scope, length: int) -> Scope:
    kept = [header for header in scope["headers"] if header[0] not in (b"content-length", b"content-encoding")]
    return {**scope, "headers": [*kept, (b"content-length", str(length).encode())]}


def _readable(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]] | None:
    """The headers with no coding asked for that nobody here can read; None where there is none such."""
    for place, (name, value) in enumerate(headers):
        if name == b"accept-encoding":
            codings = readable_codings(value.decode("latin-1"))
            if codings is not None:
                changed = (name, codings.encode("latin-1"))
                return [*headers[:place], changed, *headers[place + 1 :]]
    return None
