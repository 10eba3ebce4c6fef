"""The scorer: worked examples, and agreement with an independent one."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from random import Random

import polars as pl
import pytest

from stillwatch.errors import InputError
from stillwatch.simulation.operators.campaign import parse_campaign
from stillwatch.simulation.scoring import Answers, Findings, score, score_folders
from stillwatch.simulation.world import World, simulate

OTHER = Path(__file__).parents[3] / "shared" / "score.py"


def small() -> Answers:
    accounts = pl.DataFrame(
        {
            "account_id": list("abcdef"),
            "kind": ["proxy"] * 4 + ["person"] * 2,
            "campaign": ["x", "x", "x", "x", None, None],
        }
    )
    owners = pl.DataFrame(
        {
            "exchange_id": [f"{a}{i}" for a in "abcdef" for i in range(2)],
            "account_id": [a for a in "abcdef" for _ in range(2)],
        }
    )
    exchanges = owners.select("exchange_id").with_columns(
        pl.Series("harvested", [True] * 6 + [False] * 6),
        pl.Series("technique", ["jailbreak"] * 4 + ["plain"] * 2 + [None] * 6),
    )
    return Answers(accounts, exchanges, owners)


def found(verdicts: str, groups: str) -> pl.DataFrame:
    long = {"c": "campaign", "r": "review", "-": "clear"}
    return pl.DataFrame(
        {
            "account_id": list("abcdef"),
            "campaign_id": [None if g == "-" else g for g in groups],
            "verdict": [long[v] for v in verdicts],
        },
        schema={"account_id": pl.String, "campaign_id": pl.String, "verdict": pl.String},
    )


def test_a_worked_example() -> None:
    labels = pl.DataFrame(
        {
            "exchange_id": ["a0", "a1", "c0", "e0"],
            "technique": ["jailbreak", None, "jailbreak", "jailbreak"],
            "taken": [1.0] * 4,
        }
    )
    groups = pl.DataFrame(
        {"campaign_id": ["1", "9"], "taken": [5.0, 1.0], "taken_low": [4.0, 0.0], "taken_high": [7.0, 2.0]}
    )
    result = score(small(), Findings(found("cccrc-", "1111--"), labels, groups))
    assert (result.accused, result.wrongly_accused, result.precision) == (4, 1, 0.75)
    assert [(rate.name, rate.accounts, rate.accused) for rate in result.innocents_by_kind] == [("person", 2, 1)]
    campaign = result.campaigns[0]
    assert (campaign.accused, campaign.recall, campaign.found_as, campaign.purity) == (3, 0.75, 1, 1.0)
    technique = result.techniques[0]
    assert (technique.true, technique.said, technique.right) == (4, 2, 1)
    assert technique.f1 == pytest.approx(1 / 3)
    assert [(i.campaign_id, i.true, i.holds) for i in result.intervals] == [("1", 6, True)]


def test_nobody_accused() -> None:
    result = score(small(), Findings(found("------", "------")))
    assert result.precision is None
    assert result.campaigns[0].recall == 0
    assert result.campaigns[0].purity is None
    assert (result.techniques, result.intervals) == ((), ())


def test_fragments_and_impurity() -> None:
    result = score(small(), Findings(found("cccccc", "112222")))
    assert (result.campaigns[0].found_as, result.campaigns[0].purity) == (2, pytest.approx(4 / 6))


def test_an_account_named_twice_is_refused() -> None:
    twice = pl.concat([found("------", "------")] * 2)
    with pytest.raises(InputError, match="twice"):
        score(small(), Findings(twice))


def made_up_run(world: World, folder: Path, seed: int) -> None:
    """A run that is right at random, so that every part of the score differs from 0 and 1."""
    r = Random(seed)
    rows = []
    for account, _, campaign in world.account_truth.iter_rows():
        accused = r.random() < (0.7 if campaign else 0.03)
        rows.append(
            (
                account,
                f"{campaign or r.choice(('blatant', 'quiet'))}-{r.choice((1, 1, 2))}" if accused else None,
                "campaign" if accused else "review",
            )
        )
    accounts = pl.DataFrame(rows, schema=["account_id", "campaign_id", "verdict"], orient="row")
    folder.mkdir()
    accounts.write_parquet(folder / "accounts.parquet")
    kinds = world.exchange_truth["technique"].drop_nulls().unique().sort().to_list()
    said = [t if r.random() < 0.8 else r.choice((None, *kinds)) for t in world.exchange_truth["technique"]]
    world.exchange_truth.select("exchange_id").with_columns(
        pl.Series("technique", said), pl.lit(0.5).alias("taken")
    ).write_parquet(folder / "exchanges.parquet")
    groups = accounts["campaign_id"].drop_nulls().unique().sort()
    middle = [r.uniform(0, 400) for _ in groups]
    pl.DataFrame(
        {
            "campaign_id": groups,
            "taken": middle,
            "taken_low": [m * 0.5 for m in middle],
            "taken_high": [m * 3 for m in middle],
        }
    ).write_parquet(folder / "campaigns.parquet")


def test_agrees_with_an_independent_scorer(tmp_path: Path) -> None:
    if not OTHER.is_file():
        pytest.skip("the independent scorer (../shared/score.py) is absent")
    spec = importlib.util.spec_from_file_location("independent_score", OTHER)
    assert spec is not None
    assert spec.loader is not None
    other = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(other)
    world = simulate(
        accounts=200,
        days=7,
        campaigns=[parse_campaign("blatant:accounts=20"), parse_campaign("quiet:accounts=20")],
        seed=8,
    )
    world.write(tmp_path / "world")
    made_up_run(world, tmp_path / "run", 1)
    theirs, ours = (
        other.score(tmp_path / "world", tmp_path / "run"),
        score_folders(tmp_path / "world", tmp_path / "run"),
    )
    assert (ours.accounts, ours.accused, ours.wrongly_accused) == (
        theirs["accounts"],
        theirs["accused"],
        theirs["wrongly_accused"],
    )
    assert ours.precision == pytest.approx(theirs["precision"])
    assert {rate.name: rate.accused for rate in ours.innocents_by_kind if rate.accused} == theirs[
        "wrongly_accused_by_kind"
    ]
    for campaign in ours.campaigns:
        expected = theirs["campaigns"][campaign.name]
        assert campaign.recall == pytest.approx(expected["recall"], abs=1e-4)
        assert campaign.purity == pytest.approx(expected["purity"], abs=1e-4)
        assert (campaign.accounts, campaign.found_as) == (expected["accounts"], expected["found_as"])
    assert {t.name: pytest.approx(t.f1, abs=1e-4) for t in ours.techniques} == theirs["technique_f1"]
    assert sum(i.true for i in ours.intervals) == theirs["taken"]["true"]
    assert f"{ours.intervals_held}/{len(ours.intervals)}" == theirs["taken"]["interval_holds"]
    assert 0 < ours.intervals_held < len(ours.intervals)
    assert {rate.name for rate in ours.innocents_by_trait} >= {
        "network: vpn",
        "writes another language",
        "works at night",
    }


def test_missing_files_and_columns_get_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing"):
        score_folders(tmp_path, tmp_path)
    (tmp_path / "truth").mkdir()
    pl.DataFrame({"account_id": ["a"]}).write_parquet(tmp_path / "truth/accounts.parquet")
    with pytest.raises(InputError, match="columns") as error:
        score_folders(tmp_path, tmp_path)
    assert "\n" not in str(error.value)
