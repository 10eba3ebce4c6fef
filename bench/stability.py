"""Five seeds on the same worlds: how far the recall of each campaign spreads, and whom any of them wrongs.

python -m bench stability
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from bench.detection import scan
from bench.tables import Table, present, publish, say
from stillwatch.simulation.scoring import Score, score_folders

SEEDS = (1, 2, 3, 4, 5)


def rows(world: str, scores: list[Score]) -> list[dict[str, Any]]:
    """The spread of every campaign's recall, and the wrongly accused of each seed."""
    wrong = [score.wrongly_accused for score in scores]
    out: list[dict[str, Any]] = [{"world": world, "campaign": "(innocents accused)", "each seed": _list(wrong)}]
    for place, campaign in enumerate(scores[0].campaigns):
        recalls = [score.campaigns[place].recall for score in scores]
        figures = {"least": min(recalls), "most": max(recalls), "spread": max(recalls) - min(recalls)}
        each = _list([round(recall, 3) for recall in recalls])
        out.append({"world": world, "campaign": campaign.name, "each seed": each} | figures)
    return out


def _list(values: list[Any]) -> str:
    return ", ".join(str(value) for value in values)


def main() -> None:
    """Print and keep the table."""
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="stillwatch-bench-") as folder:
        for world in present():
            scores = []
            for seed in SEEDS:
                say(f"{world.name}: seed {seed}")
                run = Path(folder) / f"{world.name}-{seed}"
                scan(world, run, seed=seed)
                scores.append(score_folders(world, run))
            found += rows(world.name, scores)
    publish(Table("stability", "Five seeds", found))


if __name__ == "__main__":
    main()
