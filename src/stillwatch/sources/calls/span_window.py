"""Calls to models held back until what belongs to them may have come: the spans above them, and their log records.

A log of spans is not in order: a span is written when it ends, so the request to a server comes after the calls made
for it, and log records come in lines of their own. Memory is bounded whatever the file holds: 50,000 spans are
remembered by what they tell of who called, and calls are held back until there are 5,000 or 32 Mi characters of them.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from stillwatch.sources.calls.attributes import Event, Listed
from stillwatch.sources.calls.model_spans import DETAILS, call_values, context_values
from stillwatch.sources.calls.span_status import status_of
from stillwatch.sources.records.conversation import BadConversationError, messages_text
from stillwatch.sources.records.rows import COLUMNS, Rows
from stillwatch.sources.records.values import BadValueError, time_us

__all__ = ["Call", "Key", "Record", "Span", "Window", "context_of", "identity", "inherited", "short"]

SPANS_KNOWN = 50_000
CALLS_HELD = 5_000
CHARACTERS_HELD = 32 * 2**20
CONTEXT_CHARACTERS = 1_000
DEPTH = 64
_NUMBERS = frozenset({int, float, bool, type(None)})
_PLACE = {name: place for place, name in enumerate(COLUMNS)}
_MADE: list[tuple[int, Callable[[Any], Any]]] = [(_PLACE["started_at"], time_us), (_PLACE["messages"], messages_text)]
OUTERMOST = ("client_ip", "user_agent")

Key = tuple[Any, str]


class Span(msgspec.Struct, frozen=True):
    """A span: which one it is and which one it is within (None: untold), and what it tells.

    Only of a ``call`` to a model its times, in nanoseconds. ``litellm``: whether LiteLLM itself wrote it, so that its
    metadata are the proxy's word.
    """

    key: Key | None
    parent: Key | None
    server: bool
    call: bool
    start: Any
    end: Any
    failed: bool
    message: Any
    attributes: Mapping[str, Any]
    events: list[Event]
    litellm: bool


class Record(msgspec.Struct, frozen=True):
    """A log record that tells of a call: of which span (None: untold), and when; ``litellm`` as with a `Span`."""

    key: Key | None
    time: Any
    event: Event
    litellm: bool


def identity(told: Span | Record) -> Any:
    """The id of the exchange: the span's; of a record without a span, the provider's id of the answer."""
    if told.key is not None:
        return told.key[1]
    return _attributes(told).get("gen_ai.response.id")


class Call:
    """A call to a model, from its span or, where that is missing, from its log record of the details.

    ``above``: the span that it lies within, or, of a record, the span that it belongs to. ``typed``: whether the time
    and the conversation of its row are those of THE record (`Rows.add_typed`).
    """

    __slots__ = ("_row", "above", "apart", "characters", "context", "events", "key", "merged", "told", "typed")

    def __init__(self, told: Span | Record, *, settled: bool = False) -> None:
        """With ``settled``, nothing more will be told of the call: it keeps its row, not what told it."""
        self.key, self.merged, self.typed = told.key, False, False
        self.events: list[Event] = []
        if isinstance(told, Span):
            self.apart, self.above, self.events = False, told.parent, told.events
        else:
            self.apart, self.above = True, told.key
        attributes = _attributes(told)
        self.context = context_of(told, call=True)
        self.told: Span | Record | None = None if settled else told
        self._row: list[Any] = []
        if settled:
            self._row = row = _loose(told, self.events)
            self.typed = _typed(row)
            self.characters = _characters_in((*row, *self.context.values()))
            self.events = []
        else:
            self.characters = _characters(attributes) + sum([_characters(event.values) for event in self.events])

    def row(self, context: Mapping[str, Any]) -> list[Any]:
        """The loose values of the exchange in the order of `COLUMNS`; ``context`` is what was told of who called."""
        row = self._row if self.told is None else _loose(self.told, self.events)
        for name, value in context.items():
            row[_PLACE[name]] = value
        return row


def _loose(told: Span | Record, events: list[Event]) -> list[Any]:
    """The row of a call, without what the spans above it tell of who called."""
    attributes = _attributes(told)
    values = call_values(attributes, events)
    values["exchange_id"] = identity(told)
    if isinstance(told, Span):
        start, end = told.start, told.end
        values["started_at"] = start
        values["latency_ms"] = _milliseconds(end - start) if type(start) is type(end) is int else None
        values["status"] = status_of(attributes, events, failed=told.failed, message=told.message)
    else:
        values["started_at"] = told.time
        values["status"] = status_of(attributes, (), failed=False, message=None)
    return list(map(values.get, COLUMNS))


def _typed(row: list[Any]) -> bool:
    """Makes a row's time and conversation those of THE record; False where one cannot be, for `Rows.add` to say why."""
    try:
        for place, typed in _MADE:
            if row[place] is not None:
                row[place] = typed(row[place])
    except (BadValueError, BadConversationError):
        return False
    return True


def _attributes(told: Span | Record) -> Mapping[str, Any]:
    return told.attributes if isinstance(told, Span) else told.event.values


def _milliseconds(nanoseconds: int) -> int:
    """Rounded; a number too large for that is too large for a duration too, and its span is set aside."""
    return round(nanoseconds / 1e6) if abs(nanoseconds) < 2**63 else nanoseconds // 10**6


def context_of(told: Span | Record, *, call: bool) -> dict[str, Any]:
    """What a span or a log record itself tells of who called."""
    server = isinstance(told, Span) and told.server
    return context_values(_attributes(told), server=server, call=call, litellm=told.litellm)


def inherited(call: Call, look: Callable[[Any], tuple[Mapping[str, Any], Any, bool] | None]) -> dict[str, Any]:
    """What a call tells of who called, or else the nearest span above it that knows.

    The client's address is that of the outermost server: an inner server's client is another server. ``look`` has what
    a span tells, the one above it and whether a call lies within it; None where that is not known.
    """
    found: dict[str, Any] = {}
    above: Any = call.above
    for _ in range(DEPTH):
        known = None if above is None else look(above)
        if known is None:
            break
        context, above, _ = known
        for name, value in context.items():
            if name in OUTERMOST or name not in found:
                found[name] = value
    return found | call.context


def short(context: dict[str, Any]) -> dict[str, Any]:
    """What is kept of what a span tells of who called."""
    for value in context.values():
        if type(value) is not str or len(value) > CONTEXT_CHARACTERS:
            return {name: value for name, value in context.items() if len(str(value)) <= CONTEXT_CHARACTERS}
    return context


_Known = tuple[dict[str, Any], Key | None, bool]
"""What is kept of any span: what it tells of who called, the one above it, and whether a call lies within it.

A plain tuple, which the garbage collector learns to pass over: there are many.
"""
_UNKNOWN: _Known = ({}, None, False)


class _Held(msgspec.Struct, frozen=True):
    """A line that is held back: its calls, or why it was set aside."""

    record: int
    line: int
    reason: str
    calls: list[Call]


class Window:
    """The last lines of a file, and what its last spans and log records told.

    ``settled``: no log record tells more of a span, so that a call's columns are read as it comes.
    """

    def __init__(self, *, settled: bool = False) -> None:
        self._settled = settled
        self._held: deque[_Held] = deque()
        self._known: OrderedDict[Key, _Known] = OrderedDict()  # a dict would look for its first ever longer
        self._spans: dict[Key, Call] = {}
        self._records: dict[Key, Call] = {}
        self._early: dict[Key, list[Event]] = {}
        self._early_order: deque[tuple[Key, int]] = deque()
        self._told: OrderedDict[tuple[Key, Any, str, bytes], None] = OrderedDict()
        self._calls = self._characters = self._early_characters = 0

    @property
    def held(self) -> bool:
        """Whether a line is held back."""
        return bool(self._held)

    @property
    def full(self) -> bool:
        """Whether more is held back than may be."""
        held = len(self._held)
        return held > CALLS_HELD or (held > 0 and (self._calls > CALLS_HELD or self._characters > CHARACTERS_HELD))

    def reject(self, reason: str, record: int, line: int) -> None:
        """A line that is set aside as a whole."""
        self._held.append(_Held(record, line, reason, []))

    def add(self, told: Iterable[Span | Record], record: int, line: int) -> None:
        """What one line of the file tells."""
        calls: list[Call] = []
        for one in told:
            call = self._span(one) if isinstance(one, Span) else self._record(one)
            if call is not None:
                calls.append(call)
                self._characters += call.characters
        if calls:
            self._held.append(_Held(record, line, "", calls))
            self._calls += len(calls)

    def release(self, rows: Rows, passed: int) -> int:
        """Gives the oldest line held back to ``rows``, unless it is among the first ``passed``; says which it is."""
        held = self._held.popleft()
        if held.record > passed:
            if held.reason:
                rows.reject(held.reason, held.line)
            for call in held.calls:
                if not self._passed_over(call):
                    row = self._row(call)
                    rows.add_typed(row, held.line) if call.typed else rows.add(row, held.line)
        for call in held.calls:
            self._characters -= call.characters
            if call.key is not None and not self._settled:
                (self._records if call.apart else self._spans).pop(call.key, None)
        self._calls -= len(held.calls)
        return held.record

    def exchanges(self) -> Iterator[dict[str, Any]]:
        """The columns of the calls that are held back."""
        for held in self._held:
            for call in held.calls:
                if not self._passed_over(call):
                    yield dict(zip(COLUMNS, self._row(call), strict=True))

    def _row(self, call: Call) -> list[Any]:
        """The values of a call, with what it and the spans above it tell of who called."""
        return call.row(inherited(call, self._known.get))

    def _passed_over(self, call: Call) -> bool:
        known = None if call.key is None else self._known.get(call.key)
        return call.merged or (not call.apart and known is not None and known[2])

    def _span(self, span: Span) -> Call | None:
        key, above, call = span.key, span.parent, None
        if span.call:
            call = Call(span, settled=self._settled)
        spans = self._known
        if key is not None:
            context = short(call.context if call else context_of(span, call=False))
            encloses = spans.get(key, _UNKNOWN)[2]
            spans[key] = (context, above, encloses)
            self._forget()
            if call is not None:
                if not self._settled:
                    self._join(call, key)
            elif not encloses:
                above = None
        while above is not None:
            context, higher, encloses = spans.get(above, _UNKNOWN)
            if encloses:
                break
            spans[above] = (context, higher, True)
            self._forget()
            above = higher
        return call

    def _forget(self) -> None:
        """Keeps no more spans than may be kept."""
        while len(self._known) > SPANS_KNOWN:
            self._known.popitem(last=False)

    def _join(self, call: Call, key: Key) -> None:
        """Gives a call the log records that came before it."""
        events = self._early.pop(key, [])
        record = self._records.get(key)
        if record is not None and record.told is not None:
            record.merged = True
            events.append(Event(DETAILS, _attributes(record.told)))
        if events:
            call.events += events
            call.characters += sum(_characters(event.values) for event in events)
        self._spans[key] = call

    def _record(self, record: Record) -> Call | None:
        key, event = record.key, record.event
        if self._told_before(record):
            return None
        span = None if key is None else self._spans.get(key)
        if span is not None:
            added = _characters(event.values)
            span.events.append(event)
            span.characters += added
            self._characters += added
        elif event.name == DETAILS:
            call = Call(record)
            if key is not None:
                self._records[key] = call
            return call
        elif key is not None:
            self._keep(key, event)
        return None

    def _told_before(self, record: Record) -> bool:
        """Whether a message came already: exporters send again what they are not sure of, spans and log records."""
        if record.key is None or record.event.name == DETAILS or not isinstance(record.time, int):
            return False
        try:
            written = msgspec.json.encode(record.event.values)
        except (TypeError, ValueError, RecursionError, OverflowError):
            return False
        known = (record.key, record.time, record.event.name, hashlib.blake2b(written, digest_size=16).digest())
        if known in self._told:
            return True
        self._told[known] = None
        if len(self._told) > SPANS_KNOWN:
            self._told.popitem(last=False)
        return False

    def _keep(self, key: Key, event: Event) -> None:
        """Keeps a message until its span comes; the oldest go where too many wait."""
        added = _characters(event.values)
        self._early.setdefault(key, []).append(event)
        self._early_order.append((key, added))
        self._early_characters += added
        while len(self._early_order) > SPANS_KNOWN or self._early_characters > CHARACTERS_HELD:
            oldest, gone = self._early_order.popleft()
            self._early.pop(oldest, None)
            self._early_characters -= gone


def _characters(value: Any) -> int:
    """How much text a value holds, roughly."""
    kind = type(value)
    if kind is str:
        return len(value)
    if kind is Listed:
        count = -8  # as if it were many attributes
        for told in value:
            count += 8 * len(told)
            for inner in told.values():
                count += len(inner) if type(inner) is str else _characters(inner)
        return count
    if isinstance(value, dict):
        return 8 * len(value) + _characters_in(value.values())
    return 8 + _characters_in(value) if isinstance(value, list) else 8


def _characters_in(values: Iterable[Any]) -> int:
    count = 0
    for value in values:
        kind = type(value)
        count += len(value) if kind is str else 8 if kind in _NUMBERS else _characters(value)
    return count
