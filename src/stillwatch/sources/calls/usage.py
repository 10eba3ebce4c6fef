"""Tokens as vendors count them, made to mean the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["usage_values"]

_GEMINI_COUNTS = (
    ("promptTokenCount", "toolUsePromptTokenCount", "candidatesTokenCount", "thoughtsTokenCount"),
    ("prompt_token_count", "tool_use_prompt_token_count", "candidates_token_count", "thoughts_token_count"),
)
_COUNTED = ("input_tokens", "output_tokens", "reasoning_tokens")
_OTHER_COUNTS = frozenset({"inputTokens", *(name for names in _GEMINI_COUNTS for name in names)})


def usage_values(usage: Mapping[str, Any]) -> dict[str, Any]:
    """input_tokens, output_tokens and reasoning_tokens from any vendor's usage, made to mean the same.

    Anthropic and Bedrock count what a cache held beside the input, the others within it; Gemini counts reasoning beside
    the output, and what its own tools fetched beside the input; xAI counts reasoning beside the output, which the total
    gives away. What is no number is left as it is, for the row to be set
    aside; null where nothing is told.
    """
    if not usage:
        return dict.fromkeys(_COUNTED)
    details = usage.get("completion_tokens_details") or usage.get("output_tokens_details")
    reasoning = details.get("reasoning_tokens", details.get("thinking_tokens")) if type(details) is dict else None
    others = not _OTHER_COUNTS.isdisjoint(usage)
    if "prompt_tokens" in usage and "completion_tokens" in usage and not others and not reasoning:
        return {
            "input_tokens": usage["prompt_tokens"],
            "output_tokens": usage["completion_tokens"],
            "reasoning_tokens": reasoning,
        }
    for prompt, tools, answer, thoughts in _GEMINI_COUNTS if others else ():
        if prompt in usage or answer in usage:
            counts = _total(usage, prompt, tools), _total(usage, answer, thoughts), usage.get(thoughts)
            return dict(zip(_COUNTED, counts, strict=True))
    if "inputTokens" in usage:
        cached = ("cacheReadInputTokens", "cacheWriteInputTokens")
        return {
            "input_tokens": _total(usage, "inputTokens", *cached),
            "output_tokens": usage.get("outputTokens"),
            "reasoning_tokens": reasoning,
        }
    cached = ("cache_creation_input_tokens", "cache_read_input_tokens")
    beside = () if "input_tokens_details" in usage else cached  # OpenAI's Responses count them within
    output = usage["completion_tokens"] if "completion_tokens" in usage else usage.get("output_tokens")
    if reasoning and type(reasoning) is type(output) is int and output + reasoning == _rest(usage):
        output += reasoning
    return {
        "input_tokens": usage["prompt_tokens"] if "prompt_tokens" in usage else _total(usage, "input_tokens", *beside),
        "output_tokens": output,
        "reasoning_tokens": reasoning,
    }


def _rest(usage: Mapping[str, Any]) -> int | None:
    """What the total leaves beside the prompt: with xAI, the answer's tokens and those of its reasoning."""
    total, prompt = usage.get("total_tokens"), usage.get("prompt_tokens")
    return total - prompt if type(total) is type(prompt) is int else None


def _total(usage: Mapping[str, Any], first: str, *more: str) -> Any:
    """The first count and those beside it; the first alone as it is where one of them is no whole number."""
    total = None
    for name in (first, *more):
        count = usage.get(name)
        if count is None:
            continue
        if type(count) is not int:
            return usage.get(first)
        total = count if total is None else total + count
    return total
