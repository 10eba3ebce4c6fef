"""``stillwatch score``: hold a run against a labelled world."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from stillwatch.simulation.scoring import Score, score_folders


def score(world: Path, run: Path, /, *, json: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Score a run against the answers of the labelled world it scanned.

    Example: ``stillwatch score world run``

    Parameters
    ----------
    world
        A labelled world's folder (exchanges.parquet, truth/).
    run
        The folder that ``stillwatch scan`` wrote.
    json
        Print the score as JSON.
    """
    result = score_folders(world, run)
    sys.stdout.write((msgspec.json.encode(result).decode() if json else "\n".join(lines_of(result))) + "\n")
    return 0


def share(value: float | None) -> str:
    """A share in percent, or a dash where there is none."""
    return "-" if value is None else f"{100 * value:.1f} %"


def lines_of(result: Score) -> list[str]:
    """The score for a terminal."""
    lines = [
        f"{result.accused} of {result.accounts:,} accounts accused, {result.wrongly_accused} wrongly "
        f"(precision {share(result.precision)})"
    ]
    lines += [
        f"  wrongly accused: {rate.accused} of {rate.accounts} {rate.name}"
        for rate in result.innocents_by_kind
        if rate.accused
    ]
    for campaign in result.campaigns:
        lines.append(
            f"  {campaign.name:14} {campaign.accused:4} of {campaign.accounts:4} accounts found "
            f"(recall {share(campaign.recall)}), "
            f"as {campaign.found_as} group(s), purity {share(campaign.purity)}"
        )
    for technique in result.techniques:
        lines.append(
            f"  {technique.name:22} F1 {technique.f1:.3f} "
            f"(precision {share(technique.precision)}, recall {share(technique.recall)})"
        )
    if result.intervals:
        said, true = sum(i.said for i in result.intervals), sum(i.true for i in result.intervals)
        lines.append(
            f"  taken: {true:,} truly, {said:,.0f} said; "
            f"the interval holds for {result.intervals_held} of {len(result.intervals)} groups"
        )
    accused = [rate for rate in result.innocents_by_trait if rate.accused]
    lines += [f"  innocents accused, {rate.name}: {rate.accused} of {rate.accounts}" for rate in accused]
    return lines
