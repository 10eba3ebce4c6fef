"""The scan on labelled worlds: who is found, who is accused wrongly, beside rules by hand and an anomaly detector.

python -m bench detection | variants | simulated | stability | throughput
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from bench import baselines
from bench.tables import OUT, Table, present, publish, say
from bench.worlds import read_world
from stillwatch.calibration import clopper_pearson
from stillwatch.linkage.finding import find_groups
from stillwatch.progress import Silent
from stillwatch.simulation.operators.campaign import parse_campaign
from stillwatch.simulation.scoring import Score, score_folders
from stillwatch.simulation.world import simulate

NETWORK = ("client_ip", "client_asn", "user_agent", "ja4")
HELD_BACK = (9017, 9018, 9019)
"""Seeds of simulated worlds that no model was fitted to and no threshold chosen on."""
PRESETS = (
    ("blatant", "quiet", "ghost", "thin:accounts=200", "agents"),
    ("grader", "breaker", "rotating", "coder", "mimic"),
    ("topic_split", "sleeper", "rewriter", "quiet:accounts=40"),
)
FIRMS = "quiet:accounts=48,organizations=4,name=firms"
SPARSE = ((9021, (*PRESETS[0], FIRMS)), (9022, PRESETS[1]), (9023, (*PRESETS[2], FIRMS)), (9024, PRESETS[0]))
"""Kept-back worlds of fewer people with less traffic each; in two, one operator registers a firm for four accounts."""


def scan(world: Path, out: Path, *options: str, log: Path | None = None) -> float:
    """Run the command as a user would; seconds it took. Raises SystemExit where it could not run."""
    shutil.rmtree(out, ignore_errors=True)
    started = time.monotonic()
    command = [sys.executable, "-m", "stillwatch", "scan", str(log or world / "exchanges.parquet"), "--out", str(out)]
    done = subprocess.run([*command, "--quiet", *options], check=False)
    if done.returncode == 2:
        raise SystemExit(f"the scan of {world} could not run")
    return time.monotonic() - started


def with_customers(world: Path) -> tuple[str, str]:
    """The options of a scan that knows the provider's customers."""
    return "--accounts", str(world / "accounts.parquet")


def rows_of(score: Score, **labels: Any) -> Iterator[dict[str, Any]]:
    """One row for each campaign of a world; a world without campaigns has one row."""
    whole = {
        **labels,
        "accused": score.accused,
        "wrongly": score.wrongly_accused,
        "of kind": {rate.name: rate.accused for rate in score.innocents_by_kind if rate.accused},
        "precision": score.precision,
    }
    for campaign in score.campaigns:
        yield whole | {
            "campaign": campaign.name,
            "accounts": campaign.accounts,
            "recall": campaign.recall,
            "purity": campaign.purity,
            "found as": campaign.found_as,
        }
    if not score.campaigns:
        yield whole


def detection(worlds: Sequence[Path]) -> None:
    """Default settings with the table of accounts; technique labels and intervals; the baselines side by side."""
    rows: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    beside: list[dict[str, Any]] = []
    innocents: list[dict[str, Any]] = []
    for world in worlds:
        say(f"scanning {world.name}")
        run = OUT / "runs" / world.name
        seconds = scan(world, run, *with_customers(world))
        score = score_folders(world, run)
        rows += rows_of(score, world=world.name)
        honest = sum(rate.accounts for rate in score.innocents_by_kind)
        bound = clopper_pearson(score.wrongly_accused, honest).high
        innocents.append(
            {
                "world": world.name,
                "innocents": honest,
                "accused": score.wrongly_accused,
                "at most (95 %)": f"{bound:.2%}",
            }
        )
        held = f"{score.intervals_held}/{len(score.intervals)}"
        labels += [
            {"world": world.name, "technique": t.name, "F1": t.f1, "intervals held": held} for t in score.techniques
        ]
        beside.append(_beside(world.name, "stillwatch", score.accused, score.wrongly_accused))
        exchanges, accounts = baselines.load(world)
        truth = pl.read_parquet(world / "truth" / "accounts.parquet")
        guilty = set(truth.filter(pl.col("campaign").is_not_null())["account_id"])
        for name, rule in (
            ("rules by hand", baselines.rules_by_hand),
            ("isolation forest", baselines.isolation_forest),
        ):
            accused = rule(exchanges, accounts)
            beside.append(_beside(world.name, name, len(accused), len(accused - guilty)))
        say(f"  {seconds:.0f} s")
    publish(Table("detection", "Who is found, with the table of accounts", rows))
    publish(Table("innocents", "Innocents accused, with an upper bound", innocents))
    publish(Table("labels", "Technique labels, and intervals of what was taken", labels))
    publish(Table("baselines", "Side by side", beside))


def _beside(world: str, method: str, accused: int, wrongly: int) -> dict[str, Any]:
    precision = 1 - wrongly / accused if accused else None
    return {"world": world, "method": method, "accused": accused, "wrongly": wrongly, "precision": precision}


def variants(worlds: Sequence[Path]) -> None:
    """The same worlds without the table of accounts, and with addresses and clients blanked."""
    rows: list[dict[str, Any]] = []
    for world in worlds:
        run = OUT / "runs" / f"{world.name}-variant"
        say(f"scanning {world.name} without accounts")
        scan(world, run)
        rows += rows_of(score_folders(world, run), world=world.name, log="no table of accounts")
        blank = OUT / "runs" / f"{world.name}-blank.parquet"
        log = pl.read_parquet(world / "exchanges.parquet")
        log.with_columns(pl.lit(None, log.schema[name]).alias(name) for name in NETWORK).write_parquet(blank)
        say(f"scanning {world.name} without addresses and clients")
        scan(world, run, *with_customers(world), log=blank)
        rows += rows_of(score_folders(world, run), world=world.name, log="addresses and clients blank")
    publish(Table("variants", "With less to see", rows))


def simulated(worlds: Sequence[Path] = ()) -> None:
    """Worlds of our own making that were kept back: the presets as campaigns, one world without any, sparser ones."""
    rows: list[dict[str, Any]] = []
    usual = ((seed, names, 1800, 1.0) for seed, names in (*zip(HELD_BACK, PRESETS, strict=True), (9020, ())))
    for seed, names, accounts, load in (*usual, *((seed, names, 1600, 0.8) for seed, names in SPARSE)):
        world = OUT / "worlds" / str(seed)
        shutil.rmtree(world, ignore_errors=True)
        campaigns = [parse_campaign(name) for name in names]
        simulate(accounts=accounts, days=14.0, campaigns=campaigns, seed=seed, load=load).write(world)
        say(f"scanning simulated world {seed}")
        scan(world, OUT / "runs" / str(seed), *with_customers(world))
        rows += rows_of(score_folders(world, OUT / "runs" / str(seed)), world=seed)
    publish(Table("simulated", "Simulated worlds that were kept back", rows))


_SEEDS = range(5)


def stability(worlds: Sequence[Path]) -> None:
    """Five seeds, and five starts of the codebooks, which no seed moves: how far recall moves, and who is wronged."""
    rows: list[dict[str, Any]] = []
    for world in worlds:
        scores = []
        for seed in _SEEDS:
            say(f"scanning {world.name} with seed {seed}")
            run = OUT / "runs" / f"{world.name}-seed"
            scan(world, run, *with_customers(world), "--seed", str(seed))
            score = score_folders(world, run)
            scores.append(({campaign.name: campaign.recall for campaign in score.campaigns}, score.wrongly_accused))
        rows += _spread(world.name, "seed", scores)
        say(f"reading {world.name} with codebooks of five starts")
        rows += _spread(world.name, "start of codebooks", list(other_starts(world)))
    publish(Table("stability", "Five seeds, and five starts of the codebooks", rows))


def other_starts(world: Path) -> Iterator[tuple[dict[str, float], int]]:
    """Recall by campaign and innocents accused, for each start of the codebooks."""
    known = read_world(world)
    campaigns = sorted(set(known.campaign) - {""})
    for start in _SEEDS:
        found = find_groups(
            known.exchanges, known.customers, seed=0, false_discovery=0.01, progress=Silent(), start=start
        )
        accused = np.zeros(len(known.campaign), dtype=bool)
        for group in found.groups:
            accused[group.accounts] |= group.verdict == "campaign"
        recall = {name: float(accused[known.campaign == name].mean()) for name in campaigns}
        yield recall, int((accused & (known.campaign == "")).sum())


def _spread(world: str, what: str, scores: list[tuple[dict[str, float], int]]) -> Iterator[dict[str, Any]]:
    for name in scores[0][0] or {"(none)": 0.0}:
        values = [recall.get(name, 0.0) for recall, _ in scores]
        yield {
            "world": world,
            "what changes": what,
            "campaign": name,
            "recall, least": min(values),
            "recall, most": max(values),
            "wrongly accused": ", ".join(str(wrongly) for _, wrongly in scores),
        }


def throughput(worlds: Sequence[Path]) -> None:
    """Seconds and peak memory of a scan."""
    rows = []
    for world in worlds[:1]:
        exchanges = pl.scan_parquet(world / "exchanges.parquet").select(pl.len()).collect().item()
        seconds = scan(world, OUT / "runs" / "throughput", *with_customers(world))
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        rows.append(
            {"world": world.name, "exchanges": exchanges, "seconds": round(seconds, 1), "peak MiB": round(peak)}
        )
    publish(Table("throughput", "One scan on this machine", rows))


def main(names: Sequence[str]) -> None:
    """Run the tables named."""
    worlds = present()
    for name in names:
        {
            "detection": detection,
            "variants": variants,
            "simulated": simulated,
            "stability": stability,
            "throughput": throughput,
        }[name](worlds)
