"""The vendors' own client libraries through the door: they notice nothing, and a refusal raises what they call it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from stillwatch.gateway.doors.asgi import StillwatchMiddleware
from stillwatch.gateway.doors.upstream import Upstream
from stillwatch.responses.traffic import Refusal, Request
from tests.gateway.answers import CANARY
from tests.gateway.proxied import Chosen, served
from tests.gateway.upstream import serving

MODELS = ("fake+tools", "fake+odd+reasoning+tools+unknown", "fake+crlf+comments", "fake+gzip+odd+reasoning")
SLOWLY = Refusal(status=429, code="slowed", message="Too many requests for now.", retry_after=3.2)
NO_MORE = Refusal(status=403, code="held", message="Requests are held until a person has looked.")
SAID = [{"role": "user", "content": "Why?"}]
KEY = "sk-a-key-of-mine"


class Doors:
    """The door and, beside it, the server alone."""

    def __init__(self, gate: Chosen, door: str, bare: str) -> None:
        self.gate, self.door, self.bare = gate, door, bare


@pytest.fixture(scope="module")
def doors() -> Iterator[Doors]:
    gate = Chosen()
    with serving() as upstream:
        front = Upstream(upstream.address)
        with served(StillwatchMiddleware(front, gate=gate), front.close) as address:
            yield Doors(gate, address, upstream.address)


@pytest.fixture(autouse=True)
def untouched(doors: Doors) -> None:
    doors.gate.choose = lambda request: {}
    doors.gate.told.clear()


def openai_answers(base: str, model: str) -> list[Any]:
    client = openai.OpenAI(base_url=f"{base}/v1", api_key=KEY, max_retries=0)
    told: list[Any] = [client.chat.completions.create(model=model, messages=SAID).model_dump(warnings=False)]  # type: ignore[call-overload]
    with client.chat.completions.create(model=model, messages=SAID, stream=True) as chunks:  # type: ignore[call-overload]
        told.append([chunk.model_dump(warnings=False) for chunk in chunks])
    told.append(client.responses.create(model=model, input="Why?").model_dump(warnings=False))
    with client.responses.stream(model=model, input="Why?") as events:
        told += [
            [event.model_dump(warnings=False) for event in events],
            events.get_final_response().model_dump(warnings=False),
        ]
    return told


async def openai_answers_async(base: str, model: str) -> list[Any]:
    async with openai.AsyncOpenAI(base_url=f"{base}/v1", api_key=KEY, max_retries=0) as client:
        told: list[Any] = [
            (await client.chat.completions.create(model=model, messages=SAID)).model_dump(warnings=False)
        ]  # type: ignore[call-overload]
        chunks = await client.chat.completions.create(model=model, messages=SAID, stream=True)  # type: ignore[call-overload]
        told.append([chunk.model_dump(warnings=False) async for chunk in chunks])
        told.append((await client.responses.create(model=model, input="Why?")).model_dump(warnings=False))
        async with client.responses.stream(model=model, input="Why?") as events:
            told += [
                [event.model_dump(warnings=False) async for event in events],
                (await events.get_final_response()).model_dump(warnings=False),
            ]
    return told


def anthropic_answers(base: str, model: str) -> list[Any]:
    client = anthropic.Anthropic(base_url=base, api_key=KEY, max_retries=0)
    asked: Any = {"model": model, "max_tokens": 99, "messages": SAID}
    told: list[Any] = [client.messages.create(**asked).model_dump(warnings=False)]
    with client.messages.create(**asked, stream=True) as events:
        told.append([event.model_dump(warnings=False) for event in events])
    with client.messages.stream(**asked) as stream:
        told.append(stream.get_final_message().model_dump(warnings=False))
    return told


async def anthropic_answers_async(base: str, model: str) -> list[Any]:
    async with anthropic.AsyncAnthropic(base_url=base, api_key=KEY, max_retries=0) as client:
        asked: Any = {"model": model, "max_tokens": 99, "messages": SAID}
        told: list[Any] = [(await client.messages.create(**asked)).model_dump(warnings=False)]
        told.append(
            [event.model_dump(warnings=False) async for event in await client.messages.create(**asked, stream=True)]
        )
        async with client.messages.stream(**asked) as stream:
            told.append((await stream.get_final_message()).model_dump(warnings=False))
    return told


@pytest.mark.parametrize("model", MODELS)
def test_client_libraries_notice_nothing(doors: Doors, model: str) -> None:
    assert openai_answers(doors.door, model) == openai_answers(doors.bare, model)
    assert anthropic_answers(doors.door, model) == anthropic_answers(doors.bare, model)
    assert [told.row["status"] for told in doors.gate.told] == [200] * 7


@pytest.mark.parametrize("model", MODELS)
def test_asynchronous_client_libraries_notice_nothing(doors: Doors, model: str) -> None:
    through = asyncio.run(openai_answers_async(doors.door, model))
    assert through == asyncio.run(openai_answers_async(doors.bare, model))
    through = asyncio.run(anthropic_answers_async(doors.door, model))
    assert through == asyncio.run(anthropic_answers_async(doors.bare, model))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("refusal", "name"), [(SLOWLY, "RateLimitError"), (NO_MORE, "PermissionDeniedError")])
def test_a_refusal_raises_the_library_s_own_exception(doors: Doors, refusal: Refusal, name: str, stream: bool) -> None:
    doors.gate.choose = lambda request: {"refuse": refusal, "reference": "ABCDE23456", "actions": ("a",)}
    ours = openai.OpenAI(base_url=f"{doors.door}/v1", api_key=KEY, max_retries=0)
    theirs = anthropic.Anthropic(base_url=doors.door, api_key=KEY, max_retries=0)
    asked: Any = {"model": "fake", "messages": SAID, "stream": stream}
    with pytest.raises(getattr(openai, name), match=refusal.message) as chat:
        ours.chat.completions.create(**asked)
    with pytest.raises(getattr(openai, name), match="ABCDE23456"):
        ours.responses.create(model="fake", input="Why?", stream=stream)
    with pytest.raises(getattr(openai, name)):
        ours.models.list()
    with pytest.raises(getattr(anthropic, name), match=refusal.message) as messages:
        theirs.messages.create(**asked, max_tokens=9)
    for error in (chat.value, messages.value):
        assert error.response.headers.get("retry-after") == ("4" if refusal is SLOWLY else None)
    assert [told.row["status"] for told in doors.gate.told] == [refusal.status] * 4


def test_failures_of_the_server_are_passed_on_as_they_are(doors: Doors) -> None:
    client = openai.OpenAI(base_url=f"{doors.door}/v1", api_key=KEY, max_retries=0)
    asked: Any = {"messages": SAID}
    with pytest.raises(openai.RateLimitError, match="This is a 429") as slowly:
        client.chat.completions.create(model="fake+error429", **asked)
    assert slowly.value.response.headers["retry-after"] == "7"
    with pytest.raises(openai.APIError, match="Overloaded"):
        list(client.chat.completions.create(model="fake+failing", stream=True, **asked))
    theirs = anthropic.Anthropic(base_url=doors.door, api_key=KEY, max_retries=0)
    with pytest.raises(anthropic.APIStatusError, match="529"):
        theirs.messages.create(model="fake+error529", max_tokens=9, messages=SAID)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["drop", "summarise", "seal"])
@pytest.mark.parametrize(
    "flags", ["+reasoning+tools", "+reasoning+tools+odd", "+reasoning+gzip+odd", "+reasoning+crlf"]
)
def test_shielded_answers_are_answers_without_the_reasoning(doors: Doors, mode: str, flags: str) -> None:
    def shielded(request: Request) -> dict[str, Any]:
        return {"shield": mode, "reference": "R", "actions": ("a",)}

    model = f"fake+reasoning{flags}"
    plain = [*openai_answers(doors.bare, model), *anthropic_answers(doors.bare, model)]
    doors.gate.choose = shielded
    told = [*openai_answers(doors.door, model), *anthropic_answers(doors.door, model)]
    assert CANARY in str(plain)
    assert CANARY not in str(told)
    for before, after in ((plain[0], told[0]), (plain[2], told[2]), (plain[5], told[5]), (plain[7], told[7])):
        assert spoken(after) == spoken(before)
        assert after["usage"] == before["usage"]
    assert [CANARY in str(told.row["reasoning"]) for told in doors.gate.told] == [True] * 7  # the journal knows


def spoken(answer: dict[str, Any]) -> list[Any]:
    """Texts and calls of tools in an answer of any of the three APIs."""
    if "choices" in answer:
        message = answer["choices"][0]["message"]
        return [message["content"], message["tool_calls"]]
    parts = answer.get("output") or answer["content"]
    kept = [part for part in parts if part["type"] not in ("reasoning", "thinking", "redacted_thinking")]
    return [part.get("content") or part.get("text") or part for part in kept]
