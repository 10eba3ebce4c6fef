"""The chat API of OpenAI as bytes: requests are checked and read, answers written whole or as a stream of events."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from stillwatch.asking.base import Message, ToolCall
from stillwatch.errors import InputError
from stillwatch.safety_audit.reference.answering import Reply

__all__ = ["MAX_BODY", "Request", "completion", "error", "events", "read_request", "tokens"]

MAX_BODY = 1 << 20
CHUNK = 24
"""Characters of a streamed piece."""


class _Part(msgspec.Struct):
    text: str
    type: Literal["text"] = "text"


class _Function(msgspec.Struct):
    name: str
    arguments: str


class _Call(msgspec.Struct):
    function: _Function
    id: str = ""


class _Turn(msgspec.Struct):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[_Part] | None = None
    tool_calls: list[_Call] = []
    tool_call_id: str = ""


class Request(msgspec.Struct):
    """What is read of a request; other parameters are allowed and ignored, as most servers do."""

    model: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    messages: Annotated[list[_Turn], msgspec.Meta(min_length=1, max_length=1000)]
    stream: bool | None = False
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    max_completion_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    seed: int | None = None
    tools: list[dict[str, Any]] | None = None

    @property
    def limit(self) -> int | None:
        """The most tokens that the answer may have."""
        return self.max_completion_tokens or self.max_tokens

    def conversation(self) -> tuple[Message, ...]:
        """The turns as an audit writes them."""
        turns = []
        for turn in self.messages:
            role = "system" if turn.role == "developer" else turn.role
            text = turn.content if isinstance(turn.content, str) else "".join(p.text for p in turn.content or [])
            if text or not turn.tool_calls:
                turns.append(Message(role, text, turn.tool_call_id))
            turns += [Message(role, call.function.arguments, call.id, call.function.name) for call in turn.tool_calls]
        return tuple(turns)


def read_request(body: bytes) -> Request:
    """The request in a body. Raises `InputError` with what is wrong with it."""
    try:
        return msgspec.json.decode(body, type=Request)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as wrong:
        raise InputError(f"the request cannot be used: {wrong or 'nested too deeply'}") from wrong


def tokens(text: str) -> int:
    """About how many tokens a text has: one for four bytes."""
    return -(-len(text.encode("utf-8", "replace")) // 4)


def cut(text: str, limit: int | None) -> tuple[str, bool]:
    """The text as far as ``limit`` tokens go, and whether something is missing."""
    if limit is None or tokens(text) <= limit:
        return text, False
    return text.encode("utf-8", "replace")[: limit * 4].decode("utf-8", "ignore"), True


def completion(id: str, model: str, asked: Request, reply: Reply) -> bytes:
    """The whole answer as one JSON document."""
    text, short = cut(reply.text, asked.limit)
    message = {"role": "assistant", "content": text if text or not reply.tool_calls else None}
    if reply.tool_calls:
        message["tool_calls"] = _calls(id, reply.tool_calls)  # type: ignore[assignment]
    choice = {"index": 0, "message": message, "finish_reason": _finish(reply, short)}
    return msgspec.json.encode(
        _frame(id, model, "chat.completion") | {"choices": [choice], "usage": _usage(asked, text)}
    )


def events(id: str, model: str, asked: Request, reply: Reply) -> bytes:
    """The answer as the events of a stream, its end included."""
    text, short = cut(reply.text, asked.limit)
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": text[n : n + CHUNK]} for n in range(0, len(text), CHUNK)]
    deltas += [{"tool_calls": [{"index": n, **call}]} for n, call in enumerate(_calls(id, reply.tool_calls))]
    frame = _frame(id, model, "chat.completion.chunk")
    chunks = [frame | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    last = {"index": 0, "delta": {}, "finish_reason": _finish(reply, short)}
    chunks += [frame | {"choices": [last]}, frame | {"choices": [], "usage": _usage(asked, text)}]
    return b"".join(b"data: " + msgspec.json.encode(chunk) + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"


def error(message: str, code: str) -> bytes:
    """An error as the API words it."""
    return msgspec.json.encode({"error": {"message": message, "type": code, "param": None, "code": code}})


def _frame(id: str, model: str, object: str) -> dict[str, Any]:
    return {"id": id, "object": object, "created": 0, "model": model}


def _finish(reply: Reply, short: bool) -> str:
    return "length" if short else "tool_calls" if reply.tool_calls else "stop"


def _calls(id: str, calls: tuple[ToolCall, ...]) -> list[dict[str, Any]]:
    named = [{"name": call.name, "arguments": call.arguments} for call in calls]
    return [{"id": f"call-{id}-{n}", "type": "function", "function": one} for n, one in enumerate(named)]


def _usage(asked: Request, text: str) -> dict[str, int]:
    before, after = sum(tokens(turn.text) for turn in asked.conversation()), tokens(text)
    return {"prompt_tokens": before, "completion_tokens": after, "total_tokens": before + after}
