"""Langfuse's observations and traces, exported to blob storage, by the API or from its pages.

Verified in Langfuse's field reference of the blob storage export, its export contract
(``packages/shared/src/domain/observation-field-groups.ts``), its types (``domain/observations.ts``) and its page on
tokens and costs ("usage types are mutually exclusive buckets"): names in snake case in the export and in camel case
elsewhere, times in UTC without a zone, counts in parts that add up (``input`` leaves out what ``input_cached_tokens``
holds). Choices and limits:

- An observation of type GENERATION or EMBEDDING is an exchange; all others are steps around it and are passed over.
  Files of scores and manifests are recognised and hold no exchange.
- The account is the ``user_id`` that the application gave to Langfuse: nobody else vouches for it. Where it is not set,
  an exchange is set aside.
- The older export keeps ``user_id`` and ``session_id`` in files of traces. They are looked up by ``trace_id`` in the
  trace files of the observations' own folder and, where that is called ``observations``, of the folder ``traces``
  beside it; at most 5 million traces, whose ids are held in memory.
- Some libraries count the parts of ``usage_details`` within the whole, against the contract: see `usage_parts`.
- What input and output look like is up to the application: conversations of OpenAI, Anthropic, LangChain, the Vercel
  AI SDK and OpenTelemetry are read, any other text is what the user said. Not verified: the shapes of LangChain and of
  Vercel's SDK, and that a setting which is not set is the text "Infinity" or "None".
- A failure (level ERROR) has no code and is 500.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import pyarrow as pa

from stillwatch.errors import InputError
from stillwatch.sources.base import Info, Trust
from stillwatch.sources.calls.bodies import items, mapping
from stillwatch.sources.calls.observed import answer_values, asked_values
from stillwatch.sources.calls.usage_parts import counted_parts
from stillwatch.sources.containers.delimited import delimited_documents, header
from stillwatch.sources.containers.files import Beside, files_in, folder_of, head
from stillwatch.sources.containers.json_documents import (
    Decode,
    Document,
    begins_json,
    decoded,
    json_documents,
    some_keys,
)
from stillwatch.sources.formats.canonical_parquet import open_parquet, parquet_batches, told_columns, with_columns
from stillwatch.sources.records.json_log import JsonLog
from stillwatch.sources.records.values import BadValueError, real, time_us

__all__ = ["SOURCE", "Langfuse"]

KINDS = {"GENERATION": "generation", "EMBEDDING": "embedding"}
TRACES_KEPT = 5_000_000
COLUMNS = (
    "id",
    "trace_id",
    "type",
    "start_time",
    "end_time",
    "latency",
    "user_id",
    "session_id",
    "level",
    "input",
    "output",
    "provided_model_name",
    "model",
    "model_parameters",
    "usage_details",
    "usage",
    "tool_definitions",
    "observations",
    "data",
    "timestamp",
)
SIZED = (dict, list)
LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxTokens", "maxOutputTokens")
ID_KEYS = ("id", "type", "data", "observations")
CAMEL = {
    "".join((first, *map(str.capitalize, rest))): "_".join((first, *rest))
    for first, *rest in (name.split("_") for name in COLUMNS if "_" in name)
}
_CAMELS = frozenset(CAMEL)
# Each set of keys marks one kind of file: observations, traces, scores, the list of an export's files.
OBSERVATIONS = (
    ("trace_id", "start_time", "parent_observation_id"),
    ("trace_id", "start_time", "usage_details"),
    ("traceId", "startTime", "parentObservationId"),
    ("traceId", "startTime", "usageDetails"),
)
TRACES = (
    ("timestamp", "user_id", "session_id", "bookmarked"),
    ("timestamp", "userId", "sessionId", "bookmarked"),
    ("timestamp", "userId", "sessionId", "htmlPath"),
)
OTHERS = (
    ("trace_id", "data_type", "string_value"),
    ("traceId", "dataType", "stringValue"),
    ("exportSource", "window", "files"),
)


class Langfuse(JsonLog):
    """Rows of Langfuse as JSON lines, an array, the API's pages, CSV or Parquet."""

    info: ClassVar[Info] = Info(
        name="langfuse",
        summary="Langfuse's observations with their traces: JSON, JSON lines, CSV, Parquet",
        reference="https://langfuse.com/docs/api-and-data-platform/features/blob-storage-export-fields",
        version="4",
        example=(
            b'{"id": "r1", "trace_id": "t1", "type": "GENERATION", "parent_observation_id": null,'
            b' "start_time": "2026-09-07 00:03:08.250000", "end_time": "2026-09-07 00:03:08.750000", "user_id": "a1",'
            b' "session_id": "s1", "level": "DEFAULT", "provided_model_name": "m",'
            b' "model_parameters": "{\\"temperature\\":0.2}", "usage_details": {"input": 2, "output": 3, "total": 5},'
            b' "input": "[{\\"role\\":\\"user\\",\\"content\\":\\"Good morning\\"}]", "output": "Good morning."}\n'
        ),
        carries=(
            *("exchange_id", "started_at", "account_id", "session_id", "model", "operation", "system_prompt"),
            *("messages", "response", "reasoning", "input_tokens", "output_tokens", "reasoning_tokens", "temperature"),
            *("max_tokens", "tool_count", "status", "latency_ms"),
        ),
        switch_on=(
            "Let the application set `user_id` (and `session_id`) to its own account's id, or Langfuse knows no"
            " accounts. Then export: Project Settings > Integrations > Blob Storage, export source *Enriched"
            " observations*, field groups `core`, `basic`, `io`, `model`, `usage`, `tools`. Of the older *Traces and"
            " observations*, keep the folders `traces` and `observations` side by side; do not mix both exports."
            " Langfuse has no addresses and no user agents."
        ),
        privacy=(
            "Without the field group `io` there are no texts: accounts are still compared by load, rhythm and settings,"
            " but nothing is known of what they ask. A `mask` function in the SDK changes texts before they are stored;"
            " what it leaves is read as if it had been said. Without `basic` there is no account, and nothing is read."
        ),
        trust=Trust(
            "`user_id` of the observation, else of its trace",
            "as your application lets it, which sets it",
            "none",
        ),
        beside=(
            "For observations without a user, all files in their folder (and where it is called `observations`, in the"
            " folder `traces` beside it): their beginnings, and those that hold traces whole."
        ),
    )

    def recognises(self, head: bytes) -> bool:
        """Whether the file holds observations, traces or scores, or lists an export's files."""
        return any(_marked(head, marks) for marks in (OBSERVATIONS, TRACES, OTHERS))

    def documents(self, location: str) -> Iterator[Document]:
        """See `JsonLog.documents`; what a trace file tells of an observation is put into it."""
        traces = _Traces(location)
        for document in _documents(location):
            if isinstance(document.value, dict):
                rows = [traces.joined(row) for row in _rows(document.value)]
                yield Document(document.line, {"rows": rows}, document.reason)
            else:
                yield document

    def heads(self, location: str) -> Iterator[Document]:
        """See `JsonLog.heads`; what traces tell is no part of an id."""
        for document in _documents(location, some_keys(ID_KEYS)):
            if isinstance(document.value, dict):
                yield Document(document.line, {"rows": _rows(document.value)}, document.reason)

    def exchanges(self, document: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """See `JsonLog.exchanges`: an observation of a model's call is one exchange, a page holds many."""
        return [_values(row) for row in document["rows"] if KINDS.get(str(row.get("type")))]

    def identity(self, document: Mapping[str, Any]) -> Iterable[Any]:
        """See `JsonLog.identity`."""
        return [row.get("id") for row in document["rows"]]


def _marked(head: bytes, alternatives: tuple[tuple[str, ...], ...]) -> bool:
    """Whether a file's keys, columns or header hold one of some sets of names."""
    if begins_json(head):
        return any(all(b'"%b"' % name.encode() in head for name in names) for names in alternatives)
    columns = set(told_columns(head) or header(head))
    return any(columns.issuperset(names) for names in alternatives)


def _documents(location: str, decode: Decode | None = None) -> Iterator[Document]:
    start = with_columns(head(location), location)
    if told_columns(start):
        return _of_parquet(location)
    if not begins_json(start) and any(_marked(start, marks) for marks in (OBSERVATIONS, TRACES, OTHERS)):
        return delimited_documents(location)
    return json_documents(location, decode=decode)


def _of_parquet(location: str) -> Iterator[Document]:
    file = open_parquet(location)
    columns = [name for name in file.schema_arrow.names if name in COLUMNS or name in CAMEL]
    number = 0
    for batch in parquet_batches(file, columns, location):
        for row in _plain(batch).to_pylist():
            number += 1
            yield Document(number, {name: dict(value) if _is_pairs(value) else value for name, value in row.items()})


def _plain(batch: pa.RecordBatch) -> pa.Table:
    """A batch whose times are microseconds and whose texts are texts."""
    table = pa.Table.from_batches([batch])
    for place, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(
                place, field.name, table.column(place).cast(pa.timestamp("us", field.type.tz), safe=False)
            )
            kind: pa.DataType = pa.int64()
        elif pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
            kind = pa.large_string()
        else:
            continue
        try:
            column = table.column(place).cast(kind, safe=False)
        except pa.ArrowInvalid:
            column = pa.nulls(table.num_rows, kind)  # bytes that are no text in any row
        table = table.set_column(place, field.name, column)
    return table


def _is_pairs(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(pair, tuple) for pair in value)


def _rows(document: Mapping[str, Any], depth: int = 2) -> list[Mapping[str, Any]]:
    """The rows of a document, names in snake case: itself, the rows of a page, or the observations of a trace."""
    row = document
    if not _CAMELS.isdisjoint(row):
        row = {CAMEL.get(name, name): value for name, value in row.items()}
    if depth and "type" not in row and isinstance(row.get("data"), list):
        return [inner for item in items(row["data"]) for inner in _rows(item, depth - 1)]
    if depth and "observations" in row and items(row["observations"]):
        about = {name: row.get(name) for name in ("user_id", "session_id")}
        within = [observation for item in items(row["observations"]) for observation in _rows(item, 0)]
        return [{**observation, **_told(about, observation)} for observation in within]
    return [row]


def _told(about: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """What a trace tells of an observation that does not tell it itself."""
    return {name: value for name, value in about.items() if value and not row.get(name)}


class _Traces:
    """The traces that lie beside a file of observations; looked for when an observation first asks."""

    def __init__(self, location: str) -> None:
        self._location = location
        self._known: Mapping[str, tuple[str | None, str | None]] | None = None

    def joined(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """An observation with its trace's user and session, where it has none of its own."""
        if row.get("user_id"):
            return row
        trace = row.get("trace_id")
        if not isinstance(trace, str) or str(row.get("type")) not in KINDS:
            return row
        if self._known is None:
            self._known = _known_traces(_beside(self._location))
        user, session = self._known.get(trace, (None, None))
        return {**row, **_told({"user_id": user, "session_id": session}, row)}


def _beside(location: str) -> tuple[Beside, ...]:
    """Files that may hold the traces of an observations' file."""
    folder = folder_of(location)
    found = [*files_in(folder)]
    parent, _, name = folder.rpartition("/")
    if name == "observations":
        with contextlib.suppress(InputError):  # there need not be one
            found += files_in(f"{parent}/traces" if parent else "traces")
    return tuple(found)


@functools.lru_cache(maxsize=2)
def _known_traces(files: tuple[Beside, ...]) -> Mapping[str, tuple[str | None, str | None]]:
    """The user and session of each trace in those of ``files`` that hold traces; the last one of an id counts."""
    known: dict[str, tuple[str | None, str | None]] = {}
    texts: dict[str, str] = {}
    for location, _, _ in files:
        try:
            start = with_columns(head(location), location)
        except InputError:  # some other file that lies here, broken or not ours to open
            continue
        if not _marked(start, TRACES) or _marked(start, OBSERVATIONS):
            continue
        for document in _documents(location):
            for row in _rows(mapping(document.value)):
                told = [row.get(name) for name in ("user_id", "session_id")]
                user, session = (texts.setdefault(text, text) if isinstance(text, str) else None for text in told)
                if isinstance(row.get("id"), str) and (user or session):
                    known[row["id"]] = (user, session)
            if len(known) > TRACES_KEPT:
                wanted = "export enriched observations instead"
                raise InputError("lies among more than 5 million traces", location, wanted)
    return known


def _values(row: Mapping[str, Any]) -> dict[str, Any]:
    """The observation's columns, still loose."""
    asked, answered = asked_values(_opened(row.get("input"))), answer_values(_opened(row.get("output")))
    parameters = mapping(_opened(row.get("model_parameters")))
    tools = _opened(row.get("tool_definitions"))
    started = _time(row.get("start_time"))
    return {
        "exchange_id": row.get("id"),
        "started_at": started,
        "account_id": row.get("user_id"),
        "session_id": row.get("session_id"),
        "model": row.get("provided_model_name") or row.get("model"),
        "operation": KINDS[str(row["type"])],
        **asked,
        **answered,
        **counted_parts(mapping(_opened(row.get("usage_details")) or _opened(row.get("usage")))),
        "temperature": _number(parameters.get("temperature")),
        "max_tokens": _limit(parameters),
        "tool_count": asked["tool_count"] if not tools and asked["tool_count"] else _size(tools),
        "status": None if row.get("level") is None else 500 if row["level"] == "ERROR" else 200,
        "latency_ms": _latency(started, row),
    }


def _limit(parameters: Mapping[str, Any]) -> Any:
    for name in LIMITS:
        if (limit := parameters.get(name)) is not None and _number(limit) is not None:
            return limit
    return None


def _size(tools: Any) -> int | None:
    """How many tools there are; an export without the column tells nothing."""
    return len(tools) if isinstance(tools, SIZED) else None


def _opened(value: Any) -> Any:
    """A value, or what a text of JSON holds; any other text as it is."""
    if not isinstance(value, str) or value[:1] not in ("{", "[", '"'):
        return value
    return decoded(value, value)


def _number(value: Any) -> Any:
    """A setting, or null where a library wrote that there is none."""
    if value is None or type(value) is int:
        return value
    return None if str(value).lower() in ("infinity", "inf", "none", "null", "nan", "") else value


def _time(value: Any) -> Any:
    """A time in microseconds; what is none, as it is."""
    try:
        us = None if value is None else time_us(value)
    except BadValueError:
        return value
    return value if us is None else us


def _latency(started: Any, row: Mapping[str, Any]) -> Any:
    """From the start to the end; of rows without an end, what they call their latency (seconds)."""
    try:
        start = None if started is None else time_us(started)
        end = None if row.get("end_time") is None else time_us(row["end_time"])
        if start is not None and end is not None:
            return max(round((end - start) / 1000), 0)
        seconds = None if row.get("latency") is None else real(row["latency"])
    except BadValueError:
        return None
    return None if seconds is None else round(seconds * 1000)


SOURCE = Langfuse()
