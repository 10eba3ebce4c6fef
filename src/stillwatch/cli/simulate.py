"""``stillwatch simulate``: labelled synthetic traffic with knobs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress

from stillwatch.errors import UsageError
from stillwatch.simulation.operators.campaign import Campaign, parse_campaign, presets
from stillwatch.simulation.world import World
from stillwatch.simulation.world import simulate as simulate_world

DEFAULT_CAMPAIGNS = ("blatant:accounts=40", "quiet:accounts=45", "grader:accounts=30")


def simulate(
    *,
    out: Path,
    accounts: int = 2000,
    days: float = 14.0,
    campaign: Annotated[list[str] | None, Parameter(negative="")] = None,
    clean: Annotated[bool, Parameter(negative="")] = False,
    seed: int = 0,
    load: float = 1.0,
    json: Annotated[bool, Parameter(negative="")] = False,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Write labelled synthetic API traffic: a log, the customer table, and the answers.

    Example: ``stillwatch simulate --out world --accounts 600 --campaign quiet:accounts=40,cover=0.3 --seed 7``

    Parameters
    ----------
    out
        Folder to write: exchanges.parquet, accounts.parquet, truth/.
    accounts
        Honest customers; the campaigns' accounts come on top.
    days
        Length of the log.
    campaign
        A preset (blatant, grader, breaker, quiet, ghost, topic_split, agents, thin, rotating, sleeper, coder, rewriter,
        mimic) or a .toml file, each with changes: ``PRESET:knob=value,...``. May be repeated. Default: three presets.
    clean
        No campaign at all: every accusation is a mistake.
    seed
        Equal seeds give equal files.
    load
        Multiplies the exchanges of every honest customer.
    json
        Print what was written as JSON.
    overwrite
        Replace the tables that --out holds.
    """
    if clean and campaign:
        raise UsageError("--clean and --campaign contradict each other", do="leave one out")
    check_folder(out, overwrite=overwrite)
    campaigns = [] if clean else [parse_campaign(text) for text in campaign or DEFAULT_CAMPAIGNS]
    world = simulate_with_progress(accounts=accounts, days=days, campaigns=campaigns, seed=seed, load=load)
    world.write(out)
    summary = summary_of(world, out, campaigns)
    sys.stdout.write((msgspec.json.encode(summary).decode() if json else "\n".join(lines_of(summary))) + "\n")
    return 0


def check_folder(out: Path, *, overwrite: bool) -> None:
    """Refuses to write over tables: they may be somebody's real log. Raises UsageError."""
    taken = [name for name in ("exchanges.parquet", "accounts.parquet") if (out / name).exists()]
    if taken and not overwrite:
        raise UsageError(f"holds {taken[0]} already", out, "choose another folder, or give --overwrite")


def simulate_with_progress(*, accounts: int, days: float, campaigns: list[Campaign], seed: int, load: float) -> World:
    """`stillwatch.simulation.world.simulate` with a bar on standard error (none where that is no terminal)."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("simulating customers")
        return simulate_world(
            accounts=accounts,
            days=days,
            campaigns=campaigns,
            seed=seed,
            load=load,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )


class Planted(msgspec.Struct, frozen=True):
    """One campaign that was planted."""

    name: str
    accounts: int
    exchanges: int
    harvested: int


class Summary(msgspec.Struct, frozen=True):
    """What a simulation wrote."""

    folder: str
    exchanges: int
    accounts: int
    campaigns: tuple[Planted, ...]
    presets: tuple[str, ...]


def summary_of(world: World, folder: Path, campaigns: list[Campaign]) -> Summary:
    """Counts of a world, by campaign."""
    owners = (
        world.exchanges.select("exchange_id", "account_id")
        .join(world.account_truth, on="account_id")
        .join(world.exchange_truth, on="exchange_id")
    )
    planted = []
    for campaign in campaigns:
        mine = owners.filter(owners["campaign"] == campaign.name)
        planted.append(Planted(campaign.name, mine["account_id"].n_unique(), mine.height, int(mine["harvested"].sum())))
    return Summary(str(folder), world.exchanges.height, world.accounts.height, tuple(planted), tuple(presets()))


def lines_of(summary: Summary) -> list[str]:
    """The summary for a terminal."""
    lines = [f"{summary.folder}: {summary.exchanges:,} exchanges of {summary.accounts:,} accounts"]
    for planted in summary.campaigns:
        lines.append(
            f"  {planted.name:14} {planted.accounts:5} accounts {planted.exchanges:7,} exchanges, "
            f"{planted.harvested:,} of them fed the copy"
        )
    return lines if summary.campaigns else [*lines, "  no campaign: every accusation would be a mistake"]
