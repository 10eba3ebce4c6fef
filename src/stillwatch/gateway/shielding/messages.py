"""Anthropic's Messages API: whole answers and their events.

A block of thinking stays where it is, empty: clients put blocks together by their ``index``, tools and citations point
to places, and the API itself sends exactly this where a caller asks for ``display: "omitted"`` (an empty ``thinking``,
no ``thinking_delta``, then the signature). Left out and counted anew, every later event would have to be rewritten, and
a client that hands the turn back would miss the block that tool use requires.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from stillwatch.gateway.shielding.base import Summarise
from stillwatch.gateway.shielding.reasoning import cleaned, is_reasoning_part, names_reasoning, text_of
from stillwatch.gateway.shielding.tags import Tags, without_thought
from stillwatch.gateway.shielding.treatment import PASS, Edited, Inserted, Step, Treatment, bounded

__all__ = ["Messages"]

_DELTAS = ("text_delta", "input_json_delta", "citations_delta")
_API: Final = "anthropic_messages"


class _Thinking:
    """A block of thinking that is on its way."""

    def __init__(self, block: Mapping[str, Any]) -> None:
        self.redacted = block.get("type") != "thinking"
        self.words = text_of(block.get("thinking"))
        self.signature = text_of(block.get("signature"))
        self.told = False  # what takes its place has been sent


class Messages:
    """One answer of the Messages API."""

    def __init__(self, treatment: Treatment) -> None:
        self._treatment = treatment
        self._thinking: dict[object, _Thinking] = {}
        self._texts: dict[object, Tags] = {}
        self._plain: set[int] = set()  # places of blocks that are known to hold no reasoning
        self.summary: str | None = None

    def event(self, value: Any) -> Iterator[Step]:
        """One event."""
        kind = value.get("type")
        if kind == "content_block_start" and type(value.get("content_block")) is dict:
            yield from self._start(value)
        elif kind == "content_block_delta" and type(value.get("delta")) is dict:
            yield from self._delta(value)
        elif kind == "content_block_stop":
            yield from self._stop(value)
        elif type(value.get("message")) is dict:
            message = self._message(value["message"])
            rest = cleaned({name: part for name, part in value.items() if name != "message"})
            yield from _changed(value, _with(value, rest, "message", message))
        elif type(kind) is str and kind.startswith("content_block"):
            # A kind of event on a block that nobody has told us of.
            inside = _place(value) in self._thinking or any(is_reasoning_part(part) for part in value.values())
            yield from () if inside or names_reasoning(kind) else _changed(value, cleaned(value))
        elif not names_reasoning(kind):
            yield from _changed(value, cleaned(value))

    def _start(self, value: Mapping[str, Any]) -> Iterator[Step]:
        block, place = value["content_block"], _place(value)
        self._thinking.pop(place, None)
        self._texts.pop(place, None)
        self._plain.discard(place)
        if is_reasoning_part(block):
            if len(self._thinking) < 10_000:
                self._thinking[place] = _Thinking(block)
            new = self._block(block, final=block.get("type") != "thinking")
            yield from _changed(value, {**_bare(value), "content_block": new})
            return
        if block.get("type") == "text" and len(self._texts) < 10_000:
            tags = self._texts[place] = Tags(self._treatment.tagging)
            if type(block.get("text")) is str:
                block = {**block, "text": tags.feed(block["text"]).visible}
        if len(self._plain) < 10_000:
            self._plain.add(place)
        rest = cleaned({name: part for name, part in value.items() if name != "content_block"})
        yield from _changed(value, {**rest, "content_block": cleaned(block)})

    def _delta(self, value: Mapping[str, Any]) -> Iterator[Step]:
        delta, place = value["delta"], _place(value)
        thinking = self._thinking.get(place)
        kind = delta.get("type")
        if thinking is not None or names_reasoning(kind) or kind == "signature_delta":
            if kind == "signature_delta":
                yield from self._signature(value, thinking or self._thinking.setdefault(place, _Thinking({})))
            elif thinking is not None and self._treatment.collects:
                thinking.words = bounded(thinking.words, text_of(delta.get("thinking")))
            return
        tags = self._texts.get(place)
        if tags is not None and kind == "text_delta" and type(delta.get("text")) is str:
            visible = tags.feed(delta["text"]).visible
            if visible != delta["text"]:
                if visible:
                    yield Edited({**cleaned(value), "delta": {**cleaned(delta), "text": visible}})
                return
        if kind in _DELTAS or place in self._plain:  # the start of its block may have been lost
            yield from _changed(value, cleaned(value))

    def _signature(self, value: Mapping[str, Any], thinking: _Thinking) -> Iterator[Step]:
        signature = value["delta"].get("signature")
        if self._treatment.seals:
            thinking.signature = bounded(thinking.signature, text_of(signature))
            return
        yield from self._told(thinking, value)
        if self._treatment.keeps(signature):
            yield from _changed(value, {**_bare(value), "delta": {"type": "signature_delta", "signature": signature}})

    def _told(self, thinking: _Thinking, value: Mapping[str, Any]) -> Iterator[Step]:
        """The summary, or the token, as a delta of its block."""
        if thinking.told or thinking.redacted or not self._treatment.collects:
            return
        thinking.told = True
        if self._treatment.summarises:
            if not thinking.words.strip():
                return
            self.summary = None
            yield Summarise(thinking.words)
            if not self.summary:
                return
            delta = {"type": "thinking_delta", "thinking": self.summary}
        else:
            block = {"type": "thinking", "thinking": thinking.words, "signature": thinking.signature}
            delta = {"type": "signature_delta", "signature": self._treatment.token(_API, "block", block)}
        new = {"type": "content_block_delta", "index": value.get("index", 0), "delta": delta}
        yield Inserted(new, "content_block_delta")

    def _stop(self, value: Mapping[str, Any]) -> Iterator[Step]:
        place = _place(value)
        if (thinking := self._thinking.get(place)) is not None:
            yield from self._told(thinking, value)
            self._thinking.pop(place, None)
            yield from _changed(value, _bare(value))
            return
        yield from self._held(place)
        self._texts.pop(place, None)
        yield from _changed(value, cleaned(value))

    def _held(self, place: object) -> Iterator[Step]:
        tags = self._texts.get(place)
        if tags is not None and (visible := tags.finish().visible):
            delta = {"type": "text_delta", "text": visible}
            yield Inserted({"type": "content_block_delta", "index": place, "delta": delta}, "content_block_delta")

    def finish(self) -> Iterator[Step]:
        """Of a stream that breaks off inside a block of thinking nothing more is told; text that was held back is."""
        for place in list(self._texts):
            yield from self._held(place)

    def _message(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """A message, whole or as `message_start` tells it."""
        content = message.get("content")
        rest = cleaned({name: part for name, part in message.items() if name != "content"})
        if type(content) is list:
            content = [self._whole(part) for part in content]
        elif type(content) is str:
            content = without_thought(content, self._treatment.tagging).visible
        return _with(message, rest, "content", content)

    def _whole(self, block: Any) -> Any:
        if is_reasoning_part(block):
            return self._block(block, final=True)
        if type(block) is dict and block.get("type") == "text" and type(block.get("text")) is str:
            return {**cleaned(block), "text": without_thought(block["text"], self._treatment.tagging).visible}
        return cleaned(block)

    def _block(self, block: Mapping[str, Any], *, final: bool) -> dict[str, Any]:
        """A block of reasoning, emptied; where it is ``final`` with the token or the summary that takes its place."""
        if block.get("type") == "redacted_thinking":
            sealed = self._treatment.token(_API, "block", dict(block))
            data = block.get("data")
            return {"type": "redacted_thinking", "data": sealed or (data if self._treatment.keeps(data) else "")}
        if block.get("type") != "thinking":  # a kind that nobody has told us of: its shape, without any words
            return {
                name: part if name == "type" or type(part) in (bool, int) else _empty(part)
                for name, part in block.items()
            }
        new: dict[str, Any] = {"type": "thinking", "thinking": ""}
        if "signature" in block:
            new["signature"] = block["signature"] if self._treatment.keeps(block["signature"]) else ""
        if final and self._treatment.seals:
            new["signature"] = self._treatment.token(_API, "block", dict(block))
        elif final and self._treatment.summarises and self.summary and text_of(block.get("thinking")).strip():
            new["thinking"] = self.summary
        return new

    def body(self, value: Any) -> Iterator[Step]:
        """A whole answer. The words of several blocks are summarised together, and told in each in the same words."""
        content = value.get("content")
        if self._treatment.summarises and type(content) is list:
            words = "\n\n".join(text_of(part.get("thinking")) for part in content if is_reasoning_part(part))
            if words.strip():
                yield Summarise(words)
        yield from _changed(value, self._message(value))


def _with(old: Mapping[str, Any], rest: Mapping[str, Any], name: str, part: Any) -> dict[str, Any]:
    """A document with another ``part`` under ``name``, and what is left of its other fields, in the order it had."""
    return {n: part if n == name else rest[n] for n in old if n == name or n in rest}


def _place(value: Mapping[str, Any]) -> int:
    index = value.get("index")
    return index if type(index) is int else 0


def _bare(value: Mapping[str, Any]) -> dict[str, Any]:
    """An event on a block of thinking with only what every such event has."""
    return {name: value[name] for name in ("type", "index") if name in value}


def _empty(value: Any) -> Any:
    return [] if type(value) is list else {} if type(value) is dict else "" if type(value) is str else None


def _changed(old: Any, new: Any) -> Iterator[Step]:
    yield PASS if new is old or new == old else Edited(new)
