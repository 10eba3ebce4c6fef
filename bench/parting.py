"""One operator or two: how often a cut through a group parts it. ``python -m bench.parting --out DIR``.

Over the worlds that no model was fitted to: the accounts of each campaign alone, and of each two campaigns together,
cut as the scan cuts a group (`stillwatch.linkage.parting`). Two whose pair scores lie more than seven nats apart
are left out: nobody would take them for one.
"""

from __future__ import annotations

import argparse
from itertools import combinations
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from bench.tables import Table, publish
from bench.training import Kept, World, in_parallel
from bench.worlds import CALIBRATION_SEEDS
from stillwatch.linkage.finding import packaged_models
from stillwatch.linkage.growth import SEAT, likely
from stillwatch.linkage.membership import Evidence
from stillwatch.linkage.parting import LEAST_PART, part

_FAR = 7.0
Counts = dict[str, list[float]]


def counts_of(seed: int, kept: Kept) -> Counts:
    """For a world's campaigns alone and by twos: in how many parts each came, and how pure those of two are."""
    found: Counts = kept(f"parts-{seed}", lambda: _counts(World(seed, kept.folder)))
    return found


def _counts(world: World) -> Counts:
    models = packaged_models()
    evidence = Evidence(world.activity, redrawn=True)
    with threadpool_limits(1, user_api="blas"):
        evidence.compare(models["pair"])
        own = {name: np.flatnonzero((world.campaign == name) & evidence.enough) for name in world.campaigns()}
        own = {name: accounts for name, accounts in own.items() if len(accounts) >= 2 * LEAST_PART}

        def parts(accounts: np.ndarray) -> list[np.ndarray]:
            member = np.zeros(world.activity.accounts)
            member[accounts] = SEAT
            return [np.flatnonzero(likely(smaller)) for smaller in part(evidence, models["member"], member)]

        counts: Counts = {"one": [float(len(parts(accounts))) for accounts in own.values()], "two": [], "purity": []}
        for first, second in combinations(own.values(), 2):
            if _gap(evidence.scores, first, second) <= _FAR:
                found = parts(np.concatenate([first, second]))
                counts["two"].append(float(len(found)))
                mine = [np.isin(smaller, first).mean() for smaller in found]
                counts["purity"].append(float(min(max(share, 1 - share) for share in mine)))
    return counts


def _gap(scores: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """Mean score of the pairs within the looser of two groups over that of the pairs between both."""
    within = min(scores[np.ix_(a, a)].sum() / (len(a) * (len(a) - 1)) for a in (first, second))
    return float(within - scores[np.ix_(first, second)].mean())


def report(worlds: dict[int, Counts]) -> None:
    """Print how many came whole and how many in parts."""
    rows = []
    for what, name in (("one", "one campaign"), ("two", "two campaigns together")):
        number = np.concatenate([np.array(world[what]) for world in worlds.values()])
        rows.append(
            {"accounts of": name, "groups": len(number), "left whole": int((number == 1).sum()),
             "in two": int((number == 2).sum()), "in more": int((number > 2).sum())}
        )  # fmt: skip
    pure = np.concatenate([np.array(w["purity"])[np.array(w["two"]) > 1] for w in worlds.values()])
    note = f"Of the two that were parted, {int((pure >= 0.95).sum())} of {len(pure)} into parts of purity 0.95 or more."
    publish(Table("parting", "One operator or two", rows, note))


def main() -> None:
    """The command line; two processes, since trees and forks do not go together."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("bench/out/training"))
    parser.add_argument("seeds", nargs="*", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    kept = Kept(given.out)
    if given.seeds:
        for seed in given.seeds:
            counts_of(seed, kept)
        return
    in_parallel("bench.parting", [], CALIBRATION_SEEDS, given.out)
    report({seed: counts_of(seed, kept) for seed in CALIBRATION_SEEDS})


if __name__ == "__main__":
    main()
