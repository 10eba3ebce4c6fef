"""Messages in the attributes and events of a span, whatever convention wrote them (`calls.model_spans` lists these)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stillwatch.sources.calls.attributes import CONTENTS, Event, Listed, Lists, first, numbered
from stillwatch.sources.calls.bodies import mapping
from stillwatch.sources.containers.json_documents import decoded
from stillwatch.sources.records.conversation import content_text

__all__ = [
    "CONTENT",
    "PARTS",
    "PART_TEXT",
    "PART_TYPE",
    "ROLE",
    "SILENT",
    "Message",
    "clean_text",
    "is_thought",
    "json_told",
    "messages_listed",
    "messages_of_events",
    "messages_told",
    "texts_listed",
]

SILENT = frozenset({"", "__REDACTED__", "redacted-by-litellm"})
STRUCTURE = re.compile(r"\s*(?:\[\s*\{|\{\s*\")")
BRACKETS = ("[", "{")
MESSAGE = frozenset({"role", "parts", "content"})
# OpenInference's attributes of a message, and of one part of its contents.
ROLE, CONTENT, PARTS, SUMMARY = "message.role", "message.content", "message.contents", "message.reasoning_summary"
PART_TYPE, PART_TEXT = "message_content.type", "message_content.text"

Message = tuple[Any, str | None, Sequence[str]]
"""One message: who speaks, the text, and reasoning shown with it."""


def json_told(value: Any) -> Any:
    """JSON text as what it says; any other value as it is."""
    if isinstance(value, str) and (value[:1] in BRACKETS or value.lstrip()[:1] in BRACKETS):
        return decoded(value, value)
    return value


def clean_text(text: Any) -> str | None:
    """A text that says something: null for an empty one, one that was redacted, and what is no text."""
    return text if isinstance(text, str) and text not in SILENT else None


def _part(part: Any) -> tuple[str | None, str | None]:
    """The text of one part of a message, and its reasoning; null each where it has none."""
    if not isinstance(part, dict):
        return content_text(part), None
    kind = part.get("type")
    if kind == "text" and type(text := part.get("text") or part.get("content")) is str:
        return text, None
    if kind in ("reasoning", "thinking"):
        return None, clean_text(first(part, "content", "text", "thinking"))
    if kind in ("tool_call_response", "tool-result"):
        told = first(part, "response", "result", "output")
        told = told.get("value", told) if isinstance(told, dict) else told
        return told if isinstance(told, str) else content_text(told), None
    if kind in (None, "text", "tool_result", "input_text", "output_text"):
        return content_text(part), None
    return None, None


def is_thought(kind: str | None) -> bool | None:
    """Whether a text in a part of some kind is reasoning; None where it is neither that nor said to the other side."""
    text, thought = _part({"type": kind, "text": "?"})
    return None if text is thought is None else text is None


def _message(message: Mapping[str, Any]) -> Message:
    """A message with parts (OpenTelemetry) or with content (OpenAI's and Anthropic's shapes)."""
    parts = message["parts"] if "parts" in message else message.get("content")
    if type(parts) is str and not (message.get("reasoning") or message.get("reasoning_content")):
        return message.get("role"), clean_text(parts), ()
    texts: list[str] = []
    thoughts: list[str] = []
    for part in parts if isinstance(parts, list) else [parts]:
        text, thought = _part(part)
        if thought:
            thoughts.append(thought)
        elif text and (clean := clean_text(text)):
            texts.append(clean)
    for name in ("reasoning_content", "reasoning"):
        if name in message and (clean := clean_text(message[name])):
            thoughts.append(clean)
    return message.get("role"), "\n".join(texts) or None, thoughts


def messages_told(value: Any, role: str) -> list[Message] | None:
    """Messages from an attribute: a list of them (JSON text or structured), or one text of ``role``; None if none."""
    if value is None:
        return None
    decoded = json_told(value)
    if isinstance(decoded, dict):
        inner = decoded.get("messages")
        decoded = inner if isinstance(inner, list) else [decoded]
    if isinstance(decoded, list):
        objects = [item for item in decoded if isinstance(item, dict)]
        if len(objects) == len(decoded):
            known = not all(map(MESSAGE.isdisjoint, objects))
        else:
            known = bool(objects)
            objects = [item if isinstance(item, dict) else {"content": item} for item in decoded]
        if known or decoded is value:
            return [_message(item if "role" in item else {"role": role, **item}) for item in objects]
    text = clean_text(value)
    return [(role, text, ())] if text and (decoded is not value or not STRUCTURE.match(text)) else None


def _openllmetry(messages: Iterable[Mapping[str, Any]], role: str) -> list[Message]:
    """``gen_ai.prompt.0.role`` and ``.content``, which may be JSON text of parts; a role "thinking" is reasoning."""
    found: list[Message] = []
    for message in messages:
        parts = json_told(message.get("content"))
        if isinstance(parts, list) and parts and all(isinstance(part, dict) and "type" in part for part in parts):
            message = {**message, "content": parts}
        speaker, text, _ = told = _message({"role": role, **message})
        found.append((speaker, None, [text] if text else []) if speaker == "thinking" else told)
    return found


def _openinference(messages: Iterable[Mapping[str, Any]]) -> list[Message]:
    """``llm.input_messages.0.message.role``, ``.message.content`` and ``.message.contents.0.message_content.text``."""
    found: list[Message] = []
    for message in messages:
        role, content = message.get(ROLE), message.get(CONTENT)
        reasoning = message.get(SUMMARY)
        if type(content) is str and len(message) <= 2 and CONTENTS not in message and not reasoning:
            found.append((role, clean_text(content), ()))
            continue
        contents = message.get(CONTENTS) if role is not None and len(message) == 2 else None
        if type(contents) is not Listed:
            contents = numbered(message).get(PARTS, [])
        parts = [{"type": part.get(PART_TYPE), "text": part.get(PART_TEXT)} for part in contents]
        found.append(_message({"role": role, "parts": [content, *parts], "reasoning": reasoning}))
    return found


def messages_listed(lists: Lists, openllmetry: str, openinference: str, role: str) -> list[Message]:
    """Messages that one of the two conventions spreads over attributes."""
    told = _openllmetry(lists[openllmetry], role) if openllmetry in lists else []
    return told or _openinference(lists.get(openinference, ()))


def texts_listed(lists: Lists, name: str, text: str) -> list[dict[str, Any]]:
    """Texts of OpenInference's completions, which have no roles, as messages without one."""
    return [{"content": one.get(text)} for one in lists.get(name, ())]


def messages_of_events(events: Iterable[Event]) -> tuple[list[Message], list[Message]]:
    """Messages told one event each: those sent, and the choices answered."""
    sent: list[Message] = []
    answered: list[Message] = []
    for event in events:
        body = {**event.values, **mapping(json_told(event.values.get("gen_ai.event.content")))}
        if event.name == "gen_ai.choice":
            inner = mapping(json_told(body.get("message"))) or body
            answered.append(_message({"role": "assistant", **inner}))
        elif event.name.startswith("gen_ai.") and event.name.endswith(".message"):
            sent.append(_message({"role": event.name.split(".")[1], **body}))
        elif event.name == "gen_ai.content.prompt":
            sent += messages_told(event.values.get("gen_ai.prompt"), "user") or []
        elif event.name == "gen_ai.content.completion":
            answered += messages_told(event.values.get("gen_ai.completion"), "assistant") or []
    return sent, answered
