"""What an endpoint's refusals to work mean: whether to ask again, when, and what the user can do about it.

Sources: RFC 9110 (status codes, ``Retry-After`` in seconds or as a date); the errors pages of OpenAI, Anthropic (529),
Azure (400 ``content_filter``) and OpenRouter (403 with ``metadata.reasons``; an ``error`` in a body of status 200).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from stillwatch.errors import AskingError

__all__ = ["Said", "failure", "is_filter", "retry_after", "said"]

_AGAIN = frozenset({408, 409, 425, 429})
_BUSY = frozenset({429, 503, 529})
_AWAY = frozenset({502, 504, *range(520, 528)})
"""A gateway's words for a server behind it that is not there (520 to 527: Cloudflare's)."""
_HOPELESS = frozenset({401, 402, 404})
_LONGEST_QUOTE = 200
_NO_CREDIT = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "enforced_spend_limit_reached",
        "billing_hard_limit_reached",
        "billing_error",
    }
)
_FILTERS = frozenset({"content_filter", "content_policy_violation", "invalid_prompt", "responsibleaipolicyviolation"})
_FILTER_WORDS = ("content filtering policy", "content management policy")
_TO_DO = {
    400: "see whether the model takes these settings: extra and leave_out in its TOML file, docs/asking.md",
    401: 'give its key: key = "env:NAME" in a TOML file, or #env:NAME after its address',
    402: "its account is out of credit",
    403: "ask its operator whether this key may use this model",
    404: "correct the model's name or the address: OpenAI-compatible ones mostly end in /v1",
    413: "the question is too long for it",
}
_BY_TYPE = {
    "rate_limit_error": 429,
    "overloaded_error": 529,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "invalid_request_error": 400,
    "billing_error": 402,
    "timeout_error": 504,
    "api_error": 500,
}


class Said(NamedTuple):
    """What a failing endpoint says of itself: names of the error, lower case, its message, and whether it moderated."""

    names: frozenset[str]
    message: str
    status: int | None
    moderated: bool


def said(body: Any) -> Said:
    """The error in a decoded body, whatever its shape; nothing where it tells none."""
    error = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(error, str):
        return Said(frozenset(), error, None, False)
    if not isinstance(error, dict):
        return Said(frozenset(), "", None, False)
    parts = [error, *(part for name in ("innererror", "details") if isinstance(part := error.get(name), dict))]
    told = [part.get(name) for part in parts for name in ("code", "type", "error_code")]
    names = frozenset(value.lower() for value in told if isinstance(value, str))
    code = error.get("code")
    status = code if type(code) is int and 400 <= code < 600 else None
    if status is None:
        status = next((_BY_TYPE[name] for name in names if name in _BY_TYPE), None)
    metadata = error.get("metadata")
    message = error.get("message") or error.get("detail")
    return Said(
        names,
        message if isinstance(message, str) else "",
        status,
        isinstance(metadata, dict) and isinstance(metadata.get("reasons"), list),
    )


def is_filter(status: int, told: Said) -> bool:
    """Whether this failure is the provider's filter at work, which is an answer: it refuses."""
    if status not in {400, 403, 422}:
        return False
    lowered = told.message[:2000].lower()
    return told.moderated or not _FILTERS.isdisjoint(told.names) or any(words in lowered for words in _FILTER_WORDS)


def failure(status: int, told: Said, after: float | None, where: str) -> AskingError:
    """The error for an answer of this status. ``told.message`` must hold no key."""
    quoted = "".join(c if c.isprintable() else " " for c in told.message[:_LONGEST_QUOTE]).strip()
    what = f"answers {status}"
    if not _NO_CREDIT.isdisjoint(told.names):
        return AskingError(f"{what}; {_TO_DO[402]}", where, again=False, hopeless=True, quoted=quoted)
    if status in _AGAIN or status >= 500:
        return AskingError(
            what, where, again=True, after=after, busy=status in _BUSY, away=status in _AWAY, quoted=quoted
        )
    if 300 <= status < 400:
        what += ", a redirection, and questions and keys go only where you say; give the address that it means"
        return AskingError(what, where, again=False, hopeless=True)
    do = _TO_DO.get(status)
    return AskingError(f"{what}; {do}" if do else what, where, again=False, hopeless=status in _HOPELESS, quoted=quoted)


def retry_after(headers: Mapping[str, str], now: dt.datetime) -> float | None:
    """Seconds to wait, from ``retry-after-ms`` or ``Retry-After`` (seconds, or a date); None where it says nothing."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()[:100]
        try:
            seconds = float(value) * unit
        except ValueError:
            seconds = _until(value, now) if name == "retry-after" and value else math.nan
        if math.isfinite(seconds):
            return max(seconds, 0.0)
    return None


def _until(value: str, now: dt.datetime) -> float:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return math.nan
    return (date if date.tzinfo else date.replace(tzinfo=dt.UTC)).timestamp() - now.timestamp()
