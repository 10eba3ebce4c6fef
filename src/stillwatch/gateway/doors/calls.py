"""Calls to a model over HTTP as doors see them: which dialect, what is asked, and the exchange as a row of a log."""

from __future__ import annotations

import functools
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from stillwatch.responses.traffic import API, Operation, Request
from stillwatch.sources.calls.bodies import (
    items,
    mapping,
    request_settings,
    request_values,
    response_values,
)
from stillwatch.sources.calls.gateway_calls import logged_body, told_id
from stillwatch.sources.calls.usage import usage_values
from stillwatch.sources.containers.json_documents import decode_whole, decoded
from stillwatch.sources.formats.http_pairs import failure_status
from stillwatch.sources.records.callers import sound_text
from stillwatch.sources.records.conversation import readable_text
from stillwatch.sources.records.values import BadValueError, real, whole

__all__ = [
    "MOST_READ",
    "Call",
    "Caller",
    "read_call",
    "request_ids",
    "request_of",
    "row_of",
    "told_text",
    "with_body",
    "without_coding",
]

MOST_READ = 64 * 2**20
"""Bytes of a request or an answer that are looked into; vendors take 32 to 50 MiB."""

_CALLED: tuple[tuple[str, API, Operation], ...] = (
    ("/chat/completions", "openai_chat", "chat"),
    ("/completions", "openai_chat", "completions"),
    ("/embeddings", "openai_chat", "embeddings"),
    ("/responses", "openai_responses", "responses"),
    ("/messages/batches", "anthropic_messages", "batch"),
    ("/messages", "anthropic_messages", "messages"),
    ("/batches", "openai_chat", "batch"),
)
_WITHIN: tuple[tuple[str, API], ...] = (
    ("/chat/completions/", "openai_chat"),
    ("/responses/", "openai_responses"),
    ("/messages/", "anthropic_messages"),
)
"""Answers that are kept and may be fetched later: reasoning may be in them."""
_NO_CALL = re.compile(r"/(?:threads|conversations|assistants)/")
_MODEL = re.compile(r"/(?:models?|deployments)/([^/:?]+)")
_LONGEST_NAME = 200
_ID_BYTES = 12
_NO_REASONING = ("none", "disabled", "off", False)
_LIMITS = ("max_completion_tokens", "max_output_tokens", "max_tokens")
_WISHES = frozenset(
    (
        *("reasoning", "reasoning_effort", "thinking", "include_reasoning", "chat_template_kwargs", "include"),
        *("logprobs", "top_logprobs", "n", "best_of", *_LIMITS),
    )
)
"""Members of a body that `_asks_reasoning`, `_asks_detail` and `_most_tokens` read."""
_LOGGED: Mapping[str, str] = {"messages": "chat"}
"""Operations by the names that logs have for them, where these differ."""
_TOLD = re.compile(rb'"usage"\s*:\s*\{|"usageMetadata"\s*:\s*\{|"error"')


class Call(NamedTuple):
    """``body`` is the request's JSON object; None where it is none (it then passes untouched)."""

    api: API
    operation: Operation
    body: dict[str, Any] | None
    model: str = ""
    """The model that the path names, where it does."""


class Caller(NamedTuple):
    """Who calls, as the door knows it; "" for what it does not."""

    account_id: str
    api_key_id: str = ""
    tier: str = ""
    client_ip: str = ""
    user_agent: str = ""
    ja4: str = ""


def read_call(method: str, path: str, body: bytes) -> Call:
    """The dialect and operation that ``path`` names, and the request's body. Hostile bytes never raise.

    ``path`` may have a query and whatever stands before the vendor's own part. Only POST calls a model; what fetches a
    kept answer, counts tokens or lists files is the operation "other", in the dialect that its path belongs to.
    """
    call = _called(method, path) if len(path) <= 200 else _called.__wrapped__(method, path)
    return with_body(call, body) if body else call


def with_body(call: Call, body: bytes) -> Call:
    """The call with the request's body read, where it calls a model. Hostile bytes never raise."""
    api, operation, _, model = call
    if operation == "other" or not body:
        return call
    try:
        value = decode_whole(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        value = None
    return Call(api, operation, value if type(value) is dict else None, model)


@functools.lru_cache(maxsize=4096)
def _called(method: str, path: str) -> Call:
    path = path.partition("?")[0].rstrip("/")
    if _NO_CALL.search(path):
        return Call("other", "other", None)
    found = _MODEL.search(path)
    model = found[1] if found else ""
    if method == "POST":
        for end, api, operation in _CALLED:
            if path.endswith(end):
                return Call(api, operation, None, model)
    return Call(next((api for part, api in _WITHIN if part in f"{path}/"), "other"), "other", None, model)


def request_of(call: Call, caller: Caller, request_id: str, at: int) -> Request:
    """The request that the gate decides on; ``at`` in microseconds by the gateway's clock.

    Of a batch, ``items`` and ``tokens`` add up over its requests where they are in its body (Anthropic); a batch that
    names a file (OpenAI) counts as one.
    """
    body = call.body or {}
    parts = [mapping(item.get("params")) for item in items(body.get("requests"))] if call.operation == "batch" else []
    if parts:
        reasoning, detail = any(map(_asks_reasoning, parts)), any(map(_asks_detail, parts))
        tokens, model = sum(map(_most_tokens, parts)), next(filter(None, map(_model, parts)), "")
    else:
        reasoning = detail = False
        tokens, model = 0, _model(body)
        if not _WISHES.isdisjoint(body):  # most requests wish for nothing of the kind
            reasoning, detail, tokens = _asks_reasoning(body), _asks_detail(body), _most_tokens(body)
    return Request(
        request_id=request_id,
        at=at,
        account_id=caller.account_id,
        api=call.api,
        operation=call.operation,
        api_key_id=caller.api_key_id,
        tier=caller.tier,
        model=model or call.model[:_LONGEST_NAME],
        stream=body.get("stream") is True,
        asks_reasoning=reasoning,
        asks_detail=detail,
        items=len(parts) or 1,
        tokens=min(tokens, 2**62),
        client_ip=caller.client_ip,
        user_agent=caller.user_agent,
        ja4=caller.ja4,
    )


def request_ids() -> Iterator[str]:
    """Names for requests without end: 96 random bits each, which nobody guesses and no two gateways share.

    Drawn by the hundred: asking the system for twelve bytes costs as much as all else that a name needs.
    """
    while True:
        drawn = os.urandom(_ID_BYTES * 100).hex()
        for start in range(0, len(drawn), 2 * _ID_BYTES):
            yield drawn[start : start + 2 * _ID_BYTES]


def _model(body: Mapping[str, Any]) -> str:
    named = body.get("model")
    return (sound_text(named[:_LONGEST_NAME]) or "") if type(named) is str else ""


def _asks_reasoning(body: Mapping[str, Any]) -> bool:
    """Whether a body asks for reasoning in words of its own; some models reason unasked."""
    reasoning, thinking = body.get("reasoning"), body.get("thinking")
    template = mapping(body.get("chat_template_kwargs"))
    return (
        (body.get("reasoning_effort") is not None and body.get("reasoning_effort") not in _NO_REASONING)
        or (isinstance(reasoning, dict) and reasoning.get("effort") not in _NO_REASONING)
        or (isinstance(thinking, dict) and thinking.get("type") not in _NO_REASONING)
        or thinking is True
        or body.get("include_reasoning") is True
        or template.get("enable_thinking") is True
        or template.get("thinking") is True
        or any(str(name).startswith("reasoning") for name in _list(body.get("include")))
    )


def _asks_detail(body: Mapping[str, Any]) -> bool:
    logprobs = body.get("logprobs")
    return (
        logprobs is True
        or type(logprobs) is int
        or any(_count(body.get(name)) > 1 for name in ("n", "best_of"))
        or _count(body.get("top_logprobs")) > 0
        or any(str(name).endswith("logprobs") for name in _list(body.get("include")))
    )


def _most_tokens(body: Mapping[str, Any]) -> int:
    """The most tokens that the answers to one request may have; 0 where it does not say."""
    for name in _LIMITS:
        if (limit := _count(body.get(name))) > 0:
            return limit * max(1, _count(body.get("n")), _count(body.get("best_of")))
    return 0


def _count(value: Any) -> int:
    return value if type(value) is int and 0 < value < 2**31 else 0


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def row_of(
    call: Call,
    request: Request,
    caller: Caller,
    *,
    status: int,
    answer: bytes,
    ended_at: int,
    headers: Mapping[str, str],
    text: bool = True,
) -> dict[str, object]:
    """The exchange as a row of `stillwatch.exchange.EXCHANGE`. ``answer`` is the whole body or stream, as the model
    sent it; ``headers`` are the answer's, by lower-case name (its coding is read from them).

    The readers of `stillwatch.sources.calls` do the reading, so that a journal and a log say the same. Without ``text``
    the columns of text are null, and of a stream only what counts is read. Times are microseconds. Nothing that a
    caller or a model sends raises: what a column cannot hold is null.
    """
    body = call.body or {}
    asked = request_values(body) if text else request_settings(body)
    told = _answered(without_coding(answer, headers.get("content-encoding", "")), text)
    error = told.pop("error", None)
    if error and status < 400:  # a stream that told of a failure after its 200
        status = failure_status(error)
    messages, model = asked.get("messages"), told["model"]
    return {
        "exchange_id": request.request_id,
        "started_at": request.at,
        "account_id": caller.account_id,
        "api_key_id": caller.api_key_id or None,
        "session_id": _session(body) if "conversation" in body else None,
        "model": sound_text(asked["model"] if model is None else model) or request.model or None,
        "operation": _LOGGED.get(call.operation, call.operation),
        "system_prompt": sound_text(asked.get("system_prompt")),
        "messages": None if messages is None else readable_text(messages),
        "response": sound_text(told.get("response")),
        "reasoning": sound_text(told.get("reasoning")),
        "input_tokens": _count_or_none(told["input_tokens"]),
        "output_tokens": _count_or_none(told["output_tokens"]),
        "reasoning_tokens": _count_or_none(told["reasoning_tokens"]),
        "temperature": _number(asked["temperature"], real),
        "max_tokens": _count_or_none(asked["max_tokens"]),
        "tool_count": asked["tool_count"],
        "client_ip": caller.client_ip or None,
        "client_asn": None,
        "client_network": None,
        "user_agent": sound_text(caller.user_agent),
        "ja4": sound_text(caller.ja4),
        "status": status,
        "latency_ms": max(ended_at - request.at, 0) // 1000,
    }


def _session(body: Mapping[str, Any]) -> str | None:
    conversation = body["conversation"]
    return told_id(conversation.get("id") if isinstance(conversation, dict) else conversation)


def _count_or_none(value: Any) -> int | None:
    return value if value is None or (type(value) is int and 0 <= value < 2**63) else _number(value, whole)


def _number(value: object, convert: Any) -> Any:
    if value is None:
        return None
    try:
        return convert(value)
    except BadValueError:
        return None


def told_text(answer: bytes) -> str | None:
    """The text of an answer, whole or a stream, as its row has it."""
    return sound_text(_answered(answer, text=True).get("response"))


def _answered(answer: bytes, text: bool) -> dict[str, Any]:
    """What an answer tells: the columns of `response_values`, and its ``error``. Without ``text``, what counts."""
    if not text:
        return _counted(answer)
    body = _object(answer) if answer[:1] == b"{" else logged_body(answer.decode(errors="replace"))
    return {**response_values(body), "error": body.get("error")}


class _Counted(msgspec.Struct, gc=False):
    """What counts of a whole answer; the rest is passed over without anything being made of it."""

    model: Any = None
    usage: Any = None
    error: Any = None
    usageMetadata: Any = None
    usage_metadata: Any = None


_COUNTED = msgspec.json.Decoder(_Counted).decode


def _counted(answer: bytes) -> dict[str, Any]:
    if answer[:1] == b"{":
        try:
            told = _COUNTED(answer)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            found = _object(answer)
            told = _Counted(**{name: found.get(name) for name in _Counted.__struct_fields__})
    elif (last := _last_usage(answer)) is not None:
        told = last
    else:
        found = logged_body(_counting(answer).decode(errors="replace"))
        told = _Counted(**{name: found.get(name) for name in _Counted.__struct_fields__})
    usage = usage_values(mapping(told.usage or told.usageMetadata or told.usage_metadata))
    return {"model": told.model, **usage, "error": told.error}


def _last_usage(answer: bytes) -> _Counted | None:
    """What counts of a stream of chat as most are, its usage in one event at the end; None for all others."""
    place = answer.rfind(b'"usage"')
    start, end = answer.rfind(b"\ndata: {", 0, place), answer.find(b"\n", place)
    if place < 0 or not answer.startswith(b"data: {") or start < 0 or end < 0 or b'"error"' in answer:
        return None
    try:
        told = _COUNTED(answer[start + 7 : end])
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    return told if told.usage and told.model and type(told.model) is str else None


def _object(data: bytes) -> Mapping[str, Any]:
    """The JSON object in some bytes; empty where there is none. Never raises."""
    try:
        return mapping(decode_whole(data))
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return mapping(decoded(data.decode(errors="replace")))


def _counting(answer: bytes) -> bytes:
    """Of a stream of events, the first and those that tell usage or an error; all others count nothing."""
    if b"\r" in answer or not answer.startswith((b"data:", b"event:", b":", b"id:")):
        return answer
    end = answer.find(b"\n\n")
    kept = [answer[:end] if end >= 0 else answer]
    for found in _TOLD.finditer(answer):
        if found.start() < end or end < 0:
            continue
        start = answer.rfind(b"\n\n", 0, found.start()) + 2
        end = answer.find(b"\n\n", found.start())
        kept.append(answer[start:end] if end >= 0 else answer[start:])
    return b"\n\n".join(kept) + b"\n\n"


def without_coding(data: bytes, coding: str) -> bytes:
    """A body without gzip or deflate around it, up to `MOST_READ`; empty for a coding that is not known.

    What was cut off in the middle is read as far as it goes.
    """
    for name in reversed([part.strip().lower() for part in coding.split(",")]):
        if name in ("", "identity"):
            continue
        if name not in ("gzip", "x-gzip", "deflate"):
            return b""
        try:
            data = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(data, MOST_READ)
        except zlib.error:
            try:
                data = zlib.decompressobj(wbits=-zlib.MAX_WBITS).decompress(data, MOST_READ)
            except zlib.error:
                return b""
    return data
