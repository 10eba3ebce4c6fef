"""A CSV table whose columns are those of THE record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pyarrow as pa

from stillwatch.exchange import EXCHANGE
from stillwatch.sources.base import BATCH_ROWS, Cursor, Info, ReadBatch
from stillwatch.sources.containers.delimited import column_names, delimited_records, header
from stillwatch.sources.records.columns import OWN_PRIVACY, OWN_TABLE, OWN_TRUST, require_columns
from stillwatch.sources.records.rows import COLUMNS, Rows

__all__ = ["SOURCE", "CanonicalCsv"]

MARKS = frozenset({"exchange_id", "started_at", "account_id"})


class CanonicalCsv:
    """Comma-separated, with a header; quotation marks inside quotation marks are doubled; an empty cell is null."""

    info: ClassVar[Info] = Info(
        name="csv",
        summary="Exchanges as comma-separated values, columns named as Stillwatch's",
        reference="RFC 4180, and docs/log-formats.md for the columns",
        version="1",
        example=(
            b"exchange_id,started_at,account_id,model,messages,input_tokens\n"
            b'r1,2026-09-07T00:03:08Z,a1,m,"[{""role"": ""user"", ""content"": ""Good morning""}]",2\n'
        ),
        carries=tuple(EXCHANGE.names),
        switch_on=OWN_TABLE,
        privacy=OWN_PRIVACY,
        trust=OWN_TRUST,
    )

    def recognises(self, head: bytes) -> bool:
        """Whether the first line is a header with at least two of the three required columns."""
        return len(MARKS.intersection(header(head))) >= 2

    def read(self, location: str, since: Cursor | None) -> Iterator[ReadBatch]:
        """See `Source.read`. A record is a row. Raises `InputError` for a missing required column."""
        table = delimited_records(location)
        places = _places(column_names(table), location)
        rows, records = Rows(location), 0
        for record in table:
            records += 1
            if since is not None and records <= since.records:
                continue
            if record.cells is None:
                rows.reject(record.reason, record.line)
            else:
                cells = record.cells
                rows.add([None if place is None else cells[place] or None for place in places], record.line)
            if rows.full:
                yield rows.take(Cursor(records))
        if len(rows):
            yield rows.take(Cursor(records))

    def identities(self, location: str) -> Iterator[pa.Array]:
        """See `Source.identities`."""
        table = delimited_records(location)
        names = column_names(table)
        require_columns(names, location)
        place = names.index("exchange_id")
        ids: list[str] = []
        for record in table:
            if record.cells is not None:
                ids.append(record.cells[place])
            if len(ids) >= BATCH_ROWS:
                yield pa.array(ids, pa.large_string())
                ids = []
        yield pa.array(ids, pa.large_string())


def _places(names: list[str], location: str) -> list[int | None]:
    require_columns(names, location)
    return [names.index(name) if name in names else None for name in COLUMNS]


SOURCE = CanonicalCsv()
