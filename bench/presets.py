"""Our own simulated worlds with every preset of campaign: the seeds that the tables are measured on, in one place.

Nothing is fitted to them: `bench.worlds` lists the seeds of training. Nobody tunes to them either; whoever must
look at an error in detail takes another seed.
"""

from __future__ import annotations

from pathlib import Path

from bench.tables import OUT, say
from stillwatch.simulation.operators.campaign import presets
from stillwatch.simulation.world import simulate

SEEDS = (9001, 9002, 9003)
HONEST, DAYS = 1800, 14.0
_A_WORLD = 5  # presets in one world: a log in which every third account is guilty is nobody's


def preset_worlds(seeds: tuple[int, ...] = SEEDS) -> list[Path]:
    """Folders of the worlds, made where they are not there yet: every preset stands in one of them."""
    every = presets()
    names = sorted(every)
    folders = []
    for i, seed in enumerate(seeds):
        chosen = [every[name] for name in names[i :: len(seeds)]][:_A_WORLD]
        folder = OUT / "worlds" / f"own-{seed}"
        if not (folder / "truth" / "exchanges.parquet").exists():
            say(f"simulating {folder.name}: {', '.join(campaign.name for campaign in chosen)}")
            simulate(accounts=HONEST, days=DAYS, campaigns=chosen, seed=seed).write(folder)
        folders.append(folder)
    return folders
