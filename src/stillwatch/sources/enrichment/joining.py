"""Two sources of one exchange: text from one log; address, client, key or account from another.

A gateway's access log knows who called from where and no text; the tracer behind it knows the text and not who. They
share an id. The second log is read first, into a table on disk (SQLite, in a file without a name), so that memory does
not grow with it; then each exchange takes from it what it lacks. What the edge saw itself (address,
network, TLS fingerprint) is taken even where the first log says otherwise: behind a proxy it saw the proxy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.errors import InputError, UsageError
from stillwatch.exchange import EXCHANGE
from stillwatch.progress import Progress, Silent
from stillwatch.sources.containers.delimited import delimited_documents
from stillwatch.sources.containers.files import find_files, head, second_head
from stillwatch.sources.containers.json_documents import begins_json, json_documents
from stillwatch.sources.containers.lookup import key_digest, lookup_table
from stillwatch.sources.formats.canonical_parquet import MAGIC, open_parquet, parquet_batches
from stillwatch.sources.formats.field_map import follow
from stillwatch.sources.records.values import CONVERTERS, BadValueError

__all__ = ["KEYS", "Join", "parse_on"]

KEYS = ("exchange_id", "session_id")
"""Columns of THE record by which another log may be joined."""
_EDGE = ("client_ip", "client_asn", "client_network", "ja4")
_NAMES: Mapping[str, tuple[str, ...]] = {
    "account_id": ("account_id", "consumer.id", "user_id", "userId", "user.id", "ApimSubscriptionId"),
    "api_key_id": ("api_key_id", "authenticated_entity.id", "key_id"),
    "session_id": ("session_id", "sessionId", "session.id"),
    "client_ip": (
        "client_ip",
        "x-forwarded-for",
        "x_forwarded_for",
        "http_x_forwarded_for",
        "request.headers.x-forwarded-for",
        "downstream_remote_address",
        "remote_addr",
        "sourceIPAddress",
        "CallerIpAddress",
        "callerIpAddress",
        "client_address",
        "client.address",
    ),
    "client_asn": ("client_asn", "asn"),
    "client_network": ("client_network",),
    "user_agent": (
        "user_agent",
        "user-agent",
        "http_user_agent",
        "request.headers.user-agent",
        "user_agent.original",
        "userAgent",
    ),
    "ja4": ("ja4", "tls_ja4", "ja4_fingerprint", "JA4Fingerprint", "ja4Fingerprint", "tls_ja4_fingerprint"),
    "status": ("status", "response_code", "response.status", "ResponseCode"),
    "latency_ms": ("latency_ms", "latencies.request", "TotalTime"),
}
"""What a second log may tell, and under which names it is looked for, in this order."""
_WRITTEN = 20_000


def parse_on(text: str) -> tuple[str, str]:
    """``request_id`` or ``session_id=trace_id``: the column of THE record, and the field of the second log.

    Raises `UsageError` for a column by which nothing can be joined.
    """
    column, equals, field = text.partition("=")
    if not equals:
        column, field = KEYS[0], text
    if column not in KEYS or not field:
        raise UsageError(f"{text!r} is no pair of fields", "--on", f"write FIELD, or {KEYS[1]}=FIELD")
    return column, field


class Join:
    """A second log, ready to be asked; a context manager, whose table is deleted at the end.

    ``matched`` of ``exchanges`` completed were found in it.
    """

    def __init__(self, location: Path | str, on: str, progress: Progress | None = None) -> None:
        """Reads ``location`` (JSON, CSV or Parquet; a file, folder or pattern), keyed by ``on`` (`parse_on`).

        Of several lines with one key the same one counts whatever their order. Raises `InputError` where no line has
        the field, or the key and nothing else that is known.
        """
        self.where, self.on = str(location), on
        self.matched = self.exchanges = 0
        self._key, field = parse_on(on)
        self._table = lookup_table(
            "create table told(key blob primary key, value text) without rowid;"
            "create temp table asked(place integer, key blob);"
        )
        try:
            self._fill(find_files([location]), field, progress or Silent())
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Join:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Delete the table."""
        self._table.close()

    def _fill(self, files: tuple[Path | str, ...], field: str, progress: Progress) -> None:
        progress.step("reading the second log", len(files))
        keyed = told = 0
        rows: list[tuple[bytes, str]] = []
        self._table.execute("begin")
        for file in files:
            for record in _records(file):
                key = follow(record, field)
                if not isinstance(key, str | int) or key == "":
                    continue
                keyed += 1
                values = _told(record)
                told += bool(values)
                rows.append((key_digest(str(key)), msgspec.json.encode(values, order="sorted").decode()))
                if len(rows) >= _WRITTEN:
                    self._write(rows)
            progress.advance()
        self._write(rows)
        self._table.execute("commit")
        if not keyed:
            raise InputError(f"has no line with a field {field!r}", self.where, "name the shared id with --on")
        if not told:
            known = ", ".join(_NAMES)
            raise InputError("tells nothing but the id", self.where, f"name its fields as one of: {known}")

    def _write(self, rows: list[tuple[bytes, str]]) -> None:
        self._table.executemany(
            "insert into told values(?, ?) on conflict(key) do update set value = max(value, excluded.value)", rows
        )
        rows.clear()

    def complete(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch with what the second log tells of its exchanges; counts how many were found."""
        keys = batch.column(batch.schema.get_field_index(self._key)).to_pylist()
        self._table.execute("delete from asked")
        asked = [(place, key_digest(key)) for place, key in enumerate(keys) if key is not None]
        self._table.executemany("insert into asked values(?, ?)", asked)
        found = self._table.execute("select place, value from asked join told using(key)").fetchall()
        self.exchanges += batch.num_rows
        self.matched += len(found)
        told = {place: msgspec.json.decode(value) for place, value in found}
        for name in _NAMES:
            if name == self._key:
                continue
            kind = EXCHANGE.field(name).type
            second = pa.array([told[i].get(name) if i in told else None for i in range(batch.num_rows)], kind)
            place = batch.schema.get_field_index(name)
            first = batch.column(place)
            column = pc.coalesce(second, first) if name in _EDGE else pc.coalesce(first, second)
            batch = batch.set_column(place, batch.schema.field(name), column)
        return batch


def _records(file: Path | str) -> Iterator[Any]:
    """The records of a second log; broken ones are passed over: they could not have been matched."""
    start = head(str(file))
    if start.startswith(MAGIC):
        for batch in parquet_batches(open_parquet(str(file)), None, str(file)):
            yield from batch.to_pylist()
    elif begins_json(start) or begins_json(second_head(str(file))):
        yield from (document.value for document in json_documents(str(file)) if not document.reason)
    elif start.strip():
        yield from (document.value for document in delimited_documents(str(file)) if not document.reason)


def _told(record: Any) -> dict[str, Any]:
    """What a record of the second log tells, by column; values of a wrong type are left out."""
    values: dict[str, Any] = {}
    for name, fields in _NAMES.items():
        found = next((v for field in fields if (v := follow(record, field)) not in (None, "", "-")), None)
        if found is not None:
            try:
                values[name] = CONVERTERS[name](found)
            except BadValueError:
                continue
    return values
