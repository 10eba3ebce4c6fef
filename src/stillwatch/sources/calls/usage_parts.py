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

_STORED = ("prompt_tokens", "completion_tokens")


def counted_parts(usage: Mapping[str, Any]) -> dict[str, Any]:
    """input_tokens, output_tokens and reasoning_tokens of a usage told in parts; null each where it tells none."""
    parts = {name.lower(): count for name, count in usage.items() if count is not None}
    sent: list[Any] = []
    answered: list[Any] = []
    reasoning = ""
    for name, count in parts.items():
        if "cost" not in name:
            if "input" in name:
                sent.append(count)
            if "output" in name:
                answered.append(count)
        if not reasoning and "reasoning" in name:
            reasoning = name
    counts = {
        "input_tokens": _sum(sent or [parts[name] for name in _STORED[:1] if name in parts]),
        "output_tokens": _sum(answered or [parts[name] for name in _STORED[1:] if name in parts]),
    }
    total, plain = _whole(parts.get("total")), (_whole(parts.get("input")), _whole(parts.get("output")))
    if total is not None and plain[0] is not None and plain[1] is not None:
        if plain[0] + plain[1] == total:
            counts = {"input_tokens": plain[0], "output_tokens": plain[1]}
        elif "output" not in reasoning and plain[0] + plain[1] + _whole_or_0(parts.get(reasoning)) == total:
            counts["output_tokens"] = total - plain[0]
    return counts | {"reasoning_tokens": parts.get(reasoning)}


def _sum(found: list[Any]) -> Any:
    """Counts together; the first that is none, for the row to be set aside; null where there are none."""
    wholes = list(map(_whole, found))
    if None in wholes:
        return found[wholes.index(None)]
    return sum(filter(None, wholes)) if wholes else None


def _whole(value: Any) -> int | None:
    """A count, which some exports write as text or with a point; null for anything else."""
    if type(value) is int and 0 <= value < 2**63:
        return value
    try:
        return None if value is None else whole(value)
    except BadValueError:
        return None


def _whole_or_0(value: Any) -> int:
    return _whole(value) or 0
