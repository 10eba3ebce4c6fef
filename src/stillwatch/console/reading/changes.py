"""What is different from the run before: campaigns that came, grew, shrank or ended, by the accounts that they share.

A scan names its campaigns anew each time, so ids of two runs say nothing; who is in a campaign does
(`stillwatch.gateway.learning.identity.carried_ids` has the rule).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
import polars as pl

from stillwatch.console.reading.groups import Group
from stillwatch.console.reading.tables import Accounts, read_accounts
from stillwatch.errors import InputError
from stillwatch.gateway.learning.identity import carried_ids
from stillwatch.storage.manifest import read_manifest

__all__ = ["Change", "Changes", "changes_since"]

Kind = Literal["new", "grown", "shrunk", "accused", "doubted", "ended", "same"]
_ORDER: tuple[Kind, ...] = ("new", "accused", "grown", "shrunk", "doubted", "ended", "same")


class Change(msgspec.Struct, frozen=True):
    """What became of one campaign. ``now`` is its id in this run ("" where it ended), ``before`` that of the run before
    ("" where it is new). ``accused`` is a group that was under review, ``doubted`` a campaign that is under review now;
    ``shared`` counts accounts in both. Taken are expected exchanges."""

    kind: Kind
    now: str
    before: str
    accounts_now: int
    accounts_before: int
    shared: int
    taken_now: float
    taken_before: float


class Changes(msgspec.Struct, frozen=True):
    """Two runs compared. ``accused`` accounts are accused now and were not; ``cleared`` were and are no longer, though
    they are in the log still; ``gone`` were, and are no longer in the log."""

    made_at: dt.datetime
    campaigns: tuple[Change, ...]
    accused: int
    cleared: int
    gone: int
    taken_before: float
    taken_now: float


def changes_since(before: Path, accounts: Accounts, groups: Sequence[Group]) -> Changes:
    """Compare the run in ``before`` with the ``groups`` and ``accounts`` of this one.

    Groups under review take part, so that one that was accused since is no new one; of those, only what becomes of an
    accusation is told. Raises `InputError` for a folder that is no run, or is broken.
    """
    made_at = read_manifest(before).made_at
    older = _campaigns(before)
    earlier = read_accounts(before).table
    members = _members(earlier)
    current = _members(accounts.table)
    carried = carried_ids({name: members.get(name, ()) for name in older}, current)
    known = {now: old for now, old in carried.items() if old in older and _shared(members, current, old, now)}
    found = [_change(group, older, known.get(group.campaign.campaign_id, ""), members, current) for group in groups]
    continued = set(known.values())
    found += [
        Change("ended", "", name, 0, len(members.get(name, ())), 0, 0.0, taken)
        for name, (verdict, taken) in older.items()
        if name not in continued and verdict == "campaign"
    ]
    told = [change for change in found if change is not None]
    told.sort(key=lambda c: (_ORDER.index(c.kind), -max(c.taken_now, c.taken_before), c.now, c.before))
    accused, cleared, gone = _accounts(earlier, accounts.table)
    return Changes(
        made_at=made_at,
        campaigns=tuple(told),
        accused=accused,
        cleared=cleared,
        gone=gone,
        taken_before=sum(taken for verdict, taken in older.values() if verdict == "campaign"),
        taken_now=sum(group.campaign.taken for group in groups if group.accused),
    )


def _change(
    group: Group,
    older: dict[str, tuple[str, float]],
    name: str,
    members: dict[str, frozenset[str]],
    current: dict[str, frozenset[str]],
) -> Change | None:
    """What became of a group; None for one that is under review and was never accused."""
    campaign = group.campaign
    held = current.get(campaign.campaign_id, frozenset())
    verdict, taken = older.get(name, ("", 0.0))
    had = members.get(name, frozenset())
    if not group.accused and verdict != "campaign":
        return None
    kind: Kind
    if not group.accused:
        kind = "doubted"
    elif not name:
        kind = "new"
    elif verdict != "campaign":
        kind = "accused"
    else:
        kind = "grown" if len(held) > len(had) else "shrunk" if len(held) < len(had) else "same"
    return Change(kind, campaign.campaign_id, name, len(held), len(had), len(held & had), campaign.taken, taken)


def _shared(members: dict[str, frozenset[str]], current: dict[str, frozenset[str]], old: str, now: str) -> bool:
    """Whether two groups go by one id because they share accounts, and not because a free number fell to both."""
    return bool(members.get(old, frozenset()) & current.get(now, frozenset()))


def _members(table: pl.DataFrame) -> dict[str, frozenset[str]]:
    held = table.select("account_id", "campaign_id").drop_nulls("campaign_id")
    parts = held.partition_by("campaign_id", as_dict=True)
    return {str(name[0]): frozenset(rows.get_column("account_id")) for name, rows in parts.items()}


def _campaigns(folder: Path) -> dict[str, tuple[str, float]]:
    """The verdict of each group of a run, and what it took."""
    try:
        table = pl.read_parquet(folder / "campaigns.parquet", columns=["campaign_id", "verdict", "taken"], glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError("holds no campaigns.parquet that can be read", folder, "name another run") from error
    return {name: (verdict, taken) for name, verdict, taken in table.iter_rows()}


def _accounts(earlier: pl.DataFrame, now: pl.DataFrame) -> tuple[int, int, int]:
    """How many are accused newly, are no longer, and were and left the log."""
    was = earlier.filter(pl.col("verdict") == "campaign").select("account_id")
    accused = now.filter(pl.col("verdict") == "campaign").select("account_id")
    newly = accused.join(was, on="account_id", how="anti").height
    still = was.join(now.select("account_id", "verdict"), on="account_id", how="inner")
    return newly, still.filter(pl.col("verdict") != "campaign").height, was.height - still.height
