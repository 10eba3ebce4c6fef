"""A campaign is planted as its knobs say: who works how, when, from where, and on what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stillwatch.drill.material import Material, read_material, read_prompts, sampled
from stillwatch.drill.planting import DAY, Plan, make_plan
from stillwatch.drill.sown import sow
from stillwatch.errors import InputError
from stillwatch.exchange import accounts_of, in_order
from stillwatch.progress import Silent
from stillwatch.simulation.operators.campaign import Campaign
from stillwatch.simulation.world import simulate
from stillwatch.sources.customers import read_customers
from stillwatch.sources.log import open_log


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("world")
    simulate(accounts=500, days=10.0, seed=21, load=0.7).write(folder)
    table = in_order(open_log([folder / "exchanges.parquet"]).read())
    return read_material(table, read_customers(folder / "accounts.parquet"), progress=Silent())[0]


def plan(material: Material, seed: int = 2, **knobs: object) -> Plan:
    given: dict[str, object] = {"name": "c", "accounts": 20, "exchanges": 12.0, "spread": 0.1} | knobs
    return make_plan(material, [Campaign(**given)], seed)  # type: ignore[arg-type]


def shares(plan: Plan) -> tuple[float, float]:
    """Exchanges of an account, and the share of them that is cover."""
    turns = np.array([s.turns for s in plan.sessions])
    cover = np.array([s.technique is None for s in plan.sessions])
    return float(turns.sum() / len(plan.accounts)), float(turns[cover].sum() / turns.sum())


@pytest.mark.parametrize("cover", [0.0, 0.3, 0.6])
def test_load_and_cover_are_as_asked(material: Material, cover: float) -> None:
    planted = plan(material, cover=cover)
    exchanges, share = shares(planted)
    assert len(planted.accounts) == 20
    assert exchanges == pytest.approx(12, rel=0.25)
    assert share == pytest.approx(cover, abs=0.15)


def test_cards_organizations_and_addresses_are_shared_as_asked(material: Material) -> None:
    planted = plan(material, cards=4, organizations=5, addresses=10)
    assert len({a.payment for a in planted.accounts}) == 5
    assert len({a.organization for a in planted.accounts}) == 4
    assert len({s.place for s in planted.sessions}) == 2
    sown = sow(material, planted)
    inside = sown.campaign == 0
    assert sorted(np.bincount(np.unique(sown.activity.payment[inside], return_inverse=True)[1])) == [4] * 5
    assert not set(sown.activity.payment[inside]) & set(sown.activity.payment[~inside])


def test_homes_are_those_of_the_accounts_whose_life_is_taken_on(material: Material) -> None:
    planted = plan(material, network="home", clients="people")
    seen = set(zip(material.values["client_ip"], material.values["client_asn"], strict=True))
    assert {s.place for s in planted.sessions} <= seen
    agents = set(zip(material.values["user_agent"], material.values["ja4"], strict=True))
    assert {s.device for s in planted.sessions} <= agents


def test_sign_ups_are_bursts_spread_or_aged(material: Material) -> None:
    def ages(**knobs: object) -> np.ndarray:
        planted = plan(material, **knobs)
        first = np.full(len(planted.accounts), np.inf)
        for session in planted.sessions:
            first[session.account] = min(first[session.account], session.at)
        return (first - np.array([a.created for a in planted.accounts])) / DAY

    assert np.median(ages(sign_up="burst")) < 4
    assert np.median(ages(sign_up="burst")) < np.median(ages(sign_up="spread"))
    assert np.median(ages(sign_up="aged")) > 20


def test_waves_replace_each_other(material: Material) -> None:
    planted = plan(material, waves=2, exchanges=16.0)
    at = np.array([s.at for s in planted.sessions])
    early = np.array([planted.accounts[s.account].number % 2 == 0 for s in planted.sessions])
    assert at[early].max() < np.quantile(at[~early], 0.2)


def dealt(material: Material, dispatch: str) -> tuple[float, float]:
    """Different topics of an account for each of its sessions; and how spread in time a topic is, of all work."""
    planted = plan(material, dispatch=dispatch, exchanges=20.0, topics=30, techniques={"plain": 1.0})
    topic = material.activity.topics[0][[s.source for s in planted.sessions]]
    account, at = (np.array([getattr(s, name) for s in planted.sessions]) for name in ("account", "at"))
    different = [len(set(topic[account == a])) / (account == a).sum() for a in range(20)]
    spread = [at[topic == t].std() for t in np.unique(topic) if (topic == t).sum() >= 5]
    return float(np.mean(different)), float(np.mean(spread) / at.std())


def test_work_is_dealt_as_asked(material: Material) -> None:
    topics, spread = dealt(material, "random")
    assert spread > 0.8
    assert dealt(material, "topic")[0] < 0.8 * topics
    assert dealt(material, "sticky")[0] < 0.8 * topics
    one_list = dealt(material, "round_robin")
    assert one_list[0] > 0.8 * topics
    assert one_list[1] < 0.6  # all accounts are at the same place of the list at a time


def test_the_same_seed_gives_the_same_plan_and_another_another(material: Material) -> None:
    one, same, other = plan(material), plan(material), plan(material, seed=3)
    assert one.sessions == same.sessions
    assert one.accounts == same.accounts
    assert one.sessions != other.sessions


def test_no_session_is_used_twice_unless_it_is_asked_several_times(material: Material) -> None:
    planted = plan(material, cover=0.4)
    sources = [s.source for s in planted.sessions]
    assert len(set(sources)) == len(sources)
    assert planted.given_up[material.activity.account[sources]].all()


def test_suspected_accounts_are_no_material(material: Material) -> None:
    half = np.arange(material.activity.accounts) % 2 == 0
    planted = plan(replace(material, suspected=half))
    assert not (planted.given_up & half).any()
    assert not half[material.activity.account[[s.source for s in planted.sessions]]].any()


def test_requests_of_a_file_are_harvested_in_place_of_the_logs(material: Material) -> None:
    prompts = tuple(f"What is the {n}th thing that nobody here ever asked about quoin {n * 7}?" for n in range(80))
    planted = plan(replace(material, prompts=prompts), cover=0.3, techniques={"plain": 0.5, "rubric_grading": 0.5})
    harvested = [s for s in planted.sessions if s.technique is not None]
    assert harvested
    assert all(s.text is not None and any(prompt in s.text for prompt in prompts) for s in harvested)
    assert all(s.text is None for s in planted.sessions if s.technique is None)
    sown = sow(replace(material, prompts=prompts), planted)
    assert np.isfinite(sown.activity.vector).all()


def test_a_log_without_texts_is_planted_all_the_same(material: Material) -> None:
    blind = replace(material.activity, sees=frozenset({"network", "customers"}))
    bare = replace(material, activity=blind, text=[""] * len(material.text))
    planted = plan(bare, techniques={"rubric_grading": 1.0})
    assert planted.sessions
    assert all(s.text is None for s in planted.sessions)
    assert sow(bare, planted).activity.accounts > 0


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"one\ntwo\n", "2 different"), (b"a\n\xff\n", "no UTF-8"), (b"same\n" * 90, "1 different"), (b"", "0 different")],
)
def test_a_file_of_requests_that_is_none_gets_one_line(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "p.txt").write_bytes(data)
    with pytest.raises(InputError, match=said) as raised:
        read_prompts(tmp_path / "p.txt")
    assert "\n" not in str(raised.value)
    with pytest.raises(InputError, match="--prompts"):
        read_prompts(tmp_path / "none.txt")


def test_a_large_log_is_drilled_on_whole_accounts(tmp_path: Path) -> None:
    simulate(accounts=120, days=5.0, seed=4, load=0.4).write(tmp_path)
    table = in_order(open_log([tmp_path / "exchanges.parquet"]).read())
    few = sampled(table, 300, seed=1)
    assert 0 < few.num_rows <= 300
    everybody, whole = accounts_of(table)
    kept, part = accounts_of(few)
    sizes = dict(zip(everybody.to_pylist(), np.bincount(whole), strict=True))
    assert all(sizes[name] == size for name, size in zip(kept.to_pylist(), np.bincount(part), strict=True))
    assert sampled(table, 10**9, seed=1) is table
    assert sampled(table, 300, seed=1).equals(few)
