"""How sure a membership is: measured on worlds that no model was fitted to. ``python -m bench.calibrating --out DIR``.

The scan's own way, from the search to the verdicts, over labelled worlds of which the models have seen none: how firmly
the groups of innocents stand that pass every other bar; then a logistic fit of "is not innocent" on
`certainty.FEATURES`, over the planted worlds' groups that stand, once for each kind of log. Prints the constants of
`stillwatch.linkage.certainty`, and for each world what a fit to the others states and what is true.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from bench.tables import Table, publish
from bench.training import Kept, World, in_parallel
from bench.worlds import CALIBRATION_SEEDS, PLANTED
from stillwatch.linkage.activity import CUSTOMERS, NETWORK
from stillwatch.linkage.certainty import FEATURES, FIRM, INNOCENT, certain, describe_members, least_sure, standing
from stillwatch.linkage.confirmation import search_part
from stillwatch.linkage.finding import judge_groups, packaged_models
from stillwatch.progress import Silent

_RIDGE = 1e-3
LACKING = ("", CUSTOMERS, NETWORK)
"""What the logs lack that memberships are measured in."""
_RATE = 0.01  # false discovery rate of the groups
Members = dict[str, np.ndarray]


def members_of(seed: int, kept: Kept, lacks: str = "") -> Members:
    """The members of all groups that pass every bar but `FIRM`, in a log that ``lacks`` customers, network or nothing.

    ``described`` (k, f), ``guilty`` (k,), ``kind`` (k,), ``group`` (k,) and its ``standing`` (k,).
    """
    found: Members = kept(f"members-{seed}{'-' if lacks else ''}{lacks}", lambda: _members(seed, kept.folder, lacks))
    return found


def _members(seed: int, folder: Path, lacks: str) -> Members:
    world = World(seed, folder)
    activity = world.hiding(frozenset({lacks} - {""}))
    searched = search_part([f"{seed}/{i}" for i in range(len(activity.account))], 0)
    groups, _, _ = judge_groups(
        activity, searched, packaged_models(), seed=0, false_discovery=_RATE, progress=Silent(), firm=-np.inf
    )
    passed = [group for group in groups if group.verdict == "campaign"]
    size = [len(group.accounts) for group in passed]
    accounts = np.concatenate([np.zeros(0, dtype=np.int64), *(group.accounts for group in passed)])
    return {
        "described": np.concatenate([np.zeros((0, len(FEATURES))), *(describe_members(g.log_odds) for g in passed)]),
        "guilty": ~world.honest[accounts],
        "kind": world.kind[accounts],
        "group": np.repeat(np.arange(len(passed)), size),
        "standing": np.repeat([standing(group.log_odds) for group in passed], size),
    }


def fit_certainty(described: np.ndarray, guilty: np.ndarray) -> np.ndarray:
    """Weights of the features and a constant, (f + 1,): maximum likelihood, no weight negative."""
    table = np.column_stack([described, np.ones(len(described))])

    def loss(weights: np.ndarray) -> float:
        odds = table @ weights
        return float(np.mean(np.logaddexp(0.0, odds) - guilty * odds) + _RIDGE * (weights[:-1] ** 2).sum())

    bounds = [(0.0, None)] * described.shape[1] + [(None, None)]
    weights: np.ndarray = minimize(loss, np.ones(table.shape[1]), bounds=bounds).x
    return weights


def report(worlds: dict[int, Members]) -> None:
    """Print how firmly groups stand, and each world as a fit to the other planted worlds sees it."""
    groups = [
        {"world": seed, "accounts": int(chosen.sum()), "innocent": int((~world["guilty"][chosen]).sum()),
         "standing": float(world["standing"][chosen][0]),
         "mostly": str(max(set(world["kind"][chosen]), key=list(world["kind"][chosen]).count))}
        for seed, world in worlds.items()
        for chosen in (world["group"] == number for number in np.unique(world["group"]))
    ]  # fmt: skip
    doubtful = sorted(groups, key=lambda row: row["standing"])
    publish(Table("standing", "The groups that stand least firmly, of all that pass every other bar", doubtful[:30]))
    firm = {seed: _standing(world) for seed, world in worlds.items()}
    rows = []
    for seed, world in firm.items():
        posterior = certain(world["described"], _fitted(firm, seed))
        sure = posterior >= least_sure(posterior, INNOCENT)
        innocent = ~world["guilty"]
        rows.append(
            {
                "world": seed, "in groups": len(sure), "innocent": int(innocent.sum()),
                "accused": int(sure.sum()), "wrongly": int(innocent[sure].sum()),
                "stated": round(float((1 - posterior[sure]).sum()), 1),
            }
        )  # fmt: skip
    note = "Worlds under 1000 are simulated; only planted ones are fitted to, each without itself."
    publish(Table("certainty", "Innocents among the accused, as stated and in truth", rows, note))


def _standing(world: Members) -> Members:
    return {name: values[world["standing"] >= FIRM] for name, values in world.items()}


def _fitted(worlds: dict[int, Members], but: int | None = None) -> np.ndarray:
    chosen = [world for seed, world in worlds.items() if seed >= PLANTED and seed != but]
    return fit_certainty(*(np.concatenate([world[name] for world in chosen]) for name in ("described", "guilty")))


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
            for lacks in LACKING if seed >= PLANTED else ("",):
                members_of(seed, kept, lacks)
        return
    in_parallel("bench.calibrating", [], CALIBRATION_SEEDS, given.out)
    report({seed: members_of(seed, kept) for seed in CALIBRATION_SEEDS})
    planted = [seed for seed in CALIBRATION_SEEDS if seed >= PLANTED]
    for lacks in LACKING:
        worlds = {seed: _standing(members_of(seed, kept, lacks)) for seed in planted}
        print("CALIBRATION", repr(lacks), tuple(_fitted(worlds).round(2).tolist()))


if __name__ == "__main__":
    main()
