"""The run's table of accounts in memory: sorted once a column, read by the page.

Half a million accounts take some tens of megabytes; a page asks for a hundred of them.
"""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from stillwatch.console.reading.addresses import HASHED, LONGEST, named
from stillwatch.errors import InputError

__all__ = ["PAGE", "SORTS", "Accounts", "Page", "Wanted", "read_accounts"]

NAME = "accounts.parquet"
PAGE = 100
"""Rows of one page."""
SORTS = ("taken", "account", "probability", "q", "exchanges", "first", "last")
"""What a list can be sorted by."""
_COLUMNS = {
    "account": "account_id",
    "probability": "posterior",
    "q": "q_value",
    "exchanges": "exchanges",
    "taken": "taken",
    "first": "first_seen",
    "last": "last_seen",
}
_TYPES: dict[str, type[pl.DataType] | pl.DataType] = {
    "account_id": pl.String,
    "campaign_id": pl.String,
    "verdict": pl.String,
    "q_value": pl.Float64,
    "posterior": pl.Float64,
    "exchanges": pl.Int64,
    "taken": pl.Float64,
    "first_seen": pl.Datetime("us", "UTC"),
    "last_seen": pl.Datetime("us", "UTC"),
}

Rows = npt.NDArray[np.int32]


class Wanted(NamedTuple):
    """Which rows a list shows, in which order: ``text`` is part of an account id, ``verdict`` "" for all."""

    sort: str = "taken"
    descending: bool = True
    text: str = ""
    verdict: str = ""
    page: int = 1

    @classmethod
    def read(cls, sort: str = "", order: str = "", text: str = "", verdict: str = "", page: str = "") -> Wanted:
        """What an address asks for; anything unknown in it is passed over."""
        return cls(
            sort=sort if sort in SORTS else "taken",
            descending=order != "up",
            text=text[:200].encode("utf-8", "replace").decode(),  # half a character is in no log
            verdict=verdict if verdict in ("campaign", "review", "clear") else "",
            page=int(page) if page.isascii() and page.isdigit() and len(page) < 10 else 1,
        )


class Page(NamedTuple):
    """One page of a list: ``rows`` of the table, of ``total`` that fit; page ``number`` (from 1) of ``pages``."""

    rows: Rows
    total: int
    number: int
    pages: int


class Accounts:
    """Every account of a run, in the order of ids; rows are numbered from 0 in that order.

    ``table`` has the columns of ``accounts.parquet`` and ``place``, the account's place in ``report.json``.
    """

    def __init__(self, table: pl.DataFrame) -> None:
        self.table = table
        ids = table.get_column("account_id")
        long = (ids.str.len_chars() > LONGEST) | ids.str.starts_with(HASHED)
        self._long = {named(ids[int(row)]): int(row) for row in np.flatnonzero(long.to_numpy())}
        self._orders: dict[str, Rows] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self.table.height

    def row(self, account_id: str) -> int | None:
        """The row of an account; None: the log has none of that name."""
        if not _is_text(account_id):
            return None
        ids = self.table.get_column("account_id")
        at = int(ids.search_sorted(account_id, side="left"))
        return at if at < len(ids) and ids[at] == account_id else None

    def row_at(self, given: str) -> int | None:
        """The row of what stands for an account in an address (`stillwatch.console.reading.addresses`)."""
        return self._long.get(given) if given.startswith(HASHED) else self.row(given)

    def page(self, wanted: Wanted, rows: Rows | None = None) -> Page:
        """The page that is wanted of ``rows`` (ascending; None: of all). A page beyond the last is the last."""
        ranked = self._order(wanted.sort, wanted.descending)
        if rows is not None or wanted.text or wanted.verdict:
            fits = np.zeros(len(self), dtype=bool)
            fits[self._fitting(wanted, rows)] = True
            ranked = ranked[fits[ranked]]
        pages = max(1, math.ceil(len(ranked) / PAGE))
        number = min(max(wanted.page, 1), pages)
        return Page(ranked[(number - 1) * PAGE : number * PAGE], len(ranked), number, pages)

    def _fitting(self, wanted: Wanted, rows: Rows | None) -> Rows:
        chosen = np.arange(len(self), dtype=np.int32) if rows is None else rows
        if wanted.text:
            ids = self.table.get_column("account_id")
            some = ids if rows is None else ids.gather(rows)
            chosen = chosen[some.str.contains(wanted.text, literal=True).to_numpy()]
        if wanted.verdict:
            verdicts = self.table.get_column("verdict").gather(chosen)
            chosen = chosen[(verdicts == wanted.verdict).to_numpy()]
        return chosen

    def _order(self, sort: str, descending: bool) -> Rows:
        """All rows sorted by a column; equal ones by id. Found once and kept: two megabytes for 500,000."""
        name = f"{sort}{'-' if descending else '+'}"
        with self._lock:
            if name not in self._orders:
                column = self.table.get_column(_COLUMNS[sort])
                if sort == "account":
                    values = np.arange(len(self))
                elif sort in ("first", "last"):
                    values = column.cast(pl.Int64).fill_null(0).to_numpy()
                else:
                    values = column.fill_null(0).to_numpy()
                order = np.argsort(-values if descending else values, kind="stable")
                self._orders[name] = order.astype(np.int32)
            return self._orders[name]


def read_accounts(folder: Path) -> Accounts:
    """The accounts of the run in ``folder``. Raises `InputError` for a table that is missing or other."""
    path = folder / NAME
    try:
        table = pl.read_parquet(path, columns=list(_TYPES), use_pyarrow=False, memory_map=False, glob=False)
        table = table.with_columns(pl.col(name).cast(kind) for name, kind in _TYPES.items())
    except (OSError, pl.exceptions.PolarsError) as error:
        said = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise InputError(f"holds no {NAME} that can be read ({said})", folder, "scan again") from error
    table = table.with_row_index("place")
    ids = table.get_column("account_id")
    return Accounts(table if ids.is_sorted() else table.sort("account_id"))


def _is_text(given: str) -> bool:
    """Whether it can stand in a log at all: half a character from an address cannot."""
    try:
        given.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
