"""What a run tells of one campaign: read back from its files, as numbers of each account."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.campaigns.report import Campaign, Report
from stillwatch.campaigns.results import BEHAVIOUR
from stillwatch.errors import InputError, UsageError
from stillwatch.exchange import read_salt

__all__ = ["DAY", "Run", "noise_secret", "open_run", "read_behaviour", "read_report"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

DAY = 86_400_000_000
"""Microseconds."""
_NOT_A_RUN = "name the directory that was given to `stillwatch scan --out`"


@dataclass(frozen=True)
class Run:
    """One campaign of a run among all accounts of its log.

    ``ids`` (n,) are the accounts, ascending. Of each: whether it is the campaign's (``member``) or accused at all
    (``accused``), its ``exchanges``, those expected to have been ``taken``, its ``first`` and ``last`` exchange
    (microseconds since 1970), the days it was ``active`` on (None: the run does not tell). ``techniques`` are
    (exchange id, technique or None, probability of having been taken), None where the run does not tell. ``digest``
    stands for the verdicts: the same log, customers and settings give the same.
    """

    folder: Path
    campaign: Campaign
    ids: tuple[str, ...]
    member: Bools
    accused: Bools
    exchanges: Ints
    taken: Floats
    first: Ints
    last: Ints
    active: Ints | None
    behaviour: pa.Table | None
    techniques: pa.Table | None
    digest: str

    @property
    def others(self) -> Bools:
        """The accounts that the scan accuses of nothing, (n,)."""
        return ~self.accused & ~self.member


def open_run(folder: Path, campaign_id: str) -> Run:
    """Read what a run says of a campaign. Raises `InputError` for files that are missing, broken or contradict one
    another, `UsageError` for a campaign that is not there or only under review."""
    report = read_report(folder / "report.json")
    campaign = _campaign(report, campaign_id, folder)
    path = folder / "accounts.parquet"
    accounts = _table(path, ("account_id", "campaign_id", "verdict", "exchanges", "taken", "first_seen", "last_seen"))
    if accounts is None:
        raise InputError("is missing", path, _NOT_A_RUN)
    accounts = accounts.sort_by("account_id")
    ids = tuple(accounts.column("account_id").to_pylist())
    named = np.array(accounts.column("campaign_id").to_pylist(), dtype=object)
    accused = np.array(accounts.column("verdict").to_pylist(), dtype=object) == "campaign"
    member = (named == campaign_id) & accused
    if {ids[i] for i in np.flatnonzero(member)} != set(campaign.members):
        raise InputError("names other accounts than report.json does", path, "scan again: the run is no longer whole")
    return Run(
        folder=folder,
        campaign=campaign,
        ids=ids,
        member=member,
        accused=accused,
        exchanges=_column(accounts, "exchanges", np.int64),
        taken=_column(accounts, "taken", np.float64),
        first=_column(accounts, "first_seen", np.int64),
        last=_column(accounts, "last_seen", np.int64),
        active=_active(_table(folder / "profiles.parquet", ("account_id", "active_days")), ids),
        behaviour=_table(folder / BEHAVIOUR, None),
        techniques=_table(folder / "exchanges.parquet", ("exchange_id", "technique", "taken")),
        digest=_digest(path),
    )


def noise_secret(run: Path, salt: Path | None = None) -> bytes | None:
    """What the noise of a fingerprint is drawn from: the run's salt, or None where there is none.

    The noise must be known to nobody, or it can be taken off again; and it must be the same whenever the same is told,
    or the mean of many bulletins would be without noise. ``salt`` None: the file ``RUN.salt`` beside the run. Raises
    `InputError` for a file that is no salt.
    """
    file = salt if salt is not None else run.parent / f"{run.name}.salt"
    if file.exists():
        return read_salt(file)
    if salt is not None:
        raise InputError("no such file", salt, "leave --salt out, or name the salt that the scan used")
    return None


def read_behaviour(folder: Path) -> pa.Table | None:
    """What a run keeps of its accounts' behaviour; None for a scan before there was any. Raises `InputError`."""
    return _table(folder / BEHAVIOUR, None)


def read_report(path: Path) -> Report:
    """The report of a run. Raises `InputError`."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path, _NOT_A_RUN) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"is not a report of this version of Stillwatch ({error})", path, "scan again") from error


def _campaign(report: Report, campaign_id: str, folder: Path) -> Campaign:
    for campaign in report.campaigns:
        if campaign.campaign_id == campaign_id:
            if campaign.verdict != "campaign":
                raise UsageError(
                    f"{campaign_id} is under review, which is no accusation, so nothing of it is told to others", folder
                )
            return campaign
    known = [campaign.campaign_id for campaign in report.campaigns if campaign.verdict == "campaign"]
    do = f"its campaigns: {', '.join(known[:20])}" if known else "it accuses nobody"
    raise UsageError(f"has no campaign {campaign_id!r}", folder, do)


def _table(path: Path, columns: Sequence[str] | None) -> pa.Table | None:
    """The columns of a Parquet file; None where there is no such file."""
    if not path.is_file():
        return None
    try:
        return pq.read_table(path, columns=None if columns is None else list(columns))
    except (OSError, pa.ArrowException, KeyError) as error:
        raise InputError(f"cannot be read: {error}", path, "scan again") from error


def _column(table: pa.Table, name: str, kind: Any) -> npt.NDArray[Any]:
    column = table.column(name)
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    values: npt.NDArray[Any] = column.to_numpy().astype(kind)
    return values


def _active(profiles: pa.Table | None, ids: tuple[str, ...]) -> Ints | None:
    if profiles is None:
        return None
    profiles = profiles.sort_by("account_id")
    if tuple(profiles.column("account_id").to_pylist()) != ids:
        return None
    days: Ints = np.maximum(profiles.column("active_days").to_numpy(), 1).astype(np.int64)
    return days


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path, _NOT_A_RUN) from error
