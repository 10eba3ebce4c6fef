"""``stillwatch drill``: campaigns of our own planted in a log, in memory, to measure what would be caught."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from loky import cpu_count

from stillwatch.cli.drill_summary import summary
from stillwatch.cli.log_options import DEFAULT_LOG_OPTIONS, LogLocations, LogOptions
from stillwatch.cli.terminal import Style, TerminalProgress
from stillwatch.drill.adversaries import Adversary, drilled, evasions, parse_adversary
from stillwatch.drill.planting import FEWEST_ACCOUNTS
from stillwatch.drill.questions import COVERS, SIZES
from stillwatch.drill.running import Wanted, run
from stillwatch.errors import UsageError
from stillwatch.sources.customers import read_customers

__all__ = ["drill"]


@dataclass(frozen=True, kw_only=True)
class Asking:
    """What is asked of the log."""

    adversary: Annotated[
        tuple[str, ...],
        Parameter(negative="", help="NAME, NAME:knob=value,... or FILE.toml; several; left out: eight of the library."),
    ] = ()
    sizes: Annotated[tuple[int, ...], Parameter(negative="", help="Accounts of a campaign.")] = SIZES
    covers: Annotated[tuple[float, ...], Parameter(negative="", help="Shares of ordinary exchanges between.")] = COVERS
    evasions: Annotated[bool, Parameter(help="Also ask what hiding from each signal gains and costs.")] = True
    prompts: Annotated[
        Path | None, Parameter(help="Text file with requests to harvest, one a line; left out: those of the log.")
    ] = None
    plantings: Annotated[
        int | None, Parameter(help="Stop at so many plantings: the same drill on any machine that has the time.")
    ] = None
    recommend: Annotated[
        float | None, Parameter(help="Innocent accounts per million that may be accused: recommends a --firm for scan.")
    ] = None
    costs: Annotated[Path | None, Parameter(help="TOML file with what an operator pays (docs/drill.md).")] = None
    price_table: Annotated[Path | None, Parameter(help="TOML file with prices per million tokens.")] = None


USUAL = Asking()


def drill(
    log: LogLocations,
    /,
    *,
    out: Annotated[Path, Parameter(help="Directory for drill.html, drill.json and the trials so far.")],
    accounts: Annotated[Path | None, Parameter(help="The provider's table of accounts (Parquet, CSV, JSONL).")] = None,
    budget: Annotated[float, Parameter(help="Minutes to spend; more make the intervals narrower.")] = 30.0,
    seed: Annotated[int, Parameter(help="Seed of what is planted.")] = 0,
    workers: Annotated[
        int | None, Parameter(help="Processes that plant at a time; left out: one for each core.")
    ] = None,
    reading: Annotated[LogOptions, Parameter(name="*")] = DEFAULT_LOG_OPTIONS,
    asking: Annotated[Asking, Parameter(name="*")] = USUAL,
    json: Annotated[bool, Parameter(negative="", help="Print the whole report as JSON.")] = False,
    quiet: Annotated[bool, Parameter(negative="", help="Print nothing but errors.")] = False,
    overwrite: Annotated[bool, Parameter(negative="", help="Forget the trials that --out holds.")] = False,
) -> int:
    """Plant campaigns in a log, in memory, and measure which of them a scan of this traffic would catch.

    The log is only read. A drill that was stopped (Ctrl-C: with a report of what it has) goes on where it was when it
    is called again with the same options.

    Example: ``stillwatch drill logs/ --accounts accounts.csv --out drill --budget 30``
    """
    wanted = _wanted(asking, budget, seed, workers)
    customers = None if accounts is None else read_customers(accounts)
    progress = TerminalProgress(quiet=quiet)
    try:
        with reading.open(log, progress) as opened:
            report = run(opened, customers, wanted, out, progress, overwrite=overwrite)
    finally:
        progress.close()
    if json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    elif not quiet:
        sys.stdout.write(summary(report, out, Style(sys.stdout)))
    return 0


def _wanted(asking: Asking, budget: float, seed: int, workers: int | None) -> Wanted:
    """The options, checked. Raises `UsageError` for one that is out of range."""
    for option, wrong, do in (
        ("--budget", not 0 < budget < 100_000, "give minutes"),
        ("--seed", seed < 0, "give 0 or more"),
        ("--plantings", asking.plantings is not None and asking.plantings < 1, "give at least 1"),
        ("--workers", workers is not None and workers < 1, "give at least 1"),
        (
            "--sizes",
            not asking.sizes or min(asking.sizes) < FEWEST_ACCOUNTS,
            f"give {FEWEST_ACCOUNTS} or more",
        ),
        ("--covers", not asking.covers or not all(0 <= c < 1 for c in asking.covers), "give shares from 0 to below 1"),
        ("--recommend", asking.recommend is not None and asking.recommend < 0, "give innocents per million"),
    ):
        if wrong:
            raise UsageError("is out of range", option, do)
    return Wanted(
        adversaries=_adversaries(asking),
        evasions=evasions() if asking.evasions else (),
        sizes=tuple(sorted(set(asking.sizes))),
        covers=tuple(sorted(set(asking.covers))),
        budget=budget,
        seed=seed,
        workers=workers or cpu_count(),
        allowed=asking.recommend,
        costs=asking.costs,
        prices=asking.price_table,
        prompts=asking.prompts,
        plantings=asking.plantings,
    )


def _adversaries(asking: Asking) -> tuple[Adversary, ...]:
    chosen = [parse_adversary(text) for text in asking.adversary or drilled()]
    names = [each.name for each in chosen]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"two adversaries are called {twice!r}", "--adversary", "rename one with :name=OTHER")
    return tuple(chosen)
