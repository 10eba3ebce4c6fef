"""Tokens that a tool of observation tells in parts which add up, such as Langfuse's ``usage_details``.

By its contract ``input`` leaves out what ``input_cached_tokens`` holds. Some libraries count the parts within the
whole all the same: if ``total`` is the sum of ``input`` and ``output`` alone, these two count alone. Of OpenAI's names
that were stored as they were, ``prompt_tokens`` and ``completion_tokens`` count.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stillwatch.sources.records.values import BadValueError, whole

__all__ = ["counted_parts"]

_END = 2**63
_STORED = ("prompt_tokens", "completion_tokens")


def counted_parts(usage: Mapping[str, Any]) -> dict[str, Any]:
    """input_tokens, output_tokens and reasoning_tokens of a usage told in parts; null each where it tells none."""
    parts = {name.lower(): count for name, count in usage.items() if count is not None}
    wholes: dict[str, int | None] = {}
    sent: list[str] = []
    answered: list[str] = []
    reasoning = ""
    for name, count in parts.items():
        wholes[name] = count if type(count) is int and 0 <= count < _END else _whole(count)
        if "cost" not in name:
            if "input" in name:
                sent.append(name)
            if "output" in name:
                answered.append(name)
        if not reasoning and "reasoning" in name:
            reasoning = name
    counts = {
        "input_tokens": _sum(sent or [name for name in _STORED[:1] if name in parts], parts, wholes),
        "output_tokens": _sum(answered or [name for name in _STORED[1:] if name in parts], parts, wholes),
    }
    total, put, got = wholes.get("total"), wholes.get("input"), wholes.get("output")
    if total is not None and put is not None and got is not None:
        if put + got == total:
            counts = {"input_tokens": put, "output_tokens": got}
        elif "output" not in reasoning and put + got + (wholes.get(reasoning) or 0) == total:
            counts["output_tokens"] = total - put
    counts["reasoning_tokens"] = parts.get(reasoning)
    return counts


def _sum(names: list[str], parts: Mapping[str, Any], wholes: Mapping[str, int | None]) -> Any:
    """Counts together; the first that is none, for the row to be set aside; null where there are none."""
    total = 0
    for name in names:
        count = wholes[name]
        if count is None:
            return parts[name]
        total += count
    return total if names else None


def _whole(value: Any) -> int | None:
    """A count, which some exports write as text or with a point; null for anything else."""
    try:
        return whole(value)
    except BadValueError:
        return None
