"""Bodies of calls to model APIs as columns of THE record, whatever log they were found in.

The shapes of OpenAI (chat completions, completions, responses, embeddings), Anthropic Messages, Gemini and Bedrock
Converse are told apart by their keys. Counts of tokens are made to mean the same: input includes what came from or
went into a cache, output includes reasoning. Reasoning *text* is kept apart from its count, since either may be logged
without the other; signatures and encrypted blocks are no text, and reasoning in earlier turns is not new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stillwatch.sources.calls.usage import usage_values
from stillwatch.sources.records.conversation import (
    SYSTEM_ROLES,
    Conversation,
    Remnant,
    content_text,
    readable,
    without_system,
)

__all__ = [
    "answer_texts",
    "conversation",
    "first_of",
    "items",
    "joined",
    "mapping",
    "request_settings",
    "request_values",
    "response_values",
    "tool_count",
]

_GEMINI_ROLES = {"model": "assistant", "function": "tool"}
_CONFIGURATIONS = ("inferenceConfig", "generationConfig", "generation_config")
_LIMIT_NAMES = ("max_completion_tokens", "max_output_tokens", "max_tokens", "maxOutputTokens", "maxTokens")
_ABOVE = ("instructions", "system", "systemInstruction", "system_instruction")
_RESULTS = ("_output", "_approval_response")
# What tells that a body is not of the shape that most are: then it is looked at with care.
_NESTED = frozenset(_CONFIGURATIONS)
_LIMITS = frozenset(_LIMIT_NAMES)
_DECLARED = frozenset({"functionDeclarations", "function_declarations", "tools"})
_TOOLS = frozenset({"tools", "toolConfig", "functions"})
_INSTRUCTED = frozenset(_ABOVE)
_SPOKEN = frozenset({"messages", "contents", "input", "prompt"})
_INSTEAD = frozenset({"refusal", "audio"})
_NOT_ONLY_CHOICES = frozenset({"output", "candidates", "content"})
_NO_OUTPUT = frozenset({"choices", "candidates", "content"})


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Mapping[str, Any]]:
    """The objects in a list; none where it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def first_of(values: Mapping[str, Any], names: Iterable[str]) -> Any:
    """The first of some keys' values that is not empty (nor 0 or false); null where all are."""
    for name in names:
        if value := values.get(name):
            return value
    return None


def joined(texts: Iterable[str | None]) -> str | None:
    """Texts with a blank line between; null where there is none."""
    return "\n\n".join(text for text in texts if text) or None


def request_values(body: Mapping[str, Any]) -> dict[str, Any]:
    """Columns that a request's body tells: model, system_prompt, messages, temperature, max_tokens, tool_count.

    The caller wrote it: of a conversation of no known shape there is what can be read (a `Remnant`).
    """
    found = request_settings(body)
    found["system_prompt"], found["messages"] = conversation(body)
    return found


def request_settings(body: Mapping[str, Any]) -> dict[str, Any]:
    """Those columns of `request_values` that are no text: model, temperature, max_tokens, tool_count."""
    configuration = body if _NESTED.isdisjoint(body) else _configuration(body)
    return {
        "model": body.get("model") or body.get("modelId"),
        "temperature": configuration.get("temperature"),
        "max_tokens": None if _LIMITS.isdisjoint(configuration) else _limit(configuration),
        "tool_count": None if not body else 0 if _TOOLS.isdisjoint(body) else tool_count(body),
    }


def _limit(configuration: Mapping[str, Any]) -> Any:
    for name in _LIMIT_NAMES:
        limit = configuration.get(name)
        if limit is not None:
            return limit
    return None


def _configuration(body: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in _CONFIGURATIONS:
        if isinstance(body.get(name), dict):
            return mapping(body[name])
    return body


def tool_count(body: Mapping[str, Any]) -> int:
    """How many tools a request's body offers."""
    tools = body.get("tools") or mapping(body.get("toolConfig")).get("tools") or body.get("functions")
    count = 0
    for tool in items(tools):
        if _DECLARED.isdisjoint(tool):
            count += "cachePoint" not in tool
            continue
        nested = [tool.get(name) for name in _DECLARED]
        lists = [inner for inner in nested if isinstance(inner, list)]
        count += sum(map(len, lists)) if lists else "cachePoint" not in tool
    return count


def conversation(body: Mapping[str, Any]) -> tuple[str | None, list[dict[str, str | None]] | None]:
    """The instructions and the conversation of a request's body; null each where it has none.

    Text given as the numbers of its tokens is no text. Where something has no role, the conversation is a `Remnant`.
    """
    given: list[str | None] = []
    if not _INSTRUCTED.isdisjoint(body):
        given = [_parts_text(body[name]) for name in _ABOVE if body.get(name) is not None]
    elif _SPOKEN.isdisjoint(body):
        return None, None
    if (plain := _plain_conversation(body.get("messages"))) is not None:
        return (joined([*given, plain[0]]), plain[1]) if given else plain
    if "contents" in body and body.get("messages") is None:
        sent: Any = _gemini_contents(body["contents"])
    else:
        sent = next((body[name] for name in ("messages", "input", "prompt") if body.get(name) is not None), None)
        sent = None if isinstance(sent, dict) and sent is body.get("prompt") else sent  # a stored template's name
    if isinstance(sent, str):
        sent = [sent]
    if isinstance(sent, list):
        sent = [turn for item in sent if (turn := _turn(item)) is not None]
    inside, messages = without_system(readable(sent)) if sent else (None, None)
    told = messages if messages or type(messages) is Remnant else None
    return joined([*given, inside]) if given else inside, told


def _plain_conversation(messages: Any) -> tuple[str | None, list[dict[str, str | None]] | None] | None:
    """What `conversation` makes of messages as nearly all are, each a role and a text; None for all others."""
    if type(messages) is not list or not messages:
        return None
    system: list[str] = []
    rest = Conversation()
    for message in messages:
        if type(message) is not dict or len(message) != 2:
            return None
        role, content = message.get("role"), message.get("content")
        if type(content) is list and (text := _plain_parts(content)) is not None:
            content, message = text, {"role": role, "content": text}
        if type(role) is not str or type(content) is not str:
            return None
        if role not in SYSTEM_ROLES:
            rest.append(message)
        elif content:
            system.append(content)
    return "\n\n".join(system) or None, rest or None


def _plain_parts(parts: list[Any]) -> str | None:
    """The text of parts that are nothing but texts, none of them empty; null for all others."""
    texts = []
    for part in parts:
        text = part.get("text") if type(part) is dict else None
        if type(text) is not str or not text or (len(part) > 1 and (len(part) > 2 or part.get("type") != "text")):
            return None
        texts.append(text)
    return "\n".join(texts) if texts else None


def _turn(item: Any) -> Any:
    """An item of a conversation as a message: a text is the user's, a tool's call or result has a role of its own.

    None for what is no turn: numbers of tokens, and the items of the Responses API that carry none (reasoning of
    earlier turns, references, lists of tools).
    """
    if isinstance(item, str):
        return {"role": "user", "content": item}
    if type(item) is int or (isinstance(item, list) and all(type(token) is int for token in item)):
        return None
    if not isinstance(item, dict) or "role" in item:
        return item
    kind = item.get("type")
    if not isinstance(kind, str) or kind == "message":
        return item
    if kind in ("text", "input_text"):
        return {"role": "user", "content": content_text(item)}
    if kind.endswith(_RESULTS):
        return {"role": "tool", "content": item.get("output")}
    return {"role": "assistant", "content": None} if kind.endswith("_call") else None


def _gemini_contents(contents: Any) -> list[Any]:
    """``contents`` as messages; the API takes a list, its SDKs also one text or one object."""
    found = contents if isinstance(contents, list) else [contents]
    return [_gemini(content) if isinstance(content, dict) else content for content in found if content is not None]


def _gemini(content: Mapping[str, Any]) -> dict[str, Any]:
    role = content.get("role") or "user"
    return {"role": _GEMINI_ROLES.get(role, role) if isinstance(role, str) else role, "content": _parts_text(content)}


def _parts_text(value: Any) -> str | None:
    """Text of instructions: a text, blocks, or an object with parts."""
    if isinstance(value, dict) and isinstance(value.get("parts"), list):
        value = [part for part in items(value["parts"]) if not part.get("thought")]
    return content_text(value) or None


def response_values(body: Mapping[str, Any]) -> dict[str, Any]:
    """Columns that a response's body tells: model, response, reasoning, and the counts of `usage_values`."""
    response, reasoning = answer_texts(body)
    usage = body.get("usage") or body.get("usageMetadata") or body.get("usage_metadata")
    return {
        "model": body.get("model") or body.get("modelVersion") or body.get("model_version"),
        "response": response,
        "reasoning": reasoning,
        **usage_values(mapping(usage)),
    }


def answer_texts(body: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The text of the answer and the reasoning shown; null each where there is none."""
    return _plain_answer(body) or _answer(body)


def _plain_answer(body: Mapping[str, Any]) -> tuple[str | None, str | None] | None:
    """What `_answer` finds where the body is one choice whose message has a text, or blocks; None for all others."""
    choices = body.get("choices")
    if "output" in body and _NO_OUTPUT.isdisjoint(body):
        return _plain_output(body["output"])
    if choices is None and "output" not in body and "candidates" not in body:
        return _plain_blocks(body.get("content"))
    if type(choices) is not list or len(choices) != 1 or not _NOT_ONLY_CHOICES.isdisjoint(body):
        return None
    choice = choices[0]
    message = choice.get("message") if type(choice) is dict and "text" not in choice else None
    if type(message) is not dict or "thinking_blocks" in message:
        return None
    text = message.get("content") or None
    if type(text) is not str and (text is not None or not _INSTEAD.isdisjoint(message)):
        return None
    for name in ("reasoning_content", "reasoning"):
        thought = message.get(name)
        if type(thought) is str and thought:
            return text, thought
    return text, None


def _plain_output(output: Any) -> tuple[str | None, str | None] | None:
    """What `_answer` finds in Converse's message of texts and thoughts; None where others are among them."""
    message = output.get("message") if type(output) is dict else None
    content = message.get("content") if type(message) is dict else None
    if type(content) is not list or not content:
        return None
    thought = None
    if type(content[0]) is dict and len(content[0]) == 1 and "reasoningContent" in content[0]:
        shown = mapping(mapping(content[0]["reasoningContent"]).get("reasoningText")).get("text")
        thought = shown if isinstance(shown, str) else None
        content = content[1:]
    text = _plain_parts(content)
    return None if text is None else (text, thought or None)


def _plain_blocks(blocks: Any) -> tuple[str | None, str | None] | None:
    """What `_answer` finds in blocks that are texts and thoughts; None where others are among them."""
    if type(blocks) is not list:
        return None, None
    told: dict[str, list[str]] = {"text": [], "thinking": []}
    for block in blocks:
        kind = block.get("type") if type(block) is dict and "reasoningContent" not in block else None
        if kind != "text" and kind != "thinking":
            return None
        text = block.get(kind)
        if type(text) is not str or not text:
            return None
        told[kind].append(text)
    return "\n".join(told["text"]) or None, "\n\n".join(told["thinking"]) or None


def _answer(body: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The text of the answer and the reasoning shown, in whatever shape."""
    texts: list[str | None] = []
    thoughts: list[str | None] = []
    for choice in items(body.get("choices")):
        message = mapping(choice.get("message"))
        spoken = message.get("content") or message.get("refusal") or mapping(message.get("audio")).get("transcript")
        texts.append(choice["text"] if isinstance(choice.get("text"), str) else content_text(spoken))
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
            texts.append(content_text([block for block in content if not _is_result(block)]))
            thoughts += _thoughts({"content": content})
    return joined(texts), joined(thoughts)


def _is_result(block: Any) -> bool:
    """Whether a block of an answer is what a tool of the vendor's fetched: no word of the model's."""
    return isinstance(block, dict) and str(block.get("type")).endswith("_tool_result")


def _thoughts(message: Mapping[str, Any]) -> list[str | None]:
    """Reasoning text of one message: a field of its own, or blocks beside the answer."""
    for name in ("reasoning_content", "reasoning"):
        if isinstance(message.get(name), str) and message[name]:
            return [message[name]]
    shown: list[str | None] = []
    if isinstance(message.get("content"), str) and "thinking_blocks" not in message:
        return shown
    for block in items(message.get("thinking_blocks")) or items(message.get("content")):
        if block.get("type") == "thinking":
            shown.append(content_text(block.get("thinking")))  # Mistral's is a list of texts
        text = mapping(mapping(block.get("reasoningContent")).get("reasoningText")).get("text")
        shown.append(text if isinstance(text, str) else None)
    return shown
