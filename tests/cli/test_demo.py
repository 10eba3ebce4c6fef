"""``stillwatch demo``: its words, and the whole way where the pipeline is there."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

pytest.importorskip("stillwatch.cli.scan")

from stillwatch.cli.demo import CAMPAIGNS, demo, outcome_lines, planted_lines, scan_command
from stillwatch.cli.simulate import summary_of
from stillwatch.simulation.operators.campaign import parse_campaign
from stillwatch.simulation.scoring import Answers, Findings, score
from stillwatch.simulation.world import simulate


def test_says_what_was_planted_found_and_who_was_wronged(tmp_path: Path) -> None:
    campaigns = [parse_campaign(text) for text in CAMPAIGNS]
    world = simulate(accounts=30, days=5, campaigns=campaigns, seed=1)
    planted = "\n".join(planted_lines(summary_of(world, tmp_path, campaigns), 1))
    assert all(campaign.name in planted for campaign in campaigns)
    accused = (pl.col("campaign") == "grader") | (pl.col("kind") == "judge")
    run = world.account_truth.with_columns(accused.fill_null(False).alias("accused")).select(
        "account_id",
        pl.when("accused").then(pl.lit("g")).alias("campaign_id"),
        pl.when("accused").then(pl.lit("campaign")).otherwise(pl.lit("clear")).alias("verdict"),
    )
    answers = Answers(world.account_truth, world.exchange_truth, world.exchanges.select("exchange_id", "account_id"))
    said = "\n".join(outcome_lines(score(answers, Findings(run)), tmp_path))
    assert "quiet    not found" in said
    assert "35 of its 35 accounts found, as one group" in said
    assert "2 judge" in said


def test_the_printed_command_survives_blanks() -> None:
    assert "'my demo/run'" in scan_command(Path("my demo"))


@pytest.mark.slow
def test_the_whole_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("stillwatch.pipeline")
    assert demo(out=tmp_path / "demo") == 0
    said = capsys.readouterr().out
    assert "Wrongly accused" in said
    assert (tmp_path / "demo/run/report.html").is_file()
    assert (tmp_path / "demo/run/accounts.parquet").is_file()
