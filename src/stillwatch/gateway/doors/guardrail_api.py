"""The door beside LiteLLM's proxy: its guardrail API over HTTP, for those who add no code to the proxy's process.

Two endpoints, both behind one key in ``x-api-key``:

- ``POST /beta/litellm_basic_guardrail_api`` is asked by LiteLLM's ``generic_guardrail_api`` before the model is, and
  answers NONE or BLOCKED. A wait is waited here. Requests are not made smaller and reasoning is not taken out: that API
  shows a guardrail the texts and nothing else; `gateway.doors.litellm` can.
- ``POST /ingest`` takes what LiteLLM's callback of the type ``generic_api`` sends: ``StandardLoggingPayload`` objects,
  as an array or as lines, or one alone.

Verified in LiteLLM 1.109 (``guardrail_hooks/generic_guardrail_api``, ``integrations/generic_api``). Whether a proxy
that cannot reach this door lets requests pass is LiteLLM's own setting (docs/gateway-litellm.md).
"""

from __future__ import annotations

import asyncio
import hmac
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from stillwatch.gateway.decision import Decision, Observed
from stillwatch.gateway.doors.calls import Call, Caller, request_of
from stillwatch.gateway.doors.litellm_calls import TEXTS, recent_ids, row_of_payload
from stillwatch.gateway.gate import Gate
from stillwatch.listening import body_within
from stillwatch.sources.containers.json_documents import decode_whole
from stillwatch.sources.formats.litellm import billed

__all__ = ["GUARDRAIL", "INGEST", "LARGEST", "guardrail_app"]

GUARDRAIL: Final = "/beta/litellm_basic_guardrail_api"
INGEST: Final = "/ingest"
LARGEST: Final = 64 * 2**20
"""Bytes of a request; a batch of LiteLLM's is 512 payloads."""
REMEMBERED: Final = 65_536
LONGEST: Final = 200
NONE: Final = b'{"action":"NONE"}'


def guardrail_app(gate: Gate, key: str | None) -> Starlette:
    """The two endpoints as an ASGI application; ``key`` None asks for none (loopback only: the caller sees to that)."""
    door = _Door(gate, key)
    return Starlette(
        routes=[
            Route(GUARDRAIL, door.asked, methods=["POST"]),
            Route(INGEST, door.told, methods=["POST"]),
            Route("/health", _healthy, methods=["GET"]),
        ]
    )


class _Door:
    """Decisions wait here, by the proxy's id of the call, until the proxy tells how the call ended."""

    def __init__(self, gate: Gate, key: str | None) -> None:
        self._gate, self._key = gate, None if key is None else key.encode()
        self._fresh = recent_ids()
        self._open: OrderedDict[str, Decision] = OrderedDict()

    async def asked(self, request: Request) -> Response:
        """LiteLLM asks before the model is (``input_type`` request); what a model answered passes."""
        body, refused = await self._body(request)
        if body is None:
            return refused
        asked = _object(body)
        if asked is None:
            return _wrong(400, "not a JSON object")
        if asked.get("input_type") != "request":
            return _json(NONE)
        decision = self._decide(asked)
        if decision.refuse is not None:
            reason = decision.refuse.message
            if decision.reference:
                reason = f"{reason} Reference: {decision.reference}."
            return _json(msgspec.json.encode({"action": "BLOCKED", "blocked_reason": reason}))
        if decision.wait > 0:
            await asyncio.sleep(decision.wait)
        return _json(NONE)

    async def told(self, request: Request) -> Response:
        """LiteLLM tells how calls ended; what cannot be read is counted in the answer and left out."""
        body, refused = await self._body(request)
        if body is None:
            return refused
        taken = left_out = 0
        for payload in _payloads(body):
            observed = None if payload is None else self._observed(payload)
            if observed is None:
                left_out += 1
            else:
                self._gate.observed(observed)
                taken += 1
        return _json(msgspec.json.encode({"taken": taken, "left_out": left_out}))

    def _decide(self, asked: Mapping[str, Any]) -> Decision:
        account, key = billed(_mapping(asked.get("request_data")), {})
        headers = {str(name).lower(): value for name, value in _mapping(asked.get("request_headers")).items()}
        agent, model, call_id = headers.get("user-agent"), asked.get("model"), asked.get("litellm_call_id")
        caller = Caller(
            account_id=_text(account), api_key_id=_text(key), user_agent=_text(agent) if isinstance(agent, str) else ""
        )
        call = Call("other", "other", {"model": model})
        decision = self._gate.decide(request_of(call, caller, self._fresh(call_id), self._gate.now()))
        if isinstance(call_id, str):
            self._open[call_id] = decision
            if len(self._open) > REMEMBERED:
                self._open.popitem(last=False)
        return decision

    def _observed(self, payload: Mapping[str, Any]) -> Observed | None:
        row = row_of_payload(payload)
        if row is None:
            return None
        call_id, account = str(row["exchange_id"]), str(row["account_id"])
        decision = self._open.pop(call_id, None)
        if decision is None or decision.account_id != account:  # asked before we were started, or an id seen twice
            decision = Decision(request_id=self._fresh(call_id), account_id=account, at=self._gate.now())
        row["exchange_id"] = decision.request_id
        if not self._gate.keeps_text:
            row |= dict.fromkeys(TEXTS)
        return Observed(row=row, decision=decision)

    async def _body(self, request: Request) -> tuple[bytes | None, Response]:
        """The request's body, or None and the answer that says why it is not taken."""
        if self._key is not None:
            given = request.headers.get("x-api-key", "").encode("utf-8", "replace")
            if not hmac.compare_digest(given, self._key):
                return None, _wrong(401, "x-api-key is missing or wrong")
        try:
            body = await body_within(request.stream(), LARGEST)
        except ClientDisconnect:
            return None, _wrong(400, "broken off")
        return body, _wrong(413, f"more than {LARGEST} bytes")


def _payloads(body: bytes) -> Iterator[Mapping[str, Any] | None]:
    """The payloads in a body: an array, one object, or one in each line; None for what is none."""
    start = body.lstrip()[:1]
    whole = _value(body)
    if start == b"[" or whole is not None:
        for value in whole if isinstance(whole, list) else [whole]:
            yield value if isinstance(value, dict) else None
        return
    for line in body.splitlines():
        if line.strip():
            yield _object(line)


def _value(body: bytes) -> Any:
    try:
        return decode_whole(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


def _object(body: bytes) -> Mapping[str, Any] | None:
    value = _value(body)
    return value if isinstance(value, dict) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return str(value)[:LONGEST] if value else ""


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")


def _wrong(status: int, what: str) -> Response:
    return _json(msgspec.json.encode({"error": what}), status)


async def _healthy(request: Request) -> Response:
    return _json(b'{"status":"ok"}')
