"""How sure a membership is: measured on worlds that no model was fitted to. ``python -m bench.calibrating --out DIR``.

The scan's own way, from the search to the verdicts, over labelled worlds of which the models have seen none: how firmly
the groups of innocents stand that pass every other bar; then a logistic fit of "is not innocent" on
`certainty.FEATURES`, over the planted worlds' groups that stand, once for each kind of log. Prints the constants of
`stillwatch.linkage.certainty`, and for each world what a fit to the others states and what is true.
"""

from __future__ import annotations

import argparse
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from bench.tables import Table, publish
from bench.training import World
from bench.worlds import CALIBRATION_SEEDS, PLANTED
from stillwatch.calibration import select_at_fdr
from stillwatch.linkage.activity import CUSTOMERS, NETWORK
from stillwatch.linkage.certainty import FEATURES, FEWEST_ACCUSED, FIRM, INNOCENT, describe_members, standing
from stillwatch.linkage.confirmation import search_part
from stillwatch.linkage.finding import ACCUSED, judge_groups, packaged_models
from stillwatch.progress import Silent

_RIDGE = 1e-3
LACKING = ("", CUSTOMERS, NETWORK)
"""What the logs lack that memberships are measured in."""
_RATE = 0.01  # false discovery rate of the groups


def members_of(seed: int, folder: Path, lacks: str = "") -> dict[str, np.ndarray]:
    """The members of all groups that pass every bar but `FIRM`, in a log that ``lacks`` customers, network or nothing.

    ``described`` (k, f), ``guilty`` (k,), ``kind`` (k,), ``group`` (k,) and its ``standing`` (k,).
    """
    kept = folder / f"members-{seed}{'-' if lacks else ''}{lacks}.pickle"
    if not kept.exists():
        world = World(seed, folder)
        searched = search_part([f"{seed}/{i}" for i in range(len(world.activity.account))], 0)
        groups, _, _ = judge_groups(
            world.hiding(frozenset({lacks} - {""})),
            searched,
            packaged_models(),
            seed=0,
            false_discovery=_RATE,
            progress=Silent(),
        )
        passed = [g for g in groups if g.q_value <= _RATE and min(g.rivals.values(), default=0.0) > 0]
        passed = [g for g in passed if len(g.accounts) >= FEWEST_ACCUSED and _mean(g.log_odds) >= ACCUSED]
        value = {
            "described": np.concatenate(
                [np.zeros((0, len(FEATURES))), *(describe_members(g.log_odds) for g in passed)]
            ),
            "guilty": np.concatenate([np.zeros(0, bool), *(~world.honest[g.accounts] for g in passed)]),
            "kind": np.concatenate([np.zeros(0, "U1"), *(world.kind[g.accounts] for g in passed)]),
            "group": np.repeat(np.arange(len(passed)), [len(g.accounts) for g in passed]),
            "standing": np.repeat([standing(g.log_odds) for g in passed], [len(g.accounts) for g in passed]),
        }
        part = kept.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(pickle.dumps(value))
        part.replace(kept)
    found: dict[str, np.ndarray] = pickle.loads(kept.read_bytes())
    return found


def _mean(log_odds: np.ndarray) -> float:
    return float((1 / (1 + np.exp(-log_odds))).mean())


def fit_certainty(described: np.ndarray, guilty: np.ndarray) -> np.ndarray:
    """Weights of the features and a constant, (f + 1,): maximum likelihood, no weight negative."""
    table = np.column_stack([described, np.ones(len(described))])

    def loss(weights: np.ndarray) -> float:
        odds = table @ weights
        return float(np.mean(np.logaddexp(0.0, odds) - guilty * odds) + _RIDGE * (weights[:-1] ** 2).sum())

    bounds = [(0.0, None)] * described.shape[1] + [(None, None)]
    weights: np.ndarray = minimize(loss, np.ones(table.shape[1]), bounds=bounds).x
    return weights


def _posterior(described: np.ndarray, weights: np.ndarray) -> np.ndarray:
    result: np.ndarray = 1 / (1 + np.exp(-(described @ weights[:-1] + weights[-1])))
    return result


def report(worlds: dict[int, dict[str, np.ndarray]]) -> None:
    """Print how firmly groups stand, each world as a fit to the other planted worlds sees it, and the constants."""
    groups = [
        {"world": seed, "accounts": int(chosen.sum()), "innocent": int((~world["guilty"][chosen]).sum()),
         "standing": float(world["standing"][chosen][0]),
         "mostly": str(max(set(world["kind"][chosen]), key=list(world["kind"][chosen]).count))}
        for seed, world in worlds.items()
        for chosen in (world["group"] == number for number in np.unique(world["group"]))
    ]  # fmt: skip
    doubtful = sorted(groups, key=lambda row: row["standing"])
    publish(Table("standing", "The groups that stand least firmly, of all that pass every other bar", doubtful[:30]))
    standing_ = {seed: {k: v[world["standing"] >= FIRM] for k, v in world.items()} for seed, world in worlds.items()}
    rows = []
    for seed, world in standing_.items():
        posterior = _posterior(world["described"], _fitted(standing_, seed))
        sure = posterior >= posterior[select_at_fdr(posterior, INNOCENT)].min(initial=np.inf)
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


def constants(worlds: dict[int, dict[str, np.ndarray]]) -> tuple[float, ...]:
    """The constants of `certainty` for one kind of log, from the planted worlds' groups that stand."""
    standing_ = {seed: {k: v[world["standing"] >= FIRM] for k, v in world.items()} for seed, world in worlds.items()}
    fitted: tuple[float, ...] = tuple(_fitted(standing_, None).round(2).tolist())
    return fitted


def _fitted(worlds: dict[int, dict[str, np.ndarray]], but: int | None) -> np.ndarray:
    chosen = [world for seed, world in worlds.items() if seed >= PLANTED and seed != but]
    return fit_certainty(*(np.concatenate([world[name] for world in chosen]) for name in ("described", "guilty")))


def main() -> None:
    """The command line; two processes, since trees and forks do not go together."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("bench/out/training"))
    parser.add_argument("seeds", nargs="*", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.seeds:
        for seed in given.seeds:
            for lacks in LACKING if seed >= PLANTED else ("",):
                members_of(seed, given.out, lacks)
        return
    halves = (CALIBRATION_SEEDS[::2], CALIBRATION_SEEDS[1::2])
    command = [sys.executable, "-m", "bench.calibrating", "--out", str(given.out)]
    workers = [subprocess.Popen([*command, *map(str, half)]) for half in halves]
    if any(code != 0 for code in [worker.wait() for worker in workers]):
        raise SystemExit("a world could not be judged")
    report({seed: members_of(seed, given.out) for seed in CALIBRATION_SEEDS})
    planted = [seed for seed in CALIBRATION_SEEDS if seed >= PLANTED]
    for lacks in LACKING:
        print("CALIBRATION", repr(lacks), constants({seed: members_of(seed, given.out, lacks) for seed in planted}))


if __name__ == "__main__":
    main()
