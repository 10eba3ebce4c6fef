"""Calls with the OpenAI and Anthropic SDKs: ``python sdk.py openai|anthropic ADDRESS``, ``python sdk.py known FILE``.

Knows nothing of Stillwatch; runs with whatever Python has the packages that it imports.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anthropic
import openai
import pydantic

ASK: list[Any] = [{"role": "user", "content": "Why?"}]
THINK = {"type": "enabled", "budget_tokens": 1024}


def same(found: Any, expected: Any) -> None:
    """What the SDK made of an answer."""
    if found != expected:
        raise ValueError(f"{found!r} is not {expected!r}")


def call_openai(address: str) -> None:
    """Five kinds of calls, streamed and not, and one that fails."""
    client = openai.OpenAI(api_key="sk-proj-0123456789abcdefghij", base_url=f"{address}/v1", max_retries=0)
    chat = client.chat.completions
    same(chat.create(model="m", messages=ASK, temperature=0.5).choices[0].message.content, "So.")
    streamed = chat.create(model="m", messages=ASK, stream=True, stream_options={"include_usage": True})
    same("".join(c.choices[0].delta.content or "" for c in streamed if c.choices), "So.")
    same(client.responses.create(model="m", instructions="Be brief.", input="Why?").output_text, "So.")
    same(list(client.responses.create(model="m", input=ASK, stream=True))[-1].type, "response.completed")
    same(client.completions.create(model="m", prompt="Why?").choices[0].text, "So.")
    same(client.embeddings.create(model="m", input=["Why?"]).usage.prompt_tokens, 12)
    try:
        chat.create(model="absent", messages=ASK)
    except openai.NotFoundError:
        return
    raise ValueError("the absent model answered")


def call_anthropic(address: str) -> None:
    """Two calls with one key, streamed and not, and a third with another."""
    client = anthropic.Anthropic(api_key="sk-ant-api03-0123456789abcdef", base_url=address, max_retries=0)
    ask: dict[str, Any] = {"model": "m", "max_tokens": 2000, "messages": ASK, "thinking": THINK, "system": "Be brief."}
    same(client.messages.create(**ask).content[1].text, "So.")
    with client.messages.stream(**ask) as stream:
        same("".join(stream.text_stream), "So.")
    other = anthropic.Anthropic(api_key="sk-ant-api03-another-key-0123", base_url=address, max_retries=0)
    other.messages.create(**ask)


def known(file: str) -> None:
    """Whether the SDKs' types accept the values of a JSON file: a list of [type, value]."""
    for name, value in json.loads(Path(file).read_text()):
        kind: Any = {"openai": openai, "anthropic": anthropic}[name.split(".")[0]]
        for part in name.split(".")[1:]:
            kind = getattr(kind, part)
        pydantic.TypeAdapter(kind).validate_python(value)


if __name__ == "__main__":
    {"openai": call_openai, "anthropic": call_anthropic, "known": known}[sys.argv[1]](sys.argv[2])
