"""What the fake model server says: answers of three APIs, whole or streamed, told by the flags in a model's name.

A model is named ``fake`` with flags behind it, each after a ``+``: ``fake+reasoning+tools``. Flags: ``reasoning`` (the
answer shows its reasoning: words that begin with `CANARY`), ``tools`` (it calls one), ``unknown`` (fields and events
that no API has), ``crlf``, ``comments`` (the framing of events), ``odd`` (cut anywhere, also inside characters),
``gzip``, ``chunked`` (a whole answer without a length), ``longN`` (N words), ``slow`` (10 ms between pieces), ``stall``
(no end), ``cut`` (the connection breaks in the middle), ``failing`` (an error in the middle of a stream), ``late``
(a second to the first byte), ``errorN`` (that status), ``prose`` (English that marks can be made in, by the question),
``code`` (that, and a block of code), ``tokens`` (with log-probabilities), ``short`` (cut short by a limit), ``broken``
(a whole answer that is no JSON).
"""

from __future__ import annotations

import gzip
import json
import random
import re
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from bench.made_answers import somebody

__all__ = ["CANARY", "Answer", "answer", "flags_of"]

CANARY = "canary"
WORDS = ("so", "it", "is", "naïve", "日本", "[DONE]", '"usage"', "😀", "a\nb", "event:")
Flags = dict[str, int]


class Answer(NamedTuple):
    """What travels: ``pieces`` as they are written, one after the other."""

    status: int
    content_type: str
    pieces: tuple[bytes, ...]
    coding: str = ""
    chunked: bool = True


def flags_of(model: object) -> Flags:
    flags: Flags = {}
    for part in str(model).split("+")[1:]:
        name = part.rstrip("0123456789")
        flags[name] = int(part[len(name) :] or 1)
    return flags


def answer(api: str, body: dict[str, Any]) -> Answer:
    flags = flags_of(body.get("model"))
    if "error" in flags:
        return _error(api, flags["error"])
    stream = body.get("stream") is True
    if stream:
        events = list({"chat": _chat_events, "messages": _message_events, "responses": _response_events}[api](body))
        if "failing" in flags:
            events = [*events[: len(events) // 2], _failure(api)]
        data, kind = _framed(events, flags), "text/event-stream; charset=utf-8"
    else:
        whole = {"chat": _chat, "messages": _message, "responses": _response}[api](body)
        data, kind = [json.dumps(whole, ensure_ascii=False).encode()], "application/json"
        data = [data[0][:-1]] if "broken" in flags else data
    coding = "gzip" if "gzip" in flags else ""
    if coding:
        data = _compressed(data) if stream else [gzip.compress(b"".join(data), mtime=0)]
    if "odd" in flags:
        data = list(_odd(b"".join(data), body))
    return Answer(200, kind, tuple(data), coding, stream or "chunked" in flags)


def _compressed(data: list[bytes]) -> list[bytes]:
    packer = zlib.compressobj(wbits=31)
    pieces = [packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH) for piece in data]
    return [*pieces, packer.flush()]


def _odd(data: bytes, body: dict[str, Any]) -> Iterator[bytes]:
    """Cut anywhere, by dice that the request decides."""
    dice = random.Random(json.dumps(body, sort_keys=True))
    place = 0
    while place < len(data):
        size = dice.choice((1, 2, 3, 7, 50, 400))
        yield data[place : place + size]
        place += size


def _prose(body: dict[str, Any]) -> str | None:
    """What somebody says to the question, always the same; None where no prose is asked for."""
    flags = flags_of(body["model"])
    if not flags.keys() & {"prose", "code"}:
        return None
    asked = body.get("messages") or body["input"]
    question = asked if isinstance(asked, str) else asked[-1]["content"]
    told = somebody(3).answer(question if isinstance(question, str) else question[0]["text"])
    return f"{told}\n\n```\nfor example = in addition\n```" if "code" in flags else told


def _pieces(body: dict[str, Any]) -> list[str]:
    """The answer's text as a stream brings it."""
    told = _prose(body)
    return [word + " " for word in _words(body)] if told is None else re.findall(r"\s*\S+", told)


def _text(body: dict[str, Any]) -> str:
    """The whole answer's text."""
    told = _prose(body)
    return " ".join(_words(body)) if told is None else told


def _words(body: dict[str, Any]) -> list[str]:
    dice = random.Random(json.dumps(body.get("messages") or body.get("input"), sort_keys=True))
    count = flags_of(body["model"]).get("long", 12)
    return [
        dice.choice(("so", "it", "is", "naïve", "日本", "[DONE]", '"usage"', "😀", "a\nb", "event:"))
        for _ in range(count)
    ]


def _thoughts(body: dict[str, Any]) -> list[str]:
    return [f"{CANARY}{n}" for n in range(6)] if "reasoning" in flags_of(body["model"]) else []


def _usage(body: dict[str, Any]) -> tuple[int, int, int]:
    thoughts = len(_thoughts(body))
    return 11, len(_words(body)) + thoughts, thoughts


def _chat_usage(body: dict[str, Any]) -> dict[str, Any]:
    sent, told, thought = _usage(body)
    details = {"reasoning_tokens": thought}
    return {
        "prompt_tokens": sent,
        "completion_tokens": told,
        "total_tokens": sent + told,
        "completion_tokens_details": details,
    }


def _message_usage(body: dict[str, Any]) -> dict[str, Any]:
    sent, told, _ = _usage(body)
    return {"input_tokens": sent, "output_tokens": told, "cache_read_input_tokens": 0}


def _response_usage(body: dict[str, Any]) -> dict[str, Any]:
    sent, told, thought = _usage(body)
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": thought}}
    return {"input_tokens": sent, "output_tokens": told, "total_tokens": sent + told, **details}


def _chat(body: dict[str, Any]) -> dict[str, Any]:
    flags = flags_of(body["model"])
    message: dict[str, Any] = {"role": "assistant", "content": _text(body)}
    if "reasoning" in flags:
        message["reasoning_content"] = " ".join(_thoughts(body))
    if "tools" in flags:
        message["tool_calls"] = [_tool_call()]
    extra = {"x_unknown": {"deep": [1, None, "é"]}} if "unknown" in flags else {}
    end = {"finish_reason": "length" if "short" in flags else "stop"}
    end |= {"logprobs": {"content": [{"token": "a", "logprob": -0.1}]}} if "tokens" in flags else {}
    choices = [{"index": n, "message": message, **end} for n in range(body.get("n") or 1)]
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1788955200, "model": body["model"]}
    return {**head, "choices": choices, "usage": _chat_usage(body), **extra}


def _tool_call() -> dict[str, Any]:
    return {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at":"a \\"b\\""}'}}


def _chat_events(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    flags = flags_of(body["model"])
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1788955200, "model": body["model"]}

    def chunk(delta: dict[str, Any], reason: str | None = None) -> tuple[str, Any]:
        return "", {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    yield chunk({"role": "assistant", "content": ""})
    for thought in _thoughts(body):
        yield chunk({"reasoning_content": thought + " "})
    for piece in _pieces(body):
        yield chunk({"content": piece})
    if "unknown" in flags:
        yield "x.unknown", {"object": "x", "x_unknown": [1, {"é": None}]}
    if "tools" in flags:
        call = _tool_call()
        yield chunk({"tool_calls": [{**call, "index": 0, "function": {"name": "look", "arguments": ""}}]})
        yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": call["function"]["arguments"]}}]})
    yield chunk({}, "stop")
    if (body.get("stream_options") or {}).get("include_usage"):
        yield "", {**head, "choices": [], "usage": _chat_usage(body)}
    yield "", "[DONE]"


def _message(body: dict[str, Any]) -> dict[str, Any]:
    flags = flags_of(body["model"])
    content: list[dict[str, Any]] = []
    if "reasoning" in flags:
        content.append({"type": "thinking", "thinking": " ".join(_thoughts(body)), "signature": "c2ln"})
    content.append({"type": "text", "text": _text(body)})
    if "tools" in flags:
        content.append({"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "b"}})
    extra = {"x_unknown": [1]} if "unknown" in flags else {}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"]}
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    return {**head, "content": content, **end, "usage": _message_usage(body), **extra}


def _message_events(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    flags = flags_of(body["model"])
    start = {
        **_message(body),
        "content": [],
        "stop_reason": None,
        "usage": {**_message_usage(body), "output_tokens": 1},
    }

    def event(kind: str, **values: Any) -> tuple[str, Any]:
        return kind, {"type": kind, **values}

    def block(index: int, empty: dict[str, Any], deltas: list[dict[str, Any]]) -> Iterator[tuple[str, Any]]:
        yield event("content_block_start", index=index, content_block=empty)
        for delta in deltas:
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)

    yield event("message_start", message=start)
    yield event("ping")
    index = 0
    if "reasoning" in flags:
        deltas = [{"type": "thinking_delta", "thinking": thought + " "} for thought in _thoughts(body)]
        signed = {"type": "signature_delta", "signature": "c2ln"}
        yield from block(index, {"type": "thinking", "thinking": "", "signature": ""}, [*deltas, signed])
        index += 1
    deltas = [{"type": "text_delta", "text": piece} for piece in _pieces(body)]
    yield from block(index, {"type": "text", "text": ""}, deltas)
    if "unknown" in flags:
        yield "x_unknown", {"type": "x_unknown", "é": [None]}
    if "tools" in flags:
        parts = [{"type": "input_json_delta", "partial_json": part} for part in ("", '{"at":', '"b"}')]
        yield from block(index + 1, {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}, parts)
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    yield event("message_delta", delta=end, usage={"output_tokens": _message_usage(body)["output_tokens"]})
    yield event("message_stop")


def _output(body: dict[str, Any]) -> list[dict[str, Any]]:
    flags = flags_of(body["model"])
    output: list[dict[str, Any]] = []
    if "reasoning" in flags:
        summary = [{"type": "summary_text", "text": " ".join(_thoughts(body))}]
        output.append({"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": f"{CANARY}99"})
    text = {"type": "output_text", "text": _text(body), "annotations": []}
    output.append({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]})
    if "tools" in flags:
        call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": '{"at":"b"}'}
        output.append({**call, "status": "completed"})
    return output


def _response(body: dict[str, Any]) -> dict[str, Any]:
    head = {"id": "resp_1", "object": "response", "created_at": 1788955200, "model": body["model"]}
    fixed = {"status": "completed", "error": None, "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    extra = {"x_unknown": [1]} if "unknown" in flags_of(body["model"]) else {}
    return {**head, **fixed, "output": _output(body), "usage": _response_usage(body), **extra}


def _response_events(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    number = iter(range(10**6))

    def event(kind: str, **values: Any) -> tuple[str, Any]:
        return kind, {"type": kind, "sequence_number": next(number), **values}

    whole = _response(body)
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    yield event("response.created", response=begun)
    yield event("response.in_progress", response=begun)
    for index, item in enumerate(whole["output"]):
        emptied = {name: [] if type(value) is list else value for name, value in item.items()}
        place: dict[str, Any] = {"output_index": index, "item_id": item["id"]}
        yield event("response.output_item.added", output_index=index, item=emptied)
        if item["type"] == "reasoning":
            place["summary_index"] = 0
            part = {"type": "summary_text", "text": ""}
            yield event("response.reasoning_summary_part.added", **place, part=part)
            for thought in _thoughts(body):
                yield event("response.reasoning_summary_text.delta", **place, delta=thought + " ")
            yield event("response.reasoning_summary_text.done", **place, text=" ".join(_thoughts(body)))
            yield event("response.reasoning_summary_part.done", **place, part=item["summary"][0])
        elif item["type"] == "message":
            place["content_index"] = 0
            yield event("response.content_part.added", **place, part={**item["content"][0], "text": ""})
            for piece in _pieces(body):
                yield event("response.output_text.delta", **place, delta=piece, logprobs=[])
            yield event("response.output_text.done", **place, text=item["content"][0]["text"], logprobs=[])
            yield event("response.content_part.done", **place, part=item["content"][0])
        else:
            yield event("response.function_call_arguments.delta", **place, delta=item["arguments"])
            yield event("response.function_call_arguments.done", **place, arguments=item["arguments"], name="look")
        yield event("response.output_item.done", output_index=index, item=item)
    if "unknown" in flags_of(body["model"]):
        yield event("response.x_unknown", x=[None, "é"])
    yield event("response.completed", response=whole)


def _framed(events: list[tuple[str, Any]], flags: Flags) -> list[bytes]:
    end = "\r\n" if "crlf" in flags else "\n"
    pieces = []
    for place, (kind, data) in enumerate(events):
        text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=place % 2 == 0, separators=(",", ":"))
        lines = [f"event: {kind}"] if kind else []
        if "comments" in flags:
            lines = [f": comment {place}", *lines, f"id: {place}"]
        pieces.append((end.join([*lines, f"data: {text}"]) + end + end).encode())
    return pieces


def _failure(api: str) -> tuple[str, Any]:
    error = {"type": "overloaded_error", "message": "Overloaded"}
    if api == "responses":
        return "error", {"type": "error", "code": "server_error", "message": "Overloaded", "param": None}
    return ("error", {"type": "error", "error": error}) if api == "messages" else ("", {"error": error})


def _error(api: str, status: int) -> Answer:
    error: dict[str, Any] = {"type": "some_error", "message": f"This is a {status}, naïvely."}
    body = {"type": "error", "error": error} if api == "messages" else {"error": {**error, "code": None, "param": None}}
    return Answer(status, "application/json", (json.dumps(body, ensure_ascii=False).encode(),), chunked=False)
