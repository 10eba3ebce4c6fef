"""Anthropic's Messages, over HTTP.

Sources: Anthropic's API reference (messages, streaming, errors, stop reasons). A beginning of the answer is a last turn
of the assistant's, which the API goes on from; newer models refuse one (400). Extended thinking is asked for with
``extra = { thinking = … }``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from stillwatch.asking.base import Answer, Endpoint, EndpointInfo, Finish, Message, Question, ToolCall
from stillwatch.asking.transport import Filtered, Reply, Wire, decoded, event_data
from stillwatch.asking.web import (
    Unreadable,
    WebAddress,
    WebOptions,
    as_json,
    count,
    headers_of,
    now,
    part,
    parts,
    path_added,
    string,
    web_address,
)

__all__ = ["KIND"]

_OWN_HOST, _OWN_KEY = "api.anthropic.com", "ANTHROPIC_API_KEY"
_VERSION = "2023-06-01"
_FINISHES: Mapping[str, Finish] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "filtered",
    "tool_use": "tool",
}
_DELTAS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
_INPUTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


class Anthropic:
    """The kind ``anthropic:MODEL`` or ``anthropic:MODEL@URL``."""

    info: ClassVar[EndpointInfo] = EndpointInfo(
        name="anthropic",
        summary="Anthropic's Messages over HTTP, of Anthropic or of whatever server speaks them",
        reference="https://docs.anthropic.com/en/api/messages",
        example="anthropic:claude-model",
    )

    def opens(self, address: str) -> bool:
        """See `EndpointKind.opens`."""
        return address.startswith("anthropic:")

    def open(self, address: str, options: Mapping[str, Any]) -> Endpoint:
        """See `EndpointKind.open`."""
        where = web_address(address, f"https://{_OWN_HOST}")
        read = WebOptions.read(options, where.name)
        headers, secrets = headers_of(where, read, ("x-api-key", ""), (_OWN_HOST, _OWN_KEY))
        headers.setdefault("anthropic-version", _VERSION)
        url = path_added(where.url, "/messages" if where.url.partition("?")[0].endswith("/v1") else "/v1/messages")
        return _Endpoint(where, read, Wire(url, headers, secrets, where.name, read.timeout))


KIND = Anthropic()


class _Endpoint:
    def __init__(self, address: WebAddress, options: WebOptions, wire: Wire) -> None:
        self.name, self._address, self._options, self._wire = address.name, address, options, wire

    async def ask(self, question: Question) -> Answer:
        asked_at = now()
        try:
            reply = await self._wire.post(self._body(question))
            return self._answer(question, self._whole(reply), asked_at)
        except Filtered:
            return Answer(question.id, question.sample, finish="filtered", asked_at=asked_at)
        except Unreadable as error:
            raise self._wire.broken(str(error)) from None

    async def close(self) -> None:
        await self._wire.close()

    def _body(self, question: Question) -> dict[str, Any]:
        options = self._options
        body: dict[str, Any] = {
            "model": self._address.model,
            "messages": _messages(question.messages),
            "max_tokens": question.max_tokens,
        }
        system = "\n\n".join(turn.text for turn in question.messages if turn.role == "system")
        if system:
            body["system"] = system
        temperature = options.temperature if question.temperature is None else question.temperature
        if temperature is not None:
            body["temperature"] = temperature
        if question.tools:
            body["tools"] = [
                {
                    "name": tool.name,
                    "description": tool.description,
                    "input_schema": tool.parameters or {"type": "object", "properties": {}},
                }
                for tool in question.tools
            ]
        if options.stream:
            body["stream"] = True
        body |= options.extra
        return {name: value for name, value in body.items() if name not in options.leave_out}

    def _whole(self, reply: Reply) -> Mapping[str, Any]:
        if reply.streamed:
            try:
                body: Any = _assembled(event_data(reply.text))
            except Unreadable:
                raise
            except ValueError as error:
                raise Unreadable(str(error)) from None
        else:
            body = decoded(reply.text, None)
        if not isinstance(body, dict):
            raise Unreadable("its body is no JSON object")
        if body.get("type") == "error" or (body.get("error") and "content" not in body):
            self._wire.refuse(200, body)
        return body

    def _answer(self, question: Question, body: Mapping[str, Any], asked_at: str) -> Answer:
        if "content" not in body:
            raise Unreadable("it has no content")
        clean = self._wire.cleaned
        texts, thoughts, calls = [], [], []
        for block in parts(body["content"], "content"):
            if block.get("type") == "text":
                texts.append(string(block.get("text"), "text"))
            elif block.get("type") == "thinking":
                thoughts.append(string(block.get("thinking"), "thinking"))
            elif block.get("type") == "tool_use":
                made = part(block.get("input"), "input")
                arguments = string(block.get("partial_json"), "input") or as_json(made)
                calls.append(ToolCall(clean(string(block.get("name"), "name")), clean(arguments)))
        usage = part(body.get("usage"), "usage")
        told = [number for name in _INPUTS if (number := count(usage.get(name))) is not None]
        return Answer(
            question.id,
            question.sample,
            text=clean("".join(texts)),
            reasoning=clean("\n\n".join(thoughts)),
            tool_calls=tuple(calls),
            finish=_FINISHES.get(string(body.get("stop_reason"), "stop_reason"), "stop"),
            model=clean(string(body.get("model"), "model"))[:200],
            tokens_in=sum(told) if told else None,
            tokens_out=count(usage.get("output_tokens")),
            asked_at=asked_at,
        )


def _messages(turns: Iterable[Message]) -> list[dict[str, Any]]:
    """Turns in the shape of the wire, where two turns of one role in a row are one turn of several blocks."""
    messages: list[dict[str, Any]] = []
    for turn in turns:
        if turn.role == "system":
            continue
        role = "assistant" if turn.role == "assistant" else "user"
        if not messages or messages[-1]["role"] != role:
            messages.append({"role": role, "content": []})
        messages[-1]["content"].append(_block(turn))
    if messages and messages[-1]["role"] == "assistant":
        last = messages[-1]["content"][-1]
        if "text" in last:
            last["text"] = last["text"].rstrip()  # the API refuses a beginning that ends in white space
    return messages


def _block(turn: Message) -> dict[str, Any]:
    if turn.role == "tool":
        return {"type": "tool_result", "tool_use_id": turn.tool_call, "content": turn.text}
    if turn.role == "assistant" and turn.tool:
        made = decoded(turn.text, None)
        return {
            "type": "tool_use",
            "id": turn.tool_call,
            "name": turn.tool,
            "input": made if isinstance(made, dict) else {},
        }
    return {"type": "text", "text": turn.text}


def _assembled(events: Iterable[Any]) -> dict[str, Any]:
    """The body that a stream told piece by piece. Raises `Unreadable` for one that broke off."""
    body: dict[str, Any] = {"usage": {}}
    blocks: dict[int, dict[str, Any]] = {}
    for event in events:
        told = part(event, "an event")
        kind = told.get("type")
        if kind == "error":
            return dict(told)
        if kind == "message_start":
            message = part(told.get("message"), "message")
            body |= {"model": message.get("model"), "usage": dict(part(message.get("usage"), "usage"))}
        elif kind == "content_block_start":
            blocks[_place(told)] = {"made": [], **part(told.get("content_block"), "content_block")}
        elif kind == "content_block_delta":
            delta = part(told.get("delta"), "delta")
            name = _DELTAS.get(string(delta.get("type"), "type"))
            block = blocks.get(_place(told))
            if name is not None and block is not None:
                block["made"].append((name, string(delta.get(name), name)))
        elif kind == "message_delta":
            body["stop_reason"] = part(told.get("delta"), "delta").get("stop_reason")
            body["usage"] |= part(told.get("usage"), "usage")
        elif kind == "message_stop":
            return body | {"content": [_block_of(blocks[index]) for index in sorted(blocks)]}
    raise Unreadable("the stream broke off")


def _place(event: Mapping[str, Any]) -> int:
    index = event.get("index")
    if type(index) is not int:
        raise Unreadable("an event has no index")
    return index


def _block_of(block: dict[str, Any]) -> dict[str, Any]:
    made = block.pop("made")
    for name in _DELTAS.values():
        pieces = [text for told, text in made if told == name]
        if pieces:
            block[name] = string(block.get(name), name) + "".join(pieces)
    return block
