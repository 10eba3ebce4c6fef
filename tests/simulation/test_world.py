"""The simulated world: its shape, its seed, its sessions, its texts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from stillwatch.errors import StorageError, UsageError
from stillwatch.exchange import NETWORK_KINDS
from stillwatch.simulation.operators.campaign import parse_campaign
from stillwatch.simulation.world import ACCOUNTS, EXCHANGES, KINDS, World, simulate

SHARED = Path(__file__).parents[3] / "shared" / "worlds"
CAMPAIGNS = [parse_campaign("quiet:accounts=12,exchanges=20"), parse_campaign("agents:accounts=6,exchanges=20")]


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(accounts=150, days=10, campaigns=CAMPAIGNS, seed=11)


def test_columns_are_those_documented(world: World) -> None:
    assert world.exchanges.schema == EXCHANGES
    assert world.accounts.schema == ACCOUNTS
    assert world.exchange_truth.columns == ["exchange_id", "harvested", "technique"]
    assert world.account_truth.columns == ["account_id", "kind", "campaign"]


def test_columns_are_those_of_the_labelled_worlds(world: World) -> None:
    folder = SHARED / "dev-mixed"
    if not folder.is_dir():
        pytest.skip("the labelled worlds (../shared/worlds) are absent")
    own = world.exchanges.drop("client_network")  # they are older than this column
    assert pl.read_parquet_schema(folder / "exchanges.parquet") == own.schema
    assert pl.read_parquet_schema(folder / "accounts.parquet") == world.accounts.schema
    assert pl.read_parquet_schema(folder / "truth/exchanges.parquet") == world.exchange_truth.schema
    assert pl.read_parquet_schema(folder / "truth/accounts.parquet") == world.account_truth.schema


def test_equal_seeds_give_equal_bytes_and_other_seeds_other_worlds(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        simulate(accounts=40, days=4, campaigns=[parse_campaign("mimic:accounts=5,exchanges=9")], seed=seed).write(
            tmp_path / name
        )
    for path in sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.parquet")):
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes(), path
        assert (tmp_path / "a" / path).read_bytes() != (tmp_path / "c" / path).read_bytes(), path


def test_honest_customers_are_the_same_with_and_without_campaigns(world: World) -> None:
    clean = simulate(accounts=150, days=10, seed=11)
    honest = world.account_truth.filter(pl.col("campaign").is_null())["account_id"]
    assert clean.account_truth["campaign"].null_count() == clean.account_truth.height
    assert not clean.exchange_truth["harvested"].any()
    assert world.exchanges.filter(pl.col("account_id").is_in(honest.to_list())).equals(clean.exchanges)


def test_names_are_unique_and_fit_together(world: World) -> None:
    log = world.exchanges
    assert log["exchange_id"].is_unique().all()
    assert log["exchange_id"].to_list() == world.exchange_truth["exchange_id"].to_list()
    assert set(log["account_id"]) == set(world.accounts["account_id"]) == set(world.account_truth["account_id"])
    assert log.group_by("session_id").agg(pl.col("account_id").n_unique())["account_id"].max() == 1
    assert log.group_by("api_key_id").agg(pl.col("account_id").n_unique())["account_id"].max() == 1


def test_conversations_grow_in_time_order(world: World) -> None:
    """Inside a session the number of messages never falls, unless the client cuts its history."""
    log = world.exchanges.with_columns(
        pl.col("messages").map_elements(lambda text: len(json.loads(text)), return_dtype=pl.Int64).alias("n")
    )
    assert log["started_at"].is_sorted()
    falls = log.with_columns((pl.col("n") < pl.col("n").shift().over("session_id")).fill_null(False).alias("falls"))
    assert falls["falls"].sum() == 0
    assert (log["n"] % 2 == 1).all()
    assert log.group_by("session_id").len()["len"].max() > 5


def test_no_account_acts_before_its_sign_up_nor_outside_the_log(world: World) -> None:
    log = world.exchanges.join(world.accounts, on="account_id")
    assert (log["started_at"] >= log["created_at"]).all()
    span = log["started_at"].max() - log["started_at"].min()
    assert 8 < span.total_seconds() / 86_400 <= 10


def test_a_network_is_of_one_kind_but_for_the_access_providers_that_connect_offices_too(world: World) -> None:
    kinds = world.exchanges.group_by("client_asn").agg(pl.col("client_network").unique())["client_network"].to_list()
    assert {kind for network in kinds for kind in network} <= {*NETWORK_KINDS}
    connected = {"residential", "business", "education"}
    assert all(len(network) == 1 or {*network} <= connected for network in kinds)
    assert {("hosting",), ("mobile",), ("vpn",)} <= {tuple(network) for network in kinds}


def test_fields_agree_with_each_other(world: World) -> None:
    log = world.exchanges
    failed = log["status"] != 200
    assert 0.01 < failed.mean() < 0.08
    assert (log.filter(failed)["response"] == "").all()
    assert (log.filter(failed)["output_tokens"] == 0).all()
    served = log.filter(~failed)
    assert (served["output_tokens"] > 0).all()
    assert (
        (served.filter(pl.col("max_tokens").is_not_null()).select(pl.col("output_tokens") <= pl.col("max_tokens")))
        .to_series()
        .all()
    )
    size = served.select(
        (pl.col("messages").str.len_bytes() + pl.col("system_prompt").str.len_bytes().fill_null(0))
        / pl.col("input_tokens")
    ).to_series()
    assert 3.5 < size.min() <= size.max() < 4.5
    assert {"meridian-2", "meridian-3"} <= set(log["model"])
    # Clients drift: some accounts are seen with several versions.
    assert log.group_by("account_id").agg(pl.col("user_agent").n_unique())["user_agent"].max() > 1


def test_the_new_model_is_adopted_gradually_by_people_and_at_once_by_operators() -> None:
    world = simulate(accounts=400, days=14, campaigns=[parse_campaign("blatant:accounts=40,exchanges=40")], seed=2)
    log = world.exchanges.join(world.account_truth, on="account_id")
    new = log.filter(pl.col("model") == "meridian-3").group_by("account_id", "campaign").agg(pl.col("started_at").min())
    spread = {
        name: (g["started_at"].quantile(0.9) - g["started_at"].quantile(0.1)).total_seconds()
        for (name,), g in new.group_by(["campaign"])
    }
    assert spread["blatant"] < spread[None] / 2


def test_every_kind_of_innocent_appears(world: World) -> None:
    kinds = set(world.account_truth["kind"]) - {"proxy"}
    assert len(kinds) == len(KINDS)
    assert set(world.traits["network"]) >= {"home", "carrier", "vpn"}
    assert world.traits.filter(pl.col("language") != "en").height > 10


def test_distinct_prompts_are_many() -> None:
    world = simulate(accounts=400, days=14, seed=9)
    last = [json.loads(text)[-1]["content"] for text in world.exchanges["messages"]]
    assert len(set(last)) > 0.7 * len(last)
    assert Counter(last).most_common(1)[0][1] < 0.02 * len(last)


def test_no_text_of_the_labelled_worlds(world: World) -> None:
    """No sentence of eight or more words, and no system prompt, is shared with the worlds made of others' texts."""
    if not SHARED.is_dir():
        pytest.skip("the labelled worlds (../shared/worlds) are absent")

    def shingles(texts: list[str]) -> Iterator[str]:
        for text in texts:
            words = text.lower().split()
            yield from (" ".join(words[i : i + 8]) for i in range(len(words) - 7))

    texts = [json.loads(text)[-1]["content"] for text in world.exchanges["messages"].to_list()]
    ours = {*shingles(texts), *shingles(world.exchanges["response"].to_list())}
    other = pl.read_parquet(SHARED / "dev-mixed/exchanges.parquet", columns=["messages", "response", "system_prompt"])
    theirs = [json.loads(text)[-1]["content"] for text in other["messages"].to_list()] + other["response"].to_list()
    assert not [shingle for shingle in shingles(sorted(set(theirs))) if shingle in ours]
    assert not set(world.exchanges["system_prompt"].drop_nulls()) & set(other["system_prompt"].drop_nulls())


@pytest.mark.parametrize("wrong", [{"accounts": 0}, {"days": 0}, {"load": 0}])
def test_sizes_must_be_positive(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="positive"):
        simulate(**wrong)


def test_two_campaigns_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="two campaigns"):
        simulate(accounts=5, campaigns=[parse_campaign("thin"), parse_campaign("thin:accounts=3")])


def test_one_customer_and_one_day() -> None:
    world = simulate(accounts=1, days=1, seed=1)
    assert world.exchanges.height > 0


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StorageError, match="cannot be written") as error:
        simulate(accounts=1, days=1).write(tmp_path / "taken")
    assert "\n" not in str(error.value)
    assert not list(tmp_path.rglob("*.partial"))
