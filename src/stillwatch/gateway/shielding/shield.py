"""One way in: the shield of an answer, whole or as a stream, for each dialect and mode.

What it cannot read never leaves: it could hold reasoning. What it need not change leaves as the bytes that came. Bytes
must not be compressed (ask the model's server for ``identity``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from stillwatch.gateway.shielding.base import StreamShield, Summarise
from stillwatch.gateway.shielding.chat import Chat
from stillwatch.gateway.shielding.documents import Unreadable, read, write
from stillwatch.gateway.shielding.events import Cutter, Event, Oversized
from stillwatch.gateway.shielding.messages import Messages
from stillwatch.gateway.shielding.output_items import Responses
from stillwatch.gateway.shielding.reasoning import names_reasoning
from stillwatch.gateway.shielding.refusals import error_event, unreadable_body
from stillwatch.gateway.shielding.tags import Tagging
from stillwatch.gateway.shielding.treatment import PASS, Dialect, Edited, Inserted, Sealing, Step, Treatment
from stillwatch.responses.traffic import API, ShieldMode

__all__ = ["Counts", "Shield", "shield_body", "shield_stream"]

_DIALECTS: dict[API, type[Chat] | type[Messages] | type[Responses]] = {
    "openai_chat": Chat,
    "anthropic_messages": Messages,
    "openai_responses": Responses,
}


class Counts(msgspec.Struct):
    """What a shield did with the events of one stream: ``unreadable`` ones are those that were left out because they
    could not be read; ``cut`` says that one was too long, and the stream ended there."""

    events: int = 0
    changed: int = 0
    left_out: int = 0
    unreadable: int = 0
    cut: bool = False


def shield_body(
    api: API,
    body: bytes,
    mode: ShieldMode,
    summary: str | None = None,
    *,
    sealer: Sealing | None = None,
    tagging: Tagging = "opening",
    keep_opaque: bool = True,
) -> bytes | Summarise:
    """An answer's JSON without its reasoning text (tokens are still counted); the same bytes where it holds none.

    In mode "summarise" a `Summarise` asks for words first; call again with ``summary``, or with mode "drop" where there
    is none. Mode "seal" needs a ``sealer`` and leaves out without one. A body that is no JSON is replaced by an error
    of its dialect; an empty one stays.
    """
    if not body.strip():
        return body
    treatment = Treatment(mode=mode, sealer=sealer, tagging=tagging, keep_opaque=keep_opaque)
    try:
        value, exact = read(body)
    except Unreadable:
        return unreadable_body(api)
    if type(value) is not dict:
        return body if value is None or type(value) in (bool, int, float) else unreadable_body(api)
    dialect = _dialect(api, value, treatment)
    for step in dialect.body(value):
        if isinstance(step, Summarise):
            if summary is None:
                return step
            dialect.summary = summary
        elif isinstance(step, Edited):
            return write(step.value)
    return body if exact else write(value)


def shield_stream(
    api: API,
    mode: ShieldMode,
    *,
    sealer: Sealing | None = None,
    tagging: Tagging = "opening",
    keep_opaque: bool = True,
) -> Shield:
    """The shield of one stream."""
    return Shield(api, Treatment(mode=mode, sealer=sealer, tagging=tagging, keep_opaque=keep_opaque))


def _dialect(api: API, value: Any, treatment: Treatment) -> Dialect:
    """The dialect that a door named, or that a first document speaks."""
    if api in _DIALECTS:
        return _DIALECTS[api](treatment)
    kind = str(value.get("type", ""))
    if "choices" in value:
        return Chat(treatment)
    return Responses(treatment) if kind.startswith("response.") or "output" in value else Messages(treatment)


class Shield(StreamShield):
    """One answer's stream. ``counts`` tells what was done, for metrics and the log of decisions."""

    def __init__(self, api: API, treatment: Treatment) -> None:
        self.counts = Counts()
        self._api: API = api
        self._treatment = treatment
        self._dialect: Dialect | None = None
        self._cutter = Cutter()
        self._last: Event | None = None  # how new events are to look
        self._sequence = 0
        self._finished = False

    def feed(self, chunk: bytes) -> Iterator[bytes | Summarise]:
        """Bytes to pass on for these that came, however they were cut. After a `Summarise` call `summarised` first;
        asked on without that, the reasoning is left out."""
        if self.counts.cut:
            return
        try:
            for event in self._cutter.feed(chunk):
                yield from self._event(event)
        except Oversized:
            self.counts.cut = True
            yield error_event(self._api, "An event of the stream was too long.", sequence=self._sequence + 1)

    def summarised(self, text: str | None) -> Iterator[bytes]:
        """The summary that was asked for; None: there is none, and the reasoning is left out. The bytes come as
        `feed` or `end` is asked on."""
        if self._dialect is not None:
            self._dialect.summary = text
        return iter(())

    def end(self) -> Iterator[bytes | Summarise]:
        """The stream came to its end, or broke off: what was held back, as far as it may leave."""
        if self.counts.cut:
            return
        rest = self._cutter.end()
        told = False
        if rest is not None:
            for piece in self._event(rest):
                told = told or isinstance(piece, bytes)
                yield piece
        for piece in self._finish():
            if told and isinstance(piece, bytes):
                yield b"\n\n"  # what came last was not ended by a blank line
                told = False
            yield piece

    def _event(self, event: Event) -> Iterator[bytes | Summarise]:
        self.counts.events += event.data is not None
        if event.strange or (names_reasoning(event.name) and self._api == "openai_chat"):
            self.counts.unreadable += 1
            return
        data = event.data.strip() if event.data is not None else b""
        if not data:
            yield event.raw
        elif data == b"[DONE]":
            yield from self._finish()
            yield event.raw
        else:
            yield from self._document(event, data)

    def _document(self, event: Event, data: bytes) -> Iterator[bytes | Summarise]:
        try:
            value, exact = read(data)
        except Unreadable:
            self.counts.unreadable += 1
            return
        if type(value) is not dict:
            if value is None or type(value) in (bool, int, float):
                yield event.raw
            else:
                self.counts.unreadable += 1
            return
        self._last = event
        if type(value.get("sequence_number")) is int:
            self._sequence = value["sequence_number"]
        named = value if "type" in value or not event.name or "choices" in value else {"type": event.name, **value}
        if self._dialect is None:
            self._dialect = _dialect(self._api, named, self._treatment)
        told = False
        for step in self._dialect.event(named):
            told = told or not isinstance(step, Summarise)
            if step is PASS:
                yield event.raw if exact else event.carrying(write(value))
            else:
                yield from self._steps([step], event)
        self.counts.left_out += not told

    def _steps(self, steps: Iterable[Step], event: Event) -> Iterator[bytes | Summarise]:
        for step in steps:
            if isinstance(step, Summarise):
                if self._dialect is not None:
                    self._dialect.summary = None
                yield step
            elif isinstance(step, Edited):
                self.counts.changed += 1
                yield event.carrying(write(step.value))
            elif isinstance(step, Inserted):
                yield event.beside(write(step.value), step.name)

    def _finish(self) -> Iterator[bytes | Summarise]:
        if self._finished or self._dialect is None or self._last is None:
            return
        self._finished = True
        yield from self._steps(self._dialect.finish(), self._last)
