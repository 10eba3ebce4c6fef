"""Null calibration: p-values and e-values where it does not matter whose a session is.

python -m bench nulls
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.tables import SHARED, Table, publish, say
from bench.worlds import read_world
from stillwatch.drill.trial import shuffled
from stillwatch.linkage.activity import Activity
from stillwatch.linkage.confirmation import Fresh, search_part
from stillwatch.linkage.membership import Evidence
from stillwatch.linkage.reading import read_activity
from stillwatch.linkage.scoring import load_model
from stillwatch.linkage.search import starting_order
from stillwatch.progress import Silent

Told = tuple[float, float]


def random_groups(activity: Activity, number: int, seed: int) -> list[Told]:
    """What confirmation says of random groups of 8, 20 and 60 accounts."""
    rng = np.random.default_rng(seed)
    fresh = Fresh(activity, _part(activity, seed))
    enough = np.flatnonzero(activity.sessions >= 3)
    told = []
    for i in range(number):
        members = np.sort(rng.choice(enough, int(rng.choice([8, 20, 60])), replace=False))
        said = fresh.confirm(members, i, draws=199)
        told.append((said.p_value, said.e_value))
    return told


def picked_groups(activity: Activity, number: int, seed: int) -> list[Told]:
    """What it says of groups that the search starts from: the accounts most alike in the part that it sees."""
    part = _part(activity, seed)
    evidence = Evidence(activity.only(part))
    evidence.compare(load_model("pair"))
    fresh = Fresh(activity, part)
    told = []
    for account in starting_order(evidence)[:number]:
        said = fresh.confirm(np.flatnonzero(evidence.neighbours(int(account), 16)), int(account), draws=199)
        told.append((said.p_value, said.e_value))
    return told


def _part(activity: Activity, seed: int) -> np.ndarray:
    return search_part([str(i) for i in range(len(activity.account))], seed)


def _row(name: str, told: list[Told]) -> dict[str, Any]:
    p = np.array([p for p, _ in told])
    shares = {f"p <= {level}": float((p <= level).mean()) for level in (0.01, 0.05, 0.1)}
    return {"null": name, "groups": len(told), **shares, "mean e": float(np.mean([e for _, e in told]))}


def main() -> None:
    """Print and keep the table."""
    world = SHARED / "worlds" / "dev-clean"
    if not world.exists():
        say(f"skipped: {world} is not there")
        return
    read = read_world(world)
    activity = read_activity(read.exchanges, read.customers, progress=Silent()).activity
    rng = np.random.default_rng(11)
    deals = [shuffled(activity, rng) for _ in range(4)]
    rows = [
        _row("random groups of innocents", random_groups(activity, 400, 1)),
        _row("random groups, sessions dealt", [t for i, d in enumerate(deals) for t in random_groups(d, 100, i)]),
        _row("picked by the search, sessions dealt", [t for i, d in enumerate(deals) for t in picked_groups(d, 60, i)]),
    ]
    publish(Table("nulls", "Where no campaign is", rows, "Shares may exceed their level by sampling error only."))


if __name__ == "__main__":
    main()
