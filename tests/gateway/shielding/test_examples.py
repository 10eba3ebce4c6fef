"""What a person reads in the docs, one example each."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

import pytest

from stillwatch.gateway.shielding.base import Summarise
from stillwatch.gateway.shielding.reasoning import is_opaque
from stillwatch.gateway.shielding.shield import shield_body, shield_stream
from stillwatch.gateway.shielding.tags import without_thought
from stillwatch.responses.traffic import API
from tests.gateway.shielding.wire import shielded

SIGNATURE = base64.b64encode(bytes(range(100, 190))).decode()


def event(value: Any, name: str = "") -> bytes:
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(delta: dict[str, Any], **choice: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None, **choice}]}


def test_a_stream_without_reasoning_is_the_same_bytes() -> None:
    odd = b": hi\r\n\r\nid: 1\r\nretry: 9\r\nnew\r\n"
    odd += b'data:{"choices" : [ {"index":0,"delta":{"content":"\\u00e9 \xf0\x9f\x98\x80"}} ],\r\n'
    odd += b'data: "x_y": 1.50, "usage": {"reasoning_tokens": 1e2}}\r\n\r\ndata: [DONE]\r\n\r\n'
    for api in ("openai_chat", "other"):
        shield = shield_stream(api, "drop")  # type: ignore[arg-type]
        assert shielded(shield, [odd[i : i + 1] for i in range(len(odd))]) == odd
        assert shield.counts.changed == shield.counts.unreadable == 0


def test_a_key_that_stands_twice_hides_nothing() -> None:
    first = b'{"choices":[{"index":0,"delta":{"reasoning":"secret","content":"a","reasoning":null}}]}'
    escaped = first.replace(b'"reasoning":"secret"', b'"\\u0072easoning":"secret"')
    for data in (first, escaped):
        out = shielded(shield_stream("openai_chat", "drop"), [b"data: " + data + b"\n\n"])
        assert b"secret" not in out
        assert b'"content":"a"' in out
        body = shield_body("openai_chat", data.replace(b"delta", b"message"), "drop")
        assert isinstance(body, bytes)
        assert b"secret" not in body


def test_what_is_not_json_becomes_an_error_of_its_dialect() -> None:
    out = shield_body("anthropic_messages", b"<html>thinking hard</html>", "drop")
    assert isinstance(out, bytes)
    assert json.loads(out)["type"] == "error"
    assert shield_body("openai_chat", b"", "drop") == b""
    error = b'{"error": {"message": "reasoning is not supported", "type": "x"}}'
    assert shield_body("openai_chat", error, "drop") == error


def test_an_unreadable_event_is_left_out_and_counted() -> None:
    good = event(chunk({"content": "a"}))
    shield = shield_stream("openai_chat", "drop")
    assert (
        shielded(shield, [good, b'data: {"choices": [{"delta": {"reasoning": "sec\n\n', b'data: "secret"\n\n', good])
        == good * 2
    )
    assert shield.counts.unreadable == 2


def test_ciphertext_of_the_provider_stays_words_do_not() -> None:
    assert is_opaque(SIGNATURE)
    assert all(is_opaque(base64.b64encode(os.urandom(size)).decode()) for size in range(64, 200))
    words = "First I add two and two, then 4 is the answer. " * 3
    for plain in ("", "short", words, base64.b64encode(words.encode()).decode(), words.encode().hex(), None, 3):
        assert not is_opaque(plain)
    block = {"type": "thinking", "thinking": "secret", "signature": SIGNATURE}
    body = json.dumps({"type": "message", "content": [block]}).encode()
    kept, gone = (shield_body("anthropic_messages", body, "drop", keep_opaque=keep) for keep in (True, False))
    assert json.loads(kept)["content"] == [{**block, "thinking": ""}]  # type: ignore[arg-type]
    assert json.loads(gone)["content"] == [{**block, "thinking": "", "signature": ""}]  # type: ignore[arg-type]


def test_log_probabilities_of_hidden_tokens_go_with_them() -> None:
    def told(*tokens: str) -> dict[str, Any]:
        return {"content": [{"token": t, "logprob": -1.0, "bytes": list(t.encode())} for t in tokens], "refusal": None}

    message = {"role": "assistant", "content": "Yes.", "reasoning_content": "secret"}
    both = {"message": message, "logprobs": told("secret", "Yes", "."), "token_ids": [1, 2]}
    shown = {"message": message, "logprobs": told("Yes", ".")}
    plain = {"message": {"role": "assistant", "content": "Yes."}, "logprobs": told("<s>", "Yes", ".")}
    body = json.dumps({"choices": [both, shown, plain]}).encode()
    choices = json.loads(shield_body("openai_chat", body, "drop"))["choices"]  # type: ignore[arg-type]
    assert choices[0] == {"message": {"role": "assistant", "content": "Yes."}, "logprobs": None}
    assert choices[1]["logprobs"] == told("Yes", ".")
    assert choices[2] == plain, "no reasoning, nothing lost"


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("<think>a</think>b", "b"),
        ("\n <think>a</think><think>c</think>\n\nb", "\n \n\nb"),
        ("b <think>a</think>", "b <think>a</think>"),
        ("<think>never closed", ""),
        ("<thinker", "<thinker"),
        ("<thin", "<thin"),
        ("[THINK]a[/THINK]b", "b"),
        ("<|channel|>analysis<|message|>a<|end|>b", "b"),
        ("", ""),
    ],
)
def test_tags(text: str, visible: str) -> None:
    assert without_thought(text, "opening").visible == visible
    assert without_thought(text, "off").visible == text


def test_tags_whose_beginning_stood_in_the_prompt() -> None:
    assert without_thought("secret</think>b", "implied") == ("b", "secret")
    assert without_thought("secret", "implied") == ("", "secret")


def test_a_summary_takes_the_place_of_reasoning() -> None:
    stream = (
        event(chunk({"reasoning": "secret one "})) + event(chunk({"reasoning": "two"})) + event(chunk({"content": "a"}))
    )
    shield = shield_stream("openai_chat", "summarise")
    asked: list[str] = []
    out = b""
    for piece in shield.feed(stream):
        if isinstance(piece, Summarise):
            asked.append(piece.text)
            out += b"".join(shield.summarised("In short."))
        else:
            out += piece
    assert asked == ["secret one two"]
    assert out == event(chunk({"reasoning": "In short."})).replace(b" ", b"").replace(b"data:", b"data: ").replace(
        b"Inshort", b"In short"
    ) + event(chunk({"content": "a"}))
    for piece in shield_stream("openai_chat", "summarise").feed(stream):  # asked on without a summary
        assert isinstance(piece, Summarise) or b"secret" not in piece


@pytest.mark.parametrize("api", ["openai_chat", "anthropic_messages", "openai_responses", "other"])
def test_a_mode_that_lacks_what_it_needs_leaves_out(api: API) -> None:
    block = {"type": "thinking", "thinking": "secret", "signature": "secret"}
    item = {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "secret"}]}
    body = {"content": [block], "output": [item], "choices": [{"message": {"content": "a", "reasoning": "secret"}}]}
    out = shield_body(api, json.dumps(body).encode(), "seal")
    assert isinstance(out, bytes)
    assert b"secret" not in out


def test_unknown_dialects_are_told_by_what_they_say() -> None:
    thinking = {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "secret"}}
    summary = {"type": "response.reasoning_summary_text.delta", "sequence_number": 1, "delta": "secret"}
    for value in (thinking, summary, chunk({"reasoning": "secret"}), {"new": {"thought": "secret"}}):
        assert b"secret" not in shielded(shield_stream("other", "drop"), [event(value)])


def test_an_event_told_by_its_name_alone() -> None:
    data = event({"item_id": "r", "delta": "secret", "sequence_number": 4}, "response.reasoning_text.delta")
    assert b"secret" not in shielded(shield_stream("openai_responses", "drop"), [data])
