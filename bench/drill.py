"""The drill: what would be caught in dev-clean, and whether what it predicts is what is found in the other worlds.

python -m bench drill
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from bench.detection import scan, with_customers
from bench.tables import OUT, SHARED, Table, publish, say
from stillwatch.drill import power
from stillwatch.drill.adversaries import Adversary
from stillwatch.drill.drilling import Drill, carry_out, suspects
from stillwatch.drill.material import read_material
from stillwatch.drill.questions import Question
from stillwatch.drill.record import open_record
from stillwatch.drill.report import Bounded, DrillReport
from stillwatch.exchange import in_order
from stillwatch.linkage.certainty import FIRM
from stillwatch.progress import Silent
from stillwatch.simulation.operators.campaign import Campaign
from stillwatch.simulation.scoring import score_folders
from stillwatch.sources.customers import read_customers
from stillwatch.sources.log import open_log

WORLDS = SHARED / "worlds"
LIKENESSES = Path(__file__).with_name("likenesses.toml")
MINUTES = 30
PLANTINGS_ALIKE = 64
"""Logs, each with several likenesses in it: about twenty of each in all, which a 90 % interval needs."""
LEVEL = 0.9
"""Of the next campaign of a kind, predicted by the plantings of its likeness."""


def main() -> None:
    """Print and keep the tables."""
    clean = WORLDS / "dev-clean"
    if not clean.exists():
        say(f"skipped: {clean} is not there")
        return
    drilled(clean)
    predicted(clean)


def drilled(world: Path) -> None:
    """The command, as a user would call it."""
    out = OUT / "runs" / "drill"
    shutil.rmtree(out, ignore_errors=True)
    started = time.monotonic()
    command = [sys.executable, "-m", "stillwatch", "drill", str(world / "exchanges.parquet"), "--out", str(out)]
    subprocess.run(
        [*command, *with_customers(world), "--budget", str(MINUTES), "--recommend", "2500", "--quiet"], check=True
    )
    say(f"  {(time.monotonic() - started) / 60:.1f} minutes")
    report = msgspec.json.decode((out / "drill.json").read_bytes(), type=DrillReport)
    rows: list[dict[str, Any]] = [
        {
            "adversary": cell.adversary, "accounts": cell.accounts, "exchanges": cell.exchanges, "cover": cell.cover,
            "trials": cell.trials, "found": _ends(cell.found), "recall": cell.recall.value,
        }
        for cell in report.cells
    ]  # fmt: skip
    note = f"{report.plantings} plantings in {report.spent} minutes; seed {report.seed}."
    publish(Table("drill", "What would be found in dev-clean", rows, note))
    smallest = [
        {"adversary": s.adversary, "cover": s.cover, "accounts": s.accounts, "surely": s.surely}
        for s in report.smallest
    ]
    publish(Table("drill-smallest", "The smallest campaign that is found with probability 0.9", smallest))
    soon = [
        {
            "adversary": t.adversary,
            "accounts": t.accounts,
            "cover": t.cover,
            "trials": t.trials,
            "half by day": t.median,
        }
        for t in report.timing
    ]
    publish(Table("drill-timing", "How soon", soon))
    evasions = [
        {
            "evasion": e.name, "hides": e.hides, "accounts": e.accounts, "trials": e.trials, "found": _ends(e.found),
            "without": _ends(e.found_without), "cost": e.cost, "cost without": e.cost_without,
            "accounts for 1,000": e.accounts_needed, "days": e.days_needed,
        }
        for e in report.evasions
    ]  # fmt: skip
    publish(Table("drill-evasions", "What each evasion gains, and costs per 1,000 harvested exchanges", evasions))
    innocent = [
        {"kind": i.title, "logs": i.logs, "accounts": i.accounts, "per million": i.per_million.value,
         "at most": i.per_million.high}
        for i in (*report.innocents, *report.shuffled)
    ]  # fmt: skip
    publish(Table("drill-innocents", "Innocents accused", innocent))
    if report.recommendation is not None:
        say(report.recommendation.words)


def _ends(told: Bounded) -> str:
    value = "-" if told.value is None else f"{told.value:.2f}"
    return f"{value} ({told.low:.2f} to {told.high:.2f})"


def predicted(world: Path) -> None:
    """Recall predicted by campaigns planted in ``world`` like those of the other worlds, and recall there."""
    measured = {}
    for name in ("dev-mixed", "dev-hard"):
        run = OUT / "runs" / name
        if not (run / "manifest.json").exists():
            scan(WORLDS / name, run, *with_customers(WORLDS / name))
        measured |= {c.name: (name, c.recall) for c in score_folders(WORLDS / name, run).campaigns}
    shares = _plantings(world)
    rows: list[dict[str, Any]] = []
    for name, (where, recall) in measured.items():
        low, high = prediction(shares.get(name, []))
        rows.append(
            {"campaign": name, "world": where, "plantings": len(shares.get(name, [])),
             "predicted": f"{low:.2f} to {high:.2f}", "mean": float(np.mean(shares.get(name, [np.nan]))),
             "recall there": recall, "agrees": low <= recall <= high}
        )  # fmt: skip
    agreeing = sum(row["agrees"] for row in rows)
    note = f"{agreeing} of {len(rows)} agree. Predicted: {LEVEL:.0%} interval of the next campaign of this kind."
    publish(Table("drill-predicted", "Predicted in dev-clean, found elsewhere", rows, note))


def prediction(shares: list[float]) -> tuple[float, float]:
    """The interval that the next of exchangeable values falls into with probability `LEVEL` or more (order statistics;
    Vovk et al. 2005). Too few values to tell: [0, 1]."""
    place = int((1 - LEVEL) / 2 * (len(shares) + 1))
    if place < 1:
        return 0.0, 1.0
    ordered = sorted(shares)
    return ordered[place - 1], ordered[-place]


def _plantings(world: Path) -> dict[str, list[float]]:
    """Share of accounts accused in every planting of each likeness."""
    table = in_order(open_log([world / "exchanges.parquet"]).read())
    material, reading = read_material(table, read_customers(world / "accounts.parquet"), progress=Silent())
    material = suspects(material, table.column("exchange_id").take(pa.array(reading.opening)).to_pylist())
    entries = tomllib.loads(LIKENESSES.read_text(encoding="utf-8"))
    campaigns = {name: msgspec.convert({"name": name, **entry}, Campaign) for name, entry in entries.items()}
    adversaries = {name: Adversary(name, "", campaign) for name, campaign in campaigns.items()}
    asked = [Question(name, c.accounts, c.exchanges, c.cover, 1) for name, c in campaigns.items()]
    folder = OUT / "runs" / "drill-likenesses"
    with open_record(folder, "likenesses", 1, overwrite=True) as record:
        carry_out(
            Drill(material, adversaries, asked, 1, 2), record, minutes=240, most=PLANTINGS_ALIKE, progress=Silent()
        )
    known = power.outcomes(record.trials.values(), FIRM, material.activity.sees, {q.name: q for q in asked})
    return {q.adversary: [share for _, share in known.get(q.name, ())] for q in asked}


if __name__ == "__main__":
    main()
