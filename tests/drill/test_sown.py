"""A log planted in memory is what a scan would have read, had the same plan been written into the log itself."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import adjusted_rand_score

from bench.planting import Base, plant, read_base
from stillwatch.drill.planting import Plan, make_plan
from stillwatch.drill.sown import Sown, sow
from stillwatch.exchange import in_order
from stillwatch.linkage.reading import Reading, read_activity
from stillwatch.progress import Silent
from stillwatch.simulation.ledger import opaque
from stillwatch.simulation.operators.campaign import Campaign
from stillwatch.simulation.world import simulate
from stillwatch.sources.customers import read_customers
from stillwatch.sources.log import open_log

CAMPAIGNS = [
    Campaign(name="worded", accounts=16, exchanges=9, techniques={"reasoning_elicitation": 1.0}, cards=4, best_of=0.2),
    Campaign(name="hidden", accounts=15, exchanges=9, cover=0.5, techniques={"plain": 1.0}, network="home",
             clients="people", sign_up="aged", hours="people"),
    Campaign(name="tools", accounts=14, exchanges=8, techniques={"agent_traces": 1.0}, clients="agents"),
]  # fmt: skip
SEED = 5


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    folder = tmp_path_factory.mktemp("base")
    simulate(accounts=400, days=10.0, seed=12, load=0.6).write(folder)
    return read_base(folder)


@pytest.fixture(scope="module")
def plan(base: Base) -> Plan:
    return make_plan(base.material, CAMPAIGNS, SEED)


@pytest.fixture(scope="module")
def sown(base: Base, plan: Plan) -> Sown:
    return sow(base.material, plan)


@pytest.fixture(scope="module")
def written(base: Base, tmp_path_factory: pytest.TempPathFactory) -> tuple[Reading, list[str], list[str]]:
    """The world on disk as a scan reads it, the names of its sessions' first exchanges, and of its accounts."""
    folder = tmp_path_factory.mktemp("planted")
    plant(base, CAMPAIGNS, SEED, folder)
    table = in_order(open_log([folder / "exchanges.parquet"]).read())
    reading = read_activity(table, read_customers(folder / "accounts.parquet"), progress=Silent())
    names = table.column("exchange_id").take(reading.opening).to_pylist()
    return reading, names, sorted(pl.read_parquet(folder / "accounts.parquet")["account_id"])


@pytest.fixture(scope="module")
def same(base: Base, plan: Plan, sown: Sown, written: tuple[Reading, list[str], list[str]]) -> np.ndarray:
    """The place in the written world of each session in memory, (s,)."""
    _, names, _ = written
    place = {name: i for i, name in enumerate(names)}
    ids = base.exchanges["exchange_id"]
    known = []
    for name in sown.names:
        seed, _, number = name.rpartition("/")
        if seed:
            session = plan.sessions[int(number)]
            account = plan.accounts[session.account]
            crew = opaque("acct_", SEED, CAMPAIGNS[account.campaign].name, account.number, size=7)
            known.append(opaque("x_", SEED, crew, int(number), 0, size=7))
        else:
            known.append(ids[int(base.rows[int(name)][0])])
    return np.array([place[name] for name in known])


def test_every_session_is_there_once(
    sown: Sown, same: np.ndarray, written: tuple[Reading, list[str], list[str]]
) -> None:
    assert len(np.unique(same)) == len(same) == len(written[1])
    assert (np.diff(sown.activity.start) >= 0).all()


def test_what_is_counted_is_the_same(
    sown: Sown, same: np.ndarray, written: tuple[Reading, list[str], list[str]]
) -> None:
    there = written[0].activity
    here = sown.activity
    assert np.allclose(here.start, there.start[same], atol=1e-9)
    for name in ("turns", "errors", "answered", "tools"):
        assert np.array_equal(getattr(here, name), getattr(there, name)[same]), name
    for name in (
        "account",
        "system",
        "model",
        "temperature",
        "max_tokens",
        "client",
        "address",
        "network",
        "fingerprint",
    ):
        one, other = getattr(here, name), getattr(there, name)[same]
        pairs = {(a, b) for a, b in zip(one.tolist(), other.tolist(), strict=True)}
        assert len(pairs) == len(set(one.tolist())) == len(set(other.tolist())), name
    assert sorted(np.bincount(here.payment)[here.payment]) == sorted(np.bincount(there.payment)[there.payment])
    assert np.allclose(np.sort(here.created), np.sort(there.created), atol=1e-6)


def test_what_is_asked_is_the_same_but_for_a_few(
    sown: Sown, same: np.ndarray, written: tuple[Reading, list[str], list[str]]
) -> None:
    """Learnt afresh from the written log, small talk and shared wordings differ in a request here and there."""
    there, here = written[0].activity, sown.activity
    alike = (here.vector * there.vector[same]).sum(axis=1)
    assert (alike > 0.99).mean() > 0.97
    planted = sown.campaign[here.account] >= 0
    assert (alike[planted] > 0.99).mean() > 0.9
    assert np.abs(here.technique - there.technique[same]).max(axis=1)[planted].mean() < 0.02
    assert adjusted_rand_score(here.wording, there.wording[same]) > 0.95
    assert adjusted_rand_score(here.wording[planted], there.wording[same][planted]) > 0.9
    assert adjusted_rand_score(here.repeat, there.repeat[same]) > 0.97


def test_nobody_is_lost(base: Base, plan: Plan, sown: Sown) -> None:
    assert sown.activity.accounts == (~plan.given_up).sum() + len(plan.accounts)
    assert sorted(sown.origin[sown.origin >= 0]) == np.flatnonzero(~plan.given_up).tolist()
    assert np.bincount(sown.campaign[sown.campaign >= 0]).tolist() == [16, 15, 14]
    assert set(sown.campaign[sown.activity.account[sown.harvested]].tolist()) == {0, 1, 2}


def test_without_campaigns_the_log_lacks_those_who_were_given_up(base: Base) -> None:
    plan = make_plan(base.material, [], SEED)
    bare = sow(base.material, plan)
    kept = ~plan.given_up[base.material.activity.account]
    assert len(bare.activity.account) == kept.sum()
    assert not bare.harvested.any()
    assert (bare.campaign == -1).all()
