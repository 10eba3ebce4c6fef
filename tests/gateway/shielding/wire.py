"""How answers look on the wire: every way to write the same events, and to read them again."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from stillwatch.gateway.shielding.base import Summarise
from stillwatch.gateway.shielding.shield import Shield
from tests.gateway.shielding.answers import Answer


def document(value: Any, rng: random.Random, wild: float) -> str:
    """JSON with blanks between its parts, line breaks too, and characters escaped: ``wild`` of them."""

    def blank() -> str:
        return rng.choice(("", "", "", " ", "\n")) if wild else ""

    def text(characters: str) -> str:
        coded = []
        for character in characters:
            if rng.random() < wild:
                units = character.encode("utf-16-be")
                coded.append("".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2)))
            else:
                coded.append(json.dumps(character, ensure_ascii=rng.random() < 0.3)[1:-1])
        return f'"{"".join(coded)}"'

    def of(part: Any) -> str:
        if isinstance(part, str):
            return text(part)
        if isinstance(part, dict):
            inside = ",".join(f"{blank()}{text(k)}{blank()}:{blank()}{of(v)}" for k, v in part.items())
            return f"{{{inside}{blank()}}}"
        if isinstance(part, list):
            return f"[{','.join(blank() + of(v) for v in part)}{blank()}]"
        return json.dumps(part)

    return of(value)


def stream(answer: Answer, rng: random.Random, *, wild: float = 0.0, end: str = "\n") -> bytes:
    """The answer's server-sent events; ``wild`` ones with comments, ids and fields that nobody knows."""
    lines: list[str] = []
    for number, event in enumerate(answer.events):
        if wild and rng.random() < 0.2:
            lines += rng.choice(([": keep-alive", ""], [": ping"], ["id: 7"], ["retry: 5"], ["x-new: 1"], [""]))
        if answer.named:
            lines.append(f"event: {event['type']}")
        space = "" if wild and number % 3 == 0 else " "
        lines += [f"data:{space}{line}" for line in document(event, rng, wild).split("\n")]
        lines.append("")
    if answer.done:
        lines += ["data: [DONE]", ""]
    return end.join([*lines, ""]).encode()


def cut(data: bytes, rng: random.Random) -> list[bytes]:
    places = sorted(rng.randint(0, len(data)) for _ in range(rng.randint(0, 40)))
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


def shielded(shield: Shield, chunks: list[bytes], summary: str | None = None) -> bytes:
    """What leaves; every summary that is asked for is ``summary``."""

    def told(pieces: Iterator[bytes | Summarise]) -> Iterator[bytes]:
        for piece in pieces:
            if isinstance(piece, Summarise):
                yield from shield.summarised(summary)
            else:
                yield piece

    out = [piece for chunk in chunks for piece in told(shield.feed(chunk))]
    return b"".join([*out, *told(shield.end())])


def documents(data: bytes) -> list[Any]:
    """The JSON of each event, read by a reader that is not ours (the OpenAI SDK's)."""
    from openai._streaming import SSEDecoder  # noqa: PLC0415 - slow to import

    found = [event.data for event in SSEDecoder().iter_bytes(iter([data]))]
    return [json.loads(text) for text in found if text and text != "[DONE]"]


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield name
            yield from strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)


def visible(api: str, events: list[Any]) -> tuple[dict[int, str], dict[int, str]]:
    """What a client puts together of a stream: texts, and arguments of calls, by place."""
    texts: dict[int, str] = {}
    calls: dict[int, str] = {}
    for event in events:
        if api == "openai_chat":
            for choice in event["choices"]:
                delta, index = choice["delta"], choice["index"]
                content = delta.get("content") or ""
                if isinstance(content, list):
                    content = "".join(part["text"] for part in content)
                texts[index] = texts.get(index, "") + content
                for call in delta.get("tool_calls") or ():
                    calls[index] = calls.get(index, "") + call["function"]["arguments"]
        elif api == "anthropic_messages" and event["type"] == "content_block_delta":
            delta, index = event["delta"], event["index"]
            texts[index] = texts.get(index, "") + delta.get("text", "")
            calls[index] = calls.get(index, "") + delta.get("partial_json", "")
        elif event.get("type") == "response.output_text.delta":
            index = event["output_index"]
            texts[index] = texts.get(index, "") + event["delta"]
        elif event.get("type") == "response.function_call_arguments.delta":
            index = event["output_index"]
            calls[index] = calls.get(index, "") + event["delta"]
    return {k: v for k, v in texts.items() if v}, {k: v for k, v in calls.items() if v}
