"""Any table or JSON log through a map that says which of its fields is which column.

::

    format = "jsonl"                    # optional: jsonl, csv or parquet; otherwise told by the content

    [fields]
    exchange_id = "request.id"          # a column, or a path of keys and list positions through JSON
    account_id = ["consumer.id", "ip"]  # the first that holds something
    started_at = { path = "started_at", unit = "ms" }      # iso, s, ms, us, ns; without a unit told by its size
    latency_ms = { path = "duration", unit = "s" }         # s, ms (as it stands), us, ns

A key that itself holds points is found too (``gen_ai.usage.input_tokens``), and a text that holds JSON is opened
where the path leads on. Columns that the map leaves out are null.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pyarrow as pa

from stillwatch.errors import InputError
from stillwatch.exchange import EXCHANGE, REQUIRED
from stillwatch.sources.base import BATCH_ROWS, Cursor, Info, ReadBatch, Trust
from stillwatch.sources.containers.delimited import delimited_documents
from stillwatch.sources.containers.files import head
from stillwatch.sources.containers.json_documents import Document, begins_json, decoded, json_documents
from stillwatch.sources.formats.canonical_parquet import MAGIC, open_parquet, parquet_batches
from stillwatch.sources.records.callers import id_array
from stillwatch.sources.records.rows import COLUMNS, Rows
from stillwatch.sources.records.values import BadValueError, epoch_us, real

__all__ = ["Field", "FieldMap", "follow", "read_field_map"]

UNITS: Mapping[str, tuple[str, ...]] = {
    "started_at": ("iso", "s", "ms", "us", "ns"),
    "latency_ms": ("s", "ms", "us", "ns"),
}
MILLISECONDS = {"s": Decimal(1000), "ms": Decimal(1), "us": Decimal("0.001"), "ns": Decimal("0.000001")}
FORMATS = ("jsonl", "csv", "parquet")
OPENED_CHARACTERS = 8 * 2**20


class Field(NamedTuple):
    """Where one column comes from: the paths to try in order, and the unit of what stands there."""

    paths: tuple[str, ...]
    unit: str | None = None


class FieldMap:
    """A log read through a map. It recognises nothing: only the user can say which field is which."""

    info: ClassVar[Info] = Info(
        name="map",
        summary="Any JSON, CSV or Parquet log, with a file that says which field is which (--map)",
        reference="docs/log-formats.md",
        version="1",
        example=b'{"request": {"id": "r1"}, "started_at": 1788739388250, "consumer": {"id": "a1"}, "duration": 0.5}\n',
        carries=tuple(EXCHANGE.names),
        switch_on='Write `map.toml`: one line per column, such as `account_id = "user.id"`.',
        privacy="A column that the map leaves out is not read.",
        trust=Trust("what the map says", "as you let it: name a field that your server sets", "what the map says"),
    )

    def __init__(self, fields: Mapping[str, Field], kind: str | None = None) -> None:
        self.fields = dict(fields)
        self.kind = kind

    def recognises(self, head: bytes) -> bool:
        """Never: see the class."""
        return False

    def read(self, location: str, since: Cursor | None) -> Iterator[ReadBatch]:
        """See `Source.read`. A record is a line, an object or a row."""
        getters = [self._getter(name) for name in COLUMNS]
        rows, records = Rows(location), 0
        for document in self._documents(location):
            records += 1
            if since is not None and records <= since.records:
                continue
            if document.reason:
                rows.reject(document.reason, document.line)
            else:
                try:
                    values = [None if getter is None else getter(document.value) for getter in getters]
                except BadValueError as error:
                    rows.reject(str(error), document.line)
                else:
                    rows.add(values, document.line)
            if rows.full:
                yield rows.take(Cursor(records))
        if len(rows):
            yield rows.take(Cursor(records))

    def identities(self, location: str) -> Iterator[pa.Array]:
        """See `Source.identities`."""
        paths = self.fields["exchange_id"].paths
        ids: list[str] = []
        for document in self._documents(location):
            value = _first(document.value, paths)
            if isinstance(value, str | int):
                ids.append(str(value))
            if len(ids) >= BATCH_ROWS:
                yield id_array(ids)
                ids = []
        yield id_array(ids)

    def _getter(self, name: str) -> Callable[[object], object] | None:
        field = self.fields.get(name)
        if field is None:
            return None
        paths, unit = field.paths, field.unit
        if unit is None or unit == "iso":
            return lambda row: _first(row, paths)
        scale = _time if name == "started_at" else _milliseconds
        return lambda row: scale(_first(row, paths), unit)

    def _documents(self, location: str) -> Iterator[Document]:
        start = head(location)
        kind = self.kind or _kind(start)
        if kind == "parquet":
            return _table_rows(location)
        return json_documents(location) if kind == "jsonl" else delimited_documents(location)


def _kind(start: bytes) -> str:
    if start.startswith(MAGIC):
        return "parquet"
    return "jsonl" if begins_json(start) else "csv"


def _table_rows(location: str) -> Iterator[Document]:
    file = open_parquet(location)
    number = 0
    for batch in parquet_batches(file, None, location):
        for row in batch.to_pylist():
            number += 1
            yield Document(number, row)


def follow(value: Any, path: str) -> Any:
    """What stands in a JSON value at ``path`` (keys and list positions joined by points); None where nothing does."""
    if isinstance(value, str) and len(value) <= OPENED_CHARACTERS:
        value = decoded(value)
    if isinstance(value, dict):
        if path in value:
            return value[path]
        end = path.find(".")
        while end >= 0:
            key = path[:end]
            if value.get(key) is not None and (found := follow(value[key], path[end + 1 :])) is not None:
                return found
            end = path.find(".", end + 1)
        return None
    if isinstance(value, list):
        position, _, rest = path.partition(".")
        if position.isascii() and position.isdigit() and int(position[:9]) < len(value):
            item = value[int(position[:9])]
            return follow(item, rest) if rest else item
    return None


def _first(value: Any, paths: tuple[str, ...]) -> Any:
    for path in paths:
        found = follow(value, path)
        if found is not None and found != "":
            return found
    return None


def _time(value: object, unit: str) -> object:
    """The time in microseconds, which its size then tells from every other unit."""
    try:
        return None if value is None else epoch_us(value, unit)
    except BadValueError as error:
        raise BadValueError(f"{error}: started_at") from None


def _milliseconds(value: object, unit: str) -> object:
    try:
        number = None if value is None else real(value)
    except BadValueError as error:
        raise BadValueError(f"{error}: latency_ms") from None
    return None if number is None else round(Decimal(repr(number)) * MILLISECONDS[unit])


def read_field_map(path: Path) -> FieldMap:
    """The map in a TOML file. Raises `InputError`, with what to write instead, for one that cannot work."""
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path) from error
    except (tomllib.TOMLDecodeError, UnicodeError) as error:
        raise InputError(f"is no TOML: {error}", path) from error
    kind, fields = content.get("format"), content.get("fields")
    if kind is not None and kind not in FORMATS:
        raise InputError(f"format {kind!r} is unknown", path, "known: " + ", ".join(FORMATS))
    if not isinstance(fields, dict):
        raise InputError("has no [fields]", path, 'write one line per column, such as account_id = "user.id"')
    unknown = [name for name in fields if name not in COLUMNS]
    if unknown:
        raise InputError(f"names no column of ours: {', '.join(unknown)}", path, "known: " + ", ".join(EXCHANGE.names))
    missing = [name for name in REQUIRED if name not in fields]
    if missing:
        raise InputError(f"leaves out {', '.join(missing)}", path, "these columns are required")
    return FieldMap({name: _field(name, value, path) for name, value in fields.items()}, kind)


def _field(name: str, value: Any, path: Path) -> Field:
    unit = None
    if isinstance(value, dict):
        unit, value = value.get("unit"), value.get("path")
    paths = [value] if isinstance(value, str) else value
    if not isinstance(paths, list) or not paths or not all(isinstance(p, str) and p for p in paths):
        raise InputError(f"{name} is neither a path nor a list of paths", path)
    if unit is not None and unit not in UNITS.get(name, ()):
        known = ", ".join(UNITS.get(name, ())) or "none"
        raise InputError(f"{name} cannot have the unit {unit!r}", path, f"known: {known}")
    return Field(tuple(paths), unit)
