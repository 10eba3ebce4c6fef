"""Runs on a disk, written by the writers that a scan uses, from reports that are made or scanned."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pyarrow as pa

from stillwatch.campaigns.report import Report
from stillwatch.campaigns.results import accounts_table, campaigns_table
from stillwatch.pipeline import scan
from stillwatch.progress import Silent
from stillwatch.settings import Settings
from stillwatch.simulation.operators.campaign import parse_campaign
from stillwatch.simulation.world import simulate
from stillwatch.sources.customers import read_customers
from stillwatch.sources.log import open_log
from stillwatch.storage.manifest import write_manifest
from stillwatch.storage.run import new_run
from stillwatch.storage.tables import write_table

__all__ = ["scanned", "written"]


def written(report: Report, out: Path) -> Path:
    """``report`` as the files of a run that the console opens."""
    with new_run(out) as run:
        write_table(accounts_table(report.accounts), run / "accounts.parquet")
        write_table(campaigns_table(report.campaigns), run / "campaigns.parquet")
        write_table(pa.table({"exchange_id": pa.array([], pa.large_string())}), run / "exchanges.parquet")
        (run / "report.json").write_bytes(msgspec.json.encode(report) + b"\n")
        write_manifest(run, Settings(), [])
    return out


def scanned(folder: Path, *, customers: bool = True, with_text: bool = True) -> Path:
    """A run over a simulated log with a campaign in it that a scan finds."""
    simulate(accounts=300, days=10.0, campaigns=[parse_campaign("blatant:accounts=60")], seed=17, load=0.6).write(
        folder
    )
    with new_run(folder / "run") as run:
        scan(
            log=open_log([folder / "exchanges.parquet"]),
            customers=read_customers(folder / "accounts.parquet") if customers else None,
            out=run,
            settings=Settings(with_text=with_text, salt=folder / "salt"),
            progress=Silent(),
        )
    return folder / "run"
