"""Input and output of a model's call as tools of observation keep them: in whatever shape the application had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stillwatch.sources.calls.bodies import answer_texts, items, joined, mapping, request_values
from stillwatch.sources.records.conversation import Remnant, content_text

__all__ = ["answer_values", "asked_values"]

_CONVERSATIONS = ("messages", "contents", "input", "prompt")
_ASKERS = ("system", "developer", "user")
_LANGCHAIN = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool", "function": "tool"}


def asked_values(value: Any) -> dict[str, Any]:
    """system_prompt, messages and tool_count of an input: a request's body, a conversation, or any text.

    ``tool_count`` is null unless the input is a request that names tools.
    """
    body = value if isinstance(value, dict) and any(name in value for name in _CONVERSATIONS) else {}
    if body:
        body = {name: _messages(part) if name in _CONVERSATIONS[:3] else part for name, part in body.items()}
    else:
        body = {"messages": _messages(value)}
    found = request_values(body)
    system, messages = found["system_prompt"], found["messages"]
    if type(messages) is Remnant:  # some frameworks keep their own objects there
        system, messages = None, None
    if not messages and not system:
        text = content_text(value)
        messages = [{"role": "user", "content": text}] if text else None
    tools = body.get("tools") or mapping(body.get("toolConfig")).get("tools")
    return {"system_prompt": system, "messages": messages, "tool_count": len(items(tools)) if tools else None}


def answer_values(value: Any) -> dict[str, Any]:
    """response and reasoning of an output: a response's body, a message, several, blocks of one, or a text."""
    if isinstance(value, str):
        return {"response": value, "reasoning": None}
    if isinstance(value, list) and not any("role" in item or "parts" in item for item in items(value)):
        value = {"content": value}
    if isinstance(value, dict):
        response, reasoning = answer_texts(value)
        if response or reasoning:
            return {"response": response, "reasoning": reasoning}
        value = [value["message"] if isinstance(value.get("message"), dict) else value]
    messages = [mapping(_message(item)) for item in items(value)]
    asked = [place for place, message in enumerate(messages) if message.get("role") in _ASKERS]
    # some frameworks answer with the whole conversation
    told = [_told(message) for message in messages[asked[-1] + 1 if asked else 0 :]]
    if len(told) == 1:
        return {"response": told[0][0] or None, "reasoning": told[0][1] or None}
    return {"response": joined(text for text, _ in told), "reasoning": joined(thought for _, thought in told)}


def _told(message: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The text and the reasoning of one message of an answer."""
    response, reasoning = answer_texts({"choices": [{"message": message}]})
    return response or content_text(message.get("text") or message.get("completion")), reasoning


def _messages(value: Any) -> Any:
    return [_message(item) for item in value] if isinstance(value, list) else value


def _message(item: Any) -> Any:
    """A message with a role and a content: LangChain's names and OpenTelemetry's parts made the common ones."""
    if not isinstance(item, dict) or ("role" in item and "parts" not in item):
        return item
    message = {**item, **mapping(item.get("data"))} if "role" not in item else dict(item)
    if "role" not in message and str(item.get("type")) in _LANGCHAIN:
        message["role"] = _LANGCHAIN[str(item["type"])]
    if "content" not in message and isinstance(message.get("parts"), list) and "role" in message:
        message["content"] = [_block(part) for part in items(message["parts"])]
    return message


def _block(part: Mapping[str, Any]) -> dict[str, Any]:
    """A part of OpenTelemetry's message as a block; text of a part stands in ``content`` or ``text``."""
    text = part.get("content") if isinstance(part.get("content"), str) else part.get("text")
    if part.get("type") in ("reasoning", "thinking") or part.get("thought") is True:
        return {"type": "thinking", "thinking": text}
    if part.get("type") == "tool_call_response":
        return {"type": "text", "text": part.get("response", part.get("result"))}
    return {"type": "text", "text": text}
