"""``stillwatch simulate`` and ``stillwatch score`` as a person calls them."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from stillwatch.cli.score import score
from stillwatch.cli.simulate import DEFAULT_CAMPAIGNS, simulate
from stillwatch.errors import UsageError


def test_writes_a_world_and_says_what_was_planted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        simulate(out=tmp_path, accounts=60, days=5, campaign=["grader:accounts=6,exchanges=8"], seed=2, json=True) == 0
    )
    said = json.loads(capsys.readouterr().out)
    log = pl.read_parquet(tmp_path / "exchanges.parquet")
    assert said["exchanges"] == log.height
    assert said["campaigns"][0]["name"] == "grader"
    assert (
        said["campaigns"][0]["harvested"]
        == pl.read_parquet(tmp_path / "truth/exchanges.parquet")["harvested"].sum()
        > 0
    )


def test_clean_means_clean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(out=tmp_path, accounts=30, days=3, clean=True) == 0
    assert "every accusation would be a mistake" in capsys.readouterr().out
    assert pl.read_parquet(tmp_path / "truth/accounts.parquet")["campaign"].null_count() > 0
    with pytest.raises(UsageError, match="contradict"):
        simulate(out=tmp_path, clean=True, campaign=["thin"])


def test_tables_that_are_there_stay_unless_told(tmp_path: Path) -> None:
    (tmp_path / "exchanges.parquet").write_bytes(b"somebody's log")
    with pytest.raises(UsageError, match="--overwrite"):
        simulate(out=tmp_path, accounts=5, days=1, clean=True)
    assert (tmp_path / "exchanges.parquet").read_bytes() == b"somebody's log"
    assert simulate(out=tmp_path, accounts=5, days=1, clean=True, overwrite=True) == 0
    assert pl.read_parquet(tmp_path / "exchanges.parquet").height > 0


def test_the_default_plants_campaigns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    simulate(out=tmp_path, accounts=20, days=3)
    said = capsys.readouterr().out
    assert all(text.partition(":")[0] in said for text in DEFAULT_CAMPAIGNS)


def test_score_says_who_was_wronged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    simulate(out=tmp_path / "world", accounts=40, days=3, campaign=["grader:accounts=6,exchanges=8"])
    truth = pl.read_parquet(tmp_path / "world/truth/accounts.parquet")
    (tmp_path / "run").mkdir()
    accused = truth["campaign"].is_not_null() | (truth["kind"] == "judge")
    truth.select("account_id").with_columns(
        pl.when(accused).then(pl.lit("g1")).alias("campaign_id"),
        pl.when(accused).then(pl.lit("campaign")).otherwise(pl.lit("clear")).alias("verdict"),
    ).write_parquet(tmp_path / "run/accounts.parquet")
    capsys.readouterr()
    assert score(tmp_path / "world", tmp_path / "run") == 0
    said = capsys.readouterr().out
    assert "2 wrongly" in said
    assert "2 of 2 judge" in said
    assert "recall 100.0 %" in said
    assert score(tmp_path / "world", tmp_path / "run", json=True) == 0
    assert json.loads(capsys.readouterr().out)["wrongly_accused"] == 2
