"""A whole drill on one page: read the log, set apart who is suspected, plant until the budget is spent, report."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch import __version__
from stillwatch.beside import rare_collections
from stillwatch.campaigns.case import by_number
from stillwatch.campaigns.damage import cost_of, read_prices
from stillwatch.campaigns.dossier import unseen
from stillwatch.drill.adversaries import Adversary
from stillwatch.drill.adversaries import library as known_adversaries
from stillwatch.drill.costs import read_costs
from stillwatch.drill.drilling import LAG, Drill, carry_out, suspects
from stillwatch.drill.material import MOST_EXCHANGES, read_material, read_prompts, sampled
from stillwatch.drill.page import render_page
from stillwatch.drill.questions import evading, grid
from stillwatch.drill.record import fingerprint, open_record
from stillwatch.drill.report import DrillReport, Traffic
from stillwatch.drill.reporting import Spending, build_report
from stillwatch.drill.trial import Trial
from stillwatch.errors import InputError
from stillwatch.exchange import EXCHANGE, accounts_of, in_order
from stillwatch.progress import Progress
from stillwatch.sources.log import Log
from stillwatch.storage.whole import write_whole

__all__ = ["PAGE", "REPORT", "Wanted", "run"]

PAGE, REPORT = "drill.html", "drill.json"
FEWEST = 100
"""Accounts with some traffic below which a log has nobody to plant among."""
_DAY = 86_400_000_000


class Wanted(NamedTuple):
    """What the user asks of a drill."""

    adversaries: tuple[Adversary, ...]
    evasions: tuple[Adversary, ...]
    sizes: tuple[int, ...]
    covers: tuple[float, ...]
    budget: float
    seed: int
    workers: int
    allowed: float | None
    costs: Path | None
    prices: Path | None
    prompts: Path | None
    plantings: int | None = None


@rare_collections()
def run(
    log: Log, customers: pa.Table | None, wanted: Wanted, out: Path, progress: Progress, *, overwrite: bool
) -> DrillReport:
    """Drill in ``log`` and write ``drill.html`` and ``drill.json`` into ``out``, beside the record of the trials.

    Raises `InputError` for a log, costs or prices that cannot be read, `UsageError` where ``out`` holds another drill,
    `StorageError` where the disk refuses. A killed drill leaves its record, and nothing else.
    """
    started = time.monotonic()
    read_costs(wanted.costs)  # a wrong file is told before the work, not after it
    prices = read_prices(wanted.prices)
    prompts = () if wanted.prompts is None else read_prompts(wanted.prompts)
    exchanges = in_order(pa.Table.from_batches(log.batches(progress), schema=EXCHANGE))
    chosen = sampled(exchanges, MOST_EXCHANGES, wanted.seed)
    if len(exchanges.group_by("account_id").aggregate([([], "count_all")]).filter(pc.field("count_all") >= 3)) < FEWEST:
        raise InputError(
            "has too few accounts to plant in",
            str(log.files[0]),
            f"a drill needs {FEWEST} accounts with three exchanges each, or more",
        )
    bases = {each.of: known_adversaries()[each.of] for each in wanted.evasions}
    named = {each.name: each for each in (*bases.values(), *wanted.evasions, *wanted.adversaries)}
    asked = (*grid(wanted.adversaries, wanted.sizes, wanted.covers), *evading(wanted.evasions, bases))
    told = msgspec.json.encode(
        [__version__, list(named.values()), [q.name for q in asked], prompts, customers is not None]
    )
    known = fingerprint(exchanges, told.decode())
    with open_record(out, known, wanted.seed, overwrite=overwrite) as record:
        material, reading = read_material(chosen, customers, progress=progress)
        progress.step("scanning the log as it is")
        names = chosen.column("exchange_id").take(pa.array(reading.opening)).to_pylist()
        material = replace(suspects(material, names), prompts=prompts)
        drill = Drill(material, named, asked, wanted.seed, min(wanted.workers, LAG))
        left = max(wanted.budget - (time.monotonic() - started) / 60, 0.0)
        try:
            carry_out(drill, record, minutes=left, progress=progress, most=wanted.plantings)
        except KeyboardInterrupt:
            if not record.trials:
                raise
            # Stopped by hand: what was measured so far is reported, and the next call goes on from there.
        trials = [trial for _, trial in sorted(record.trials.items())]
    traffic = _traffic(log, exchanges, chosen, customers, material.suspected, trials)
    cost = cost_of(exchanges, prices)
    spending = Spending(
        wanted.budget, (time.monotonic() - started) / 60, wanted.costs, float(cost.value.mean()), cost.currency,
        wanted.allowed,
    )  # fmt: skip
    progress.step("writing results")
    report = build_report(drill, trials, traffic, spending)
    write_whole(out / REPORT, msgspec.json.encode(report) + b"\n")
    write_whole(out / PAGE, render_page(report).encode())
    return report


def _traffic(
    log: Log,
    exchanges: pa.Table,
    chosen: pa.Table,
    customers: pa.Table | None,
    suspected: np.ndarray,
    trials: list[Trial],
) -> Traffic:
    at = exchanges.column("started_at").cast(pa.int64()).to_numpy()
    shares = [trial.given_up for trial in trials if trial.planted]
    return Traffic(
        files=len(log.files),
        format=log.format,
        exchanges=exchanges.num_rows,
        accounts=len(exchanges.column("account_id").unique()),
        days=round(float(at.max() - at.min()) / _DAY, 2),
        sampled_accounts=len(suspected),
        sampled_exchanges=chosen.num_rows,
        suspected=int(suspected.sum()),
        given_up=float(np.mean(shares)) if shares else 0.0,
        blind=unseen(exchanges, None if customers is None else by_number(customers, accounts_of(exchanges)[0])),
    )
