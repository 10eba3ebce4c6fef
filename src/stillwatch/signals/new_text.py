"""What the user newly wrote in one exchange: the unit of evidence.

An API client sends the whole conversation each time. History that is repeated is no new evidence, so only
the messages after the last answer of the assistant count. The ``messages`` column holds a JSON list of
``{"role": …, "content": …}`` where the content is a string or a list of ``{"type": "text", "text": …}``.
It is hostile: whatever cannot be read is read as empty, and nothing here raises on content.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

_SYSTEM_ROLES = frozenset({"system", "developer"})
_ASSISTANT_ROLES = frozenset({"assistant", "model", "ai"})
_TOOL_ROLES = frozenset({"tool", "function"})
_TOOL_PARTS = frozenset({"tool_result", "function_call_output"})
_DECODER = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class Turn:
    """The new part of one exchange.

    ``text`` what is new, parts joined by a blank line; ``system`` the instructions given inside
    ``messages``; ``is_tool_result`` whether the new part holds the result of a tool; ``history_length``
    the number of messages before the new part, instructions not counted.
    """

    text: str = ""
    system: str = ""
    is_tool_result: bool = False
    history_length: int = 0


EMPTY = Turn()


@dataclass(frozen=True, slots=True)
class Turns:
    """`Turn` of many exchanges, column by column; all of one length (0 rows: empty columns)."""

    text: list[str]
    system: list[str]
    is_tool_result: npt.NDArray[np.bool_]
    history_length: npt.NDArray[np.int64]


def _printable(text: str) -> str:
    """The text without lone surrogates, which no encoder of ours accepts."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")
    return text


def _content(content: Any) -> tuple[str, bool]:
    """Text of a message's content, and whether a part of it is the result of a tool."""
    if isinstance(content, str):
        return content, False
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        return "", False
    texts: list[str] = []
    tool = False
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            result = part.get("type") in _TOOL_PARTS if isinstance(part.get("type"), str) else False
            tool = tool or result
            inner = part.get("text")
            if inner is None and result:  # the result of a tool may itself be a list of text parts
                inner = _shallow(part.get("content", part.get("output")))
            if isinstance(inner, str):
                texts.append(inner)
    return "\n\n".join(texts), tool


def _shallow(content: Any) -> str:
    """Text of the content of a tool's result: a string, or text parts one level deep."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n\n".join(p["text"] for p in content if isinstance(p, dict) and isinstance(p.get("text"), str))


def _role(message: Any) -> str:
    role = message.get("role") if isinstance(message, dict) else None
    return role if isinstance(role, str) else ""


def new_turn(messages: str | None) -> Turn:
    """The new part of one exchange's ``messages`` (null, broken JSON or another shape: an empty turn).

    A JSON string is read as one message of the user. Assistant messages at the very end are a beginning
    that the client wrote for the answer; they are passed over.
    """
    if not messages:
        return EMPTY
    try:
        parsed = _DECODER.decode(messages)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return EMPTY
    if isinstance(parsed, str):
        return Turn(text=_printable(parsed))
    if isinstance(parsed, dict):
        parsed = [parsed]
    if not isinstance(parsed, list):
        return EMPTY
    return _split(parsed)


def _split(messages: list[Any]) -> Turn:
    roles = [_role(message) for message in messages]
    end = len(messages)
    while end and roles[end - 1] in _ASSISTANT_ROLES:
        end -= 1
    start = end
    while start and roles[start - 1] not in _ASSISTANT_ROLES:
        start -= 1
    texts: list[str] = []
    tool = False
    for message, role in zip(messages[start:end], roles[start:end], strict=True):
        if role in _SYSTEM_ROLES or not isinstance(message, dict):
            continue
        text, part_of_tool = _content(message.get("content"))
        tool = tool or part_of_tool or role in _TOOL_ROLES
        if text:
            texts.append(text)
    pairs = zip(messages, roles, strict=True)
    system = "\n\n".join(_content(m.get("content"))[0] for m, role in pairs if role in _SYSTEM_ROLES)
    history = sum(role not in _SYSTEM_ROLES for role in roles[:start])
    return Turn(_printable("\n\n".join(texts)), _printable(system), tool, history)


def new_turns(messages: Iterable[str | None] | pa.Array | pa.ChunkedArray) -> Turns:
    """`new_turn` of every row of a column of strings (a column of another type reads as empty)."""
    if isinstance(messages, pa.Array | pa.ChunkedArray):
        text_type = pa.types.is_string(messages.type) or pa.types.is_large_string(messages.type)
        rows: Iterable[str | None] = messages.to_pylist() if text_type else [None] * len(messages)
    else:
        rows = messages
    turns = [new_turn(row) for row in rows]
    return Turns(
        text=[turn.text for turn in turns],
        system=[turn.system for turn in turns],
        is_tool_result=np.array([turn.is_tool_result for turn in turns], dtype=np.bool_),
        history_length=np.array([turn.history_length for turn in turns], dtype=np.int64),
    )
