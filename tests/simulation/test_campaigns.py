"""Campaigns: presets do what they say, knobs are read, mistakes get one line."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from stillwatch.errors import InputError, UsageError
from stillwatch.simulation.operators.campaign import TECHNIQUES, parse_campaign, presets
from stillwatch.simulation.texts.writer import languages, topics, wordings
from stillwatch.simulation.world import simulate


def traffic_of(text: str, *, accounts: int = 40, days: float = 14, seed: int = 3) -> pl.DataFrame:
    world = simulate(accounts=accounts, days=days, campaigns=[parse_campaign(text)], seed=seed)
    log = world.exchanges.join(world.account_truth.drop_nulls("campaign"), on="account_id")
    return log.join(world.exchange_truth, on="exchange_id").join(world.accounts, on="account_id")


@pytest.mark.parametrize("name", list(presets()))
def test_a_preset_yields_what_it_says(name: str) -> None:
    campaign = presets()[name]
    log = traffic_of(name)
    assert log["account_id"].n_unique() >= 0.9 * campaign.accounts
    harvested = log["harvested"].mean()
    if not campaign.honest_days:
        assert abs((1 - harvested) - campaign.cover) < 0.08
    said = {t for t, weight in campaign.techniques.items() if weight}
    assert set(log.filter("harvested")["technique"]) == said
    assert log.filter(~pl.col("harvested"))["technique"].null_count() == log.filter(~pl.col("harvested")).height
    shared = log.group_by("payment_id").agg(pl.col("account_id").n_unique())["account_id"]
    assert shared.max() <= campaign.cards
    assert shared.mean() > 0.7 * campaign.cards
    assert set(log["kind"]) == {"proxy"}


@pytest.mark.parametrize("name", list(presets()))
def test_no_account_is_over_reached(name: str) -> None:
    """The mean load is the one asked for, and no account stands out far beyond its spread."""
    campaign = presets()[name]
    loads = traffic_of(name).group_by("account_id").len()["len"]
    # Retries and answers in waves that are cut at the log's end move it a little.
    assert loads.max() < campaign.exchanges * 4.5 + 10
    if not campaign.honest_days:
        assert 0.75 * campaign.exchanges < loads.mean() < 1.25 * campaign.exchanges


def test_waves_follow_each_other() -> None:
    log = traffic_of("rotating:accounts=40")
    life = log.group_by("account_id").agg((pl.col("started_at").max() - pl.col("started_at").min()).alias("span"))
    assert life["span"].max().total_seconds() < 14 * 86_400 / 4 * 1.1


def test_a_sleeper_harvests_in_the_second_half_only() -> None:
    log = traffic_of("sleeper:accounts=25")
    first = log["started_at"].min()
    assert (log.filter("harvested")["started_at"] - first).min().total_seconds() > 6.5 * 86_400
    assert log.filter((pl.col("started_at") - first).dt.total_seconds() < 6 * 86_400).height > 100


def test_a_mimic_repeats_honest_prompts() -> None:
    world = simulate(accounts=60, days=7, campaigns=[parse_campaign("mimic:accounts=8")], seed=4)
    log = world.exchanges.join(world.account_truth, on="account_id").join(world.exchange_truth, on="exchange_id")
    honest = set(log.filter(pl.col("campaign").is_null())["messages"])
    cover = log.filter(pl.col("campaign").is_not_null() & ~pl.col("harvested"))["messages"]
    assert sum(text in honest for text in cover) > 0.8 * len(cover)


def test_a_split_by_topic_gives_accounts_their_own_subjects() -> None:
    """Counted by the topics' own nouns: two at most an account, instead of most of the pool's twenty."""
    nouns = {topic.name: [thing for thing in topic.things if len(thing) > 12] for topic in topics()}

    def subjects(dispatch: str) -> float:
        log = traffic_of(
            f"topic_split:accounts=12,cover=0,exchanges=50,follow_ups=0,topics=20,techniques=plain,dispatch={dispatch}"
        )
        texts = log.group_by("account_id").agg(pl.col("messages").str.join(" "))["messages"].to_list()
        counts = [sum(sum(text.count(noun) for noun in mine) > 2 for mine in nouns.values()) for text in texts]
        return sum(counts) / len(counts)

    assert subjects("topic") <= 2.5
    assert subjects("random") > 4


def test_best_of_asks_the_same_again() -> None:
    log = traffic_of("coder:accounts=10,cover=0,best_of=0.5,follow_ups=0").filter(pl.col("status") == 200)
    repeated = log.group_by("session_id", "messages").len()["len"]
    assert 0.3 < (repeated > 1).mean() < 0.8


def test_a_campaign_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'accounts = 4\nexchanges = 6\ncover = 0.5\ncover_kind = "generalist"\ntechniques = { plain = 1.0 }\n'
    )
    campaign = parse_campaign(f"{path}:network=vpn")
    assert (campaign.name, campaign.accounts, campaign.network, campaign.cover_kind) == ("mine", 4, "vpn", "generalist")


def test_weights_on_the_command_line() -> None:
    campaign = parse_campaign("thin:techniques=plain*0.25+jailbreak*0.75,start=-1,model_switch=false")
    assert campaign.techniques == {"plain": 0.25, "jailbreak": 0.75}
    assert (campaign.start, campaign.model_switch) == (-1.0, False)
    assert parse_campaign("thin:techniques=jailbreak").techniques == {"jailbreak": 1.0}


@pytest.mark.parametrize(
    "text",
    [
        "nobody",
        "thin:speed=3",
        "thin:accounts",
        "thin:accounts=0",
        "thin:cover=1.5",
        "thin:techniques=magic*1",
        "thin:start=2",
        "thin:waves=x",
    ],
)
def test_mistakes_get_one_line(text: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_campaign(text)
    assert "\n" not in str(error.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("accounts = [")
    for name in ("bad.toml", "absent.toml"):
        with pytest.raises(InputError) as error:
            parse_campaign(str(tmp_path / name))
        assert "\n" not in str(error.value)


def test_there_are_enough_texts() -> None:
    assert len(topics()) >= 60
    assert len({topic.family for topic in topics()}) >= 8
    assert len(languages()) >= 8
    for technique in TECHNIQUES:
        if technique != "plain":
            assert len(set(wordings()[technique])) >= 12
