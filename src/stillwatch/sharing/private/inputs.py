"""Where the artefacts of this side come from: a column of a file, or a log, a table of accounts and a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.campaigns.report import Report
from stillwatch.errors import InputError, UsageError
from stillwatch.progress import Progress
from stillwatch.sources.containers.delimited import column_names, delimited_records
from stillwatch.sources.containers.files import file_lines, head
from stillwatch.sources.formats.canonical_parquet import MAGIC, open_parquet, parquet_batches
from stillwatch.sources.log import Log

__all__ = ["FROM_ACCOUNTS", "FROM_LOG", "accused", "in_accounts", "in_file", "in_log"]

FROM_LOG = {"address": "client_ip", "ja4": "ja4"}
"""Kinds that a log holds, and in which column."""
FROM_ACCOUNTS = {"payment": "payment_id", "organization": "organization_id"}
"""Kinds that the provider's table of accounts holds."""


def in_file(path: Path, column: str | None) -> Iterator[str | None]:
    """The values of a column of a Parquet or CSV file, or, without ``column``, the lines of a text file.

    Raises `InputError` for a file that cannot be read, a line that is no UTF-8, and a record that does not fit the
    header: a set that lacks some of its artefacts would give a wrong answer in silence. `UsageError` for a column that
    is not there.
    """
    location = str(path)
    if head(location).startswith(MAGIC):
        yield from _of_parquet(location, column)
        return
    if column is not None:
        table = delimited_records(location)
        place = _place(column_names(table), column, location)
        for record in table:
            if record.cells is None:
                raise InputError(record.reason, f"{location}:{record.line}", "mend or remove it")
            yield record.cells[place]
        return
    for line in file_lines(location):
        try:
            yield (line.data or b"").decode() if line.data is not None else _broken(line.reason)
        except ValueError as error:
            what = "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
            raise InputError(what, f"{location}:{line.number}", "mend or remove it") from None


def accused(run: Path, campaign: str | None) -> frozenset[str]:
    """The accounts of a run's campaigns, or of one. Raises `InputError`, and `UsageError` for one that is not there."""
    path = run / "report.json"
    try:
        report = msgspec.json.decode(path.read_bytes(), type=Report)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path, "name the folder that scan --out wrote") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError("is no report of this version of Stillwatch", path, "scan again") from error
    if campaign is not None and campaign not in {one.campaign_id for one in report.campaigns}:
        raise UsageError("is no campaign of this run", f"--campaign {campaign}")
    chosen = [
        one
        for one in report.campaigns
        if (one.verdict == "campaign" if campaign is None else one.campaign_id == campaign)
    ]
    return frozenset(account for one in chosen for account in one.members)


def in_log(log: Log, kind: str, accounts: frozenset[str] | None, progress: Progress) -> set[str]:
    """The different values of ``kind`` in a log, of ``accounts`` or of all. Raises `UsageError` for a kind that a log
    does not hold, `InputError` for a log that cannot be read."""
    if kind not in FROM_LOG:
        raise UsageError(f"a log holds no {kind}", "--kind", f"it holds {', '.join(FROM_LOG)}; or use --from")
    found: set[str] = set()
    for batch in log.batches(progress):
        found |= _different(pa.Table.from_batches([batch]), FROM_LOG[kind], accounts)
    return found


def in_accounts(customers: pa.Table, kind: str, accounts: frozenset[str] | None) -> set[str]:
    """The different values of ``kind`` in a table of accounts, as `in_log`."""
    if kind not in FROM_ACCOUNTS:
        raise UsageError(
            f"a table of accounts holds no {kind}", "--kind", f"it holds {', '.join(FROM_ACCOUNTS)}; or use --from"
        )
    return _different(customers, FROM_ACCOUNTS[kind], accounts)


def _different(table: pa.Table, column: str, accounts: frozenset[str] | None) -> set[str]:
    if accounts is not None:
        wanted = pa.array(sorted(accounts), pa.large_string())
        table = table.filter(pc.is_in(table.column("account_id"), value_set=wanted))
    return {value for value in pc.unique(table.column(column)).to_pylist() if value is not None}


def _of_parquet(location: str, column: str | None) -> Iterator[str | None]:
    file = open_parquet(location)
    names = list(file.schema_arrow.names)
    if column is None and len(names) != 1:
        raise UsageError("has several columns", location, "give --column")
    name = names[0] if column is None else names[_place(names, column, location)]
    for batch in parquet_batches(file, [name], location):
        try:
            yield from batch.column(0).cast(pa.large_string()).to_pylist()
        except (pa.ArrowException, UnicodeDecodeError) as error:
            raise InputError(f"has no text in the column {name}", location, "name another --column") from error


def _place(names: list[str], column: str, location: str) -> int:
    if names.count(column) != 1:
        raise UsageError(f"has not one column {column!r}", location, "its columns: " + ", ".join(names)[:300])
    return names.index(column)


def _broken(reason: str) -> str:
    raise ValueError(reason)
