"""Streamed answers put together again: server-sent events, or a list of chunks, become the body of a whole answer.

Sources: the HTML standard, section 9.2.6 (server-sent events); the stream types of the OpenAI and Anthropic SDKs
(``chat.completion.chunk``, ``response.*``, ``message_start`` to ``message_stop``); Gemini's ``streamGenerateContent``;
Bedrock's ``ConverseStreamOutput``. A stream that breaks off is what had come until then.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from stillwatch.sources.calls.bodies import items, mapping
from stillwatch.sources.containers.json_documents import decoded

__all__ = ["assembled", "event_data", "is_event_stream", "stream_body"]

_DECODE = msgspec.json.Decoder().decode
_END = "[DONE]"
_LINE_END = re.compile(r"\r\n|\n|\r")
_FIELDS = ("data:", "event:", "id:", "retry:", ":")
_DELTAS = {"text_delta": "text", "thinking_delta": "thinking"}
_FINAL = ("response.completed", "response.incomplete", "response.failed")
_CONVERSE_ERRORS = (
    "internalServerException",
    "modelStreamErrorException",
    "validationException",
    "throttlingException",
    "serviceUnavailableException",
)
_ERRORS = frozenset({"error", *_CONVERSE_ERRORS})
_TEXTS = {name: operator.attrgetter(name) for name in ("content", "refusal", "reasoning_content", "reasoning")}
_TOLD_ONCE = {name: operator.attrgetter(name) for name in ("id", "created", "model", "usage")}


class _Delta(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    role: Any = None


class _Choice(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    delta: _Delta
    index: Any = None
    finish_reason: Any = None
    logprobs: Any = None


class _Chunk(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A piece of a chat as nearly all are, with nothing in it that `_chat` would not understand so."""

    choices: list[_Choice]
    id: Any = None
    created: Any = None
    model: Any = None
    usage: Any = None
    object: Any = None
    system_fingerprint: Any = None
    service_tier: Any = None


_CHUNKS = msgspec.json.Decoder(_Chunk).decode_lines


def is_event_stream(text: str) -> bool:
    """Whether a logged body is the text of server-sent events rather than one JSON document."""
    return text[:1000].lstrip("\ufeff \r\n").startswith(_FIELDS)


def event_data(text: str) -> Iterator[Any]:
    """The data of each event that is JSON, decoded; comments, ``[DONE]`` and an event cut short are passed over."""
    pending: list[str] = []
    # Not splitlines(): JSON may hold U+2028 and other ends of lines that end no line of an event stream.
    text = text.removeprefix("\ufeff")
    for line in (*(_LINE_END.split(text) if "\r" in text else text.split("\n")), ""):
        if line[:5] == "data:":
            pending.append(line[5:].removeprefix(" "))
        elif not line and pending:
            data, pending = "\n".join(pending), []
            if data != _END:
                try:
                    yield _DECODE(data)
                except (msgspec.DecodeError, RecursionError, UnicodeError):
                    if (value := decoded(data, _END)) is not _END:
                        yield value


def stream_body(text: str) -> dict[str, Any] | None:
    """The answer's body in a text of server-sent events; None where it holds no event that is known."""
    return _plain_chat(text) or assembled(event_data(text))


def _plain_chat(text: str) -> dict[str, Any] | None:
    """What `assembled` finds in the text of a stream of `_Chunk`, one on a line of its own; None for all others.

    In JSON no line can end between ``}`` and ``{``: where all do, each holds one whole value.
    """
    lines = text.rstrip("\n").removesuffix("\n\ndata: [DONE]").replace("\n\ndata: ", "\n")
    if not lines.startswith("data: {") or not lines.endswith("}") or lines.count("\n") != lines.count("}\n{"):
        return None
    try:
        chunks = _CHUNKS(lines[6:])
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    if len(chunks) != lines.count("\n") + 1:
        return None
    told = [(name, next(filter(None, map(get, reversed(chunks))), None)) for name, get in _TOLD_ONCE.items()]
    deltas: dict[int, list[_Delta]] = {}
    for chunk in chunks:
        for choice in chunk.choices:
            deltas.setdefault(_place(choice.index), []).append(choice.delta)
    parts = {place: _pieces_of(some) for place, some in deltas.items()}
    return {name: value for name, value in told if value} | _choices(parts)


def assembled(events: Iterable[Any]) -> dict[str, Any] | None:
    """The body of the whole answer that stream ``events`` (decoded) told piece by piece; None for no known event.

    A failure that the stream told, and be it after half of the answer, stands under ``error``.
    """
    known: list[Mapping[str, Any]] = [event for event in events if isinstance(event, dict)]
    kinds = {kind for event in known if type(kind := event.get("type")) is str}
    for whole in (_responses, _anthropic, _chat, _gemini, _converse) if kinds else (_chat, _gemini, _converse):
        body = whole(known)
        if body is not None:
            break
    else:
        body = None
    error = None
    if "error" in kinds or not all(map(_ERRORS.isdisjoint, known)):  # nearly all streams tell of no failure
        error = next((found for event in known if (found := _error(event)) is not None), None)
    return body if error is None else {**(body or {}), "error": error}


def _error(event: Mapping[str, Any]) -> Any:
    """What an event tells of a failure; None where it tells of none."""
    if event.get("type") == "error":
        return event.get("error") or {name: event.get(name) for name in ("code", "message")}
    if "type" not in event and event.get("error"):
        return event["error"]
    return next((event[name] for name in _CONVERSE_ERRORS if event.get(name) is not None), None)


def _chat(events: list[Mapping[str, Any]]) -> dict[str, Any] | None:
    """``chat.completion.chunk``: one message for each choice; usage stands in the last chunk, if anywhere."""
    chunks = [event for event in events if isinstance(event.get("choices"), list)]
    if not chunks:
        return None
    body: dict[str, Any] = {}
    parts: dict[int, dict[str, list[str]]] = {}
    for chunk in chunks:
        for name in _TOLD_ONCE:
            value = chunk.get(name)
            if value:
                body[name] = value
        for choice in items(chunk["choices"]):
            told = parts.setdefault(_place(choice.get("index")), {})
            delta = choice.get("delta")
            # Nearly every chunk is one piece of the answer's text.
            if type(delta) is dict and len(delta) == 1 and "text" not in choice and type(delta.get("content")) is str:
                told.setdefault("content", []).append(delta["content"])
                continue
            for name, text in _texts_of(choice):
                told.setdefault(name, []).append(text)
    return body | _choices(parts)


def _pieces_of(deltas: list[_Delta]) -> dict[str, list[str]]:
    """The pieces of each text that some deltas tell."""
    told = {name: [piece for piece in map(get, deltas) if piece is not None] for name, get in _TEXTS.items()}
    return {name: pieces for name, pieces in told.items() if pieces}


def _choices(parts: Mapping[int, Mapping[str, list[str]]]) -> dict[str, Any]:
    """The pieces of each choice put together."""
    messages = [{name: "".join(pieces) for name, pieces in parts[index].items()} for index in sorted(parts)]
    return {"choices": [{"message": {"role": "assistant", **message}} for message in messages]}


def _place(index: Any) -> int:
    return index if type(index) is int else 0


def _texts_of(choice: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    delta = mapping(choice.get("delta"))
    for name in _TEXTS:
        if isinstance(delta.get(name), str):
            yield name, delta[name]
    if isinstance(choice.get("text"), str):  # the older completions
        yield "content", choice["text"]


def _responses(events: list[Mapping[str, Any]]) -> dict[str, Any] | None:
    """``response.*``: the last event holds the whole; of a stream that broke off, the pieces."""
    ours = [event for event in events if str(event.get("type")).startswith("response.")]
    if not ours:
        return None
    told = [event["response"] for event in ours if isinstance(event.get("response"), dict)]
    final = [event["response"] for event in ours if event["type"] in _FINAL and "response" in event]
    body = dict(mapping((final or told or [{}])[-1]))
    if items(body.get("output")):
        return body
    answer = _pieces(ours, "response.output_text.delta") + _pieces(ours, "response.refusal.delta")
    thoughts = _pieces(ours, "response.reasoning_text.delta") or _pieces(ours, "response.reasoning_summary_text.delta")
    reasoning = [{"type": "reasoning_text", "text": text} for text in thoughts]
    message = [{"type": "output_text", "text": text} for text in answer]
    return body | {"output": [{"type": "reasoning", "content": reasoning}, {"type": "message", "content": message}]}


def _pieces(events: list[Mapping[str, Any]], kind: str) -> list[str]:
    """The texts that deltas of one ``kind`` add up to, each by the places that its deltas name."""
    texts: dict[tuple[int, ...], list[str]] = {}
    for event in events:
        if event.get("type") == kind and isinstance(event.get("delta"), str):
            places = ("output_index", "content_index", "summary_index")
            texts.setdefault(tuple(_place(event.get(name)) for name in places), []).append(event["delta"])
    return ["".join(texts[place]) for place in sorted(texts)]


def _anthropic(events: list[Mapping[str, Any]]) -> dict[str, Any] | None:
    """``message_start`` to ``message_stop``: blocks by their index; usage is told at the start and grows to the end."""
    if not any(event.get("type") in ("message_start", "content_block_delta") for event in events):
        return None
    body: dict[str, Any] = {}
    usage: dict[str, Any] = {}
    blocks: dict[int, dict[str, Any]] = {}
    for event in events:
        index = event.get("index")
        if event.get("type") == "message_start":
            body |= mapping(event.get("message"))
            usage |= mapping(body.get("usage"))
        elif event.get("type") == "message_delta":
            usage |= {name: count for name, count in mapping(event.get("usage")).items() if count is not None}
            body |= {name: value for name, value in mapping(event.get("delta")).items() if value is not None}
        elif type(index) is int and event.get("type") == "content_block_start":
            blocks[index] = dict(mapping(event.get("content_block")))
        elif type(index) is int and event.get("type") == "content_block_delta":
            _grow(blocks.setdefault(index, {}), mapping(event.get("delta")))
        if "amazon-bedrock-invocationMetrics" in event:
            body["amazon-bedrock-invocationMetrics"] = event["amazon-bedrock-invocationMetrics"]
    return body | {"content": [blocks[index] for index in sorted(blocks)], "usage": usage}


def _grow(block: dict[str, Any], delta: Mapping[str, Any]) -> None:
    name = _DELTAS.get(str(delta.get("type")))
    if name is not None and isinstance(delta.get(name), str):
        block.setdefault("type", name)
        block[name] = (block[name] if isinstance(block.get(name), str) else "") + delta[name]


def _gemini(events: list[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Chunks of ``streamGenerateContent``: the parts of each candidate add up, the last usage is the whole."""
    chunks = [event for event in events if "candidates" in event or "usageMetadata" in event]
    if not chunks:
        return None
    body: dict[str, Any] = {}
    parts: dict[int, list[Mapping[str, Any]]] = {}
    for chunk in chunks:
        body |= {name: chunk[name] for name in ("modelVersion", "responseId", "usageMetadata") if chunk.get(name)}
        for candidate in items(chunk.get("candidates")):
            found = items(mapping(candidate.get("content")).get("parts"))
            parts.setdefault(_place(candidate.get("index")), []).extend(found)
    told = [{"content": {"role": "model", "parts": _joined_parts(parts[index])}} for index in sorted(parts)]
    return body | {"candidates": told}


def _joined_parts(parts: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    texts: dict[bool, str] = {True: "", False: ""}
    for part in parts:
        if isinstance(part.get("text"), str):
            texts[bool(part.get("thought"))] += part["text"]
    return [{"text": text, "thought": thought} for thought, text in texts.items() if text]


def _converse(events: list[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Bedrock's ConverseStream: deltas of blocks by their index, then metadata with the usage."""
    if not any("contentBlockDelta" in event or "messageStart" in event for event in events):
        return None
    body: dict[str, Any] = {}
    texts: dict[int, str] = {}
    thoughts: dict[int, str] = {}
    for event in events:
        block = mapping(event.get("contentBlockDelta"))
        place, delta = _place(block.get("contentBlockIndex")), mapping(block.get("delta"))
        if isinstance(delta.get("text"), str):
            texts[place] = texts.get(place, "") + delta["text"]
        thought = mapping(delta.get("reasoningContent")).get("text")
        if isinstance(thought, str):
            thoughts[place] = thoughts.get(place, "") + thought
        body |= {name: value for name, value in mapping(event.get("metadata")).items() if name in ("usage", "metrics")}
    content = [{"reasoningContent": {"reasoningText": {"text": thoughts[index]}}} for index in sorted(thoughts)]
    spoken = [{"text": texts[index]} for index in sorted(texts)]
    return body | {"output": {"message": {"role": "assistant", "content": [*content, *spoken]}}}
