"""OpenAI's chat completions, as OpenAI, Azure, OpenRouter, vLLM, SGLang, llama.cpp, Ollama and many others speak them.

Sources: OpenAI's API reference (chat completions, ``refusal``, ``finish_reason``, ``max_completion_tokens``); vLLM and
SGLang (``continue_final_message``); DeepSeek and Mistral (``prefix``, ``reasoning_content``); OpenRouter
(``reasoning``, errors with status 200).

A beginning of the answer (`Question` whose last turn is the assistant's) is sent as a last message. Whether a server
goes on from it is its affair: ``prefix = "continue"`` asks vLLM and SGLang to, ``"flag"`` DeepSeek and Mistral; OpenAI
answers it as if it were an earlier turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from stillwatch.asking.base import Answer, Endpoint, EndpointInfo, Finish, Message, Question, ToolCall
from stillwatch.asking.thinking import apart
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

_OWN_HOST, _OWN_KEY = "api.openai.com", "OPENAI_API_KEY"
_FINISHES: Mapping[str, Finish] = {
    "length": "length",
    "max_tokens": "length",
    "content_filter": "filtered",
    "tool_calls": "tool",
    "function_call": "tool",
}
_CALLED = ("name", "arguments")


class OpenAICompatible:
    """The kind ``openai:MODEL@URL``."""

    info: ClassVar[EndpointInfo] = EndpointInfo(
        name="openai",
        summary="Chat completions over HTTP, of OpenAI or of whatever server speaks them",
        reference="https://platform.openai.com/docs/api-reference/chat",
        example="openai:my-model@https://host/v1",
    )

    def opens(self, address: str) -> bool:
        """See `EndpointKind.opens`."""
        return address.startswith("openai:")

    def open(self, address: str, options: Mapping[str, Any]) -> Endpoint:
        """See `EndpointKind.open`."""
        where = web_address(address, f"https://{_OWN_HOST}/v1")
        read = WebOptions.read(options, where.name)
        headers, secrets = headers_of(where, read, ("authorization", "Bearer "), (_OWN_HOST, _OWN_KEY))
        url = path_added(where.url, "/chat/completions")
        return _Endpoint(where, read, Wire(url, headers, secrets, where.name, read.timeout))


KIND = OpenAICompatible()


class _Endpoint:
    def __init__(self, address: WebAddress, options: WebOptions, wire: Wire) -> None:
        self.name, self._address, self._options, self._wire = address.name, address, options, wire

    async def ask(self, question: Question) -> Answer:
        asked_at = now()
        try:
            reply = await self._wire.post(self._body(question))
            body = self._whole(reply)
            return self._answer(question, body, asked_at)
        except Filtered:
            return Answer(question.id, question.sample, finish="filtered", asked_at=asked_at)
        except Unreadable as error:
            raise self._wire.broken(str(error)) from None

    async def close(self) -> None:
        await self._wire.close()

    def _body(self, question: Question) -> dict[str, Any]:
        options = self._options
        limit = "max_completion_tokens" if self._address.host == _OWN_HOST else "max_tokens"
        body: dict[str, Any] = {
            "model": self._address.model,
            "messages": _messages(question.messages),
            limit: question.max_tokens,
        }
        temperature = options.temperature if question.temperature is None else question.temperature
        if temperature is not None:
            body["temperature"] = temperature
        if question.tools:
            body["tools"] = [
                {
                    "type": "function",
                    "function": {
                        "name": tool.name,
                        "description": tool.description,
                        "parameters": tool.parameters or {"type": "object", "properties": {}},
                    },
                }
                for tool in question.tools
            ]
        if options.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        if _beginning(question):
            if options.prefix == "continue":
                body |= {"continue_final_message": True, "add_generation_prompt": False}
            elif options.prefix == "flag":
                body["messages"][-1]["prefix"] = True
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
        choices = body.get("choices")
        if body.get("error") and not choices:
            self._wire.refuse(200, body)
        return body

    def _answer(self, question: Question, body: Mapping[str, Any], asked_at: str) -> Answer:
        choices = parts(body.get("choices"), "choices")
        if not choices:
            raise Unreadable("it has no choices")
        choice = choices[0]
        if choice.get("error") or choice.get("finish_reason") == "error":
            self._wire.refuse(200, choice)
        message = part(choice.get("message"), "message")
        if not message:
            raise Unreadable("its choice has no message")
        clean = self._wire.cleaned
        text, refusal = _content(message)
        calls = tuple(ToolCall(clean(name), clean(arguments)) for name, arguments in _calls(message))
        reasoning = string(message.get("reasoning_content"), "reasoning") or _reasoning(message)
        text, thought = apart(text)
        finish = _FINISHES.get(string(choice.get("finish_reason"), "finish_reason"), "stop")
        usage = part(body.get("usage"), "usage")
        return Answer(
            question.id,
            question.sample,
            text=clean("\n\n".join(filter(None, (text.removeprefix(_beginning(question)), refusal)))),
            reasoning=clean("\n\n".join(filter(None, (reasoning, thought)))),
            tool_calls=calls,
            finish="filtered" if refusal else "tool" if calls and finish == "stop" else finish,
            model=clean(string(body.get("model"), "model"))[:200],
            tokens_in=count(usage.get("prompt_tokens")),
            tokens_out=count(usage.get("completion_tokens")),
            asked_at=asked_at,
        )


def _beginning(question: Question) -> str:
    """The beginning of the answer that the model is to go on from, if there is one."""
    last = question.messages[-1] if question.messages else None
    return last.text if last is not None and last.role == "assistant" and not last.tool else ""


def _messages(turns: Iterable[Message]) -> list[dict[str, Any]]:
    """Turns in the shape of the wire: calls of tools join the assistant's turn that they belong to."""
    messages: list[dict[str, Any]] = []
    for turn in turns:
        if turn.role == "tool":
            messages.append({"role": "tool", "tool_call_id": turn.tool_call, "content": turn.text})
        elif turn.role == "assistant" and turn.tool:
            call = {"id": turn.tool_call, "type": "function", "function": {"name": turn.tool, "arguments": turn.text}}
            if not messages or messages[-1]["role"] != "assistant":
                messages.append({"role": "assistant", "content": None})
            messages[-1].setdefault("tool_calls", []).append(call)
        else:
            messages.append({"role": turn.role, "content": turn.text})
    return messages


def _content(message: Mapping[str, Any]) -> tuple[str, str]:
    """Text and refusal: ``content`` is a text, or a list of parts that may hold either."""
    refusals = [string(message.get("refusal"), "refusal")]
    content = message.get("content")
    if not isinstance(content, list):
        return string(content, "content"), refusals[0]
    texts = []
    for piece in parts(content, "content"):
        texts.append(string(piece.get("text"), "text"))
        refusals.append(string(piece.get("refusal"), "refusal"))
    return "".join(texts), "\n\n".join(filter(None, refusals))


def _reasoning(message: Mapping[str, Any]) -> str:
    value = message.get("reasoning")
    return value if isinstance(value, str) else ""


def _calls(message: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    called = [part(call.get("function"), "function") for call in parts(message.get("tool_calls"), "tool_calls")]
    called += [part(message.get("function_call"), "function_call")]
    for function in filter(None, called):
        name, arguments = (function.get(field) for field in _CALLED)
        if isinstance(arguments, dict):  # some servers send the arguments themselves, not their text
            arguments = as_json(arguments)
        yield string(name, "name"), string(arguments, "arguments")


def _assembled(events: Iterable[Any]) -> dict[str, Any]:
    """The body that a stream told piece by piece. Raises `Unreadable` for one that broke off."""
    body: dict[str, Any] = {}
    texts: dict[str, list[str]] = {}
    calls: dict[int, dict[str, list[str]]] = {}
    finish: Any = None
    done = False
    for event in events:
        if event == "[DONE]":
            done = True
            continue
        chunk = part(event, "an event")
        if chunk.get("error"):
            return {"error": chunk["error"]}
        body |= {name: chunk[name] for name in ("model", "usage") if chunk.get(name)}
        for choice in parts(chunk.get("choices"), "choices"):
            if choice.get("index") in (0, None):
                finish = choice.get("finish_reason") or finish
                _grow(part(choice.get("delta"), "delta"), texts, calls)
    if finish is None and not done:
        raise Unreadable("the stream broke off")
    message: dict[str, Any] = {"role": "assistant", **{name: "".join(pieces) for name, pieces in texts.items()}}
    if calls:
        joined = ({name: "".join(pieces) for name, pieces in calls[index].items()} for index in sorted(calls))
        message["tool_calls"] = [{"function": function} for function in joined]
    return body | {"choices": [{"message": message, "finish_reason": finish}]}


def _grow(delta: Mapping[str, Any], texts: dict[str, list[str]], calls: dict[int, dict[str, list[str]]]) -> None:
    for name in ("content", "refusal", "reasoning_content", "reasoning"):
        if delta.get(name):
            texts.setdefault(name, []).append(string(delta[name], name))
    for place, call in enumerate(parts(delta.get("tool_calls"), "tool_calls")):
        index = call.get("index")
        told = calls.setdefault(index if type(index) is int else place, {name: [] for name in _CALLED})
        function = part(call.get("function"), "function")
        for name in _CALLED:
            told[name].append(string(function.get(name), name))
