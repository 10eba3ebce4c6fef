"""How much of what is asked in the worlds that are measured on was also asked in the one that planting is fitted to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from bench.tables import WORLDS, Table, present, publish
from stillwatch.exchange import in_order
from stillwatch.signals.new_text import new_turns
from stillwatch.sources.log import open_log


def openings(world: Path) -> pl.DataFrame:
    """The new text that opens each session of a world, and the campaign of its account (null: none)."""
    table = in_order(open_log([world / "exchanges.parquet"]).read())
    asked = pl.DataFrame(
        {
            "account_id": table.column("account_id").to_pylist(),
            "session_id": table.column("session_id").to_pylist(),
            "text": [" ".join(text.split()) for text in new_turns(table.column("messages")).text],
        }
    )
    truth = pl.read_parquet(world / "truth" / "accounts.parquet").select("account_id", "campaign")
    first = asked.filter(pl.col("text") != "").unique(["account_id", "session_id"], keep="first", maintain_order=True)
    return first.join(truth, on="account_id", how="left")


def main() -> None:
    """Print the table; skipped where the worlds are not there."""
    worlds = present()
    if WORLDS[-1] not in worlds:
        return
    fitted = openings(WORLDS[-1])["text"].unique().to_list()
    rows: list[dict[str, Any]] = []
    for world in worlds[:-1]:
        asked = openings(world).with_columns(again=pl.col("text").is_in(fitted))
        parts = (("honest", asked.filter(pl.col("campaign").is_null())), ("campaign", asked.drop_nulls("campaign")))
        rows += [
            {"world": world.name, "openings": whose, "number": len(part), "also in dev-clean": part["again"].mean()}
            for whose, part in parts
        ]
    publish(Table("overlap", "Openings of sessions that dev-clean, which planting uses, has word for word", rows))
