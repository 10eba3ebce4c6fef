"""Technique labels with the true campaigns given: how good the labelling is, apart from the detection.

python -m bench techniques
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from bench.detection import PRESETS
from bench.tables import OUT, Table, present, publish
from stillwatch.campaigns.technique import label_alone, label_campaign, technique_names
from stillwatch.signals.new_text import new_turns
from stillwatch.signals.techniques.frames import frame_probabilities
from stillwatch.signals.techniques.signal import technique_probabilities
from stillwatch.signals.wording.small_talk import learn_small_talk
from stillwatch.signals.wording.templates import find_wordings
from stillwatch.simulation.operators.campaign import parse_campaign
from stillwatch.simulation.world import simulate

SEEDS = (9101, 9102, 9103)
"""Simulated worlds whose mistakes may be looked at; the formulations of the classifier are not the simulator's."""


def labelled(rows: pl.DataFrame) -> tuple[list[str | None], list[str | None]]:
    """Names said of each exchange of the true campaigns (of ``rows``, a whole log): alone, and in its campaign's
    context, as a scan says them: by the opening of a session and the wordings that the whole log shows."""
    turns = new_turns(rows["messages"].to_list())
    columns = rows.select("messages", "system_prompt", "tool_count").to_arrow().combine_chunks()
    scores = technique_probabilities(columns.to_batches()[0])
    session = rows.select(pl.coalesce("session_id", "exchange_id").rank("dense").cast(pl.Int64)).to_series().to_numpy()
    opening = np.unique(session, return_index=True)[1]
    small_talk = learn_small_talk([turns.text[i] for i in opening])
    account = rows["account_id"].rank("dense").cast(pl.Int64).to_numpy()
    found = find_wordings([small_talk.strip(turns.text[i]) for i in opening], account[opening])
    wording = np.full(rows.height, -1)
    wording[opening] = np.where(found.number > 0, found.number, -1)
    frames = np.full(scores.shape, np.nan)
    frames[opening] = frame_probabilities(found.example)[found.number]
    opened = np.zeros(scores.shape)
    opened[opening] = scores[opening]
    inside = np.full(rows.height, -1)
    campaign = rows["campaign"].fill_null("").to_numpy().astype(str)
    for name in sorted(set(campaign) - {""}):
        mine = np.flatnonzero(campaign == name)
        fed = np.ones(len(mine))
        inside[mine] = label_campaign(opened[mine], session[mine], wording[mine], fed, frames[mine])
    return technique_names(label_alone(scores)), technique_names(inside)


def of_world(world: Path) -> pl.DataFrame:
    """Exchanges of the true campaigns: campaign, technique and harvested (the truth), alone and inside (said)."""
    accounts = pl.read_parquet(world / "truth/accounts.parquet")
    answers = pl.read_parquet(world / "truth/exchanges.parquet")
    rows = pl.read_parquet(world / "exchanges.parquet").join(accounts, on="account_id").join(answers, on="exchange_id")
    rows = rows.sort("started_at", "exchange_id")
    alone, inside = labelled(rows)
    said = [pl.Series("alone", alone, pl.String), pl.Series("inside", inside, pl.String)]
    return rows.select("campaign", "technique", "harvested").with_columns(said).drop_nulls("campaign")


def f1(rows: pl.DataFrame, technique: str, column: str) -> float:
    """The F1 of one technique for what ``column`` says."""
    true, said = rows.filter(pl.col("technique") == technique), rows.filter(pl.col(column) == technique)
    right = true.filter(pl.col(column) == technique).height
    return 2 * right / (true.height + said.height) if true.height + said.height else 0.0


def figures(world: Path) -> list[dict[str, Any]]:
    """One row for each technique that the world's campaigns used."""
    rows = of_world(world)
    out = []
    for name in sorted(set(rows["technique"].drop_nulls()) - {"plain"}):
        true = rows.filter(pl.col("technique") == name)
        said = rows.filter(pl.col("inside") == name)
        right = true.filter(pl.col("inside") == name).height
        out.append(
            {
                "world": world.name,
                "technique": name,
                "exchanges": true.height,
                "F1 alone": f1(rows, name, "alone"),
                "F1 in its campaign": f1(rows, name, "inside"),
                "precision": right / said.height if said.height else None,
                "recall": right / true.height,
            }
        )
    return out


def simulated() -> list[Path]:
    """Our own worlds with every preset of campaign, made where they are not there yet."""
    folders = []
    for seed, names in zip(SEEDS, PRESETS, strict=True):
        folder = OUT / "worlds" / str(seed)
        if not (folder / "truth" / "exchanges.parquet").exists():
            simulate(accounts=1800, days=14.0, campaigns=[parse_campaign(n) for n in names], seed=seed, load=1.0).write(
                folder
            )
        folders.append(folder)
    return folders


def main() -> None:
    """Print and keep the table: the worlds in ../shared, and our own with every preset."""
    worlds = [world for world in (*present(), *simulated()) if (world / "truth").is_dir()]
    rows = [row for world in worlds for row in figures(world)]
    publish(Table("techniques", "Technique labels, true campaigns given", rows))


if __name__ == "__main__":
    main()
