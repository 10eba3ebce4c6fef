"""Answers as LiteLLM's hooks hand them over, without their reasoning: its own objects, dictionaries, bytes of streams.

Each is written as the JSON or the events that its caller would get, shielded by `gateway.shielding`, and read again.
LiteLLM repeats reasoning in fields of its own (``thinking_blocks``, ``provider_specific_fields``), which are left out.
Imports nothing of LiteLLM.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import msgspec

from stillwatch.gateway.doors.summaries import Summaries, Summariser
from stillwatch.gateway.shielding.base import StreamShield, Summarise
from stillwatch.gateway.shielding.shield import shield_body, shield_stream
from stillwatch.responses.traffic import API, ShieldMode

__all__ = ["again", "event", "fields_of", "shielded", "shielded_stream"]

REPEATS: Final = frozenset({"thinking_blocks", "provider_specific_fields"})
CARRIED: Final = ("_hidden_params", "_response_headers")
"""What LiteLLM keeps beside an answer: costs and headers, no text."""


async def shielded(api: API, answer: Any, mode: ShieldMode, summaries: Summaries | None = None) -> Any:
    """A whole answer without its reasoning text, of the same type; what is no JSON object is returned as it is.

    Mode "summarise" without ``summaries``, or where they give none, leaves reasoning out.
    """
    fields = fields_of(answer)
    if fields is None:
        return answer
    body = msgspec.json.encode(_without_repeats(fields))
    told = shield_body(api, body, mode)
    if isinstance(told, Summarise):
        summary = None if summaries is None else await summaries.of_answer()(told.text)
        told = shield_body(api, body, mode if summary else "drop", summary)
    if not isinstance(told, bytes):
        raise ValueError("a summary was asked for twice")
    return again(answer, msgspec.json.decode(told))


async def shielded_stream(
    api: API, answer: Any, mode: ShieldMode, summaries: Summaries | None = None
) -> AsyncIterator[Any]:
    """A stream without its reasoning text: chunks of chat completions as LiteLLM's objects, all others as events.

    Where a stream breaks off, what may leave leaves before the error does.
    """
    shield, kind = shield_stream(api, mode), None
    summarise = None if summaries is None else summaries.of_answer()
    try:
        async for chunk in answer:
            kind = type(chunk) if api == "openai_chat" and hasattr(chunk, "model_dump") else None
            async for told in _left(shield, shield.feed(event(chunk)), summarise):
                for part in _chunks(told, kind):
                    yield part
    except Exception:
        async for told in _left(shield, shield.end(), None):
            for part in _chunks(told, kind):
                yield part
        raise
    async for told in _left(shield, shield.end(), summarise):
        for part in _chunks(told, kind):
            yield part


async def _left(
    shield: StreamShield, told: Iterator[bytes | Summarise], summarise: Summariser | None
) -> AsyncIterator[bytes]:
    for part in told:
        if isinstance(part, Summarise):
            for piece in shield.summarised(None if summarise is None else await summarise(part.text)):
                yield piece
        else:
            yield part


def event(chunk: Any) -> bytes:
    """A chunk as an event of its stream."""
    if isinstance(chunk, str | bytes):
        return chunk.encode() if isinstance(chunk, str) else chunk
    fields = fields_of(chunk)
    if fields is None:
        raise ValueError("a chunk of a kind that is not known")
    kind = fields.get("type")
    name = b"event: " + kind.encode() + b"\n" if isinstance(kind, str) and kind.isprintable() else b""
    return name + b"data: " + msgspec.json.encode(_without_repeats(fields)) + b"\n\n"


def _chunks(told: bytes, kind: Any) -> Iterator[Any]:
    """What is left of the stream as LiteLLM takes it."""
    if kind is None:
        if told:
            yield told
        return
    for event in told.split(b"\n\n"):
        if event.startswith(b"data: {"):
            yield kind(**msgspec.json.decode(event[6:]))


def fields_of(answer: Any) -> dict[str, Any] | None:
    """An answer, or a chunk, as a JSON object; None for what is none."""
    if isinstance(answer, dict):
        return answer
    dump = getattr(answer, "model_dump", None)
    if dump is None:
        return None
    fields = dump(mode="json", exclude_none=True)
    return fields if isinstance(fields, dict) else None


def _without_repeats(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_repeats(part) for name, part in value.items() if name not in REPEATS}
    return [_without_repeats(part) for part in value] if isinstance(value, list) else value


def again(answer: Any, fields: dict[str, Any]) -> Any:
    """An object like ``answer`` with other ``fields``."""
    if isinstance(answer, dict):
        return fields
    again = type(answer)(**fields)
    for name in CARRIED:
        if hasattr(answer, name):
            setattr(again, name, getattr(answer, name))
    return again
