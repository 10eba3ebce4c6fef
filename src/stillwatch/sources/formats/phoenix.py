"""Phoenix's spans: its REST API's and command line's JSON, and its data frame of spans as Parquet or JSON lines.

Written from the public sources of Arize Phoenix (``phoenix.trace.dsl.query``, ``phoenix.trace.attributes``,
``phoenix.client`` 3.5: type ``Span``) and the OpenInference specification. Documents may be a span, an answer of
``GET /v1/projects/{project}/spans`` (``data``), or a trace as ``px trace list`` saves it (``spans``: phoenix-cli,
``commands/trace.ts``); attributes may be nested, flat, or, in a data frame, columns of their own
(``attributes.llm.model_name``). Parquet was tried with files that pandas wrote from such frames, not with a Phoenix
server's.

An exchange is a span of the kind LLM or EMBEDDING, its id the span's. What is said in `formats.otlp` of
accounts, addresses and frameworks holds here too: ``user.id`` is what the application set. Phoenix does not keep which
spans are a server's; one that tells ``http.route`` or ``client.address`` is taken for one.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.errors import InputError, one_line
from stillwatch.sources.base import Info, ReadBatch, Trust
from stillwatch.sources.calls.attributes import (
    BySet,
    Event,
    flat,
    flat_columns,
)
from stillwatch.sources.calls.bodies import items, mapping
from stillwatch.sources.calls.frame_lines import KnownColumns
from stillwatch.sources.calls.frame_objects import frame_objects
from stillwatch.sources.calls.frame_rows import columns_of
from stillwatch.sources.calls.message_columns import Bools, Places, is_text
from stillwatch.sources.calls.model_spans import is_call
from stillwatch.sources.calls.span_frame import PREFIX, SPAN, Frame, Place, read_pieces
from stillwatch.sources.calls.span_log import SpanLog
from stillwatch.sources.calls.span_window import Record, Span, identity
from stillwatch.sources.containers.files import Line, file_lines, head
from stillwatch.sources.containers.json_documents import (
    Document,
    begins_json,
    decode_whole,
    documents_of,
    is_one_document,
    json_documents,
    some_keys,
)
from stillwatch.sources.formats.canonical_parquet import open_parquet, parquet_batches, told_columns, with_columns
from stillwatch.sources.records.rows import COLUMNS
from stillwatch.sources.records.values import FIRST_US, LAST_US, BadValueError, time_us

__all__ = ["SOURCE", "Phoenix"]

MAGIC = b"PAR1"
SLICE = 512
SLICES = 16
LINES_BYTES = 32 * 2**20
ROW, ROW_BYTES = re.compile(rb'"attributes\.[\w.]+"\s*:'), 65_536
MARKS = (b'"start_time"', b'"span_kind"', b'"attributes')
IDS = (b'"context.span_id"', b'"span_id"')
TELLING = ("context", "attributes.gen_ai", "data", "spans")  # how the columns begin that tell an id
ANSWER_ID = PREFIX + "gen_ai.response.id"
LITELLMS = "llm.request.type"
"""What LiteLLM's callback for Phoenix sets and no instrumentation of OpenInference does: Phoenix keeps no scopes."""
SERVERS = frozenset({"http.route", "client.address", "http.client_ip"})

_OWN = BySet(lambda names: tuple((name, name[len(PREFIX) :]) for name in names if name.startswith(PREFIX)))
_ID_KEYS = some_keys(("context", "context.span_id", "data", "spans"))


class Phoenix(SpanLog):
    """Spans that Arize Phoenix has collected."""

    info: ClassVar[Info] = Info(
        name="phoenix",
        summary="Arize Phoenix's spans: JSON from its API, or its data frame as Parquet or JSON lines",
        reference="Arize-ai/phoenix: src/phoenix/trace/dsl/query.py, phoenix-client types; OpenInference spec",
        version="phoenix-client 3.5",
        example=(
            b'{"name": "ChatCompletion", "context": {"trace_id": "5b8efff798038103d269b633813fc60c", "span_id": "r1"},'
            b' "span_kind": "LLM", "parent_id": null, "start_time": "2026-09-07T00:03:08.250000+00:00",'
            b' "end_time": "2026-09-07T00:03:08.750000+00:00", "status_code": "OK", "status_message": "",'
            b' "attributes": {"openinference.span.kind": "LLM", "llm.model_name": "m", "user.id": "a1",'
            b' "llm.token_count.prompt": 2, "llm.input_messages.0.message.role": "user",'
            b' "llm.input_messages.0.message.content": "Good morning"}, "events": []}\n'
        ),
        carries=tuple(name for name in COLUMNS if name not in ("client_asn", "client_network", "ja4")),
        switch_on=(
            "Export with `px span list spans.json --limit 1000000` (without a limit, the newest 100 spans), with all"
            " pages of `GET /v1/projects/{project}/spans`, or with `client.spans.get_spans_dataframe(limit=...,"
            " timeout=...)` (without these, the newest 1,000 spans and 5 seconds), then `to_parquet(path)` or"
            " `to_json(path, orient='records', lines=True)`; a JSON file of one array is read up to 256 MiB."
            " Name the account where the call is made: `with using_attributes(user_id=..., session_id=...)` of"
            " `openinference.instrumentation`. Addresses and user agents are known only where the HTTP server's spans,"
            " with `client.address` and `user_agent.original`, are sent to Phoenix too. A span cannot change its"
            " parent: where files put together tell one span with different parents, all other calls are read, but"
            " whether a call that such spans name as their parent counts as an exchange is not promised."
        ),
        privacy=(
            "`OPENINFERENCE_HIDE_INPUTS`, `OPENINFERENCE_HIDE_OUTPUTS` and their kin leave `__REDACTED__` or nothing in"
            " place of texts: accounts are still compared by load, rhythm and settings."
            " `OPENINFERENCE_HIDE_LLM_INVOCATION_PARAMETERS` takes the settings away as well."
        ),
        beside="Where several files of Phoenix lie in a folder, all of them, whole: a span above may stand in another.",
        trust=Trust(
            (
                "in spans with `llm.request.type`, which are LiteLLM's, user, team, organisation or hash of the key;"
                " else `user.id` or its like"
            ),
            "of LiteLLM's proxy no; else as your application lets it, which sets it",
            "a server's forwarded header, else `client.address`, where such spans reach Phoenix",
        ),
    )

    records_apart: ClassVar[bool] = False

    def recognises(self, head: bytes) -> bool:
        """Whether the file is Parquet or JSON with the names of Phoenix's spans."""
        names = told_columns(head)
        if names:
            return "context.span_id" in names and any(name.startswith(PREFIX) for name in names)
        if not begins_json(head):
            return False
        return all(mark in head for mark in MARKS) and any(mark in head for mark in IDS)

    def is_one(self, location: str) -> bool:
        """See `SpanLog.is_one`: a Parquet file tells by its columns."""
        return self.recognises(with_columns(head(location), location))

    def documents(self, location: str) -> Iterator[Document]:
        """See `JsonLog.documents`; of a Parquet file, its rows."""
        if head(location).startswith(MAGIC):
            return _table_rows(location)
        return json_documents(location)

    def heads(self, location: str) -> Iterator[Document]:
        """See `JsonLog.heads`: of a span that tells its id, no more than that."""
        if head(location).startswith(MAGIC):
            return _table_rows(location, TELLING)
        return json_documents(location, decode=_head_of)

    def _windowed(self, location: str, passed: int) -> Iterator[ReadBatch]:
        """See `SpanLog.read`; a data frame's columns are read at once."""
        start = head(location)
        if start.startswith(MAGIC):
            file = open_parquet(location)
            if Frame.takes(file.schema_arrow):
                return read_pieces(_pieces_of_table(file, location), location, passed)
        elif ROW.search(start[:ROW_BYTES]):
            one = is_one_document(start)
            pieces = _pieces_of_rows(json_documents(location), location) if one else _pieces_of_lines(location)
            return read_pieces(pieces, location, passed)
        return super()._windowed(location, passed)

    def identities(self, location: str) -> Iterator[pa.Array]:
        """See `Source.identities`; of a data frame, the column of the ids."""
        if head(location).startswith(MAGIC):
            file = open_parquet(location)
            schema = file.schema_arrow
            others = [name for name in schema.names if name.startswith(TELLING[1])]
            if Frame.takes(schema) and all(name == ANSWER_ID and is_text(schema.field(name).type) for name in others):
                for batch in parquet_batches(file, [SPAN, *others], location):
                    sound = _sound(batch, location)
                    told = [sound.column(name).cast(pa.large_string()) for name in (SPAN, *others)]
                    filled = [pc.if_else(pc.equal(column, ""), None, column) for column in told]
                    yield pc.coalesce(*filled).drop_null()
                return
        yield from super().identities(location)

    def told(self, document: Mapping[str, Any]) -> Iterable[Span | Record]:
        """See `SpanLog.told`."""
        return [_span(span) for span in _spans(document)]

    def identity(self, document: Mapping[str, Any]) -> Iterable[Any]:
        """See `JsonLog.identity`: the ids of all spans, calls or not, since to tell calls takes their attributes."""
        return [_span_id(span) or identity(_span(span)) for span in _spans(document)]


def _pieces_of_table(file: pq.ParquetFile, location: str) -> Iterator[Any]:
    """The spans of a data frame in Parquet, for `read_pieces`."""
    frame, number = Frame(file.schema_arrow, SERVERS, _span), 0
    for batch in parquet_batches(file, frame.columns, location, frame.piece_rows(file)):
        numbers = np.arange(number + 1, number + 1 + batch.num_rows)
        number += batch.num_rows

        def rows_at(places: Places, batch: pa.RecordBatch = batch) -> list[dict[str, Any]]:
            return frame_objects(batch.take(pa.array(places)), location)

        yield frame.piece(_sound(batch, location), Place(numbers, numbers), rows_at)


def _pieces_of_lines(location: str) -> Iterator[Any]:
    """The spans of a data frame in lines of JSON, for `read_pieces`."""
    known, record = KnownColumns(), 0
    lines = file_lines(location)
    while some := _some_lines(lines):
        records = np.arange(record + 1, record + 1 + len(some))
        columns = None
        if not known.hopeless and all(line.data is not None for line in some):
            columns = known.columns([line.data for line in some if line.data is not None])
        if columns is None:
            yield from _pieces_of_rows(documents_of(some, decode_whole), location, known, record)
        else:
            place = Place(records, np.array([line.number for line in some], np.int64))
            yield _piece(_Slice(columns, place, np.zeros(len(some), bool), {}), location)
        record += len(some)


def _some_lines(lines: Iterator[Line]) -> list[Line]:
    """The next lines: as many as are read together, or 32 MiB of them."""
    some, room = [], LINES_BYTES
    for line in lines:
        some.append(line)
        room -= len(line.data or b"")
        if len(some) >= SLICE * SLICES or room < 0:
            break
    return some


def _pieces_of_rows(
    documents: Iterable[Document], location: str, known: KnownColumns | None = None, passed: int = 0
) -> Iterator[Any]:
    """The spans of a data frame in JSON, for `read_pieces`: few at a time become columns, which then are joined.

    ``known`` learns the columns; ``passed`` records stand before the documents.
    """
    numbered = enumerate(documents, passed + 1)
    while some := list(itertools.islice(numbered, SLICE)):
        slices = [_Slice.of(some, known)]
        del some
        while len(slices) < SLICES and (some := list(itertools.islice(numbered, SLICE))):
            slices.append(_Slice.of(some, known))
        try:
            tables = [pa.Table.from_batches([one.columns]) for one in slices]
            joined = [_Slice.joined(slices, pa.concat_tables(tables, promote_options="permissive"))]
        except pa.ArrowException:  # of types that are no one type
            joined = slices
        for one in joined:
            yield _piece(one, location)


def _piece(one: _Slice, location: str) -> Any:
    def rows_at(places: Places) -> list[Mapping[str, Any]]:
        others = [place for place in places.tolist() if place not in one.apart]
        told = dict(zip(others, frame_objects(one.columns.take(pa.array(others, pa.int64())), location), strict=True))
        return [one.apart[place] if place in one.apart else told[place] for place in places.tolist()]

    return Frame(one.columns.schema, SERVERS, _span).piece(one.columns, one.place, rows_at, one.odd)


class _Slice(NamedTuple):
    """Some rows of a data frame in JSON: their columns, where they stand, and those that stay objects."""

    columns: pa.RecordBatch
    place: Place
    odd: Bools
    apart: dict[int, Mapping[str, Any]]

    @classmethod
    def of(cls, some: list[tuple[int, Document]], known: KnownColumns | None) -> _Slice:
        told: list[tuple[int, int, Mapping[str, Any]]] = []
        rejected: list[tuple[int, int, str]] = []
        for record, (line, value, reason) in some:
            if type(value) is dict:
                told += [(record, line, span) for span in _spans(value)]
            else:
                rejected.append((record, line, reason or "not an object"))
        rows = [span for *_, span in told]
        records, lines = (np.array([one[side] for one in told], np.int64) for side in (0, 1))
        columns, odd = columns_of(rows)
        if known is not None and not known.hopeless:
            known.learn(rows, columns)
        apart = {place: rows[place] for place in np.flatnonzero(odd).tolist()}
        return cls(columns, Place(records, lines, tuple(rejected)), odd, apart)

    @classmethod
    def joined(cls, slices: list[_Slice], table: pa.Table) -> _Slice:
        starts = np.cumsum([0, *(len(one.odd) for one in slices)]).tolist()
        records, lines = (np.concatenate([one.place[side] for one in slices]) for side in (0, 1))
        rejected = tuple(reject for one in slices for reject in one.place.rejected)
        apart = {start + p: row for start, one in zip(starts, slices, strict=False) for p, row in one.apart.items()}
        columns = table.combine_chunks().to_batches()
        batch = columns[0] if columns else slices[0].columns
        return cls(batch, Place(records, lines, rejected), np.concatenate([one.odd for one in slices]), apart)


def _sound(batch: pa.RecordBatch, location: str) -> pa.RecordBatch:
    try:
        batch.validate(full=True)
    except pa.ArrowException as error:
        raise InputError(f"holds values that cannot be read ({one_line(error)[:120]})", location) from error
    return batch


def _spans(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The spans of a document: itself, or those of a page or a trace."""
    if "data" in document or "spans" in document:
        for name in ("data", "spans"):
            if isinstance(inner := document.get(name), list):
                return items(inner)
    return [document]


def _head_of(data: bytes) -> Any:
    """What tells a span's id; the whole document where that does not."""
    keys = _ID_KEYS(data)
    return keys if _span_id(keys) else decode_whole(data)


def _table_rows(location: str, beginnings: tuple[str, ...] = ("",)) -> Iterator[Document]:
    """The rows of a Parquet file, of the columns whose names begin in one of some ways."""
    file, number = open_parquet(location), 0
    columns = [name for name in file.schema_arrow.names if name.startswith(beginnings) or name == "attributes"]
    for batch in parquet_batches(file, columns, location):
        for start in range(0, batch.num_rows, SLICE):
            for row in frame_objects(batch.slice(start, SLICE), location):
                number += 1
                yield Document(number, row)


def _span(row: Mapping[str, Any]) -> Span:
    told = row.get
    nested, kind, parent, events = told("attributes"), told("span_kind"), told("parent_id"), told("events")
    if type(nested) is dict:
        attributes = flat(nested, lists=True)
    else:  # they are columns of their own
        attributes = flat_columns(row, _OWN[tuple(row)])
    if isinstance(kind, str) and kind != "UNKNOWN":
        attributes.setdefault("openinference.span.kind", kind)
    trace = row["context.trace_id"] if "context.trace_id" in row else mapping(told("context")).get("trace_id")
    trace = trace if isinstance(trace, str) else ""
    span, call = _span_id(row), is_call(attributes)
    return Span(
        key=None if span is None else (trace, span),
        parent=(trace, parent) if isinstance(parent, str) and parent else None,
        server=not SERVERS.isdisjoint(attributes),
        call=call,
        start=_nanoseconds(told("start_time")) if call else None,
        end=_nanoseconds(told("end_time")) if call else None,
        failed=told("status_code") == "ERROR",
        message=told("status_message"),
        attributes=attributes,
        events=[_event(event) for event in items(events)] if events else [],
        litellm=LITELLMS in attributes,
    )


def _span_id(row: Mapping[str, Any]) -> str | None:
    told = row["context.span_id"] if "context.span_id" in row else mapping(row.get("context")).get("span_id")
    return told if isinstance(told, str) and told else None


def _nanoseconds(value: Any) -> Any:
    """A time as nanoseconds since 1970; what is no time stays as it is, for the row to be set aside."""
    if type(value) is int and FIRST_US <= value < LAST_US:
        return value * 1000
    try:
        us = time_us(value)
    except BadValueError:
        return value
    return None if us is None else us * 1000


def _event(event: Mapping[str, Any]) -> Event:
    return Event(str(event.get("name")), flat(mapping(event.get("attributes"))))


SOURCE = Phoenix()
