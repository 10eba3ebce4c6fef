"""``stillwatch scan``: a log in, campaigns and a report out."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Protocol

import msgspec
import pyarrow as pa
from cyclopts import Parameter
from msgspec import UNSET

from stillwatch.campaigns import wording
from stillwatch.campaigns.decided import Decided
from stillwatch.campaigns.judgements import Judgement, read_judgements
from stillwatch.campaigns.report import Report
from stillwatch.cli.log_options import DEFAULT_LOG_OPTIONS, LogLocations, LogOptions
from stillwatch.cli.terminal import Style, TerminalProgress, clean
from stillwatch.progress import Progress
from stillwatch.registry import load
from stillwatch.settings import Settings
from stillwatch.sources.customers import read_customers
from stillwatch.sources.log import Log
from stillwatch.storage.run import check_place, new_run

__all__ = ["scan", "summary"]

PIPELINE = "stillwatch.pipeline:scan"
DECIDED = "stillwatch.console.decisions.scanning:decided_in"
DEFAULTS = Settings()
CAMPAIGNS_SHOWN = 8


class Pipeline(Protocol):
    """The whole way from a log to a report; loaded late, so that a wrong path is told at once and not after seconds."""

    def __call__(
        self,
        *,
        log: Log,
        customers: pa.Table | None,
        out: Path,
        settings: Settings,
        progress: Progress,
        judgements: Sequence[Judgement] | None,
        decided: Decided | None,
    ) -> Report:
        """Writes a run into the directory ``out``, which exists, and returns its report."""


def scan(
    log: LogLocations,
    /,
    *,
    out: Annotated[Path, Parameter(help="Directory for the results; made, and there only once it is whole.")],
    accounts: Annotated[Path | None, Parameter(help="The provider's table of accounts (Parquet, CSV, JSONL).")] = None,
    judgements: Annotated[
        Path | None, Parameter(help="People's judgements on accounts (JSON lines): whom they cleared is not accused.")
    ] = None,
    decisions: Annotated[
        Path | None, Parameter(help="The console's folder of decisions: who was cleared, joined, parted, put on hold.")
    ] = None,
    reading: Annotated[LogOptions, Parameter(name="*")] = DEFAULT_LOG_OPTIONS,
    settings: Annotated[Settings, Parameter(name="*")] = DEFAULTS,
    json: Annotated[bool, Parameter(negative="", help="Print the whole report as JSON.")] = False,
    quiet: Annotated[bool, Parameter(negative="", help="Print nothing but errors.")] = False,
    overwrite: Annotated[bool, Parameter(negative="", help="Replace the run that --out holds.")] = False,
) -> int:
    """Find the groups of accounts in a log that one operator runs to distil the model.

    Example: ``stillwatch scan logs/ --accounts accounts.csv --out run``

    Returns 1 where a campaign was found, else 0.
    """
    check_place(out, overwrite=overwrite)
    customers = None if accounts is None else read_customers(accounts)
    judged = None if judgements is None else read_judgements(judgements)
    decided: Decided | None = None if decisions is None else load(DECIDED)(decisions)
    if decided is not None and judged is None:
        judged = ()
    if settings.salt is None:
        settings = dataclasses.replace(settings, salt=out.parent / f"{out.name}.salt")
    progress = TerminalProgress(quiet=quiet)
    try:
        with reading.open(log, progress) as opened, new_run(out, overwrite=overwrite) as staging:
            pipeline: Pipeline = load(PIPELINE)
            report = pipeline(
                log=opened,
                customers=customers,
                out=staging,
                settings=settings,
                progress=progress,
                judgements=judged,
                decided=decided,
            )
    finally:
        progress.close()
    if json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    elif not quiet:
        sys.stdout.write(summary(report, out, Style(sys.stdout)))
    return int(any(campaign.verdict == "campaign" for campaign in report.campaigns))


def summary(report: Report, out: Path, style: Style) -> str:
    """A report on one screen: what was read, what was found, how sure that is, and where the report lies."""
    read = report.input
    lines = [
        f"Read {read.exchanges:,} exchanges of {read.accounts:,} accounts from {read.files:,} "
        f"file{'s' if read.files != 1 else ''} ({clean(read.format)})."
    ]
    set_aside = sum(reject.count for reject in read.rejected)
    if set_aside:
        worst = max(read.rejected, key=lambda reject: reject.count)
        lines.append(
            style.dim(f"Set aside {set_aside:,}; most for {clean(worst.reason)}, first at {clean(worst.first)}.")
        )
    lines += [style.dim(clean(note)) for note in report.notes]
    lines += [style.dim(f"Not seen: {clean(blind)}") for blind in read.blind]
    if report.judged is not UNSET:
        lines.append(clean(wording.record(report.judged)))
    lines += ["", *_verdicts(report, out, style), "", f"Report: {out / 'report.html'}"]
    return "\n".join(lines) + "\n"


def _verdicts(report: Report, out: Path, style: Style) -> list[str]:
    found = [campaign for campaign in report.campaigns if campaign.verdict == "campaign"]
    review = [campaign for campaign in report.campaigns if campaign.verdict == "review"]
    rate = report.error_rate
    lines: list[str] = []
    if found:
        accused = sum(account.verdict == "campaign" for account in report.accounts)
        lines.append(
            style.bold(
                style.red(f"{len(found)} campaign{'s' if len(found) != 1 else ''}, {accused:,} accounts accused")
            )
            + f" ({clean(rate.kind)} at most {rate.level:g})"
        )
        for campaign in sorted(found, key=lambda c: (-c.taken, -c.value, c.campaign_id))[:CAMPAIGNS_SHOWN]:
            lines.append(
                f"  {clean(campaign.campaign_id)}: {campaign.accounts:,} accounts, {campaign.taken:,.0f} exchanges"
                f" taken ({campaign.taken_low:,.0f} to {campaign.taken_high:,.0f}), about {campaign.value:,.2f}"
                f" {clean(campaign.currency)}; innocent among them: {campaign.expected_innocent:.2g} expected"
            )
        if len(found) > CAMPAIGNS_SHOWN:
            lines.append(f"  and {len(found) - CAMPAIGNS_SHOWN} more in the report")
        lines.append(f"Next: stillwatch explain {clean(found[0].campaign_id)} --run {out}")
    else:
        lines.append(style.green("No campaign found") + f" ({clean(rate.kind)} at most {rate.level:g}).")
    if review:
        groups = f"{len(review)} group{'s' if len(review) != 1 else ''}"
        lines.append(f"{groups} for a person to look at; nobody in them is accused.")
    return lines
