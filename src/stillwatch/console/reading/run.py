"""A run's directory as the console reads it: opened once, asked by every page.

What is small is held (figures, groups, the table of accounts); an account's evidence is read when somebody asks for
it, and ``exchanges.parquet`` is not opened at all, for what pages show of exchanges the report holds by the day.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
import numpy as np
import polars as pl

from stillwatch.campaigns.report import Account, Campaign, Report
from stillwatch.console.reading.accusations import Accused, accused_account, accused_campaign
from stillwatch.console.reading.changes import Changes, changes_since
from stillwatch.console.reading.graph import Focus, Graph, graph_of
from stillwatch.console.reading.groups import Group, group_of
from stillwatch.console.reading.parts import Parts, read_parts
from stillwatch.console.reading.tables import Accounts, read_accounts
from stillwatch.errors import InputError
from stillwatch.storage.manifest import Manifest, read_manifest
from stillwatch.storage.run import MANIFEST

__all__ = ["Run", "open_run"]

NIGHTLY = "runs"
T = TypeVar("T")
GRAPHS_KEPT = 64


class Run:
    """A run that was opened. Everything in it stays as it was when it was opened: see `changed`.

    ``report`` is the report without accounts, members and artefacts; ``groups`` are its groups by what stands for them
    in addresses, accused ones first, the most taken first; ``changes`` what is different from the run before (None: no
    run before was given).
    """

    def __init__(self, folder: Path, manifest: Manifest, parts: Parts, accounts: Accounts) -> None:
        self.folder, self.manifest, self.accounts = folder, manifest, accounts
        self._parts = parts
        self._stamp = _stamp(folder)
        self.groups: Mapping[str, Group] = MappingProxyType(_groups(parts, accounts))
        campaigns = tuple(group.campaign for group in self.groups.values())
        self.report: Report = msgspec.structs.replace(parts.head, campaigns=campaigns)
        self.changes: Changes | None = None
        self._lock, self._kept = threading.RLock(), dict[str, Any]()
        self._graph = functools.lru_cache(maxsize=GRAPHS_KEPT)(self._drawn)

    @property
    def accused(self) -> tuple[Group, ...]:
        """The groups that the scan accuses, the most taken first."""
        return tuple(group for group in self.groups.values() if group.accused)

    @property
    def doubtful(self) -> tuple[Group, ...]:
        """The groups under review, the most taken first."""
        return tuple(group for group in self.groups.values() if not group.accused)

    def changed(self) -> bool:
        """Whether another run lies in the folder by now (or none)."""
        return _stamp(self.folder) != self._stamp

    def group(self, key: str) -> Group | None:
        """The group that an address names; None: there is none."""
        return self.groups.get(key)

    def group_named(self, campaign_id: str | None) -> Group | None:
        """The group with an id of the report; None: there is none."""
        return None if campaign_id is None else self._by_id.get(campaign_id)

    @functools.cached_property
    def _by_id(self) -> dict[str, Group]:
        return {group.campaign.campaign_id: group for group in self.groups.values()}

    def account(self, key: str) -> Account | None:
        """The account that an address names, with its evidence; None: the log has none.

        Raises `InputError` where the report cannot be read or is not of this table of accounts.
        """
        row = self.accounts.row_at(key)
        return None if row is None else self._account(row)

    def account_named(self, account_id: str) -> Account | None:
        """The account with an id of the log. Raises `InputError` like `account`."""
        row = self.accounts.row(account_id)
        return None if row is None else self._account(row)

    def accusation_of(self, account: Account) -> Accused:
        """How an account is shown."""
        group = self.group_named(account.campaign_id)
        posterior = account.posterior if account.campaign_id is not None else None
        campaign = None if group is None else group.campaign
        return accused_account(account.account_id, account.verdict, account.q_value, posterior, campaign)

    @staticmethod
    def accusation_of_group(group: Group) -> Accused:
        """How a group is shown."""
        return accused_campaign(group.campaign)

    def graph(self, group: Group, focus: Focus) -> Graph:
        """The picture of a group's accounts and artefacts, or of a part of it; the last 64 are kept."""
        return self._graph(group.key, focus)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What ``make`` gives, found the first time that it is asked for under ``name`` and kept with the run."""
        with self._lock:
            if name not in self._kept:
                self._kept[name] = make()
            kept: T = self._kept[name]
            return kept

    def ids(self, group: Group) -> pl.Series:
        """The ids of a group's accounts, in the order of its rows."""
        return self.accounts.table.get_column("account_id").gather(group.rows)

    def _drawn(self, key: str, focus: Focus) -> Graph:
        group = self.groups[key]
        return graph_of(group.ties, len(group.rows), focus)

    def _account(self, row: int) -> Account:
        name, place = self.accounts.table.item(row, "account_id"), self.accounts.table.item(row, "place")
        account = self._parts.account(place)
        if account.account_id != name:
            raise _mixed(self.folder)
        return account


def open_run(folder: Path, *, before: Path | None = None) -> Run:
    """Open the run in ``folder``; ``before`` is the run to compare it with, an older scan of the same provider.

    Where none is named, a gateway's nightly run (in its ``runs/``) is compared with the one of the night before.

    Raises `InputError` with one line for a folder that is no run, or whose files are broken or of different runs.
    """
    manifest = read_manifest(folder)
    parts, accounts = read_parts(folder), read_accounts(folder)
    if parts.accounts != len(accounts):
        raise _mixed(folder)
    run = Run(folder, manifest, parts, accounts)
    before = _night_before(folder) if before is None else before
    if before is not None:
        run.changes = changes_since(before, accounts, tuple(run.groups.values()))
    return run


def _night_before(folder: Path) -> Path | None:
    """The run before one that `stillwatch gate learn` made; they are named by time and lie side by side."""
    if folder.parent.name != NIGHTLY:
        return None
    beside = (path for path in folder.parent.iterdir() if path.name < folder.name and not path.name.startswith("."))
    return max((path for path in beside if (path / MANIFEST).is_file()), default=None)


def _groups(parts: Parts, accounts: Accounts) -> dict[str, Group]:
    """The groups by address. Campaigns are read one after the other: whole, the largest takes tens of megabytes."""
    held = accounts.table.select("account_id", "campaign_id").with_row_index("row").drop_nulls("campaign_id")
    of: dict[str, pl.DataFrame] = {
        str(name[0]): rows for name, rows in held.partition_by("campaign_id", as_dict=True, maintain_order=True).items()
    }
    nobody = held.clear()
    found = [_group(campaign, of.get(campaign.campaign_id, nobody)) for campaign in parts.campaigns()]
    found.sort(key=lambda g: (not g.accused, -g.campaign.taken, g.campaign.campaign_id))
    return {group.key: group for group in found}


def _group(campaign: Campaign, rows: pl.DataFrame) -> Group:
    return group_of(
        campaign, rows.get_column("row").to_numpy().astype(np.int32), rows.get_column("account_id").to_list()
    )


def _stamp(folder: Path) -> tuple[int, int] | None:
    try:
        told = (folder / MANIFEST).stat()
    except OSError:
        return None
    return told.st_ino, told.st_mtime_ns


def _mixed(folder: Path) -> InputError:
    return InputError("holds a report.json and an accounts.parquet of different runs", folder, "scan again")
