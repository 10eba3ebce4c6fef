"""The gateway as middleware of an ASGI app: decides before the app is called, and tells of the exchange as it ends.

Where no response applies the app sees the very request that came, and the caller the very answer that the app gave; one
header is an exception: ``Accept-Encoding`` of a call to a model loses the codings that nobody here can read.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import NamedTuple

from stillwatch.errors import one_line
from stillwatch.gateway.decision import Decision
from stillwatch.gateway.doors.accounts import Callers
from stillwatch.gateway.doors.batches import LineShield, kept_answers
from stillwatch.gateway.doors.calls import (
    MOST_READ,
    Call,
    read_call,
    request_ids,
    request_of,
    with_body,
    without_coding,
)
from stillwatch.gateway.doors.codings import readable_codings
from stillwatch.gateway.doors.departure import ASGIApp, Departure, Message, Receive, Scope, Send
from stillwatch.gateway.doors.smaller import made_smaller
from stillwatch.gateway.doors.streams import BROKEN, LEFT, Judge, Shielding, Telling
from stillwatch.gateway.doors.summaries import Summaries, Summariser
from stillwatch.gateway.doors.upstream import Upstream, sent_refusal, target
from stillwatch.gateway.gate import UNAVAILABLE
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


class StillwatchMiddleware:
    """``StillwatchMiddleware(app, gate=open_gate(...))``.

    ``callers`` tells who calls (without: the key's hash is the account). ``summarise`` asks the user's own model for a
    summary (a function gets the bounds of `Summaries`), ``seal_keys`` seal reasoning; a shield that needs what is not
    there leaves reasoning out. ``added`` is told the seconds that the gateway itself took for an exchange.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        gate: Judge,
        callers: Callers | None = None,
        summarise: Summaries | Summariser | None = None,
        seal_keys: SealKeys | None = None,
        added: Callable[[float], None] | None = None,
    ) -> None:
        self._app, self._gate, self._seal_keys = app, gate, seal_keys
        if summarise is not None and not isinstance(summarise, Summaries):
            summarise = Summaries(summarise)
        self._summaries = summarise
        self._callers = Callers() if callers is None else callers
        self._added = added
        self._ids = request_ids()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI. Only ``http`` is looked into."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        at = self._gate.now()
        method, path = scope["method"], target(scope)
        call = read_call(method, path, b"")
        body = None
        if call.operation != "other":
            body = await _received(receive)
            if body is None:
                return  # the caller left before he had said what he wants
            if body.whole:
                call = with_body(call, _decoded(scope, body.data))
        begun = time.perf_counter()
        try:
            caller = self._callers.caller(scope)
            request = request_of(call, caller, next(self._ids), at)
            decision = self._gate.decide(request)
            telling = Telling(self._gate, call, request, caller, decision)
        except Exception as error:  # a defect of ours is no reason to stop everybody, unless the policy says so
            _log.error("a request could not be decided on: %s", one_line(repr(error)))
            await self._undecided(scope, receive, send, call, body)
            return
        telling.work = time.perf_counter() - begun
        departed = False
        try:
            departed = await self._carried_out(scope, receive, send, call, decision, body, telling)
        finally:
            if not telling.told:
                telling.end(LEFT if departed else BROKEN)
            if self._added is not None:
                self._added(telling.work)

    async def _undecided(self, scope: Scope, receive: Receive, send: Send, call: Call, body: _Body | None) -> None:
        if self._gate.policy.failures.error == "closed":
            await sent_refusal(send, *refusal_response(call.api, UNAVAILABLE, ""))
        else:
            await self._app(scope, _Replay(receive, body), send)

    async def _carried_out(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        call: Call,
        decision: Decision,
        body: _Body | None,
        telling: Telling,
    ) -> bool:
        """Do with a request what was decided; whether the caller left meanwhile."""
        refusal = decision.refuse
        if self._seal_keys is not None and body is not None and body.whole and refusal is None:
            given, restored, out = unseal_body(call.api, body.data, self._seal_keys, decision.account_id)
            if restored or out:
                body, scope = _Body(given), _with_length(scope, len(given))
        if decision.wait > 0 and refusal is None:
            with Departure(receive) as departure:
                await asyncio.sleep(decision.wait)
            if departure.happened:
                return True
        if decision.shape is not None and refusal is None and body is not None:
            plain = _decoded(scope, body.data)
            shaped, refusal = made_smaller(call, decision.shape, body.data, plain, whole=body.whole)
            if shaped is not plain and shaped != plain:
                body, scope = _Body(shaped), _with_length(scope, len(shaped))
        if refusal is not None:
            await self._refused(send, call, decision, refusal, telling)
            return False
        scope = self._onward(scope, call, decision)
        if isinstance(self._app, Upstream) and decision.shield is None and body is not None and body.whole:
            return await self._app.ask(scope, receive, body.data, send, telling)
        replay = _Replay(receive, body)
        await self._app(scope, replay, self._sender(send, call, decision, telling, lines=kept_answers(target(scope))))
        return replay.departed

    async def _refused(self, send: Send, call: Call, decision: Decision, refusal: Refusal, telling: Telling) -> None:
        status, headers, told = refusal_response(call.api, refusal, decision.reference, self._gate.policy.appeal)
        telling.end(status)
        await sent_refusal(send, status, headers, told)

    def _onward(self, scope: Scope, call: Call, decision: Decision) -> Scope:
        """The scope that the app sees; the same where nothing is to be changed."""
        headers = self._callers.spoofed(scope)
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
            return Shielding(
                send, telling, stream=lambda: LineShield(mode, sealer), body=_unshielded, summaries=None, lines=True
            )
        if mode is not None and call.api != "other":
            return _shielding(send, telling, call.api, mode, sealer, self._summaries)

        async def passing(message: Message) -> None:
            if message["type"] == "http.response.body":
                telling.came(message.get("body", b""), last=not message.get("more_body", False))
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


def _unshielded(data: bytes, summary: str | None) -> bytes:
    return data


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


async def _received(receive: Receive) -> _Body | None:
    """The body of a request, up to `MOST_READ` or a little more; None where the caller left."""
    message = await receive()
    if message["type"] == "http.disconnect":
        return None
    if not message.get("more_body"):
        return _Body(message.get("body", b""))
    pieces, size = [message.get("body", b"")], len(message.get("body", b""))
    while message.get("more_body") and size <= MOST_READ:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
    return _Body(b"".join(pieces), not message.get("more_body"))


def _decoded(scope: Scope, data: bytes) -> bytes:
    """A request's body as it is to be read; empty for a coding that is not known."""
    for name, value in scope["headers"]:
        if name == b"content-encoding":
            return without_coding(data, value.decode("latin-1")) if value else data
    return data


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
