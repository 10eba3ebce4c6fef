"""Calls as LiteLLM's proxy describes them: to requests that the gate decides on, and to rows of a log.

Imports nothing of LiteLLM: what its hooks hand over is read by name.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final

from stillwatch.exchange import EXCHANGE, REQUIRED
from stillwatch.gateway.doors.calls import Call, Caller
from stillwatch.gateway.shielding.shaping import shape_fields
from stillwatch.responses.traffic import API, Operation, Shape
from stillwatch.sources.formats.litellm import SOURCE, billed
from stillwatch.sources.records.callers import mended
from stillwatch.sources.records.conversation import BadConversationError, readable_text
from stillwatch.sources.records.values import CONVERTERS, BadValueError

__all__ = ["TEXTS", "call_of", "caller_of", "recent_ids", "row_of_payload", "shaped"]

TEXTS: Final = ("system_prompt", "messages", "response", "reasoning")
"""The columns of a row that hold what was said."""
REMEMBERED: Final = 65_536
LONGEST: Final = 200
_ROUTES: Final[tuple[tuple[str, API, Operation], ...]] = (
    ("acreate_batch", "openai_chat", "batch"),
    ("anthropic_messages", "anthropic_messages", "messages"),
    ("aresponses", "openai_responses", "responses"),
    ("acompletion", "openai_chat", "chat"),
    ("atext_completion", "openai_chat", "completions"),
    ("aembedding", "openai_chat", "embeddings"),
)
"""What the proxy calls a route (``route_type``), and what it is to us."""


def call_of(call_type: str, data: Mapping[str, Any]) -> Call:
    """The dialect and operation of a call; ``data`` is the request's body, to which the proxy has added its own keys.

    Answers that were kept and are fetched again (``aget_responses``) are "other" in the dialect of responses: reasoning
    may be in them.
    """
    for name, api, operation in _ROUTES:
        if call_type in (name, name[1:]):
            return Call(api, operation, dict(data))
    return Call("openai_responses" if "responses" in call_type else "other", "other", dict(data))


def caller_of(user: Any, data: Mapping[str, Any]) -> Caller:
    """Who calls, by what the proxy established from the key; the account as the reader of LiteLLM's logs names it.

    The tier is ``tier`` in the metadata of the key, or else of the team; a caller sets neither.
    """
    metadata = {f"user_api_key_{name}_id": getattr(user, f"{name}_id", None) for name in ("user", "team", "org")}
    account, key = billed(metadata | {"user_api_key_hash": getattr(user, "api_key", None)}, {})
    tiers = (getattr(user, name, None) for name in ("metadata", "team_metadata"))
    tier = next((told["tier"] for told in tiers if isinstance(told, dict) and isinstance(told.get("tier"), str)), "")
    return Caller(
        account_id=str(account or ""),
        api_key_id=str(key or ""),
        tier=tier,
        client_ip=_told(data, "requester_ip_address"),
        user_agent=_told(data, "user_agent"),
    )


def _told(data: Mapping[str, Any], name: str) -> str:
    """What the proxy noted of a request, in one of two places; the other is the caller's, so they must not disagree."""
    places = (data.get("litellm_metadata"), data.get("metadata"))
    found = {value for place in places if isinstance(place, dict) and isinstance(value := place.get(name), str)}
    return found.pop()[:LONGEST] if len(found) == 1 else ""


def recent_ids() -> Callable[[Any], str]:
    """Gives each call the id that the proxy gave it, or a new one if that was seen among the last 65,536.

    A caller may choose the proxy's id for a call, and readers of a log drop doubles.
    """
    seen: OrderedDict[str, None] = OrderedDict()

    def fresh(told: Any) -> str:
        if not isinstance(told, str) or not told or told in seen:
            return str(uuid.uuid4())
        seen[told] = None
        if len(seen) > REMEMBERED:
            seen.popitem(last=False)
        return told

    return fresh


def shaped(api: API, data: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """The request made smaller.

    Over the API of chat completions LiteLLM also takes Anthropic's ``thinking``, which is then made smaller too.
    """
    smaller = shape_fields(api, data, shape)
    if api == "openai_chat" and "thinking" in smaller:
        smaller = shape_fields("anthropic_messages", smaller, shape)
    return smaller


def row_of_payload(payload: Mapping[str, Any]) -> dict[str, object] | None:
    """The row of `EXCHANGE` that the reader of LiteLLM's logs makes of a ``StandardLoggingPayload``; times in
    microseconds. None for a payload without an id, a time or an account, which the reader sets aside."""
    row: dict[str, object] = {}
    for values in SOURCE.exchanges(payload):
        row = {name: _typed(name, values.get(name)) for name in EXCHANGE.names}
    return row if row and all(row[name] is not None for name in REQUIRED) else None


def _typed(column: str, value: Any) -> object:
    """A value as its column holds it; null where it cannot be (the reader would set the record aside)."""
    if value is None:
        return None
    try:
        return CONVERTERS[column](value)
    except BadConversationError:
        return readable_text(value)
    except BadValueError as error:
        try:
            return mended(column, value, error)
        except BadValueError:
            return None
