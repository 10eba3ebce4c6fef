"""A data frame of spans, column by column: OpenInference's spans as Phoenix's client hands them out, kept as Parquet.

Spans are read in pieces of the file that memory bounds. A piece waits until 5,000 more calls, or 32 MiB, have come
after it, so that spans above its calls may come later, as in `span_window`. What is odd in it (`span_columns`) is read
span by span, as all spans of other files are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.sources.base import Cursor, ReadBatch
from stillwatch.sources.calls.message_columns import Bools, Places, is_text
from stillwatch.sources.calls.span_columns import Plan, Values, call_columns, context_columns, taken, told_calls
from stillwatch.sources.calls.span_links import Coded, Links, Stretch
from stillwatch.sources.calls.span_status import SUCCESS
from stillwatch.sources.calls.span_window import CALLS_HELD, CHARACTERS_HELD, Call, Key, Span, context_of
from stillwatch.sources.records.rows import Rows
from stillwatch.sources.records.values import FIRST_US, LAST_US

__all__ = ["END", "EVENTS", "MESSAGE", "NESTED", "PREFIX", "SPAN", "START", "TEXTS", "Frame", "Place", "read_pieces"]

PREFIX = "attributes."
SPAN, TRACE, PARENT = "context.span_id", "context.trace_id", "parent_id"
START, END = "start_time", "end_time"
KIND, STATUS, MESSAGE, EVENTS = "span_kind", "status_code", "status_message", "events"
NESTED = frozenset({"context", "attributes", "data", "spans"})
TEXTS = (SPAN, TRACE, PARENT, KIND, STATUS)
_ROWS_APART = 512
_TOGETHER = 3  # times as many calls as are held back are joined at once
_PIECE_BYTES = 32 * 2**20
_PIECE_ROWS = (256, 16_384)
_TEXT = pa.large_string()
_RowsAt = Callable[[Places], Sequence[Mapping[str, Any]]]


class Place(NamedTuple):
    """Where some rows stand: of each the record and the line; and what was set aside among them: record, line, why."""

    records: Places
    lines: Places
    rejected: tuple[tuple[int, int, str], ...] = ()


class _Piece(NamedTuple):
    """Some rows of the file: where they stand, the calls in order with their columns, odd ones apart."""

    place: Place
    calls: Bools
    plain: Bools
    values: Values
    odd: dict[int, Call]
    bytes: int


class Frame:
    """How the spans of one table are read."""

    def __init__(
        self,
        schema: pa.Schema,
        servers: frozenset[str],
        span_of: Callable[[Mapping[str, Any]], Span],
    ) -> None:
        """``servers``: attributes that tell a server's span; ``span_of`` reads what is odd."""
        kinds = {field.name: field.type for field in schema}
        self._plan = Plan.of(
            {name.removeprefix(PREFIX): kind for name, kind in kinds.items() if name.startswith(PREFIX)}, servers
        )
        self._servers = sorted(servers & self._plan.plain.union(*self._plan.caller.values()))
        self._span_of = span_of
        read = {*TEXTS, START, END, MESSAGE, EVENTS, *(PREFIX + name for name in self._plan.names)}
        self.columns = [name for name in kinds if name in read]

    @staticmethod
    def takes(schema: pa.Schema) -> bool:
        """Whether a table's own columns are those of a data frame, each once, with ids and times of the usual types."""
        kinds = {field.name: field.type for field in schema}
        if len(kinds) < len(schema) or not NESTED.isdisjoint(kinds) or SPAN not in kinds:
            return False
        if not (is_text(kinds[SPAN]) and pa.types.is_timestamp(kinds.get(START, pa.null()))):
            return False
        texts = all(is_text(kind) or pa.types.is_null(kind) for name in TEXTS if (kind := kinds.get(name)) is not None)
        end, events = kinds.get(END, pa.null()), kinds.get(EVENTS, pa.null())
        ends = pa.types.is_timestamp(end) or pa.types.is_null(end)
        return texts and ends and (pa.types.is_list(events) or pa.types.is_null(events))

    @staticmethod
    def piece_rows(file: pq.ParquetFile) -> int:
        """How many rows of a file are read at once."""
        groups = (file.metadata.row_group(number).total_byte_size for number in range(file.metadata.num_row_groups))
        each: int = sum(groups) // max(file.metadata.num_rows, 1) + 1
        least, most = _PIECE_ROWS
        return min(max(_PIECE_BYTES // each, least), most)

    def piece(
        self,
        batch: pa.RecordBatch,
        place: Place,
        rows_at: _RowsAt,
        odd: Bools | None = None,
    ) -> tuple[_Piece, Stretch]:
        """Some rows of the table, of which some may be known to be ``odd``; ``rows_at`` gives rows by themselves."""
        count = batch.num_rows
        told = {
            name.removeprefix(PREFIX): column
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
            if name.startswith(PREFIX)
        }
        kinds = _text(batch, KIND)
        kinds = pc.if_else(pc.equal(kinds, "UNKNOWN"), None, kinds)
        calls, strange = told_calls(self._plan, told, kinds)
        odd = strange if odd is None else odd | strange
        started, late = _times(batch, START)
        ended, later = _times(batch, END)
        odd |= calls & (late | later | self._strange(batch))
        server = np.zeros(count, bool)
        for name in self._servers:
            server |= told[name].is_valid().to_numpy(zero_copy_only=False)
        context = context_columns(self._plan, told, server, calls)
        plain = pa.array(calls & ~odd)
        values, strange = call_columns(self._plan, {n: c.filter(plain) for n, c in told.items()}, kinds.filter(plain))
        if strange.any():
            kept = pa.array(~strange)
            values = {name: _kept(value, kept) for name, value in values.items()}
            odd[np.flatnonzero(calls & ~odd)[strange]] = True
        keys, parents = _keys(batch)
        plain = pa.array(calls & ~odd)
        values["exchange_id"], values["started_at"] = _text(batch, SPAN).filter(plain), started.filter(plain)
        values["latency_ms"] = _milliseconds(started, ended).filter(plain)
        values["status"] = pa.array(np.full(len(values["exchange_id"]), SUCCESS))
        apart = {}
        for row, span in self._apart(np.flatnonzero(odd), rows_at):
            keys[row], parents[row], calls[row] = span.key, span.parent, span.call
            call = Call(span, settled=True) if span.call else None
            if call is not None:
                apart[row] = call
            _learn(context, row, count, call.context if call else context_of(span, call=False))
        size = sum(value.nbytes for value in values.values() if isinstance(value, pa.Array))
        size += sum(call.characters for call in apart.values())
        return _Piece(place, calls, calls & ~odd, values, apart, size), Stretch(keys, parents, calls, context)

    def _strange(self, batch: pa.RecordBatch) -> Bools:
        """Spans that failed, or have events: how a call ended is told by these."""
        found = _equal(_text(batch, STATUS), "ERROR")
        if EVENTS in batch.schema.names and pa.types.is_list(batch.column(EVENTS).type):
            lengths = batch.column(EVENTS).value_lengths().fill_null(0)
            found |= lengths.to_numpy(zero_copy_only=False) > 0
        return found

    def _apart(
        self, odd: Places, rows_at: Callable[[Places], Sequence[Mapping[str, Any]]]
    ) -> Iterator[tuple[int, Span]]:
        """The odd spans, each read by itself."""
        for start in range(0, len(odd), _ROWS_APART):
            places = odd[start : start + _ROWS_APART]
            yield from zip(places.tolist(), map(self._span_of, rows_at(places)), strict=True)


def read_pieces(pieces: Iterable[tuple[_Piece, Stretch]], location: str, passed: int) -> Iterator[ReadBatch]:
    """The exchanges in the pieces of a file, after its first ``passed`` records."""
    rows, links, last = Rows(location), Links(), 0
    waiting: deque[_Piece] = deque()
    calls = held = 0
    for piece, stretch in pieces:
        last = max(last, *piece.place.records[-1:].tolist(), *(record for record, _, _ in piece.place.rejected))
        links.add(stretch)
        waiting.append(piece)
        calls, held = calls + int(piece.calls.sum()), held + piece.bytes
        if calls < _TOGETHER * CALLS_HELD and held < CHARACTERS_HELD:
            continue
        while len(waiting) > 1:
            after = calls - int(waiting[0].calls.sum()), held - waiting[0].bytes
            if after[0] < CALLS_HELD and after[1] < CHARACTERS_HELD:
                break
            calls, held = after
            yield from _released(rows, waiting.popleft(), links, passed)
    while waiting:
        yield from _released(rows, waiting.popleft(), links, passed)
    if len(rows):
        yield rows.take(Cursor(last))


def _released(rows: Rows, piece: _Piece, links: Links, passed: int) -> Iterator[ReadBatch]:
    """The exchanges of a piece, after the first ``passed`` records of the file."""
    exchanges, context = links.next()
    records, lines, rejected = piece.place
    aside = deque(reject for reject in rejected if reject[0] > passed)
    calls = np.flatnonzero(piece.calls)
    wanted = exchanges[calls] & (records[calls] > passed)
    plain = piece.plain[calls]
    known = {name: taken(told) for name, told in context.items()}
    place = np.cumsum(plain) - 1  # of a plain call among the plain ones
    turns = np.flatnonzero(np.append(True, plain[1:] != plain[:-1])) if len(calls) else calls
    for start, end in zip(turns.tolist(), [*turns[1:].tolist(), len(calls)], strict=False):
        chosen = start + np.flatnonzero(wanted[start:end])
        while len(chosen):
            some, chosen = chosen[: max(rows.room, 1)], chosen[max(rows.room, 1) :]
            known_of = {name: _some(column, some) for name, column in known.items()}
            at = calls[some]
            _set_aside(rows, aside, int(records[at[-1]]))
            if plain[start]:
                columns = {name: _some(values, place[some]) for name, values in piece.values.items()}
                rows.add_columns(columns | known_of, lines[at].tolist())
            else:
                _add_apart(rows, [piece.odd[row] for row in at.tolist()], lines[at].tolist(), known_of)
            if rows.full:
                last, following = records[at[-1]], records[calls[some[-1] + 1 : some[-1] + 2]]
                yield rows.take(Cursor(int(last) - (last in following)))  # a record that is not at its end comes again
    _set_aside(rows, aside, None)


def _set_aside(rows: Rows, aside: deque[tuple[int, int, str]], until: int | None) -> None:
    """Sets aside what stands up to a record, or all."""
    while aside and (until is None or aside[0][0] <= until):
        _, line, reason = aside.popleft()
        rows.reject(reason, line)


def _add_apart(rows: Rows, calls: Sequence[Call], lines: Sequence[int], known: Mapping[str, Any]) -> None:
    """Calls that were read by themselves."""
    columns = {name: column.to_pylist() if isinstance(column, pa.Array) else column for name, column in known.items()}
    for number, (call, line) in enumerate(zip(calls, lines, strict=True)):
        row = call.row({name: told[number] for name, told in columns.items() if told[number] is not None})
        rows.add_typed(row, line) if call.typed else rows.add(row, line)


def _learn(context: dict[str, Coded], place: int, count: int, told: Mapping[str, Any]) -> None:
    """Puts what one span tells in place of what its row seemed to tell."""
    for coded in context.values():
        coded.which[place] = -1
    for name, value in told.items():
        coded = context.setdefault(name, Coded([], np.full(count, -1)))
        coded.which[place] = len(coded.values)
        coded.values.append(value)


def _some(column: Any, places: np.ndarray[Any, Any]) -> Any:
    """Some values of a column, a run of them as they are."""
    if len(places) and places[-1] - places[0] == len(places) - 1:
        return column[int(places[0]) : int(places[-1]) + 1]
    return column.take(pa.array(places)) if isinstance(column, pa.Array) else [column[place] for place in places]


def _kept(column: Any, kept: pa.Array) -> Any:
    if isinstance(column, pa.Array):
        return column.filter(kept)
    return [value for value, good in zip(column, kept.to_pylist(), strict=True) if good]


def _text(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A column of texts; of a table that has none, nulls."""
    return batch.column(name).cast(_TEXT) if name in batch.schema.names else pa.nulls(batch.num_rows, _TEXT)


def _equal(column: pa.Array, text: str) -> Bools:
    found: Bools = pc.equal(column, text).fill_null(False).to_numpy(zero_copy_only=False)
    return found


def _keys(batch: pa.RecordBatch) -> tuple[list[Key | None], list[Key | None]]:
    """Which span each row is, and which it lies within: of none, the empty id."""
    traces = _text(batch, TRACE).fill_null("").to_numpy(zero_copy_only=False).tolist()
    spans = _text(batch, SPAN).to_numpy(zero_copy_only=False).tolist()
    parents = _text(batch, PARENT).to_numpy(zero_copy_only=False).tolist()
    keys: list[Key | None] = list(zip(traces, spans, strict=True))
    above: list[Key | None] = list(zip(traces, parents, strict=True))
    if not all(spans):
        keys = [key if key is not None and key[1] else None for key in keys]
    return keys, above if all(parents) else [key if key is not None and key[1] else None for key in above]


def _times(batch: pa.RecordBatch, name: str) -> tuple[pa.Array, Bools]:
    """Times cut to microseconds since 1970, null where there is none; and which are in no year that may be."""
    if name not in batch.schema.names or pa.types.is_null(batch.column(name).type):
        return pa.nulls(batch.num_rows, pa.int64()), np.zeros(batch.num_rows, bool)
    column = batch.column(name)
    times = column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(pa.int64())
    possible = pc.and_(pc.greater_equal(times, FIRST_US), pc.less(times, LAST_US)).fill_null(True)
    return times, ~possible.to_numpy(zero_copy_only=False)


def _milliseconds(started: pa.Array, ended: pa.Array) -> pa.Array:
    """Rounded as `span_window` rounds a call's nanoseconds."""
    elapsed = pc.subtract(ended, started)
    numbers = elapsed.fill_null(0).to_numpy(zero_copy_only=False).astype(np.float64)
    whole = np.rint(numbers * 1000 / 1e6)
    whole = np.where(np.abs(whole) < 2**62, whole, 0).astype(np.int64)
    return pa.array(whole, mask=elapsed.is_null().to_numpy(zero_copy_only=False))
