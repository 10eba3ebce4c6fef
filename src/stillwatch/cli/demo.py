"""``stillwatch demo``: simulate a small labelled log, scan it, score the scan, and say what happened in plain words."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path

from stillwatch.cli.scan import scan
from stillwatch.cli.simulate import Summary, simulate_with_progress, summary_of
from stillwatch.simulation.operators.campaign import parse_campaign
from stillwatch.simulation.scoring import Score, score_folders

CAMPAIGNS = ("blatant:accounts=40", "grader:accounts=35", "quiet:accounts=45")
STORY = {
    "blatant": "bulk sign-ups on shared cards and servers, all asking for the reasoning",
    "grader": "has answers graded, to train a reward model",
    "quiet": "private cards, household addresses, ordinary requests between the harvested ones",
}


def demo(*, out: Path = Path("stillwatch-demo"), seed: int = 1, accounts: int = 600) -> int:
    """Simulate a small labelled log, scan it, and compare what was found with what was planted.

    Example: ``stillwatch demo --out demo``

    Parameters
    ----------
    out
        Folder for the simulated world (``world``) and the scan's results (``run``); both are replaced.
    seed
        Another seed, another world.
    accounts
        Honest customers in it.
    """
    started = time.monotonic()
    world_folder, run_folder = out / "world", out / "run"
    campaigns = [parse_campaign(text) for text in CAMPAIGNS]
    world = simulate_with_progress(accounts=accounts, days=14.0, campaigns=campaigns, seed=seed, load=0.6)
    world.write(world_folder)
    say(planted_lines(summary_of(world, world_folder, campaigns), seed))
    say(["", f"2. The scan sees the log and the customer table, never the answers: {scan_command(out)}", ""])
    log = str(world_folder / "exchanges.parquet")
    scan([log], accounts=world_folder / "accounts.parquet", out=run_folder, overwrite=True)
    say(["", *outcome_lines(score_folders(world_folder, run_folder), out), ""])
    say([f"Open {run_folder / 'report.html'} in a browser. ({time.monotonic() - started:.0f} s in all)"])
    return 0


def say(lines: list[str]) -> None:
    """Lines on standard output, at once: the next step takes a while."""
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def scan_command(out: Path) -> str:
    """The command that repeats the demo's scan."""
    log, table = (shlex.quote(str(out / "world" / name)) for name in ("exchanges.parquet", "accounts.parquet"))
    return f"stillwatch scan {log} --accounts {table} --out {shlex.quote(str(out / 'run'))}"


def planted_lines(summary: Summary, seed: int) -> list[str]:
    """What was simulated: honest customers and look-alikes, and the campaigns among them."""
    hidden = sum(planted.accounts for planted in summary.campaigns)
    lines = [
        f"1. Made two weeks of invented API traffic (seed {seed}): {summary.exchanges:,} exchanges of "
        f"{summary.accounts:,} accounts.",
        f"   {summary.accounts - hidden:,} customers are honest: people, classes, companies, families, apps, coding "
        "agents, benchmark runners, and others that look like a pool of accounts and are none.",
        f"   {hidden:,} accounts belong to {len(summary.campaigns)} campaigns that copy the model:",
    ]
    for planted in summary.campaigns:
        lines.append(
            f"     {planted.name:8} {planted.accounts:3} accounts, {planted.harvested:,} exchanges taken: "
            f"{STORY.get(planted.name, 'a campaign')}"
        )
    return lines


def outcome_lines(score: Score, out: Path) -> list[str]:
    """What was found of it and who was wronged, for somebody who sees this for the first time."""
    lines = ["3. Held against the answers:"]
    for campaign in score.campaigns:
        if campaign.accused == 0:
            lines.append(f"     {campaign.name:8} not found")
            continue
        groups = "one group" if campaign.found_as == 1 else f"{campaign.found_as} groups"
        lines.append(
            f"     {campaign.name:8} {campaign.accused} of its {campaign.accounts} accounts found, as {groups}"
        )
    innocent = sum(rate.accounts for rate in score.innocents_by_kind)
    wronged = [f"{rate.accused} {rate.name}" for rate in score.innocents_by_kind if rate.accused]
    if wronged:
        lines.append(
            f"   Wrongly accused: {score.wrongly_accused} of {innocent:,} honest customers ({', '.join(wronged)})."
        )
    else:
        lines.append(f"   Wrongly accused: nobody of {innocent:,} honest customers.")
    if score.intervals:
        true, said = sum(i.true for i in score.intervals), sum(i.said for i in score.intervals)
        lines.append(f"   Taken by the accused accounts: {true:,} exchanges truly, {said:,.0f} by the scan's estimate.")
    world, run = shlex.quote(str(out / "world")), shlex.quote(str(out / "run"))
    return [*lines, f"   All figures: stillwatch score {world} {run}"]
