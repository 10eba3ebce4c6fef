"""A stream that was held until it was whole, marked: the same events, of which those that carry a changed text differ.

An edit is put into the event in which it begins, so that all others leave byte for byte; where a dialect repeats the
text at its end (the Responses API does, four times), each repetition is marked too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stillwatch.gateway.marking.answers import CHAT_ENDS, MESSAGE_ENDS, Made, Place, is_plain, made_of, mark_text
from stillwatch.gateway.shielding.documents import read, write
from stillwatch.gateway.shielding.events import Cutter, Event
from stillwatch.marks.base import MarkKey
from stillwatch.marks.text.base import Edit
from stillwatch.marks.text.marking import Marked
from stillwatch.responses.traffic import API
from stillwatch.sources.calls.bodies import items, mapping

__all__ = ["mark_stream", "pieces_of"]


class _Text:
    """One text of the answer: the pieces that it comes in, and where it is repeated, each with its event's place."""

    def __init__(self) -> None:
        self.pieces: list[tuple[int, Place]] = []
        self.repeats: list[tuple[int, Place]] = []
        self.fits = True

    @property
    def whole(self) -> str:
        return "".join(place.text for _, place in self.pieces)

    def agrees(self) -> bool:
        """Whether every repetition says the same."""
        whole = self.whole
        return bool(whole) and all(place.text == whole for _, place in self.repeats)


class _Found:
    """What a stream's events hold, as they are gone through. ``ended``: the answer came to a good end."""

    def __init__(self) -> None:
        self.texts: dict[tuple[Any, ...], _Text] = {}
        self.at = 0
        self.ended = False
        self.fits = True

    def text(self, *name: Any) -> _Text:
        return self.texts.setdefault(name, _Text())

    def piece(self, holder: Any, field: str, *name: Any) -> _Text:
        """A piece of a text, or nothing where the holder has none."""
        text = self.text(*name)
        if isinstance(holder, dict) and isinstance(holder.get(field), str):
            text.pieces.append((self.at, Place(holder, field)))
        return text

    def repeat(self, holder: Any, field: str, *name: Any) -> None:
        text = self.text(*name)
        if isinstance(holder, dict) and isinstance(holder.get(field), str):
            text.repeats.append((self.at, Place(holder, field)))
            text.fits = text.fits and is_plain(holder)


def mark_stream(api: API, data: bytes, prompt: str, key: MarkKey) -> Made:
    """``data``, a whole stream of events of one answer, marked under ``key``.

    Raises `Unreadable` for an event that is no JSON, `Oversized` for one that is too long, `StillwatchError` for a key
    that is none for text.
    """
    events = _events(data)
    documents: dict[int, Any] = {}
    found = _Found()
    for place, event in enumerate(events):
        if event.strange:
            return Made(data, fits=False)
        said = event.data.strip() if event.data is not None else b""
        if not said or said == b"[DONE]":
            continue
        value, exact = read(said)
        if not exact or type(value) is not dict or value.get("error") or value.get("type") == "error":
            return Made(data, fits=False)
        found.at, documents[place] = place, value
        _LOOKS[api](found, value)
    fitting = [text for text in found.texts.values() if text.fits and text.agrees()]
    if not found.ended or not found.fits or not fitting:
        return Made(data, fits=False)
    changed: set[int] = set()
    marked = [_marked(text, prompt, key, changed) for text in fitting]
    told = [
        event.carrying(write(documents[place])) if place in changed else event.raw for place, event in enumerate(events)
    ]
    return made_of(marked, b"".join(told) if changed else data)


def pieces_of(pieces: Iterable[str], edits: Iterable[Edit]) -> list[str]:
    """``pieces`` of a text after ``edits`` of the whole (in order, none overlapping), cut where they were.

    What an edit writes stands in the piece in which it begins; one at the very end in the last that holds text.
    """
    before = list(pieces)
    waiting = sorted(edits)
    after: list[str] = []
    at = done = place = 0
    for piece in before:
        end = at + len(piece)
        here = max(at, min(done, end))
        parts: list[str] = []
        while place < len(waiting) and waiting[place].start < end:
            edit = waiting[place]
            parts += (piece[here - at : edit.start - at], edit.new)
            done, place = edit.end, place + 1
            here = min(done, end)
        after.append("".join([*parts, piece[here - at :]]))
        at = end
    last = max((number for number, piece in enumerate(before) if piece), default=0)
    for edit in waiting[place:]:
        after[last] += edit.new
    return after


def _events(data: bytes) -> list[Event]:
    cutter = Cutter()
    events = list(cutter.feed(data))
    rest = cutter.end()
    return events if rest is None else [*events, rest]


def _marked(text: _Text, prompt: str, key: MarkKey, changed: set[int]) -> Marked:
    """Mark one text where it stands, and note which events that changes."""
    marked = mark_text(text.whole, prompt, key)
    if not marked.edits:
        return marked
    after = [place.text for _, place in text.pieces]
    for edits in marked.edits.values():
        after = pieces_of(after, edits)
    if "".join(after) != marked.text:
        raise ValueError("the pieces of a marked text do not make it up")
    for (event, place), new in zip(text.pieces, after, strict=True):
        if new != place.text:
            place.holder[place.name] = new
            changed.add(event)
    for event, place in text.repeats:
        place.holder[place.name] = marked.text
        changed.add(event)
    return marked


def _chat(found: _Found, value: dict[str, Any]) -> None:
    for choice in items(value.get("choices")):
        delta, index = choice.get("delta"), str(choice.get("index", 0))
        text = found.piece(delta, "content", index)
        told = mapping(delta)
        text.fits = text.fits and is_plain(choice) and is_plain(told) and not told.get("refusal")
        if choice.get("finish_reason") is not None:
            found.ended = True
            text.fits = text.fits and choice["finish_reason"] in CHAT_ENDS


def _messages(found: _Found, value: dict[str, Any]) -> None:
    kind, index = value.get("type"), str(value.get("index"))
    if kind == "content_block_start" and mapping(value.get("content_block")).get("type") == "text":
        found.piece(value["content_block"], "text", index)
        found.fits = found.fits and is_plain(value["content_block"])
    elif kind == "content_block_delta":
        delta = mapping(value.get("delta"))
        if delta.get("type") == "text_delta":
            found.piece(value["delta"], "text", index)
        found.fits = found.fits and delta.get("type") != "citations_delta"
    elif kind == "message_delta":
        found.fits = found.fits and mapping(value.get("delta")).get("stop_reason") in MESSAGE_ENDS
    elif kind == "message_stop":
        found.ended = True


def _responses(found: _Found, value: dict[str, Any]) -> None:
    kind = str(value.get("type"))
    place = (str(value.get("output_index")), str(value.get("content_index")))
    if kind == "response.output_text.delta":
        text = found.piece(value, "delta", *place)
        text.fits = text.fits and is_plain(value)
    elif kind == "response.output_text.done":
        found.repeat(value, "text", *place)
    elif kind == "response.output_text.annotation.added":
        found.text(*place).fits = False
    elif kind == "response.content_part.added":
        part = mapping(value.get("part"))
        if part.get("type") == "output_text":
            found.piece(value["part"], "text", *place)
    elif kind == "response.content_part.done":
        _part(found, value.get("part"), *place)
    elif kind == "response.output_item.done":
        _item(found, value.get("item"), place[0])
    elif kind in ("response.completed", "response.incomplete", "response.failed"):
        response = mapping(value.get("response"))
        found.ended = kind == "response.completed" and response.get("status") in ("completed", None)
        found.fits = found.fits and response.get("output_text") is None
        for index, item in enumerate(items(response.get("output"))):
            _item(found, item, str(index))


def _item(found: _Found, item: Any, index: str) -> None:
    if mapping(item).get("type") == "message":
        for number, part in enumerate(items(item.get("content"))):
            _part(found, part, index, str(number))


def _part(found: _Found, part: Any, *place: str) -> None:
    if mapping(part).get("type") == "output_text":
        found.repeat(part, "text", *place)


_LOOKS = {"openai_chat": _chat, "anthropic_messages": _messages, "openai_responses": _responses}
