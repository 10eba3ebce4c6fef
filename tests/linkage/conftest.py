from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.exchange import in_order
from stillwatch.linkage.reading import Reading, read_activity
from stillwatch.progress import Silent
from stillwatch.simulation.operators.campaign import parse_campaign
from stillwatch.simulation.world import simulate
from stillwatch.sources.customers import read_customers
from stillwatch.sources.log import open_log


class Small:
    """A small simulated world, read back as a scan reads it."""

    def __init__(self, folder: Path) -> None:
        campaigns = [parse_campaign("blatant:accounts=40"), parse_campaign("quiet:accounts=45")]
        world = simulate(accounts=260, days=14.0, campaigns=campaigns, seed=77, load=0.6)
        world.write(folder)
        self.folder = folder
        self.exchanges: pa.Table = in_order(open_log([folder / "exchanges.parquet"]).read())
        self.customers: pa.Table = read_customers(folder / "accounts.parquet")
        truth = pa.parquet.read_table(folder / "truth" / "accounts.parquet").sort_by("account_id")
        self.campaign = np.array([name or "" for name in truth.column("campaign").to_pylist()])


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return Small(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def small_reading(small: Small) -> Reading:
    return read_activity(small.exchanges, small.customers, progress=Silent())
