"""How long a scan takes and how much memory it holds.

python -m bench throughput
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import polars as pl

from bench.detection import scan
from bench.tables import Table, present, publish, say


def main() -> None:
    """Print and keep the table: every world in ../shared once, customers given."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="stillwatch-bench-") as folder:
        for world in present():
            say(f"{world.name}: time and memory")
            exchanges = pl.scan_parquet(world / "exchanges.parquet").select(pl.len()).collect().item()
            started = time.monotonic()
            memory = scan(world, Path(folder) / world.name)
            seconds = time.monotonic() - started
            figures = {"seconds": seconds, "peak MB": memory, "exchanges a second": round(exchanges / seconds)}
            rows.append({"world": world.name, "exchanges": exchanges} | figures | {"cores": os.cpu_count()})
    publish(Table("throughput", "A scan's time and peak memory", rows))


if __name__ == "__main__":
    main()
