"""Streamed answers put together again: server-sent events, or a list of chunks, become the body of a whole answer.

Sources: the HTML standard, section 9.2.6 (server-sent events); the stream types of the OpenAI and Anthropic SDKs
(``chat.completion.chunk``, ``response.*``, ``message_start`` to ``message_stop``); Gemini's ``streamGenerateContent``;
Bedrock's ``ConverseStreamOutput``. A stream that breaks off is what had come until then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from stillwatch.sources.bodies import items, mapping

__all__ = ["assembled", "event_data", "is_event_stream", "stream_body"]

_END = "[DONE]"
_DELTAS = {"text_delta": "text", "thinking_delta": "thinking"}
_FINAL = ("response.completed", "response.incomplete", "response.failed")


def is_event_stream(text: str) -> bool:
    """Whether a logged body is the text of server-sent events rather than one JSON document."""
    return text.lstrip()[:6] in ("data: ", "event:") or text.lstrip()[:5] in ("data:", ":") or text.startswith(":")


def event_data(text: str) -> Iterator[Any]:
    """The data of each event that is JSON, decoded; comments, ``[DONE]`` and an event cut short are passed over."""
    pending: list[str] = []
    for line in (*text.splitlines(), ""):
        if line.startswith("data:"):
            pending.append(line[5:].removeprefix(" "))
        elif not line and pending:
            data, pending = "\n".join(pending), []
            if data != _END:
                try:
                    yield msgspec.json.decode(data)
                except (msgspec.DecodeError, RecursionError, UnicodeError):
                    continue


def stream_body(text: str) -> dict[str, Any] | None:
    """The answer's body in a text of server-sent events; None where it holds no event that is known."""
    return assembled(event_data(text))


def assembled(events: Iterable[Any]) -> dict[str, Any] | None:
    """The body of the whole answer that stream ``events`` (decoded) told piece by piece; None for no known event."""
    known = [event for event in events if isinstance(event, dict)]
    for whole in (_responses, _anthropic, _chat, _gemini, _converse):
        body = whole(known)
        if body is not None:
            return body
    return None


def _chat(events: list[Mapping[str, Any]]) -> dict[str, Any] | None:
    """``chat.completion.chunk``: one message for each choice; usage stands in the last chunk, if anywhere."""
    chunks = [event for event in events if isinstance(event.get("choices"), list)]
    if not chunks:
        return None
    body: dict[str, Any] = {}
    parts: dict[int, dict[str, list[str]]] = {}
    for chunk in chunks:
        body |= {name: chunk[name] for name in ("id", "created", "model", "usage") if chunk.get(name) is not None}
        for choice in items(chunk["choices"]):
            index = choice.get("index")
            told = parts.setdefault(index if type(index) is int else 0, {})
            for name, value in _texts_of(choice):
                told.setdefault(name, []).append(value)
    messages = [{name: "".join(pieces) for name, pieces in parts[index].items()} for index in sorted(parts)]
    return body | {"choices": [{"message": {"role": "assistant", **message}} for message in messages]}


def _texts_of(choice: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    delta = mapping(choice.get("delta"))
    for name in ("content", "reasoning_content", "reasoning"):
        if isinstance(delta.get(name), str):
            yield name, delta[name]
    if isinstance(choice.get("text"), str):  # the older completions
        yield "content", choice["text"]


def _responses(events: list[Mapping[str, Any]]) -> dict[str, Any] | None:
    """``response.*``: the last event holds the whole; of a stream that broke off, the pieces."""
    ours = [event for event in events if str(event.get("type")).startswith("response.")]
    if not ours:
        return None
    for event in reversed(ours):
        if event["type"] in _FINAL and isinstance(event.get("response"), dict):
            return dict(event["response"])
    first = next((mapping(event.get("response")) for event in ours if isinstance(event.get("response"), dict)), {})
    text = _pieces(ours, "response.output_text.delta")
    thought = _pieces(ours, "response.reasoning_text.delta") or _pieces(ours, "response.reasoning_summary_text.delta")
    output: list[dict[str, Any]] = [{"type": "message", "content": [{"type": "output_text", "text": text}]}]
    if thought:
        output.insert(0, {"type": "reasoning", "content": [{"type": "reasoning_text", "text": thought}]})
    return {**first, "output": output}


def _pieces(events: list[Mapping[str, Any]], kind: str) -> str:
    found = (event.get("delta") for event in events if event.get("type") == kind)
    return "".join(piece for piece in found if isinstance(piece, str))


def _anthropic(events: list[Mapping[str, Any]]) -> dict[str, Any] | None:
    """``message_start`` to ``message_stop``: blocks by their index; usage is told at the start and grows to the end."""
    start = next((event for event in events if event.get("type") == "message_start"), None)
    if start is None:
        return None
    body = dict(mapping(start.get("message")))
    usage = dict(mapping(body.get("usage")))
    blocks: dict[int, dict[str, Any]] = {}
    for event in events:
        index = event.get("index")
        if event.get("type") == "message_delta":
            usage |= {name: count for name, count in mapping(event.get("usage")).items() if count is not None}
            body |= {name: value for name, value in mapping(event.get("delta")).items() if value is not None}
        elif type(index) is int and event.get("type") == "content_block_start":
            blocks[index] = dict(mapping(event.get("content_block")))
        elif type(index) is int and event.get("type") == "content_block_delta":
            _grow(blocks.setdefault(index, {"type": "text"}), mapping(event.get("delta")))
        elif "amazon-bedrock-invocationMetrics" in event:
            body["amazon-bedrock-invocationMetrics"] = event["amazon-bedrock-invocationMetrics"]
    return body | {"content": [blocks[index] for index in sorted(blocks)], "usage": usage}


def _grow(block: dict[str, Any], delta: Mapping[str, Any]) -> None:
    name = _DELTAS.get(str(delta.get("type")))
    if name is not None and isinstance(delta.get(name), str):
        block[name] = (block[name] if isinstance(block.get(name), str) else "") + delta[name]


def _gemini(events: list[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Chunks of ``streamGenerateContent``: parts add up, the last usage is the whole."""
    chunks = [event for event in events if "candidates" in event or "usageMetadata" in event]
    if not chunks:
        return None
    body: dict[str, Any] = {}
    parts: list[Mapping[str, Any]] = []
    for chunk in chunks:
        body |= {name: chunk[name] for name in ("modelVersion", "responseId", "usageMetadata") if name in chunk}
        for candidate in items(chunk.get("candidates"))[:1]:
            parts += items(mapping(candidate.get("content")).get("parts"))
    texts = [
        {
            "text": "".join(str(p.get("text") or "") for p in parts if bool(p.get("thought")) is thought),
            "thought": thought,
        }
        for thought in (True, False)
    ]
    return body | {"candidates": [{"content": {"role": "model", "parts": [part for part in texts if part["text"]]}}]}


def _converse(events: list[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Bedrock's ConverseStream: deltas of blocks by their index, then metadata with the usage."""
    if not any("contentBlockDelta" in event or "messageStart" in event for event in events):
        return None
    body: dict[str, Any] = {}
    texts: dict[int, str] = {}
    thoughts: dict[int, str] = {}
    for event in events:
        block = mapping(event.get("contentBlockDelta"))
        index, delta = block.get("contentBlockIndex"), mapping(block.get("delta"))
        place = index if type(index) is int else 0
        if isinstance(delta.get("text"), str):
            texts[place] = texts.get(place, "") + delta["text"]
        thought = mapping(delta.get("reasoningContent")).get("text")
        if isinstance(thought, str):
            thoughts[place] = thoughts.get(place, "") + thought
        body |= {name: value for name, value in mapping(event.get("metadata")).items() if name in ("usage", "metrics")}
    content = [{"reasoningContent": {"reasoningText": {"text": thoughts[index]}}} for index in sorted(thoughts)]
    spoken = [{"text": texts[index]} for index in sorted(texts)]
    return body | {"output": {"message": {"role": "assistant", "content": [*content, *spoken]}}}
