"""``stillwatch dossier``: make one."""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stillwatch.campaigns import wording
from stillwatch.campaigns.report import Campaign
from stillwatch.cli.dossier.options import FROM, From, in_ascii
from stillwatch.cli.terminal import Style, TerminalProgress, clean
from stillwatch.dossier.choices import Choices, Exhibiting, GivenLog, Sealing
from stillwatch.dossier.making import Made, make
from stillwatch.errors import UsageError

__all__ = ["dossier"]


@dataclass(frozen=True, kw_only=True)
class Within:
    """What goes in beside the run."""

    drill: Annotated[
        Path | None, Parameter(help="Folder of a drill in the same log: the method's performance here.")
    ] = None
    proof: Annotated[Path | None, Parameter(help="Folder of `stillwatch prove`.")] = None
    audit: Annotated[Path | None, Parameter(help="Folder of `stillwatch audit`.")] = None
    decisions: Annotated[Path | None, Parameter(help="The console's folder of decisions.")] = None
    exhibits: Annotated[Exhibiting, Parameter(help="Sample exchanges: redacted, whole (with --reason), or none.")] = (
        "redacted"
    )
    most_exhibits: Annotated[int, Parameter(help="Exhibits at most.")] = 10
    most_accounts: Annotated[int, Parameter(help="Accounts in the annex at most; accounts.csv has all.")] = 400
    reason: Annotated[str, Parameter(help="Why text is shown whole; the dossier tells it.")] = ""
    by: Annotated[str, Parameter(help="Who makes it: a name that the dossier tells.")] = ""
    at: Annotated[dt.datetime | None, Parameter(help="Date of the dossier (UTC); left out: the time of the scan.")] = (
        None
    )
    sign: Annotated[Path | None, Parameter(help="Key that signs (dossier key).")] = None
    stamp_request: Annotated[bool, Parameter(negative="", help="Write a request for a timestamp (.tsq), RFC 3161.")] = (
        False
    )
    seal_inputs: Annotated[
        Sealing, Parameter(help="Copy the inputs inside, or into a tar beside it: anybody can scan again.")
    ] = "none"
    pdf: Annotated[bool, Parameter(negative="--no-pdf", help="Make the PDF too.")] = True

    def choices(self, log: GivenLog | None) -> Choices:
        """The options, checked."""
        at = self.at if self.at is None or self.at.tzinfo else self.at.replace(tzinfo=dt.UTC)
        return Choices(
            drill=self.drill,
            proof=self.proof,
            audit=self.audit,
            decisions=self.decisions,
            log=log,
            exhibits=self.exhibits,
            most_exhibits=self.most_exhibits,
            reason=self.reason,
            sign=self.sign,
            stamp_request=self.stamp_request,
            by=self.by,
            at=at,
            most_accounts=self.most_accounts,
            seal=self.seal_inputs,
            paper=self.pdf,
        )


WITHIN = Within()


def dossier(
    campaign: Annotated[str | None, Parameter(help="The campaign's id in the run: C1.")] = None,
    /,
    *,
    run: Annotated[Path | None, Parameter(help="Folder of the scan's results (scan --out).")] = None,
    out: Annotated[Path | None, Parameter(help="Folder to make; it must be empty or not be there.")] = None,
    within: Annotated[Within, Parameter(name="*")] = WITHIN,
    read: Annotated[From, Parameter(name="*")] = FROM,
    json: Annotated[bool, Parameter(negative="", help="Print what was made as one JSON object.")] = False,
    quiet: Annotated[bool, Parameter(negative="", help="Print nothing but errors.")] = False,
) -> int:
    """Make a dossier on a campaign that counsel can hand over: findings, how sure they are, and how to check them.

    A page, a PDF, the accounts as a table, and a manifest of the SHA-256 of every input and output, signed with --sign.
    The same inputs give the same bytes. Returns 0.

    Example: ``stillwatch dossier C1 --run run --drill drill --sign dossier.key --out dossier``
    """
    if campaign is None or run is None or out is None:
        raise UsageError(
            "needs a campaign, --run and --out", "dossier", "such as: stillwatch dossier C1 --run run --out dossier"
        )
    choices = within.choices(read.given())
    progress = TerminalProgress(quiet=quiet or json)
    try:
        made = make(run, campaign, out, choices, progress)
    finally:
        progress.close()
    if json:
        sys.stdout.write(in_ascii(_facts(made)))
    elif not quiet:
        sys.stdout.write(_said(made, choices, Style(sys.stdout)))
    return 0


def _facts(made: Made) -> dict[str, object]:
    campaign = made.dossier.campaign
    return {
        "folder": str(made.folder),
        "files": made.files,
        "campaign": campaign.campaign_id,
        "accounts": campaign.accounts,
        "expected_innocent": campaign.expected_innocent,
        "q_value": campaign.q_value,
        "manifest_sha256": made.digest,
        "signed_by": made.signed_by,
        "inputs_beside": None if made.archive is None else str(made.archive),
    }


def _said(made: Made, choices: Choices, style: Style) -> str:
    campaign, record = made.dossier.campaign, made.dossier
    measured = "from the drill" if record.performance.source == "drill" else "as published; no drill was given"
    listed = f"{', '.join(made.files[:8])}{' and more' if len(made.files) > 8 else ''}"
    lines = [
        f"Dossier on {clean(campaign.campaign_id)}: {campaign.accounts:,} accounts, "
        f"{campaign.expected_innocent:.2g} of them expected to be innocent (q-value {campaign.q_value:.2g}); "
        f"{clean(_closest(campaign))}.",
        f"Performance: {measured}. Exhibits: {len(record.exhibits)}. Files: {clean(listed)}.",
        f"SHA-256 of its manifest: {made.digest}",
        f"Signed by {made.signed_by}" if made.signed_by else style.dim("Not signed (--sign)."),
    ]
    if made.archive is not None:
        lines.append(f"Inputs: {clean(str(made.archive))}")
    if choices.stamp_request:
        asked = clean(str(made.folder / "manifest.tsq"))
        lines.append(f"Have {asked} answered by an authority, and keep the answer beside it as manifest.tsr.")
    lines.append(f"Check it: stillwatch dossier verify {clean(str(made.folder))}")
    return "\n".join(lines) + "\n"


def _closest(campaign: Campaign) -> str:
    closest = min(campaign.rivals, key=lambda rival: rival.log_odds, default=None)
    if closest is None:
        return "no innocent explanation was scored, so none is ruled out"
    outcome = f"lost by {wording.odds(closest.log_odds)}" if closest.log_odds > 0 else "was not ruled out"
    return f"the closest innocent explanation, {closest.title}, {outcome}"
