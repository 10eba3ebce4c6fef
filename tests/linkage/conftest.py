from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.exchange import in_order
from stillwatch.linkage.activity import Activity
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
    return read_activity(small.exchanges, small.customers, seed=0, progress=Silent())


@pytest.fixture(scope="session")
def made() -> Callable[..., Activity]:
    return made_activity


def made_activity(accounts: int, sessions: int = 6, seed: int = 0) -> Activity:
    """An activity without meaning: every account with the same number of random sessions."""
    rng = np.random.default_rng(seed)
    s = accounts * sessions
    vector = rng.normal(size=(s, 16)).astype(np.float32)
    vector /= np.linalg.norm(vector, axis=1, keepdims=True) if s else 1

    def codes(size: int) -> np.ndarray:
        return rng.integers(0, size, s)

    return Activity(
        accounts=accounts,
        account=np.repeat(np.arange(accounts), sessions),
        start=rng.uniform(0, 14, s),
        turns=rng.integers(1, 5, s).astype(float),
        errors=rng.integers(0, 2, s).astype(float),
        topics=tuple(codes(size) for size in (8, 20, 40)),
        codebooks=(8, 20, 40),
        wording=codes(4),
        repeat=np.arange(s) // 2,
        technique=rng.dirichlet(np.ones(8), s)[:, :7] if s else np.zeros((0, 7)),
        vector=vector,
        system=codes(3),
        tools=rng.integers(0, 2, s).astype(float),
        model=codes(2),
        temperature=codes(4),
        max_tokens=codes(3),
        client=codes(6),
        address=codes(30),
        network=codes(12),
        fingerprint=codes(5),
        payment=rng.integers(0, max(accounts, 1), accounts),
        organization=np.arange(accounts),
        created=rng.uniform(-100, 0, accounts),
        newest=1,
        sees=frozenset({"content", "customers", "network"}),
    )
