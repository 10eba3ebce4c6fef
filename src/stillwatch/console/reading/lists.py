"""Lists of accounts as pages show them: a hundred rows, each with its error rate, and where the other pages are."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from stillwatch.campaigns import wording
from stillwatch.console.reading.accusations import Accused, accused_account
from stillwatch.console.reading.graph import Graph
from stillwatch.console.reading.groups import Group
from stillwatch.console.reading.run import Run
from stillwatch.console.reading.tables import Rows, Wanted
from stillwatch.sharing.formats.csv import guarded

__all__ = ["EXPORTED", "AccountList", "AccountRow", "Head", "account_list", "exported", "rows_of", "singles_of"]

_HEADS = (
    ("account", "Account", False),
    ("q", "Error rate", False),
    ("exchanges", "Exchanges", True),
    ("taken", "Taken", True),
    ("first", "First seen", False),
    ("last", "Last seen", False),
)
_UP_FIRST = ("account", "q", "first")
LONGEST_SHOWN = 120
"""Characters of an id in a list that is taken as a file."""
EXPORTED = (
    "account_id",
    "account_id_exact",
    "verdict",
    "campaign_id",
    "q_value",
    "probability_of_innocence",
    "exchanges",
    "taken",
    "first_seen",
    "last_seen",
    "closest_innocent_explanation",
    "innocent_explanations_ruled_out",
    "campaign_expected_innocent",
)
"""The header of an exported list."""


class AccountRow(NamedTuple):
    """One account of a list: ``account_id`` is the log's, all else words; ``campaign`` is its group's id or ""."""

    account_id: str
    accused: Accused
    campaign: str
    exchanges: str
    taken: str
    first: str
    last: str


class Head(NamedTuple):
    """A column's head: where it leads (the list sorted by it) and how the list is sorted by it now (ARIA's words)."""

    label: str
    url: str
    sorted: str
    number: bool


class AccountList(NamedTuple):
    """A page of a list: ``before`` and ``after`` are addresses of its neighbours, "" where there is none."""

    rows: tuple[AccountRow, ...]
    heads: tuple[Head, ...]
    wanted: Wanted
    total: int
    number: int
    pages: int
    before: str
    after: str


def account_list(run: Run, wanted: Wanted, group: Group | None, address: Callable[..., str]) -> AccountList:
    """The page of a group's accounts that is wanted (no group: of all accounts); ``address`` makes the list's address
    from a query."""

    def at(wanted: Wanted) -> str:
        return address(
            sort=wanted.sort,
            order=None if wanted.descending else "up",
            find=wanted.text or None,
            verdict=wanted.verdict or None,
            page=wanted.page if wanted.page > 1 else None,
        )

    page = run.accounts.page(wanted, None if group is None else group.rows)
    heads = []
    for sort, label, number in _HEADS:
        current = wanted.sort == sort
        descending = not wanted.descending if current else sort not in _UP_FIRST
        now = "none" if not current else "descending" if wanted.descending else "ascending"
        heads.append(Head(label, at(wanted._replace(sort=sort, descending=descending, page=1)), now, number))
    return AccountList(
        rows=tuple(rows_of(run, page.rows)),
        heads=tuple(heads),
        wanted=wanted,
        total=page.total,
        number=page.number,
        pages=page.pages,
        before=at(wanted._replace(page=page.number - 1)) if page.number > 1 else "",
        after=at(wanted._replace(page=page.number + 1)) if page.number < page.pages else "",
    )


def rows_of(run: Run, rows: Rows | npt.NDArray[np.int64]) -> Iterator[AccountRow]:
    """Rows of the run's table of accounts in words, in the order given."""
    for one in run.accounts.table[rows].iter_rows(named=True):
        group = run.group_named(one["campaign_id"])
        campaign = None if group is None else group.campaign
        accused = accused_account(one["account_id"], one["verdict"], one["q_value"], one["posterior"], campaign)
        yield AccountRow(
            account_id=one["account_id"],
            accused=accused,
            campaign="" if campaign is None else campaign.campaign_id,
            exchanges=wording.count(one["exchanges"]),
            taken=wording.count(one["taken"]),
            first=_day(one["first_seen"]),
            last=_day(one["last_seen"]),
        )


def singles_of(run: Run, group: Group, graph: Graph) -> tuple[Accused, ...]:
    """The accounts that a picture shows one by one, in the order of its nodes."""
    places = np.array([node.place for node in graph.nodes if node.sort == "account"], dtype=np.int64)
    return tuple(row.accused for row in rows_of(run, group.rows[places]))


def exported(run: Run, group: Group) -> bytes:
    """A group's list for a spreadsheet (CSV, RFC 4180, UTF-8) under `EXPORTED`: no cell runs, and none holds what is
    invisible or steers a display. ``account_id_exact`` is a JSON string, from which the true id can be had back."""
    whole, campaign = run.accusation_of_group(group), group.campaign
    weighed = len(whole.ruled_out) + len(whole.standing)
    table = run.accounts.table[group.rows]
    moment = "%Y-%m-%dT%H:%M:%SZ"
    names = table.get_column("account_id").to_list()
    rows = table.select(
        pl.Series("account_id", [guarded(_plain(name)) for name in names], pl.String),
        pl.Series("account_id_exact", [json.dumps(name, ensure_ascii=True) for name in names], pl.String),
        "verdict",
        pl.lit(guarded(_plain(campaign.campaign_id))).alias("campaign_id"),
        pl.col("q_value").round_sig_figs(3),
        (1 - pl.col("posterior")).round_sig_figs(3).alias("probability_of_innocence"),
        "exchanges",
        pl.col("taken").round(1),
        pl.col("first_seen").dt.strftime(moment),
        pl.col("last_seen").dt.strftime(moment),
        pl.lit(guarded(whole.closest)).alias("closest_innocent_explanation"),
        pl.lit(f"{len(whole.ruled_out)} of {weighed}").alias("innocent_explanations_ruled_out"),
        pl.lit(campaign.expected_innocent).round_sig_figs(3).alias("campaign_expected_innocent"),
    )
    return rows.select(EXPORTED).write_csv(line_terminator="\r\n").encode("utf-8")


def _plain(name: str) -> str:
    """An id as it may be shown; most are already."""
    if name and name.isascii() and name.isprintable() and len(name) <= LONGEST_SHOWN:
        return name
    return wording.visible(name, limit=LONGEST_SHOWN)


def _day(moment: dt.datetime | None) -> str:
    return "unknown" if moment is None else moment.date().isoformat()
