"""One exchange per line: a JSON object whose keys are the columns of THE record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

import msgspec
import pyarrow as pa

from stillwatch.exchange import EXCHANGE, REAL, TEXT, WHOLE
from stillwatch.sources.base import BATCH_ROWS, Cursor, Info, ReadBatch
from stillwatch.sources.containers.files import file_lines
from stillwatch.sources.containers.hostile_json import lenient
from stillwatch.sources.containers.json_documents import decode_reason, some_keys
from stillwatch.sources.records.callers import id_array
from stillwatch.sources.records.columns import OWN_PRIVACY, OWN_TABLE, OWN_TRUST
from stillwatch.sources.records.conversation import messages_text
from stillwatch.sources.records.rows import COLUMNS, Rows
from stillwatch.sources.records.values import time_us

__all__ = ["SOURCE", "CanonicalJsonl"]

STARTED_AT, MESSAGES = COLUMNS.index("started_at"), COLUMNS.index("messages")
NULL = msgspec.Raw(b"null")
Name = Annotated[str, msgspec.Meta(min_length=1)]
Whole = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Real = Annotated[float, msgspec.Meta(ge=0)]
TYPES: dict[Any, Any] = {TEXT: str | None, WHOLE: Whole | None, REAL: Real | None}


def _typed(field: pa.Field) -> tuple[str, Any] | tuple[str, Any, Any]:
    if field.name == "messages":
        return field.name, msgspec.Raw, NULL
    if not field.nullable:
        return field.name, Name
    return field.name, TYPES[field.type], None


# A line as it should be, which the decoder checks by itself; and any line, whose values are looked at one by one.
_Good = msgspec.defstruct("_Good", [_typed(field) for field in sorted(EXCHANGE, key=lambda f: f.nullable)], gc=False)
_Any = msgspec.defstruct(
    "_Any", [(name, *((msgspec.Raw, NULL) if name == "messages" else (Any, None))) for name in COLUMNS], gc=False
)
MARKS = frozenset({"exchange_id", "started_at", "account_id"})


class CanonicalJsonl:
    """JSON lines in the columns of THE record. ``messages`` may be the list itself or its JSON text."""

    info: ClassVar[Info] = Info(
        name="jsonl",
        summary="Exchanges as JSON lines, keys named as Stillwatch's columns",
        reference="docs/log-formats.md",
        version="1",
        example=(
            b'{"exchange_id": "r1", "started_at": "2026-09-07T00:03:08.012924Z", "account_id": "a1", "model": "m",'
            b' "messages": [{"role": "user", "content": "Good morning"}], "response": "Good morning.",'
            b' "input_tokens": 2, "output_tokens": 3, "status": 200}\n'
        ),
        carries=tuple(EXCHANGE.names),
        switch_on=OWN_TABLE,
        privacy=OWN_PRIVACY,
        trust=OWN_TRUST,
    )

    def __init__(self) -> None:
        self._typed = msgspec.json.Decoder(_Good)
        self._loose = msgspec.json.Decoder(_Any)

    def recognises(self, head: bytes) -> bool:
        """Whether one of the first whole lines is an object with at least two of the three required keys."""
        decode = some_keys((*MARKS, "request"))
        for line in head.splitlines()[:20]:
            try:
                keys = decode(line)
            except (msgspec.DecodeError, RecursionError, UnicodeError):
                continue
            recorded = isinstance(keys.get("request"), dict)  # HTTP as proxies record it is another format
            return len(keys.keys() & MARKS) >= 2 and not recorded
        return False

    def read(self, location: str, since: Cursor | None) -> Iterator[ReadBatch]:
        """See `Source.read`. A record is a line that is not blank."""
        rows, records = Rows(location), 0
        for line in file_lines(location):
            records += 1
            if since is not None and records <= since.records:
                continue
            if line.data is None:
                rows.reject(line.reason, line.number)
            elif (row := self._good(line.data)) is not None:
                rows.add_typed(row, line.number)
            else:
                self._add(rows, line.number, line.data)
            if rows.full:
                yield rows.take(Cursor(records))
        if len(rows):
            yield rows.take(Cursor(records))

    def _good(self, data: bytes) -> list[object] | None:
        """A line that is just as it should be, or None: then `_add` finds out what it is."""
        try:
            if not data.isascii():
                data.decode()
            row: list[object] = list(msgspec.structs.astuple(self._typed.decode(data)))
            row[STARTED_AT] = time_us(row[STARTED_AT])
            row[MESSAGES] = messages_text(_messages(row[MESSAGES]))
        except (ValueError, RecursionError):  # msgspec's errors, UnicodeError and BadValueError are ValueErrors
            return None
        return row

    def _add(self, rows: Rows, number: int, data: bytes) -> None:
        try:
            values = self._any(data)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            rows.reject(decode_reason(data, error), number)
            return
        rows.add(values, number)

    def _any(self, data: bytes) -> list[object]:
        """A line whose values may be of any kind."""
        try:
            if not data.isascii():
                data.decode()
            values = list(msgspec.structs.astuple(self._loose.decode(data)))
            values[MESSAGES] = _messages(values[MESSAGES])
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            value = lenient(data, error)
            if not isinstance(value, dict):
                raise
            values = list(map(value.get, COLUMNS))
        return values

    def identities(self, location: str) -> Iterator[pa.Array]:
        """See `Source.identities`."""
        decode = some_keys(("exchange_id",))
        ids: list[str] = []
        for line in file_lines(location):
            if line.data is None:
                continue
            try:
                value = decode(line.data).get("exchange_id")
            except (msgspec.DecodeError, RecursionError, UnicodeError):
                continue
            if type(value) in (str, int):
                ids.append(str(value))
            if len(ids) >= BATCH_ROWS:
                yield id_array(ids)
                ids = []
        yield id_array(ids)


def _messages(raw: Any) -> str | None:
    """The conversation's JSON text, taken from the line as it stands; a text that holds JSON is unwrapped."""
    data = bytes(raw)
    if data.startswith(b'"'):
        return msgspec.json.decode(data, type=str)
    return None if data == b"null" else data.decode()


SOURCE = CanonicalJsonl()
