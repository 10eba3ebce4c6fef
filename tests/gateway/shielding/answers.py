"""Answers of models, whole and as streams, made from a seed: what is visible is known, and reasoning is Georgian.

Nothing else here is Georgian, so that a single letter that leaves is a letter too many, however it was written.
"""

from __future__ import annotations

import base64
import json
import random
from dataclasses import dataclass, field
from typing import Any

GEORGIAN = "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ"
VISIBLE = [
    "The",
    " answer",
    " is",
    " 42",
    "\n\n",
    "<b>",
    "[1]",
    " reasoning",
    " thinking",
    " é",
    " 😀",
    '"',
    "\\",
    "<think",
]
TOOLS = [{"city": "Tiflis", "reasoning": "given by the tool"}, {"q": "<think>no</think>"}, {}]


@dataclass
class Answer:
    """One answer: the ``events`` of its stream, its whole ``body``, and what of it everybody may see."""

    events: list[dict[str, Any]] = field(default_factory=list)
    body: dict[str, Any] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)
    calls: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    usage: dict[str, Any] = field(default_factory=dict)
    named: bool = False
    done: bool = False


def words(rng: random.Random, low: int = 1) -> list[str]:
    rest = ["".join(rng.choices(GEORGIAN + "  ", k=rng.randint(1, 12))) for _ in range(rng.randint(low, 4))]
    return [rng.choice(GEORGIAN) + rest[0], *rest[1:]]


def spoken(rng: random.Random) -> list[str]:
    pieces = [rng.choice(VISIBLE) for _ in range(rng.randint(1, 6))]
    return ["Well", *pieces] if rng.random() < 0.5 or "".join(pieces).lstrip().startswith("<think") else pieces


def cipher(rng: random.Random) -> str:
    return base64.b64encode(rng.randbytes(rng.randint(60, 90))).decode()


def pieces(rng: random.Random, text: str) -> list[str]:
    cuts = sorted(rng.randint(0, len(text)) for _ in range(rng.randint(0, 4)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True) if a != b] or [text]


# Chat completions

FIELDS = ("reasoning_content", "reasoning", "details", "thinking_blocks", "parts", "nested", "unknown")


def _thought_delta(rng: random.Random, kind: str, thought: str) -> dict[str, Any]:
    if kind == "reasoning_content":
        return {"reasoning_content": thought}
    if kind == "reasoning":
        return {"content": "", "reasoning": thought, "reasoning_content": thought}
    if kind == "details":
        detail = {"type": "reasoning.text", "text": thought, "index": 0, "format": "x", "signature": None}
        return {"reasoning": thought, "reasoning_details": [detail]}
    if kind == "thinking_blocks":
        return {"thinking_blocks": [{"type": "thinking", "thinking": thought, "signature": thought}]}
    if kind == "parts":
        return {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": thought}]}]}
    if kind == "nested":
        return {"provider_specific_fields": {"reasoning_content": thought, "n": 1}, "reasoning": thought}
    return {"cot": thought, "chain_of_thought": [thought], "Thinking_Trace": {"a": thought}}


def chat_answer(rng: random.Random, *, kinds: tuple[str, ...] = (*FIELDS, "tags")) -> Answer:
    """Chunks of one or two choices, interleaved."""
    answer = Answer(done=True)
    answer.usage = {"prompt_tokens": 3, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 7}}
    lines = [_chat_choice(rng, answer, index, kinds) for index in range(rng.choice((1, 1, 2)))]
    while any(lines):
        line = rng.choice([line for line in lines if line])
        answer.events.append(_chunk(line.pop(0), rng))
    answer.events.append({**_chunk(None, rng), "usage": answer.usage})
    answer.body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": answer.body["choices"],
        "usage": answer.usage,
    }
    return answer


def _chunk(choice: dict[str, Any] | None, rng: random.Random) -> dict[str, Any]:
    known = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "system_fingerprint": None,
    }
    return {
        **known,
        "choices": [] if choice is None else [choice],
        **({"new": [1.5, None]} if rng.random() < 0.1 else {}),
    }


def _chat_choice(rng: random.Random, answer: Answer, index: int, kinds: tuple[str, ...]) -> list[dict[str, Any]]:
    kind = rng.choice(kinds)
    thoughts = words(rng) if rng.random() < 0.8 else []
    text = spoken(rng)
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    message: dict[str, Any] = {"role": "assistant", "content": "".join(text)}
    if kind == "tags" and thoughts:
        opening, closing = rng.choice([("<think>", "</think>"), ("[THINK]", "[/THINK]"), ("◁think▷", "◁/think▷")])
        tagged = f"{opening}{''.join(thoughts)}{closing}"
        deltas += [{"content": piece} for piece in pieces(rng, tagged + "".join(text))]
        message["content"] = tagged + "".join(text)
    else:
        deltas += [_thought_delta(rng, kind, thought) for thought in thoughts]
        deltas += [{"content": piece} for piece in text]
        if thoughts and kind == "parts":
            part = {"type": "thinking", "thinking": [{"type": "text", "text": "".join(thoughts)}]}
            message["content"] = [part, {"type": "text", "text": "".join(text)}]
        elif thoughts:
            message |= _thought_delta(rng, kind, "".join(thoughts)) | {"content": "".join(text)}
    answer.texts[index] = "".join(text)
    calls = answer.calls[index] = []
    if rng.random() < 0.5:
        arguments = json.dumps(rng.choice(TOOLS))
        call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": ""}}
        deltas.append({"tool_calls": [call]})
        deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": p}}]} for p in pieces(rng, arguments)]
        calls.append(("look", arguments))
        function = {"name": "look", "arguments": arguments}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
    choices = [_choice(rng, index, delta, bool(thoughts)) for delta in deltas]
    choices.append({"index": index, "delta": {}, "logprobs": None, "finish_reason": "stop"})
    whole = {"index": index, "message": message, "logprobs": None, "finish_reason": "stop"}
    if thoughts and rng.random() < 0.3:
        whole["logprobs"] = _logprobs("".join(thoughts))
        whole["token_ids"] = [1, 2, 3]
    answer.body.setdefault("choices", []).append(whole)
    return choices


def _logprobs(text: str) -> dict[str, Any]:
    def of(token: str) -> dict[str, Any]:
        return {"token": token, "logprob": -0.5, "bytes": list(token.encode()), "top_logprobs": []}

    return {"content": [of(token) for token in text], "refusal": None}


def _choice(rng: random.Random, index: int, delta: dict[str, Any], thinks: bool) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": index, "delta": delta, "logprobs": None, "finish_reason": None}
    shown = delta.get("content") or ""
    if type(shown) is str and rng.random() < 0.2:
        hidden = delta.get("reasoning_content") or delta.get("reasoning") or ""
        choice["logprobs"] = _logprobs(hidden + shown)
    return choice


# Messages

KINDS = ("thinking", "redacted", "unknown")


def messages_answer(rng: random.Random, tagged: float = 0.2, kinds: tuple[str, ...] = KINDS) -> Answer:
    answer = Answer(named=True)
    answer.usage = {"input_tokens": 3, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 7}}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
    message |= {"stop_sequence": None, "usage": answer.usage}
    answer.events.append({"type": "message_start", "message": message})
    blocks: list[dict[str, Any]] = []
    for _ in range(rng.randint(1, 3)):
        if rng.random() < 0.8:
            blocks.append(_thinking(rng, answer, len(blocks), kinds))
        if rng.random() < 0.8:
            blocks.append(_text(rng, answer, len(blocks), tagged))
        if rng.random() < 0.4:
            blocks.append(_tool(rng, answer, len(blocks)))
        if rng.random() < 0.3:
            answer.events.append({"type": "ping"})
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    answer.events.append({"type": "message_delta", "delta": delta, "usage": answer.usage})
    answer.events.append({"type": "message_stop"})
    answer.body = {**message, "content": blocks, "stop_reason": "end_turn"}
    return answer


def _block(answer: Answer, index: int, start: dict[str, Any], deltas: list[dict[str, Any]]) -> None:
    answer.events.append({"type": "content_block_start", "index": index, "content_block": start})
    answer.events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    answer.events.append({"type": "content_block_stop", "index": index})


def _thinking(rng: random.Random, answer: Answer, index: int, kinds: tuple[str, ...]) -> dict[str, Any]:
    kind = rng.choice(kinds)
    thoughts = words(rng)
    if kind == "redacted":
        block = {"type": "redacted_thinking", "data": rng.choice((cipher(rng), "".join(thoughts)))}
        _block(answer, index, block, [])
        return block
    if kind == "unknown":
        block = {"type": "thinking_summary", "words": "".join(thoughts)}
        _block(answer, index, block, [{"type": "summary_delta", "text": thought} for thought in thoughts])
        return block
    signature = cipher(rng)
    deltas: list[dict[str, Any]] = [{"type": "thinking_delta", "thinking": thought} for thought in thoughts]
    start = {"type": "thinking", "thinking": "", "signature": ""}
    _block(answer, index, start, [*deltas, {"type": "signature_delta", "signature": signature}])
    return {"type": "thinking", "thinking": "".join(thoughts), "signature": signature}


def _text(rng: random.Random, answer: Answer, index: int, share: float) -> dict[str, Any]:
    visible = "".join(spoken(rng))
    tagged = f"<think>{''.join(words(rng))}</think>" if rng.random() < share else ""
    deltas = [{"type": "text_delta", "text": piece} for piece in pieces(rng, tagged + visible)]
    _block(answer, index, {"type": "text", "text": ""}, deltas)
    answer.texts[index] = visible
    return {"type": "text", "text": tagged + visible}


def _tool(rng: random.Random, answer: Answer, index: int) -> dict[str, Any]:
    value = rng.choice(TOOLS)
    start = {"type": "tool_use", "id": f"toolu_{index}", "name": "look", "input": {}}
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces(rng, json.dumps(value))]
    _block(answer, index, start, deltas)
    answer.calls[index] = [("look", json.dumps(value))]
    return {**start, "input": value}


# Responses


def responses_answer(rng: random.Random, tagged: float = 0.2) -> Answer:
    answer = Answer(named=True)
    answer.usage = {"input_tokens": 3, "output_tokens": 9, "output_tokens_details": {"reasoning_tokens": 7}}
    base = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "in_progress", "output": []}
    base |= {"reasoning": {"effort": "high", "summary": "detailed"}, "usage": None, "metadata": {"thinking": "mine"}}
    answer.events.append({"type": "response.created", "response": base})
    items: list[dict[str, Any]] = []
    for _ in range(rng.randint(1, 3)):
        if rng.random() < 0.8:
            items.append(_reasoning(rng, answer, len(items)))
        if rng.random() < 0.8:
            items.append(_message(rng, answer, len(items), tagged))
        if rng.random() < 0.4:
            items.append(_function_call(rng, answer, len(items)))
    answer.body = {**base, "status": "completed", "output": items, "usage": answer.usage}
    answer.events.append({"type": "response.completed", "response": answer.body})
    for number, event in enumerate(answer.events):
        event["sequence_number"] = number
    return answer


def _item(
    answer: Answer, index: int, start: dict[str, Any], events: list[dict[str, Any]], item: dict[str, Any]
) -> None:
    answer.events.append({"type": "response.output_item.added", "output_index": index, "item": start})
    answer.events += [{"item_id": item["id"], "output_index": index, **event} for event in events]
    answer.events.append({"type": "response.output_item.done", "output_index": index, "item": item})


def _reasoning(rng: random.Random, answer: Answer, index: int) -> dict[str, Any]:
    item: dict[str, Any] = {"id": f"rs_{index}", "type": "reasoning", "summary": []}
    events: list[dict[str, Any]] = []
    if rng.random() < 0.7:
        for place in range(rng.randint(1, 2)):
            text = words(rng)
            whole = {"type": "summary_text", "text": "".join(text)}
            item["summary"].append(whole)
            at = {"summary_index": place}
            kind = "response.reasoning_summary"
            events.append({"type": f"{kind}_part.added", **at, "part": {"type": "summary_text", "text": ""}})
            events += [{"type": f"{kind}_text.delta", **at, "delta": t, "obfuscation": "aB3"} for t in text]
            events.append({"type": f"{kind}_text.done", **at, "text": "".join(text)})
            events.append({"type": f"{kind}_part.done", **at, "part": whole})
    else:
        text = words(rng)
        whole = {"type": "reasoning_text", "text": "".join(text)}
        item["content"] = [whole]
        at = {"content_index": 0}
        events.append({"type": "response.content_part.added", **at, "part": {**whole, "text": ""}})
        events += [{"type": "response.reasoning_text.delta", **at, "delta": t} for t in text]
        events.append({"type": "response.reasoning_text.done", **at, "text": "".join(text)})
        events.append({"type": "response.content_part.done", **at, "part": whole})
    if rng.random() < 0.5:
        item["encrypted_content"] = rng.choice((cipher(rng), "".join(words(rng))))
    _item(answer, index, {"id": f"rs_{index}", "type": "reasoning", "summary": []}, events, item)
    return item


def _message(rng: random.Random, answer: Answer, index: int, share: float) -> dict[str, Any]:
    visible = "".join(spoken(rng))
    tagged = f"<think>{''.join(words(rng))}</think>" if rng.random() < share else ""
    part = {"type": "output_text", "text": tagged + visible, "annotations": [], "logprobs": []}
    at = {"content_index": 0}
    events: list[dict[str, Any]] = [{"type": "response.content_part.added", **at, "part": {**part, "text": ""}}]
    for piece in pieces(rng, tagged + visible):
        events.append({"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []})
    events.append({"type": "response.output_text.done", **at, "text": tagged + visible, "logprobs": []})
    events.append({"type": "response.content_part.done", **at, "part": part})
    start = {"id": f"msg_{index}", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    item = {**start, "status": "completed", "content": [part]}
    _item(answer, index, start, events, item)
    answer.texts[index] = visible
    return item


def _function_call(rng: random.Random, answer: Answer, index: int) -> dict[str, Any]:
    arguments = json.dumps(rng.choice(TOOLS))
    start = {"id": f"fc_{index}", "type": "function_call", "call_id": f"c{index}", "name": "look", "arguments": ""}
    item = {**start, "arguments": arguments, "status": "completed"}
    kind = "response.function_call_arguments"
    events: list[dict[str, Any]] = [{"type": f"{kind}.delta", "delta": p} for p in pieces(rng, arguments)]
    events.append({"type": f"{kind}.done", "arguments": arguments})
    _item(answer, index, start, events, item)
    answer.calls[index] = [("look", arguments)]
    return item


ANSWERS = {"openai_chat": chat_answer, "anthropic_messages": messages_answer, "openai_responses": responses_answer}
