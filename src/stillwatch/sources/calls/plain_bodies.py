"""Logged bodies as nearly all are, read by typed decoders: what `bodies` tells of them, sooner.

They take JSON texts of chat completions whose keys and values are known to mean nothing else; of any other text they
say nothing, and it is read as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from stillwatch.sources.calls.bodies import conversation, tool_count
from stillwatch.sources.calls.usage import usage_values
from stillwatch.sources.records.conversation import SYSTEM_ROLES, Turn, Turns

__all__ = ["plain_conversation", "plain_request", "plain_response", "plain_text"]

Told = TypeVar("Told")
_IN_ORDER = '{"role":'
_UNREAD_OF_REQUESTS = (
    *("stream", "stream_options", "top_p", "n", "stop", "seed", "user", "presence_penalty", "frequency_penalty"),
    *("logit_bias", "logprobs", "top_logprobs", "response_format", "tool_choice", "parallel_tool_calls", "store"),
    *("metadata", "service_tier", "reasoning_effort"),
)
_UNREAD_OF_ANSWERS = ("id", "object", "created", "system_fingerprint", "service_tier", "prompt_filter_results")


def _struct(name: str, **fields: Any) -> Any:
    told: list[Any] = [(key, *kind) if isinstance(kind, tuple) else (key, kind) for key, kind in fields.items()]
    return msgspec.defstruct(name, told, forbid_unknown_fields=True, gc=False)


_ANY, _TEXT = (Any, None), (str | None, None)
_Request = _struct(
    "Request",
    **dict.fromkeys(("model", "messages", "temperature", "max_tokens", "max_completion_tokens", "tools"), _ANY),
    **dict.fromkeys(_UNREAD_OF_REQUESTS, _ANY),
)
_Message = _struct(
    "Message",
    **dict.fromkeys(("content", "reasoning_content", "reasoning"), _TEXT),
    **dict.fromkeys(("role", "tool_calls", "function_call", "annotations"), _ANY),
    refusal=(None, None),
)
_Choice: Any = _struct(
    "Choice",
    message=_Message,
    **dict.fromkeys(("index", "finish_reason", "logprobs", "content_filter_results"), _ANY),
)
_Response = _struct(
    "Response",
    choices=list.__class_getitem__(_Choice),
    usage=(dict[str, Any] | None, None),
    model=_ANY,
    **dict.fromkeys(_UNREAD_OF_ANSWERS, _ANY),
)


def _reading(kind: type[Told]) -> Callable[[str], Told | None]:
    """A decoder of JSON text that is of some kind; None for all other text."""
    decode = msgspec.json.Decoder(kind).decode

    def read(text: str) -> Told | None:
        try:
            return decode(text)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return None

    return read


_request: Callable[[str], Any] = _reading(_Request)
_response: Callable[[str], Any] = _reading(_Response)
_turns = _reading(list[Turn])


def plain_request(text: str) -> dict[str, Any] | None:
    """`request_values` of a body's text."""
    body = _request(text)
    if body is None:
        return None
    messages, tools, model, temperature = body.messages, body.tools, body.model, body.temperature
    limit = body.max_tokens if body.max_completion_tokens is None else body.max_completion_tokens
    if model is messages is temperature is limit is tools is None:  # perhaps it is empty
        return None
    system, told = (None, None) if messages is None else conversation({"messages": messages})
    return {
        "model": model or None,
        "system_prompt": system,
        "messages": told,
        "temperature": temperature,
        "max_tokens": limit,
        "tool_count": tool_count({"tools": tools}) if tools else 0,
    }


def plain_response(text: str) -> dict[str, Any] | None:
    """`response_values` of a body's text."""
    body = _response(text)
    if body is None or len(body.choices) != 1:
        return None
    message = body.choices[0].message
    return {
        "model": body.model or None,
        "response": message.content or None,
        "reasoning": message.reasoning_content or message.reasoning or None,
        **usage_values(body.usage or {}),
    }


def plain_conversation(text: str) -> tuple[str | None, Turns | None] | None:
    """`conversation` of the text of messages, each a role and then a text."""
    sent = _turns(text)
    if not sent or text.count(_IN_ORDER) != len(sent):  # else THE record would have them in another order
        return None
    system = [turn.content for turn in sent if turn.role in SYSTEM_ROLES]
    if not system:
        return None, Turns(sent)
    rest = Turns([turn for turn in sent if turn.role not in SYSTEM_ROLES])
    return "\n\n".join(filter(None, system)) or None, rest or None


def plain_text(text: str) -> str | None:
    """`answer_texts` of the text of one message that is a role and a text which says something, without reasoning."""
    told = _turns(text)
    return told[0].content or None if told and len(told) == 1 else None
