"""Requests made smaller, in their own dialect: less reasoning, no log-probabilities, one answer.

Sources: the request types of the OpenAI (3.57) and Anthropic (2.14) SDKs; OpenRouter's ``reasoning``; the switches of
open servers (``chat_template_kwargs.enable_thinking`` of vLLM and SGLang, ``thinking_budget`` of Qwen,
``thinking_token_budget`` of vLLM). Only what a request asks for is lowered: a field that it does not have might be one
that its model does not know. ``max_tokens`` and its like are never touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stillwatch.gateway.shielding.documents import Unreadable, read, write
from stillwatch.gateway.shielding.reasoning import is_reasoning_part
from stillwatch.responses.traffic import API, Shape

__all__ = ["LEAST_BUDGET", "shape_body", "shape_fields"]

LEAST_BUDGET = 1024
"""Anthropic's API refuses a smaller ``thinking.budget_tokens``."""
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_BUDGETS = ("thinking_budget", "thinking_token_budget", "reasoning_budget")
_SWITCHES = ("enable_thinking", "thinking", "include_reasoning")
_DETAIL = ("logprobs", "top_logprobs", "prompt_logprobs")
_LOGPROBS_INCLUDED = "message.output_text.logprobs"
_ADAPTIVE = ((1024, "low"), (4096, "medium"), (16384, "high"))
"""Where a model decides by itself how long it thinks, a cap in tokens can only be said as an effort. The steps are
ours: budgets at which Anthropic's guide to extended thinking places simple, usual and hard tasks."""


def shape_fields(api: API, body: dict[str, object], shape: Shape, *, reasons: bool = False) -> dict[str, object]:
    """``body`` with ``shape`` applied (a new dictionary; the same object where nothing changes).

    ``reasons`` says that the model is known to reason and to take an effort: it is then told one, even where the
    request leaves it to the model.
    """
    new: dict[str, Any] = dict(body)
    if api == "openai_chat":
        _chat(new, shape, reasons)
    elif api == "openai_responses":
        _responses(new, shape, reasons)
    elif api == "anthropic_messages":
        _messages(new, shape)
    return body if new == body and len(new) == len(body) else new


def shape_body(api: API, body: bytes, shape: Shape, *, reasons: bool = False) -> bytes:
    """The request's JSON with ``shape`` applied; the very same bytes where nothing changes or where it is no JSON."""
    try:
        value, exact = read(body, careful=True)
    except Unreadable:
        return body
    if type(value) is not dict:
        return body
    new = shape_fields(api, value, shape, reasons=reasons)
    return body if new is value and exact else write(new)


def _chat(body: dict[str, Any], shape: Shape, reasons: bool) -> None:
    cap = _effort_cap(shape)
    if cap is not None:
        _lower_effort(body, "reasoning_effort", cap, missing=reasons and "reasoning" not in body)
    if type(body.get("reasoning")) is dict:  # OpenRouter
        body["reasoning"] = _reasoning(body["reasoning"], shape, tokens="max_tokens")
    if type(body.get("thinking")) is dict:  # LiteLLM, DeepSeek
        _thinking(body, shape)
    for name in _BUDGETS:
        _lower(body, name, shape.reasoning_tokens)
    if _off(shape):
        for name in _SWITCHES:
            if body.get(name) is True:
                body[name] = False
    if type(body.get("chat_template_kwargs")) is dict:
        body["chat_template_kwargs"] = _switches(body["chat_template_kwargs"], shape)
    _detail(body, shape)


def _switches(given: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    """What a request tells an open server's chat template."""
    switches = dict(given)
    for name in _BUDGETS:
        _lower(switches, name, shape.reasoning_tokens)
    if (cap := _effort_cap(shape)) is not None:
        _lower_effort(switches, "reasoning_effort", cap)
    if _off(shape):
        switches["enable_thinking"] = False
        if "thinking" in switches:
            switches["thinking"] = False
    return switches


def _responses(body: dict[str, Any], shape: Shape, reasons: bool) -> None:
    cap = _effort_cap(shape)
    if type(body.get("reasoning")) is dict:
        body["reasoning"] = _reasoning(body["reasoning"], shape, tokens="max_tokens", missing=reasons)
    elif reasons and cap is not None and body.get("reasoning") is None:
        body["reasoning"] = {"effort": cap}
    included = body.get("include")
    if shape.drop_logprobs and type(included) is list and _LOGPROBS_INCLUDED in included:
        body["include"] = [name for name in included if name != _LOGPROBS_INCLUDED]
    _detail(body, shape)


def _messages(body: dict[str, Any], shape: Shape) -> None:
    """Anthropic's: a budget is lowered, never below the API's least; no reasoning at all means ``disabled``.

    Disabled lifts what enabled thinking forbids (other temperatures, a tool that must be used), so nothing else is to
    be changed for these; but an answer that the caller began may then hold no thinking, and thinking that is not there
    may not be cleared.
    """
    if type(body.get("thinking")) is dict:
        _thinking(body, shape)
    cap = _effort_cap(shape)
    settings = body.get("output_config")
    if cap is not None and type(settings) is dict and "effort" in settings:
        settings = dict(settings)
        _lower_effort(settings, "effort", "low" if cap in ("none", "minimal") else cap)
        body["output_config"] = settings


def _thinking(body: dict[str, Any], shape: Shape) -> None:
    thinking: dict[str, Any] = body["thinking"]
    kind, budget = thinking.get("type"), thinking.get("budget_tokens")
    if _off(shape):
        if kind != "disabled":
            body["thinking"] = {"type": "disabled"}
            _without_thinking(body)
    elif kind == "adaptive" and shape.reasoning_tokens is not None and type(body.get("output_config", {})) is dict:
        effort = next((name for tokens, name in _ADAPTIVE if shape.reasoning_tokens <= tokens), None)
        if effort is not None:
            settings = dict(body.get("output_config", {}))
            _lower_effort(settings, "effort", effort, missing=True)
            body["output_config"] = settings
    elif type(budget) is int and shape.reasoning_tokens is not None and budget > LEAST_BUDGET:
        least = max(LEAST_BUDGET, shape.reasoning_tokens)
        if budget > least:
            body["thinking"] = {**thinking, "budget_tokens": least}


def _without_thinking(body: dict[str, Any]) -> None:
    """What the API refuses beside disabled thinking."""
    messages = body.get("messages")
    last = messages[-1] if type(messages) is list and messages else None
    if type(messages) is list and type(last) is dict and last.get("role") == "assistant":
        content = last.get("content")
        if type(content) is list and any(is_reasoning_part(part) for part in content):
            kept = [part for part in content if not is_reasoning_part(part)]
            body["messages"] = [*messages[:-1], {**last, "content": kept}] if kept else messages[:-1]
    managed = body.get("context_management")
    if type(managed) is dict and type(managed.get("edits")) is list:
        edits = [e for e in managed["edits"] if not (type(e) is dict and "thinking" in str(e.get("type")))]
        if len(edits) != len(managed["edits"]):
            body["context_management"] = {**managed, "edits": edits}


def _reasoning(settings: Mapping[str, Any], shape: Shape, *, tokens: str, missing: bool = False) -> dict[str, Any]:
    new = dict(settings)
    cap = _effort_cap(shape)
    if cap is not None:
        _lower_effort(new, "effort", cap, missing=missing)
    _lower(new, tokens, shape.reasoning_tokens)
    if _off(shape) and new.get("enabled") is True:
        new["enabled"] = False
    return new


def _off(shape: Shape) -> bool:
    return shape.reasoning_effort == "none" or shape.reasoning_tokens == 0


def _effort_cap(shape: Shape) -> str | None:
    return "none" if shape.reasoning_tokens == 0 else shape.reasoning_effort


def _lower_effort(body: dict[str, Any], name: str, cap: str, *, missing: bool = False) -> None:
    """The effort brought down to ``cap``; one that nobody knows is lowered too: it may be the highest."""
    value = body.get(name)
    if value is None:
        if missing:
            body[name] = cap
    elif type(value) is not str or value not in _EFFORTS or _EFFORTS.index(value) > _EFFORTS.index(cap):
        body[name] = cap


def _lower(body: dict[str, Any], name: str, most: int | None) -> None:
    value: Any = body.get(name)
    if most is not None and type(value) in (int, float) and (value > most or value < 0):  # less than none: no limit
        body[name] = most


def _detail(body: dict[str, Any], shape: Shape) -> None:
    if shape.drop_logprobs:
        for name in _DETAIL:
            body.pop(name, None)
    if shape.one_answer:
        for name in ("n", "best_of"):
            if body.get(name) is not None and body[name] != 1:
                body[name] = 1
