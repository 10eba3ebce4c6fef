"""The official SDKs read what leaves, and find the same answer in it as in what came."""

from __future__ import annotations

import json
import os
import random
from typing import Any

import anthropic
import openai
import pytest

from stillwatch.gateway.shielding.refusals import error_event, refusal_response
from stillwatch.gateway.shielding.seal import Sealer, SealKeys
from stillwatch.gateway.shielding.shield import shield_body, shield_stream
from stillwatch.gateway.shielding.unsealing import unseal_body
from stillwatch.responses.traffic import API, Refusal, ShieldMode
from tests.gateway.shielding.answers import FIELDS, Answer, chat_answer, messages_answer, responses_answer
from tests.gateway.shielding.served import serving
from tests.gateway.shielding.test_no_reasoning_leaves import letters
from tests.gateway.shielding.wire import shielded, stream

STREAM = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}
ASK: Any = [{"role": "user", "content": "?"}]
KEYS = SealKeys((b"k" * 32,))
SEALER = Sealer(KEYS, "acct_1")
MODES: tuple[ShieldMode, ...] = ("drop", "summarise", "seal")
PLAIN = tuple(
    name for name in FIELDS if name not in ("parts", "thinking_blocks")
)  # deltas that the SDK itself can put together


def openai_client(url: str) -> openai.OpenAI:
    return openai.OpenAI(api_key="k", base_url=url, max_retries=0)


def anthropic_client(url: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="k", base_url=url, max_retries=0)


def chat(data: bytes) -> tuple[Any, Any]:
    with serving(data, headers=STREAM) as url, openai_client(url) as client:
        with client.chat.completions.stream(model="m", messages=ASK) as events:
            for _ in events:
                pass
            final = events.get_final_completion()
    calls = [[(c.function.name, c.function.arguments) for c in m.message.tool_calls or ()] for m in final.choices]
    told = [choice.message.content or "" for choice in final.choices]
    return (told, calls, [choice.finish_reason for choice in final.choices]), final.to_dict()


def messages(data: bytes) -> tuple[Any, Any]:
    with serving(data, headers=STREAM) as url, anthropic_client(url) as client:
        with client.messages.stream(model="m", messages=ASK, max_tokens=9) as events:
            streamed = "".join(events.text_stream)
            final = events.get_final_message()
    told = [(b.type, getattr(b, "text", None), getattr(b, "input", None)) for b in final.content]
    plain = [one for one in told if one[0] in ("text", "tool_use")]
    return (streamed, plain, [b.type for b in final.content], final.stop_reason), final.to_dict()


def responses(data: bytes) -> tuple[Any, Any]:
    with serving(data, headers=STREAM) as url, openai_client(url) as client:
        with client.responses.stream(model="m", input="?") as events:
            kinds = [event.type for event in events]
            final = events.get_final_response()
    calls = [(item.name, item.arguments) for item in final.output if item.type == "function_call"]
    streamed = kinds.count("response.output_text.delta")
    return (final.output_text, calls, streamed, [item.type for item in final.output]), final.to_dict()


READERS = {"openai_chat": chat, "anthropic_messages": messages, "openai_responses": responses}


def made(api: API, seed: int) -> tuple[Answer, random.Random]:
    rng = random.Random(seed)
    if api == "openai_chat":
        answer = chat_answer(rng, kinds=PLAIN)
        # The SDK (3.57) raises IndexError where the very first chunk is of the second answer, shielded or not.
        first = next(n for n, event in enumerate(answer.events) if [c["index"] for c in event["choices"]] == [0])
        answer.events.insert(0, answer.events.pop(first))
        return answer, rng
    if api == "anthropic_messages":
        return messages_answer(rng, tagged=0.0, kinds=("thinking", "redacted")), rng
    return responses_answer(rng, tagged=0.0), rng


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("api", ["openai_chat", "anthropic_messages", "openai_responses"])
def test_the_sdks_find_the_same_answer(api: API, mode: ShieldMode, seed: int) -> None:
    answer, rng = made(api, seed)
    data = stream(answer, rng)
    out = shielded(shield_stream(api, mode, sealer=SEALER), [data], "In short.")
    assert not letters(out)
    assert READERS[api](out)[0] == READERS[api](data)[0]


def next_turn(api: API, told: Any) -> bytes:
    """The request of a client that keeps what it was told, as the SDKs give it."""
    if api == "openai_responses":
        return json.dumps({"model": "m", "input": told["output"]}).encode()
    if api == "anthropic_messages":
        return json.dumps({"model": "m", "messages": [{"role": "assistant", "content": told["content"]}]}).encode()
    return json.dumps({"model": "m", "messages": [choice["message"] for choice in told["choices"]]}).encode()


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("api", ["anthropic_messages", "openai_responses"])
def test_sealed_reasoning_comes_back_as_it_was(api: API, seed: int) -> None:
    answer, rng = made(api, seed)
    data = stream(answer, rng)
    told = READERS[api](shielded(shield_stream(api, "seal", sealer=SEALER), [data]))[1]
    request, restored, refused = unseal_body(api, next_turn(api, told), KEYS, "acct_1")
    place = "output" if api == "openai_responses" else "content"
    hidden = [part for part in answer.body[place] if part["type"] in ("thinking", "redacted_thinking", "reasoning")]
    sent = json.loads(request)
    blocks = sent["input"] if api == "openai_responses" else sent["messages"][0]["content"]
    assert [block for block in blocks if block["type"] in ("thinking", "redacted_thinking", "reasoning")] == hidden
    assert (restored, refused) == (len(hidden), 0)


@pytest.mark.parametrize("kind", ["reasoning_content", "reasoning", "details"])
def test_sealed_reasoning_of_a_chat_comes_back(kind: str) -> None:
    rng = random.Random(3)
    answer = chat_answer(rng, kinds=(kind,))
    whole = json.dumps(answer.body).encode()
    out = shield_body("openai_chat", whole, "seal", sealer=SEALER)
    assert isinstance(out, bytes)
    assert not letters(out)
    request, restored, refused = unseal_body("openai_chat", next_turn("openai_chat", json.loads(out)), KEYS, "acct_1")
    assert json.loads(request)["messages"] == [choice["message"] for choice in answer.body["choices"]]
    assert restored > 0
    assert refused == 0
    told = chat(shielded(shield_stream("openai_chat", "seal", sealer=SEALER), [stream(answer, rng)]))[1]
    request, _, refused = unseal_body("openai_chat", next_turn("openai_chat", told), KEYS, "acct_1")
    assert refused == 0
    streamed, expected = json.loads(request)["messages"], answer.body["choices"]
    names = [name for name in ("reasoning_content", "reasoning", "reasoning_details") if name in expected[0]["message"]]
    for name in names:
        assert [m.get(name) for m in streamed] == [choice["message"].get(name) for choice in expected]


REFUSED = Refusal(status=429, code="budget", message="Too much at once.", retry_after=12.2)
DENIED = Refusal(status=403, code="held", message="This account is held until a person has looked at it.")


@pytest.mark.parametrize(("refusal", "error"), [(REFUSED, "RateLimitError"), (DENIED, "PermissionDeniedError")])
@pytest.mark.parametrize("api", ["openai_chat", "anthropic_messages", "openai_responses"])
def test_refusals_are_the_sdks_own_errors(api: API, refusal: Refusal, error: str) -> None:
    status, headers, body = refusal_response(api, refusal, "SW-7", "https://example.com/appeal")
    sdk: Any = anthropic if api == "anthropic_messages" else openai
    with serving(body, status=status, headers=headers) as url, pytest.raises(getattr(sdk, error)) as raised:
        ask(api, url)
    for part in (refusal.message, "SW-7", "https://example.com/appeal"):
        assert part in str(raised.value)
    assert raised.value.response.headers.get("retry-after") == ("13" if refusal.retry_after else None)


def ask(api: API, url: str, **more: Any) -> None:
    if api == "anthropic_messages":
        with anthropic_client(url) as client:
            list(client.messages.create(model="m", messages=ASK, max_tokens=9, **more))
    elif api == "openai_chat":
        with openai_client(url) as client:
            list(client.chat.completions.create(model="m", messages=ASK, **more))
    else:
        with openai_client(url) as client:
            found = [event.to_dict() for event in client.responses.create(model="m", input="?", **more)]
            failed = next(event for event in found if event["type"] == "error")
            raise openai.APIError(failed["message"], None, body=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("api", ["openai_chat", "anthropic_messages", "openai_responses"])
def test_an_error_in_the_middle_of_a_stream(api: API) -> None:
    answer, rng = made(api, 1)
    half = stream(answer, rng).split(b"\n\n")[0] + b"\n\n"
    sdk: Any = anthropic if api == "anthropic_messages" else openai
    with serving(half + error_event(api, "It broke.", reference="SW-8"), headers=STREAM) as url:
        with pytest.raises(sdk.APIError, match=r"It broke\. Reference: SW-8\."):
            ask(api, url, stream=True)


def test_an_event_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    shield = shield_stream("openai_chat", "drop")
    big = b"x" * (1 << 20)
    out = b"".join(p for p in shield.feed(b'data: {"a":"') if isinstance(p, bytes))
    for _ in range(20):
        out += b"".join(p for p in shield.feed(big) if isinstance(p, bytes))
    assert shield.counts.cut
    assert json.loads(out.removeprefix(b"data: "))["error"]["message"] == "An event of the stream was too long."
    assert list(shield.feed(os.urandom(9))) == []
    assert list(shield.end()) == []
