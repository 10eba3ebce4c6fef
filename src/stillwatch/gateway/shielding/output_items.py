"""OpenAI's Responses API: whole responses and their events.

Events on reasoning stay, emptied: each has a ``sequence_number``, by which a stream that broke off is taken up again at
the server. Left out, the numbers would have gaps; counted anew, a client would take up the stream at the wrong place.
A summary takes the numbers of the last events of its item, so that none is added.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from stillwatch.gateway.shielding.base import Summarise
from stillwatch.gateway.shielding.reasoning import cleaned, is_reasoning_part, names_reasoning, text_of
from stillwatch.gateway.shielding.tags import Tags, without_thought
from stillwatch.gateway.shielding.treatment import PASS, Edited, Inserted, Step, Treatment

__all__ = ["Responses"]

_API: Final = "openai_responses"
_SETTINGS = frozenset({"effort", "summary", "generate_summary", "context", "mode"})
_CALLERS = frozenset({"metadata", "prompt", "text", "instructions", "tools"})
"""What a response repeats of the request."""
_PLACES = ("type", "item_id", "output_index", "summary_index", "content_index", "sequence_number")
_WHERE = ("item_id", "output_index", "sequence_number")
_ENDING = 3  # a summary's delta, the end of its text, the end of its part
_FINAL = ("response.completed", "response.incomplete", "response.failed")


class Responses:
    """One answer of the Responses API."""

    def __init__(self, treatment: Treatment) -> None:
        self._treatment = treatment
        self._texts: dict[tuple[object, object], Tags] = {}
        self._done: dict[object, dict[str, Any]] = {}  # items of reasoning as they were told, by their ids
        self._waiting: dict[object, list[Mapping[str, Any]]] = {}  # by output_index: places of the events held back
        self._late: tuple[tuple[object, object], dict[str, Any]] | None = None  # a delta that may begin a tag
        self.summary: str | None = None

    def event(self, value: Any) -> Iterator[Step]:
        """One event."""
        kind = value.get("type")
        yield from self._late_delta(value)
        if is_reasoning_part(value.get("item")):
            yield from self._item_event(value)
        elif names_reasoning(kind) or is_reasoning_part(value.get("part")):
            yield from self._emptied(value)
        elif type(value.get("response")) is dict:
            if kind in _FINAL:
                yield from self._all_waiting()
            new = {**_without(value, "response"), "response": self._response(value["response"])}
            yield from _changed(value, new)
        elif kind == "response.output_text.delta" and type(value.get("delta")) is str:
            yield from self._text_delta(value)
        elif self._treatment.tagging != "off" and kind in ("response.output_text.done", "response.content_part.done"):
            yield from self._text_done(value)
        elif type(value.get("item")) is dict:
            yield from _changed(value, {**_without(value, "item"), "item": self._item(value["item"])})
        else:
            yield from _changed(value, cleaned(value))

    def _item_event(self, value: Mapping[str, Any]) -> Iterator[Step]:
        """An item of reasoning begins, or is done: only then is all of it known."""
        item, place = value["item"], value.get("output_index")
        bare = {**{name: value[name] for name in _PLACES if name in value}}
        if value.get("type") != "response.output_item.done":
            yield from _changed(value, {**bare, "item": _blank(item)})
            return
        if self._treatment.summarises:
            self.summary = None
            words = _words(item)
            if words.strip():
                yield Summarise(words)
            yield from self._summarised(place)
        new = self._reasoning(item)
        if len(self._done) < 10_000 and type(item.get("id")) is str:
            self._done[item["id"]] = new
        yield from _changed(value, {**bare, "item": new})

    def _reasoning(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """A whole item of reasoning with what takes its place."""
        new = _blank(item)
        if self._treatment.seals:
            new["encrypted_content"] = self._treatment.token(_API, "block", dict(item))
        elif self._treatment.keeps(item.get("encrypted_content")):
            new["encrypted_content"] = item["encrypted_content"]
        if self._treatment.summarises and self.summary and _words(item).strip():
            new["summary"] = [{"type": "summary_text", "text": self.summary}]
        return new

    def _emptied(self, value: Mapping[str, Any]) -> Iterator[Step]:
        """An event on reasoning without its words. For a summary the first opens a part, the last ones wait for it."""
        if not self._treatment.summarises or type(value.get("sequence_number")) is not int:
            new = {name: value[name] for name in _PLACES if name in value}
            for name in ("delta", "text"):
                if name in value:
                    new[name] = ""
            if type(value.get("part")) is dict:
                new["part"] = {"type": value["part"].get("type"), "text": ""}
            yield from _changed(value, new)
            return
        where = value.get("output_index")
        waiting = self._waiting.get(where)
        if waiting is None and len(self._waiting) < 10_000:
            self._waiting[where] = []
            part = {"type": "summary_text", "text": ""}
            yield _as(value, "response.reasoning_summary_part.added", part=part)
        elif waiting is not None:
            waiting.append({name: value[name] for name in _WHERE if name in value})
            if len(waiting) > _ENDING:
                yield _as(waiting.pop(0), "response.reasoning_summary_text.delta", delta="")

    def _summarised(self, place: object) -> Iterator[Step]:
        """The end of a summary's part, with the numbers of the events that were held back."""
        waiting = self._waiting.pop(place, [])
        text = self.summary or ""
        if len(waiting) < _ENDING:
            for event in waiting:
                yield _as(event, "response.reasoning_summary_text.delta", delta="")
            return
        yield _as(waiting[0], "response.reasoning_summary_text.delta", delta=text)
        yield _as(waiting[1], "response.reasoning_summary_text.done", text=text)
        part = {"type": "summary_text", "text": text}
        yield _as(waiting[2], "response.reasoning_summary_part.done", part=part)

    def _all_waiting(self) -> Iterator[Step]:
        self.summary = None
        for place in list(self._waiting):
            yield from self._summarised(place)

    def _text_delta(self, value: Mapping[str, Any]) -> Iterator[Step]:
        where = _text_of_event(value)
        if where not in self._texts and len(self._texts) >= 10_000:
            yield from _changed(value, cleaned(value))
            return
        visible = self._texts.setdefault(where, Tags(self._treatment.tagging)).feed(value["delta"]).visible
        new = cleaned(value)
        if visible != value["delta"]:  # an emptied event stays, for its number
            new = {**new, "delta": visible, **({"logprobs": []} if "logprobs" in new else {})}
        if not visible and value["delta"]:
            self._late = (where, dict(new))
            return
        yield from _changed(value, new)

    def _late_delta(self, value: Mapping[str, Any]) -> Iterator[Step]:
        """A delta that was held back: empty where its text goes on, or was reasoning, else with what is text after
        all. Held for one event at most, so that numbers stay in order."""
        if self._late is None:
            return
        (where, late), self._late = self._late, None
        goes_on = value.get("type") == "response.output_text.delta" and where == _text_of_event(value)
        if not goes_on:
            late["delta"] = self._texts.pop(where, Tags("off")).finish().visible
        yield Inserted(late, "response.output_text.delta")

    def _text_done(self, value: Mapping[str, Any]) -> Iterator[Step]:
        """The end of a text. What its deltas held back as the beginning of a tag stands in the whole that it tells."""
        new = dict(cleaned(value))
        if type(new.get("text")) is str:
            new["text"] = without_thought(new["text"], self._treatment.tagging).visible
            if new["text"] != value["text"] and "logprobs" in new:
                new["logprobs"] = []
        if type(new.get("part")) is dict:
            new["part"] = self._part(new["part"])
        yield from _changed(value, new)

    def finish(self) -> Iterator[Step]:
        """Events that were held back for a summary which never came, or as the beginning of a tag."""
        yield from self._late_delta({})
        yield from self._all_waiting()

    def _response(self, response: Mapping[str, Any]) -> Mapping[str, Any]:
        kept = _without({name: part for name, part in response.items() if name != "reasoning"}, "output")
        new: dict[str, Any] = {}
        for name, part in response.items():
            if name == "output" and type(part) is list:
                new[name] = [self._item(item) for item in part]
            elif name == "reasoning":  # what was asked for: settings, no reasoning
                new[name] = _settings(part)
            elif name in _CALLERS:
                new[name] = part
            elif name in kept:
                new[name] = kept[name]
        if "output" in response and "output" not in new:
            new["output"] = []
        return new

    def _item(self, item: Any) -> Any:
        if is_reasoning_part(item):
            told = self._done.get(item.get("id")) if type(item.get("id")) is str else None
            return told or self._reasoning(item)
        if type(item) is not dict:
            return item
        new = dict(cleaned(item))
        if item.get("type") == "message" and type(item.get("content")) is list:
            new["content"] = [self._part(part) for part in cleaned(item["content"])]
        return new

    def _part(self, part: Any) -> Any:
        if type(part) is not dict or type(part.get("text")) is not str:
            return part
        visible = without_thought(part["text"], self._treatment.tagging).visible
        if visible == part["text"]:
            return part
        return {**part, "text": visible, **({"logprobs": []} if "logprobs" in part else {})}

    def body(self, value: Any) -> Iterator[Step]:
        """A whole response. The words of several items are summarised together, and told in each in the same words."""
        output = value.get("output")
        if self._treatment.summarises and type(output) is list:
            items = [item for item in output if is_reasoning_part(item)]
            words = "\n\n".join(_words(item) for item in items)
            if words.strip():
                yield Summarise(words)
        yield from _changed(value, self._response(value))


def _text_of_event(value: Mapping[str, Any]) -> tuple[object, object]:
    index, part = value.get("output_index"), value.get("content_index")
    return (index if type(index) is int else 0, part if type(part) is int else 0)


def _blank(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item of reasoning with nothing to read in it."""
    new: dict[str, Any] = {name: item[name] for name in ("id", "type", "status") if name in item}
    new["summary"] = []
    if item.get("content") is not None:
        new["content"] = []
    if "encrypted_content" in item:
        new["encrypted_content"] = None
    return new


def _words(item: Mapping[str, Any]) -> str:
    return text_of(item.get("content")) or text_of(item.get("summary"))


def _settings(value: Any) -> Any:
    if type(value) is not dict:
        return None
    return {n: part for n, part in value.items() if n in _SETTINGS and (type(part) is not str or len(part) <= 16)}


def _without(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    rest: dict[str, Any] = cleaned({other: part for other, part in value.items() if other != name})
    return rest


def _as(places: Mapping[str, Any], kind: str, **told: Any) -> Inserted:
    """An event of a summary at the place, and with the number, of another."""
    known = {name: places[name] for name in _WHERE if name in places}
    return Inserted({"type": kind, **known, "summary_index": 0, **told}, kind)


def _changed(old: Any, new: Any) -> Iterator[Step]:
    yield PASS if new is old or new == old else Edited(new)
