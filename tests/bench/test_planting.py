"""Campaigns planted in a log: they are labelled, those whose lives they took on are gone, the rest is as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bench.planting import Base, plant, read_base
from stillwatch.simulation.operators.campaign import Campaign, parse_campaign
from stillwatch.simulation.world import simulate

CAMPAIGNS = [
    Campaign(name="worded", accounts=14, exchanges=6, techniques={"rubric_grading": 1.0}, cards=4, network="rotating"),
    Campaign(name="hidden", accounts=15, exchanges=9, cover=0.5, techniques={"plain": 1.0}, network="home",
             clients="people", sign_up="aged", hours="people"),
]  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    folder = tmp_path_factory.mktemp("base")
    simulate(accounts=300, days=10.0, seed=11, load=0.5).write(folder)
    return read_base(folder)


@pytest.fixture(scope="module")
def planted(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted")
    plant(base, CAMPAIGNS, 5, folder)
    return folder


def read(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(folder / f"{name}.parquet")


def test_everybody_is_labelled_once(planted: Path) -> None:
    accounts, log = read(planted, "truth/accounts"), read(planted, "exchanges")
    assert set(accounts["account_id"]) == set(log["account_id"])
    assert accounts["account_id"].is_unique().all()
    assert log["exchange_id"].is_unique().all()
    assert set(read(planted, "truth/exchanges")["exchange_id"]) == set(log["exchange_id"])
    found = dict(accounts.filter(pl.col("campaign").is_not_null()).group_by("campaign").len().iter_rows())
    assert found == {"worded": 14, "hidden": 15}


def test_the_honest_are_as_they_were_and_the_given_up_are_gone(base: Base, planted: Path) -> None:
    honest = read(planted, "truth/accounts").filter(pl.col("campaign").is_null())["account_id"].to_list()
    assert 0.5 * len(base.accounts) < len(honest) < 0.8 * len(base.accounts)
    kept = read(planted, "exchanges").filter(pl.col("account_id").is_in(honest))
    before = base.exchanges.filter(pl.col("account_id").is_in(honest))
    assert kept.sort("exchange_id").equals(before.sort("exchange_id"))


def test_the_planted_live_on_what_the_log_holds(base: Base, planted: Path) -> None:
    log = read(planted, "exchanges").join(read(planted, "truth/accounts"), on="account_id")
    hidden = log.filter(pl.col("campaign") == "hidden")
    assert set(hidden["client_ip"]) <= set(base.exchanges["client_ip"])
    assert set(hidden["user_agent"]) <= set(base.exchanges["user_agent"])
    assert log["started_at"].max() <= base.exchanges["started_at"].max()
    truth = read(planted, "truth/exchanges").join(hidden, on="exchange_id")
    assert 0.2 < truth["harvested"].mean() < 0.9  # type: ignore[operator]


def test_no_task_is_harvested_twice(planted: Path) -> None:
    """A pool is dealt once: equal texts would give a planted campaign away."""
    log = read(planted, "exchanges").join(read(planted, "truth/exchanges"), on="exchange_id")
    opening = log.filter("harvested").sort("started_at").unique("session_id", keep="first")
    assert np.mean(opening["messages"].is_duplicated().to_numpy()) < 0.05


def test_equal_seeds_give_equal_worlds(base: Base, planted: Path, tmp_path: Path) -> None:
    plant(base, CAMPAIGNS, 5, tmp_path)
    for name in ("exchanges", "accounts", "truth/accounts"):
        assert read(tmp_path, name).equals(read(planted, name))


def test_a_preset_can_be_planted(base: Base, tmp_path: Path) -> None:
    plant(base, [parse_campaign("agents:accounts=12,exchanges=5")], 6, tmp_path)
    assert "agents" in set(read(tmp_path, "truth/accounts")["campaign"])


@pytest.mark.parametrize("harness", ["one", "own"])
def test_traces_are_harvested_with_one_copy_of_an_agent_or_with_each_ones_own(
    base: Base, tmp_path: Path, harness: str
) -> None:
    plant(base, [parse_campaign(f"agents:accounts=25,exchanges=5,harness={harness}")], 6, tmp_path)
    log = read(tmp_path, "exchanges").join(read(tmp_path, "truth/exchanges"), on="exchange_id")
    harvested = log.filter(pl.col("technique") == "agent_traces")
    copies = harvested.select("system_prompt", "tool_count").unique()
    assert (len(copies) == 1) == (harness == "one")
    assert harvested["tool_count"].min() > 0  # type: ignore[operator]
