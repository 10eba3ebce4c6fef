"""Technique labels with the true campaigns given: how good the labelling is, apart from the detection.

python -m bench techniques
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from bench.tables import WORLDS, Table, publish
from bench.wordings import shared_wordings
from stillwatch.campaigns.technique import label_alone, label_campaign, technique_names
from stillwatch.signals.new_text import new_turns
from stillwatch.signals.techniques.frames import frame_probabilities
from stillwatch.signals.techniques.signal import technique_probabilities


def labelled(exchanges: pl.DataFrame) -> tuple[list[str | None], list[str | None]]:
    """Names said of the exchanges of one campaign: each alone, and in the campaign's context."""
    columns = exchanges.select("messages", "system_prompt", "tool_count").to_arrow().combine_chunks()
    scores = technique_probabilities(columns.to_batches()[0])
    texts = new_turns(exchanges["messages"].to_list()).text
    wording = shared_wordings(texts)
    key = pl.coalesce("session_id", "exchange_id")
    session = exchanges.select(key.rank("dense").cast(pl.Int64))["session_id"].to_numpy()
    fed = np.ones(len(texts))
    inside = label_campaign(scores, session, wording, fed, frame_probabilities(texts, wording))
    return technique_names(label_alone(scores)), technique_names(inside)


def of_world(world: Path) -> pl.DataFrame:
    """Exchanges of the true campaigns: campaign, technique (the truth), alone, inside (said)."""
    accounts = pl.read_parquet(world / "truth/accounts.parquet").filter(pl.col("campaign").is_not_null())
    rows = pl.read_parquet(world / "exchanges.parquet").join(accounts, on="account_id")
    rows = rows.join(pl.read_parquet(world / "truth/exchanges.parquet"), on="exchange_id").sort("exchange_id")
    parts = []
    for _, own in rows.group_by("campaign", maintain_order=True):
        alone, inside = labelled(own)
        said = [pl.Series("alone", alone, pl.String), pl.Series("inside", inside, pl.String)]
        parts.append(own.select("campaign", "technique", "harvested").with_columns(said))
    return pl.concat(parts) if parts else pl.DataFrame(schema={"technique": pl.String, "alone": pl.String})


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


def main(worlds: Sequence[Path] = WORLDS) -> None:
    """Print and keep the table."""
    rows = [row for world in worlds if (world / "truth").is_dir() for row in figures(world)]
    publish(Table("techniques", "Technique labels, true campaigns given", rows))


if __name__ == "__main__":
    main()
