"""Bodies of calls to model APIs as columns of THE record, whatever log they were found in.

The shapes of OpenAI (chat completions, completions, responses, embeddings), Anthropic Messages, Gemini and Bedrock
Converse are told apart by their keys. Counts of tokens are made to mean the same: input includes what came from or
went into a cache, output includes reasoning. Reasoning *text* is kept apart from its count, since either may be logged
without the other; signatures and encrypted blocks are no text, and reasoning in earlier turns is not new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stillwatch.sources.conversation import content_text, normalised, without_system

__all__ = ["conversation", "items", "joined", "mapping", "request_values", "response_values", "usage_values"]

_ROLES = {
    "function_call": "assistant",
    "function_call_output": "tool",
    "custom_tool_call": "assistant",
    "custom_tool_call_output": "tool",
    "reasoning": "assistant",
}
_GEMINI_ROLES = {"model": "assistant", "function": "tool"}


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> list[Mapping[str, Any]]:
    """The objects in a list; none where it is no list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def joined(texts: Iterable[str | None]) -> str | None:
    """Texts with a blank line between; null where there is none."""
    return "\n\n".join(text for text in texts if text) or None


def request_values(body: Mapping[str, Any]) -> dict[str, Any]:
    """Columns that a request's body tells: model, system_prompt, messages, temperature, max_tokens, tool_count.

    Raises `BadConversationError` where its conversation has no known shape.
    """
    configuration = _configuration(body)
    system, messages = conversation(body)
    limits = ("max_completion_tokens", "max_output_tokens", "max_tokens", "maxOutputTokens", "maxTokens")
    return {
        "model": body.get("model") or body.get("modelId"),
        "system_prompt": system,
        "messages": messages,
        "temperature": configuration.get("temperature"),
        "max_tokens": next((configuration[name] for name in limits if configuration.get(name) is not None), None),
        "tool_count": _tool_count(body),
    }


def _configuration(body: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in ("inferenceConfig", "generationConfig", "generation_config"):
        if isinstance(body.get(name), Mapping):
            return mapping(body[name])
    return body


def _tool_count(body: Mapping[str, Any]) -> int:
    tools = body.get("tools") or mapping(body.get("toolConfig")).get("tools") or body.get("functions")
    count = 0
    for tool in items(tools):
        declared = tool.get("functionDeclarations") or tool.get("function_declarations")
        count += len(declared) if isinstance(declared, list) else 1
    return count


def conversation(body: Mapping[str, Any]) -> tuple[str | None, list[dict[str, str | None]] | None]:
    """The instructions and the conversation of a request's body; null each where it has none.

    Raises `BadConversationError` for something without a role.
    """
    above = (body.get(name) for name in ("instructions", "system", "systemInstruction", "system_instruction"))
    given = [_parts_text(value) for value in above]
    if "contents" in body:
        sent: Any = [_gemini(content) for content in items(body["contents"])]
    else:
        sent = next((body[name] for name in ("messages", "input", "prompt") if body.get(name) is not None), None)
    if isinstance(sent, str):
        sent = [sent]
    if isinstance(sent, list):
        sent = [_with_role(item) for item in sent]
    inside, messages = without_system(normalised(sent)) if sent else (None, [])
    return joined([*given, inside]), messages or None


def _with_role(item: Any) -> Any:
    """An item of a conversation as a message: a text is the user's, a tool's call or result has a role of its own."""
    if isinstance(item, str):
        return {"role": "user", "content": item}
    if not isinstance(item, Mapping):
        return item
    if "role" not in item:
        kind = str(item.get("type"))
        return {"role": _ROLES[kind], "content": item.get("output")} if kind in _ROLES else item
    content = item.get("content")
    if isinstance(content, list) and any(isinstance(part, Mapping) and "toolResult" in part for part in content):
        parts = [
            mapping(part.get("toolResult")).get("content", part) if isinstance(part, Mapping) else part
            for part in content
        ]
        return {"role": item["role"], "content": parts}
    return item


def _gemini(content: Mapping[str, Any]) -> dict[str, Any]:
    role = content.get("role") or "user"
    return {"role": _GEMINI_ROLES.get(str(role), role), "content": _parts_text(content)}


def _parts_text(value: Any) -> str | None:
    """Text of instructions: a text, blocks, or an object with parts."""
    if isinstance(value, Mapping) and isinstance(value.get("parts"), list):
        value = [part for part in items(value["parts"]) if not part.get("thought")]
    return content_text(value) or None


def response_values(body: Mapping[str, Any]) -> dict[str, Any]:
    """Columns that a response's body tells: model, response, reasoning, and the counts of `usage_values`."""
    texts: list[str | None] = []
    thoughts: list[str | None] = []
    for choice in items(body.get("choices")):
        message = mapping(choice.get("message"))
        texts.append(choice["text"] if isinstance(choice.get("text"), str) else content_text(message.get("content")))
        thoughts += _thoughts(message)
    for item in items(body.get("output")):
        if item.get("type") == "reasoning":
            thoughts += [content_text(part.get("text")) for part in items(item.get("content") or item.get("summary"))]
        else:
            texts.append(content_text(item.get("content")))
    for candidate in items(body.get("candidates")):
        parts = items(mapping(candidate.get("content")).get("parts"))
        texts.append(content_text([part for part in parts if not part.get("thought")]))
        thoughts += [content_text(part.get("text")) for part in parts if part.get("thought")]
    for content in (body.get("content"), mapping(mapping(body.get("output")).get("message")).get("content")):
        if isinstance(content, list):
            texts.append(content_text(content))
            thoughts += _thoughts({"content": content})
    usage = body.get("usage") or body.get("usageMetadata") or body.get("usage_metadata")
    return {
        "model": body.get("model") or body.get("modelVersion"),
        "response": joined(texts),
        "reasoning": joined(thoughts),
        **usage_values(mapping(usage)),
    }


def _thoughts(message: Mapping[str, Any]) -> list[str | None]:
    """Reasoning text of one message: a field of its own, or blocks beside the answer."""
    for name in ("reasoning_content", "reasoning"):
        if isinstance(message.get(name), str) and message[name]:
            return [message[name]]
    shown: list[str | None] = []
    for block in items(message.get("thinking_blocks")) or items(message.get("content")):
        if block.get("type") == "thinking" and isinstance(block.get("thinking"), str):
            shown.append(block["thinking"])
        text = mapping(mapping(block.get("reasoningContent")).get("reasoningText")).get("text")
        shown.append(text if isinstance(text, str) else None)
    return shown


def usage_values(usage: Mapping[str, Any]) -> dict[str, Any]:
    """input_tokens, output_tokens and reasoning_tokens from any vendor's usage, made to mean the same.

    Anthropic and Bedrock count what a cache held beside the input, the others within it; Gemini counts reasoning beside
    the output. What is no number is left as it is, for the row to be set aside; null where nothing is told.
    """
    details = mapping(usage.get("completion_tokens_details") or usage.get("output_tokens_details"))
    reasoning = details.get("reasoning_tokens", details.get("thinking_tokens"))
    if "candidatesTokenCount" in usage or "promptTokenCount" in usage:
        reasoning = usage.get("thoughtsTokenCount")
        output = _total(usage, "candidatesTokenCount", "thoughtsTokenCount")
        return {"input_tokens": usage.get("promptTokenCount"), "output_tokens": output, "reasoning_tokens": reasoning}
    if "inputTokens" in usage:
        cached = ("cacheReadInputTokens", "cacheWriteInputTokens")
        return {
            "input_tokens": _total(usage, "inputTokens", *cached),
            "output_tokens": usage.get("outputTokens"),
            "reasoning_tokens": reasoning,
        }
    cached = ("cache_creation_input_tokens", "cache_read_input_tokens")
    return {
        "input_tokens": usage["prompt_tokens"] if "prompt_tokens" in usage else _total(usage, "input_tokens", *cached),
        "output_tokens": usage["completion_tokens"] if "completion_tokens" in usage else usage.get("output_tokens"),
        "reasoning_tokens": reasoning,
    }


def _total(usage: Mapping[str, Any], first: str, *more: str) -> Any:
    """The first count and those beside it; the first alone as it is where one of them is no whole number."""
    counts = [usage[name] for name in (first, *more) if usage.get(name) is not None]
    if not counts:
        return None
    return sum(counts) if all(type(count) is int for count in counts) else usage.get(first)
