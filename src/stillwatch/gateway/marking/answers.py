"""A whole answer of one of three dialects, marked: the texts in it that may be, each on its own, and nothing else.

Left as it is: an answer that was cut short, whose places others point at (citations), that tells its tokens beside the
text, or that is JSON. Calls of tools are never touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from stillwatch.gateway.shielding.documents import read, write
from stillwatch.marks.base import MarkKey
from stillwatch.marks.text.marking import Marked, mark_answer
from stillwatch.responses.traffic import API
from stillwatch.sources.calls.bodies import items

__all__ = ["CHAT_ENDS", "LONGEST", "MESSAGE_ENDS", "Made", "Place", "is_plain", "made_of", "mark_body", "mark_text"]

LONGEST: Final = 200_000
"""Characters of a text; a longer one is left as it is."""
CHAT_ENDS: Final = ("stop", "tool_calls", "function_call", None)
MESSAGE_ENDS: Final = ("end_turn", "stop_sequence", "tool_use", None)
_TOKENS: Final = ("logprobs", "token_ids", "prompt_token_ids", "completion_token_ids", "output_token_ids")


class Made(NamedTuple):
    """What became of an answer: its bytes (the very same where nothing was changed), the marks that had something to
    mark, and how many edits each made. ``fits`` is False where no mark may touch it."""

    data: bytes
    could: tuple[str, ...] = ()
    did: Mapping[str, int] = {}
    fits: bool = True


class Place(NamedTuple):
    """A text of an answer: where it stands in its document."""

    holder: dict[str, Any]
    name: str

    @property
    def text(self) -> str:
        """What stands there."""
        text: str = self.holder[self.name]
        return text


def mark_body(api: API, data: bytes, prompt: str, key: MarkKey) -> Made:
    """``data``, the JSON of a whole answer, marked under ``key``.

    Raises `Unreadable` where it is no JSON, `StillwatchError` for a key that is none for text.
    """
    value, exact = read(data)
    if type(value) is not dict or not exact:
        return Made(data, fits=False)
    places = list(_PLACES[api](value))
    repeated = value.get("output_text") if api == "openai_responses" else None
    if not places or (repeated is not None and repeated != "".join(place.text for place in places)):
        return Made(data, fits=False)
    marked = [mark_text(place.text, prompt, key) for place in places]
    for place, one in zip(places, marked, strict=True):
        place.holder[place.name] = one.text
    if repeated is not None:
        value["output_text"] = "".join(one.text for one in marked)
    return made_of(marked, write(value) if any(one.edits for one in marked) else data)


def mark_text(text: str, prompt: str, key: MarkKey) -> Marked:
    """One text, marked; as it is where it is JSON, or very long."""
    bare = text.strip()
    if len(text) > LONGEST or (bare[:1] in ("{", "[") and bare[-1:] in ("}", "]")):
        return Marked(text=text)
    return mark_answer(prompt, text, key)


def made_of(marked: list[Marked], data: bytes) -> Made:
    """What became of an answer of several texts: the marks of all of them together."""
    could = tuple(dict.fromkeys(name for one in marked for name in one.could))
    did: dict[str, int] = {}
    for one in marked:
        for name, edits in one.edits.items():
            did[name] = did.get(name, 0) + len(edits)
    return Made(data, could, did)


def is_plain(holder: Mapping[str, Any]) -> bool:
    """Whether a text has nothing beside it that tells its tokens, or points at places in it."""
    return not any(holder.get(name) for name in (*_TOKENS, "annotations", "citations"))


def _chat(value: Mapping[str, Any]) -> Iterator[Place]:
    for choice in items(value.get("choices")):
        message = choice.get("message")
        if not isinstance(message, dict) or not is_plain(choice) or not is_plain(message):
            continue
        if choice.get("finish_reason") not in CHAT_ENDS or message.get("refusal") or message.get("audio"):
            continue
        content = message.get("content")
        if isinstance(content, str) and content:
            yield Place(message, "content")
        elif isinstance(content, list):
            yield from _texts(content, "text")


def _messages(value: Mapping[str, Any]) -> Iterator[Place]:
    content = value.get("content")
    if isinstance(content, list) and value.get("stop_reason") in MESSAGE_ENDS and all(map(is_plain, items(content))):
        yield from _texts(content, "text")


def _responses(value: Mapping[str, Any]) -> Iterator[Place]:
    if value.get("status") not in ("completed", None):
        return
    for item in items(value.get("output")):
        if item.get("type") == "message" and isinstance(item.get("content"), list):
            yield from _texts(item["content"], "output_text")


def _texts(parts: list[Any], kind: str) -> Iterator[Place]:
    for part in parts:
        text = part.get("text") if isinstance(part, dict) and part.get("type") == kind and is_plain(part) else None
        if isinstance(text, str) and text:
            yield Place(part, "text")


_PLACES = {"openai_chat": _chat, "anthropic_messages": _messages, "openai_responses": _responses}
