"""Who is found and who is wronged: Stillwatch with everything, and with less to see, beside rules by hand and an
anomaly detector off the shelf.

    python -m bench detection        the worlds in ../shared
    python -m bench own              our own worlds, every preset of campaign (`bench.presets`)
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from bench.baselines import BASELINES, load, write_results
from bench.presets import preset_worlds
from bench.tables import SHARED, Table, present, publish, say
from stillwatch.errors import StillwatchError
from stillwatch.simulation.scoring import Score, score_folders

BLANKED = ("client_ip", "client_asn", "user_agent", "ja4")
FULL, NO_ACCOUNTS, BLANK = "stillwatch", "stillwatch, no customer table", "stillwatch, no addresses or clients"


def scan(world: Path, out: Path, *, accounts: bool = True, blank: bool = False, seed: int | None = None) -> float:
    """Run ``stillwatch scan`` on a world with default settings; the run lies in ``out``. Returns peak memory in MB.

    Raises RuntimeError with the last lines that it wrote where it could not run.
    """
    log = world / "exchanges.parquet"
    if blank:
        table = pl.read_parquet(log)
        log = out.parent / f"{out.name}.blank.parquet"
        table.with_columns(pl.lit(None).cast(table.schema[name]).alias(name) for name in BLANKED).write_parquet(log)
    command = [sys.executable, "-m", "stillwatch", "scan", str(log), "--out", str(out), "--quiet"]
    command += ["--accounts", str(world / "accounts.parquet")] if accounts else []
    command += [] if seed is None else ["--seed", str(seed)]
    done = subprocess.run([sys.executable, "-c", _MEASURED, *command], capture_output=True, text=True, check=False)
    if blank:
        log.unlink()
    if done.returncode not in (0, 1):
        raise RuntimeError(f"the scan of {world.name} ended with {done.returncode}: {done.stderr[-500:]}")
    return float(done.stdout.strip().splitlines()[-1]) / 1024


# A process of its own, so that the peak is that of this scan and not of an earlier one.
_MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def same_as_shared(world: Path, run: Path, mine: Score) -> bool | None:
    """Whether ../shared/score.py says the same of a run; None where it is not there."""
    scorer = SHARED / "score.py"
    if not scorer.exists():
        return None
    command = [sys.executable, str(scorer), str(world), str(run), "--json"]
    told = pl.read_json(subprocess.run(command, capture_output=True, check=True).stdout).row(0, named=True)
    theirs = {name: value["recall"] for name, value in (told["campaigns"] or {}).items() if value}
    recalls = {c.name: round(c.recall, 4) for c in mine.campaigns}
    return told["wrongly_accused"] == mine.wrongly_accused and theirs == recalls


def row(world: str, method: str, result: Score) -> dict[str, Any]:
    """One row of the table of accusations."""
    wrong = {rate.name: rate.accused for rate in result.innocents_by_kind if rate.accused}
    f1 = {t.name: round(t.f1, 3) for t in result.techniques}
    held = f"{result.intervals_held}/{len(result.intervals)}" if result.intervals else None
    return {
        "world": world,
        "method": method,
        "accused": result.accused,
        "wrongly": result.wrongly_accused,
        "precision": result.precision,
        **({"wrongly, by kind": wrong} if len(wrong) <= 4 else {"wrongly, by kind": f"{len(wrong)} kinds"}),
        "technique F1": f1 or None,
        "intervals held": held,
    }


def found(world: str, method: str, result: Score) -> list[dict[str, Any]]:
    """One row for each true campaign."""
    return [
        {
            "world": world,
            "campaign": c.name,
            "accounts": c.accounts,
            "method": method,
            "recall": c.recall,
            "purity": c.purity,
            "found as": c.found_as,
        }
        for c in result.campaigns
    ]


def results(world: Path, folder: Path, methods: Iterable[str]) -> Mapping[str, Score]:
    """The score of every method on a world."""
    out: dict[str, Score] = {}
    kinds = {FULL: {}, NO_ACCOUNTS: {"accounts": False}, BLANK: {"blank": True}}
    for number, method in enumerate(methods):
        say(f"{world.name}: {method}")
        run = folder / f"{world.name}-{number}"
        scan(world, run, **kinds[method])
        out[method] = score_folders(world, run)
        if same_as_shared(world, run, out[method]) is False:
            say(f"{world.name}: ../shared/score.py says otherwise of {method}")
    exchanges, accounts = load(world)
    for name, rule in BASELINES.items():
        run = folder / f"{world.name}-{name.replace(' ', '-')}"
        write_results(rule(exchanges, accounts), accounts, run)
        out[name] = score_folders(world, run)
    return out


def measure(worlds: Iterable[Path], methods: Iterable[str], name: str, title: str) -> None:
    """Print and keep two tables: accusations, and campaigns found."""
    said: list[dict[str, Any]] = []
    campaigns: list[dict[str, Any]] = []
    chosen = tuple(methods)
    with tempfile.TemporaryDirectory(prefix="stillwatch-bench-") as folder:
        for world in worlds:
            try:
                scored = results(world, Path(folder), chosen)
            except (RuntimeError, StillwatchError) as error:
                say(f"skipped {world.name}: {error}")
                continue
            said += [row(world.name, method, result) for method, result in scored.items()]
            campaigns += [line for method, result in scored.items() for line in found(world.name, method, result)]
    publish(Table(name, title, said))
    publish(Table(f"{name}-campaigns", f"{title}: campaigns found", campaigns))


def main() -> None:
    """The worlds in ../shared, with all and with less to see."""
    measure(present(), (FULL, NO_ACCOUNTS, BLANK), "detection", "Detection on the worlds in ../shared")


def own() -> None:
    """Our own worlds, every preset."""
    measure(preset_worlds(), (FULL,), "own", "Detection on our own worlds")


if __name__ == "__main__":
    main()
