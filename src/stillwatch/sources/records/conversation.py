"""The conversation column: JSON text of a list of ``{"role", "content"}``, whatever shape a log keeps it in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from stillwatch.sources.containers.json_documents import decoded

__all__ = [
    "SYSTEM_ROLES",
    "BadConversationError",
    "Conversation",
    "Remnant",
    "Turn",
    "Turns",
    "apart",
    "content_text",
    "messages_text",
    "normalised",
    "readable",
    "readable_text",
    "without_halves",
    "without_system",
]

SYSTEM_ROLES = ("system", "developer")
MAX_NESTING = 64
# Where a part keeps its text; the last three are blocks of Bedrock Converse around further ones.
TEXT_KEYS = ("text", "content", "refusal", "toolResult", "guardContent", "citationsContent")


class _Message(msgspec.Struct):
    role: str
    content: str | None = None


_HALVES = re.compile("[\ud800-\udfff]")
_CHECK = msgspec.json.Decoder(list[_Message])
_LOOSE = msgspec.json.Decoder()
_ENCODE = msgspec.json.Encoder()


class Conversation(list[dict[str, str | None]]):
    """Messages that are in order already: each a role and a text, so that nobody has to look again."""


class Remnant(Conversation):
    """What could be read of a conversation of which something could not."""


class Turn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One message that is a role and a text."""

    role: str
    content: str


class Turns(list[Turn]):
    """What `Conversation` is, as a typed decoder reads it."""


class BadConversationError(ValueError):
    """A conversation that is no list of roles and contents."""


def messages_text(value: object) -> str | None:
    """A conversation as the JSON text that THE record holds; an empty one is null.

    ``value`` is that JSON text (kept as it is, if it decodes), JSON text whose contents are lists of parts, or the
    list itself. Raises `BadConversationError` for anything else.
    """
    if isinstance(value, str):
        if not value:
            return None
        try:
            return value if _CHECK.decode(value) else None
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            pass
        try:
            value = _LOOSE.decode(value)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise BadConversationError("messages is not JSON") from None
    if type(value) is Remnant:
        raise BadConversationError("messages holds something without a role")
    messages = value if type(value) is Conversation or type(value) is Turns else normalised(value)
    if not messages:
        return None
    try:
        return _ENCODE.encode(messages).decode()
    except UnicodeError:
        raise BadConversationError("text that UTF-8 cannot hold") from None


def normalised(value: object) -> Conversation:
    """A list of messages, each reduced to its role and the text of its content.

    Raises `BadConversationError` where ``value`` is no list of objects with a role.
    """
    if not isinstance(value, list):
        raise BadConversationError("messages is not a list")
    messages = Conversation()
    for message in value:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise BadConversationError("messages holds something without a role")
        messages.append({"role": message["role"], "content": content_text(message.get("content"))})
    return messages


def readable(value: object) -> Conversation:
    """A conversation whatever a caller made of it: a `Remnant` where something in it is no message.

    The text of what has no role counts as the user's: whoever writes into a request is that.
    """
    try:
        return normalised(value)
    except BadConversationError:
        found = Remnant()
    for message in value if isinstance(value, list) else []:
        role = message.get("role") if isinstance(message, dict) else None
        text = content_text(message.get("content") if isinstance(message, dict) else message)
        if isinstance(role, str) or text:
            found.append({"role": role if isinstance(role, str) else "user", "content": text})
    return found


def readable_text(value: object) -> str | None:
    """What `messages_text` would say of a value that it refuses, were it sound: what can be read of it, or null."""
    messages = value if isinstance(value, Conversation) else readable(decoded(value))
    sound = [{name: text and without_halves(text) for name, text in message.items()} for message in messages]
    return _ENCODE.encode(sound).decode() if sound else None


def without_halves(text: str) -> str:
    """A text with U+FFFD for each half of a surrogate pair, which UTF-8 cannot hold."""
    return text if text.isascii() else _HALVES.sub("\ufffd", text)


def without_system(messages: Iterable[dict[str, str | None]]) -> tuple[str | None, Conversation]:
    """The instructions above a conversation (all system and developer messages, in order) and the rest of it."""
    system: list[str] = []
    rest = Remnant() if type(messages) is Remnant else Conversation()
    for message in messages:
        if message["role"] in SYSTEM_ROLES:
            system.extend(filter(None, [message["content"]]))
        else:
            rest.append(message)
    return "\n\n".join(system) or None, rest


def apart(sent: list[tuple[Any, str | None]]) -> tuple[str | None, Conversation]:
    """The instructions among messages, each a role and a text, and the rest of them: a `Remnant` if one has no role."""
    system: list[str] = []
    rest = Conversation()
    for role, text in sent:
        if type(role) is not str:
            return without_system(readable([{"role": role, "content": text} for role, text in sent]))
        if role not in SYSTEM_ROLES:
            rest.append({"role": role, "content": text})
        elif text:
            system.append(text)
    return "\n\n".join(system) or None, rest


def content_text(content: Any, depth: int = 0) -> str | None:
    """The text in a message's content: a text, a part, or a list of parts; null where there is none.

    Parts that are no text (images, sound, encrypted reasoning) are left out; a tool's result counts as text, and so
    does a refusal.
    """
    if isinstance(content, str):
        return content
    if depth > MAX_NESTING:
        return None
    if isinstance(content, dict):
        if content.get("type") in ("thinking", "redacted_thinking", "reasoning"):
            return None
        inner = next((content[name] for name in TEXT_KEYS if content.get(name)), None)
        return content_text(inner, depth + 1)
    if isinstance(content, list):
        parts = [text for part in content if (text := content_text(part, depth + 1)) is not None]
        return "\n".join(parts) if parts else None
    return None
